"""The wheel, installed into an empty environment outside the checkout, does its four jobs."""

import json
import os
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*words, cwd, **options):
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=240, **options)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    built = run(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT), cwd=folder)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def command(wheel, tmp_path_factory):
    """The console script in an environment that holds the wheel and what it asks for, nothing else."""
    folder = tmp_path_factory.mktemp("empty")
    uv = str(Path(sys.executable).parent / "uv")
    for words in (
        ("venv", "-q", "--python", sys.executable, "env"),
        ("pip", "install", "-q", "--python", "env", str(wheel)),
    ):
        done = run(uv, *words, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder / "env" / "bin" / "happyhorse-spec"


def test_holds_code_schemas_specs_and_licence_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in ("happyhorse_spec/cli.py", "mockserver/server.py", "happyhorse_spec/schemas/sources.yaml", "LICENSE"):
        assert any(name.endswith(wanted) for name in names), wanted
    assert any(name.startswith("happyhorse_spec/specs/") for name in names)
    assert [name for name in names if name.startswith(("tests/", "docs/", "bench/"))] == []


def test_checks_runs_and_explains(command, tmp_path):
    (tmp_path / "body.json").write_text(
        '{"model": "happyhorse-1.0-t2v", "input": {"prompt": "x"}, "parameters": {"seed": -1}}'
    )
    checked = run(command, "check", "--provider", "dashscope", "body.json", cwd=tmp_path)
    assert (checked.returncode, "parameters.seed is -1" in checked.stdout) == (1, True), checked.stderr
    ran = run(command, "run", "--provider", "imini", cwd=tmp_path)
    assert (ran.returncode, " passed" in ran.stdout) == (0, True), ran.stdout + ran.stderr
    assert run(command, "rules", "imini", cwd=tmp_path).returncode == 0


def test_serves(command, tmp_path):
    with subprocess.Popen([command, "mock", "--port", "0", "--json"], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as mock:  # fmt: skip
        try:
            urls = json.loads(mock.stdout.readline())
            request = urllib.request.Request(
                urls["providers"]["dashscope"] + "/tasks/nobody", headers={"Authorization": "Bearer sk-x"}
            )
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert json.load(answer)["output"]["task_status"] == "UNKNOWN"
        finally:
            mock.terminate()
        assert mock.wait(10) == 0
