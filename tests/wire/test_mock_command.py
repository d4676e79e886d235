"""`happyhorse-spec mock` as another language's test suite starts it."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from desk import ONE, example

from happyhorse_spec.cli import main
from happyhorse_spec.commands import mock as mock_command
from happyhorse_spec.contract import load_provider, provider_names

SCENARIO = """\
session: checkout
settings: {clock: jump, seed: 7, start: 2026-01-31T12:00:00Z}
faults: {submit: [429, ok, 503]}
expect: [{operation: submit, times: 3}]
"""


@contextmanager
def mock(*options):
    """The mock in a process of its own: what it printed first, and the process."""
    command = [sys.executable, "-m", "mockserver", "--port", "0", "--json", *map(str, options)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        try:
            yield json.loads(process.stdout.readline()), process
        finally:
            process.kill()


def end(process):
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=10)
    return process.returncode, errors.splitlines()


@pytest.fixture
def scenario(tmp_path):
    file = tmp_path / "scenario.yaml"
    file.write_text(SCENARIO, "utf-8")
    return file


def test_plays_a_scenario_to_its_end(scenario, wire):
    with mock("--scenario", scenario) as (told, process):
        wire.url = f"{told['url']}/~checkout"
        statuses = [wire.call(ONE, "submit", example(ONE)).status for _ in range(3)]
        code, errors = end(process)
    assert statuses == [429, 200, 503]
    assert code == 0
    assert [line.split()[0] for line in errors] == ["2026-01-31T12:00:00.000Z"] * 3
    assert errors[0].endswith(f"checkout {ONE.name} submit 429 fault 429")


def test_says_what_of_a_scenario_did_not_come_about(scenario, wire):
    with mock("--scenario", scenario, "--quiet") as (told, process):
        wire.url = f"{told['url']}/~checkout"
        wire.call(ONE, "submit", example(ONE))
        code, errors = end(process)
    assert code == 1
    assert errors == [
        "/~checkout: no submit met 503",
        "/~checkout: expected 3 requests with operation submit; found 1 of 1",
    ]


def test_tells_where_control_is_and_what_it_asks_for(wire):
    with mock("--control-token", "chosen") as (told, process):
        assert (told["control"], told["control_token"]) == (f"{told['url']}/_happyhorse", "chosen")
        health = wire.send("GET", f"{told['control']}/health", headers={"X-Happyhorse-Control": "chosen"})
        assert health.status == 200
        assert end(process) == (0, [])


def test_ends_with_its_input_where_that_is_asked_for():
    with mock("--exit-with-stdin") as (_, process):
        process.stdin.write("anything")
        process.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.2)
        process.stdin.close()
        assert process.wait(10) == 0


def test_does_without_an_input(wire):
    with mock() as (told, process):
        process.stdin.close()
        assert wire.send("GET", f"{told['control']}/health").status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_ends_by_a_signal_while_its_input_stays_open():
    with mock("--exit-with-stdin") as (_, process):
        process.send_signal(signal.SIGTERM)
        assert (process.wait(10), process.stderr.read()) == (0, "")


def test_taken_port_is_told_in_one_line(server, capsys):
    port = server.url.rpartition(":")[2]
    assert main(["mock", "--port", port]) == 3
    told = f"cannot listen on 127.0.0.1:{port}: something listens there already; choose another with --port"
    assert capsys.readouterr().err.startswith(f"happyhorse-spec: {told}")


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        (["--start", "never"], 2, "start is 'never'; it must be a date"),
        (["--profile", "nobodys"], 2, "profile is 'nobodys'; the profiles here are"),
        (["--profile", "no profile"], 2, "profile is 'no profile'; it must be the name of a profile"),
        (["--speed", "0"], 2, "--speed: it is '0'; it must be a number above 0"),
        (["--scenario", "/nowhere.yaml"], 2, "/nowhere.yaml: it cannot be opened"),
    ],
    ids=lambda value: str(value),
)
def test_refuses_options_in_one_line(options, code, complaint, capsys):
    assert main(["mock", "--port", "0", *options]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert complaint in printed.err
    assert len(printed.err.splitlines()) == 1


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_welcomes_with_its_url_and_ends_with_its_input(options, monkeypatch, capsys):
    """In this process, with an input that has ended; the collector is let alone, which would hold for all tests."""
    monkeypatch.setattr(mock_command, "settle_memory", lambda: None)
    with open(os.devnull) as ended:  # noqa: PTH123 - it has a descriptor
        monkeypatch.setattr(sys, "stdin", ended)
        assert main(["mock", "--port", "0", "--exit-with-stdin", *options]) == 0
    told = capsys.readouterr().out
    url = re.search(r"http://127\.0\.0\.1:\d+", told)[0]
    if options:
        assert json.loads(told)["url"] == url
    for provider in map(load_provider, provider_names()):
        assert url + provider.data.get("base_path", "") in told
        assert options or f"curl {url}{provider.endpoints['submit'].path} " in told
