"""The command `happyhorse-spec` itself: subcommands, help, how it starts and how it ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from checking import CURL, T2V, Write

from happyhorse_spec.cli import main


def command(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    code = "import sys; from happyhorse_spec.cli import main; sys.exit(main())"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, **options)


def test_check_loads_nothing_heavy(write: Write) -> None:
    write("pic.sh", CURL)
    code = "import sys; from happyhorse_spec.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    names = [write("a.json", T2V), write("b.yaml", f"name: a\nprovider: imini\nrequest: {json.dumps(T2V)}\n"), "pic.sh"]
    ran = subprocess.run([sys.executable, "-c", code, "check", *names], capture_output=True, text=True, check=True)
    loaded = set(ran.stderr.split())
    heavy = {"aiohttp", "rich", "jinja2", "jsonschema", "PIL", "pymediainfo", "asyncio", "mockserver", "uvloop"}
    assert heavy & loaded == set()
    assert "happyhorse_spec.commands.check" in loaded
    assert "happyhorse_spec.commands.rules" not in loaded


def test_text_that_the_terminal_cannot_show_is_no_failure(write: Write) -> None:
    name = write("a.json", {**T2V, "图": 1})
    ran = command("check", "--provider", "dashscope", name, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "\\u56fe is not a known field" in ran.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes on Windows")
def test_reader_that_goes_away_ends_the_command(write: Write) -> None:
    name = write("a.json", {"model": "happyhorse-1.0-r2v", "input": {"media": [{"a" * 1000: 1}] * 200}})
    code = "import sys; from happyhorse_spec.cli import main; sys.exit(main())"
    arguments = [sys.executable, "-c", code, "check", *[name] * 20, "--provider", "dashscope"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full here")
@pytest.mark.parametrize("arguments", [["rules"], ["run", "--name", "imini/t2v"]], ids=["rules", "run"])
def test_full_disk_is_told_in_one_line(arguments: list[str]) -> None:
    code = "import sys; from happyhorse_spec.cli import main; sys.exit(main())"
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run([sys.executable, "-c", code, *arguments], stdout=full, stderr=subprocess.PIPE, text=True)
    assert ran.stderr == "happyhorse-spec: the output cannot be written: No space left on device\n"
    assert ran.returncode == 3


def test_reader_that_goes_away_ends_a_run() -> None:
    code = "import sys; from happyhorse_spec.cli import main; sys.exit(main())"
    arguments = [sys.executable, "-c", code, "run", "--provider", "imini"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_closed_output_is_no_failure(write: Write) -> None:
    name = write("a.json", T2V)
    code = "import sys; sys.stdout = None; from happyhorse_spec.cli import main; sys.exit(main())"
    ran = subprocess.run([sys.executable, "-c", code, "check", name, "--provider", "dashscope"], stderr=subprocess.PIPE)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_interrupt_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("happyhorse_spec.commands.check.run", interrupt)
    assert main(["check", "a.json"]) == 130


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^  check +judge request files by what the provider documents$", shown, re.MULTILINE)
    assert re.search(r"^  rules +list the rules, or explain one$", shown, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([], "name a command: check", id="none"),
        pytest.param(["chekc"], "there is no command chekc; did you mean check?", id="mistyped"),
        pytest.param(["--nope"], "unrecognized arguments: --nope", id="option"),
        pytest.param(["check"], "the following arguments are required: FILE", id="no file"),
        pytest.param(["check", "--format", "xml", "a"], "invalid choice: 'xml'", id="format"),
        pytest.param(["mock", "--port", "99999"], "--port: it is 99999; it must be 0-65535", id="port too high"),
        pytest.param(["mock", "--port", "-1"], "--port: it is -1; it must be 0-65535", id="port below 0"),
        pytest.param(["mock", "--port", "0655350"], "--port: it is 0655350; it must be", id="port of seven digits"),
        pytest.param(["mock", "--speed", "0"], "--speed: it is '0'; it must be a number above 0", id="speed"),
        pytest.param(
            ["mock", "--speed", "nan"], "--speed: it is 'nan'; it must be a number above 0", id="speed of no number"
        ),
        pytest.param(["run", "--jobs", "0"], "--jobs: it is 0; it must be above 0", id="jobs"),
        pytest.param(["run", "--timeout", "nan"], "--timeout: it is nan; it must be above 0", id="timeout"),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(arguments) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert message in told
    assert re.search(r" \(see happyhorse-spec( \w+)? --help\)$", told)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("happyhorse-spec 0.")


def test_error_of_the_project_itself_is_not_hidden(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("happyhorse_spec.commands.check.check_body", fail)
    with pytest.raises(ZeroDivisionError):
        main(["check", write("a.json", T2V), "--provider", "dashscope"])
