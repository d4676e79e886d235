"""Which module may know which: imports run one way, and one file asks the operating system for the time."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from happyhorse_spec.contract import SCHEMAS

ROOT = SCHEMAS.parent
#: Reads the law and judges by it: no network, no clock, no event loop.
PURE = [
    *("audit", "check", "contract", "curl", "document", "engine", "findings", "growth", "media", "pointer"),
    *("prompt", "request", "rules", "samples", "twins"),
]
IMPURE = {"aiohttp", "asyncio", "datetime", "mockserver", "socket", "time"}
#: Costs tens of milliseconds or more, which every start of `check` would pay.
HEAVY = {"PIL", "aiohttp", "jinja2", "jsonschema", "pymediainfo", "rich"}
CLOCKS = {
    *(("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")),
    *((loop, "time") for loop in ("loop", "get_event_loop()", "get_running_loop()")),
}


def files(package: str) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py"))


def tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text("utf-8"), file)


def imported(module: ast.Module) -> set[str]:
    """The packages that a module imports anywhere, in its functions too."""
    names = [alias.name for node in ast.walk(module) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(module) if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def is_command(file: str) -> bool:
    """Whether a file belongs to the command line, which sees both packages."""
    return file.startswith("happyhorse_spec/commands/") or Path(file).match("happyhorse_spec/cli*.py")


def clocks(module: ast.Module) -> Iterator[str]:
    """Every way in which a module asks the operating system for the time."""
    yield from {"time"} & imported(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value).rpartition(".")[2]
            if (owner, node.attr) in CLOCKS:
                yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("name", PURE)
def test_module_that_judges_is_pure(name: str) -> None:
    assert imported(tree(f"happyhorse_spec/{name}.py")) & IMPURE == set()


@pytest.mark.parametrize("file", [file for file in files("happyhorse_spec") if not is_command(file)])
def test_spec_does_not_know_the_mock(file: str) -> None:
    assert "mockserver" not in imported(tree(file))


@pytest.mark.parametrize("file", [file for file in files("mockserver") if file != "mockserver/clock.py"])
def test_only_the_clock_asks_for_the_time(file: str) -> None:
    assert list(clocks(tree(file))) == []


def test_the_clock_asks_for_the_time() -> None:
    assert list(clocks(tree("mockserver/clock.py")))


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "def f():\n    from time import monotonic",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime, UTC\ndatetime.now(UTC)",
        "from datetime import date\ndate.today()",
        "import asyncio\nasyncio.get_running_loop().time()",
    ],
)
def test_no_way_to_the_time_is_overlooked(source: str) -> None:
    assert list(clocks(ast.parse(source)))


def test_check_starts_light() -> None:
    code = "import happyhorse_spec.check, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY.intersection(loaded) == set()


def test_judging_a_request_stays_light() -> None:
    code = (
        "from happyhorse_spec.contract import load_provider, provider_names; import sys\n"
        "for name in provider_names(): load_provider(name).any.judge({})\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY.intersection(loaded) == set()
