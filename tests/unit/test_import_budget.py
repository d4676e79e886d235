"""What each subcommand may load: a start pays for every module, in milliseconds that no later care brings back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

#: What takes two milliseconds or more to load, and is not needed for every start.
HEAVY = frozenset(
    {
        *("PIL", "aiohttp", "asyncio", "difflib", "happyhorse_spec.media", "happyhorse_spec.runner"),
        *("happyhorse_spec.spec_reader", "hashlib"),
        *("hypothesis", "jinja2", "jsonschema", "mockserver", "pymediainfo", "rich", "ssl", "unittest", "uvloop"),
        *("xml.etree", "yaml"),
    }
)
LAW = {"yaml"}
ESTIMATE = LAW | {"happyhorse_spec.media", "happyhorse_spec.spec_reader", "hashlib"}
RUNNER = ESTIMATE | {"asyncio", "happyhorse_spec.runner", "ssl"}
SERVER = LAW | {
    "aiohttp",
    "asyncio",
    "difflib",
    "happyhorse_spec.media",
    "hashlib",
    "mockserver",
    "ssl",
    "uvloop",
    "xml.etree",
}
BODY = (
    '{"model": "happyhorse-1.0-i2v", "input": {"media": [{"type": "first_frame", "url": "https://example.com/a.png"}]}}'
)
SPEC = "{name: a, provider: dashscope, request: {model: happyhorse-1.0-t2v, input: {prompt: A horse.}}}"
COMMANDS = {
    "version": (["--version"], LAW),
    "check": (["check", "--provider", "dashscope", "body.json"], LAW),
    "rules": (["rules", "dashscope.t2v.parameters.duration.minimum"], LAW),
    "openapi": (["openapi", "dashscope"], LAW),
    "cost": (["cost", "spec.yaml"], ESTIMATE),
    "dry run": (["run", "--dry-run", "spec.yaml"], ESTIMATE),
    "run": (["run", "spec.yaml"], RUNNER | SERVER),
    "mock": (["mock", "--port", "0", "--exit-with-stdin"], SERVER),
}


#: Ends every program: tell the heavy modules that it has loaded.
TELL = f"import sys; open('loaded', 'w').write(' '.join({set(HEAVY)} & set(sys.modules)))"


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who measures the coverage of other processes loads modules into them."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


def loaded(folder: Path) -> set[str]:
    return set((folder / "loaded").read_text("ascii").split())


@pytest.mark.parametrize("case", COMMANDS)
def test_command_loads_no_more_than_its_budget(case: str, tmp_path: Path) -> None:
    arguments, budget = COMMANDS[case]
    (tmp_path / "body.json").write_text(BODY, "ascii")
    (tmp_path / "spec.yaml").write_text(SPEC, "ascii")
    code = f"from happyhorse_spec.cli import main; assert main({arguments}) == 0; {TELL}"
    subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    assert loaded(tmp_path) <= budget


def test_mock_loads_what_a_server_needs(tmp_path: Path) -> None:
    """The tests above would not notice a name that is misspelt."""
    code = f"import mockserver.server, happyhorse_spec.runner; {TELL}"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert loaded(tmp_path) >= {"aiohttp", "asyncio", "happyhorse_spec.runner", "mockserver", "ssl", "yaml"}


@pytest.mark.parametrize(("fixture", "budget"), [("", set()), ("happyhorse", SERVER | {"unittest"})])
def test_pytest_plugin_loads_the_server_for_who_asks_for_it(fixture: str, budget: set[str], tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(f"def pytest_sessionfinish():\n    {TELL}\n", "ascii")
    (tmp_path / "test_one.py").write_text(f"def test_one({fixture}):\n    pass\n", "ascii")
    words = ["-m", "pytest", "-q", "-p", "mockserver.pytest_plugin", "-p", "no:cacheprovider", "-p", "no:unittest"]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    subprocess.run([sys.executable, *words], cwd=tmp_path, env=alone, capture_output=True, check=True)
    assert loaded(tmp_path) - {"mockserver", "xml.etree", "hashlib", "unittest"} <= budget
