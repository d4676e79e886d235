"""The page on fidelity names what exists: every endpoint of every provider, its sources, and tests that are there."""

import ast
import re
from pathlib import Path

import fidelity
import pytest

from happyhorse_spec.contract import load_provider, load_sources, provider_names

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "fidelity.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(\w+/test_\w+\.py::[\w:]+)`", PAGE)))
ENDPOINTS = [
    pytest.param(entry, id=f"{name}-{entry.name}")
    for name in provider_names()
    for entry in load_provider(name).endpoints.values()
]


def proofs_in(file):
    """Every test of a file: `test_x`, or `TestClass::test_x`."""
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}::{item.name}" for item in node.body if isinstance(item, ast.FunctionDef))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def rows():
    """The cells of each row of a table."""
    return [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]


def test_page_is_as_new_as_the_data():
    assert fidelity.written(PAGE) == PAGE, "make docs"


@pytest.mark.parametrize("name", NAMED)
def test_names_a_test_that_exists(name):
    file, _, test = name.partition("::")
    assert test in set(proofs_in(ROOT / "tests" / file))


@pytest.mark.parametrize("entry", ENDPOINTS)
def test_endpoint_has_a_cell_with_its_sources(entry):
    sources = entry.data["source"]
    keys = [sources] if isinstance(sources, str) else sources
    cell = f"`{entry.method} {entry.path}` " + " ".join(f"[{key}]" for key in keys)
    assert [row for row in rows() if any(cell in each for each in row)] != []


def test_names_sources_that_exist():
    cited = set(re.findall(r"\[([a-z][\w-]*)\](?![(:])", PAGE))
    defined = set(re.findall(r"^\[([\w-]+)\]: \S", PAGE, re.MULTILINE))
    assert cited == defined
    assert defined <= set(load_sources())


def test_every_row_is_proved():
    tables = PAGE.split("## What is chosen")[0]
    lines = [line for line in tables.splitlines() if line.startswith("| ") and "proved by" not in line]
    assert [line for line in lines if "::test_" not in line and "](clients.md)" not in line] == []
