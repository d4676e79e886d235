"""What `run` writes: text, JSON, JUnit; and what it never writes."""

import json
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from functools import partial

import pytest
from running import BODY, KEY, POLL, RUNNING, SUBMIT, SUBMITTED, make_gateway, stand_alone, write_spec
from scripted import Say, scripted

from happyhorse_spec.cli import main
from happyhorse_spec.client import Client
from happyhorse_spec.runner import stop
from happyhorse_spec.spec_reader import read_specs
from happyhorse_spec.trail import Trail


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    stand_alone(monkeypatch)
    monkeypatch.chdir(tmp_path)  # a live run writes its ledger where it is started


@pytest.fixture
def spec(tmp_path):
    return partial(write_spec, tmp_path)


@pytest.fixture
def gateway(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return partial(make_gateway, tmp_path)


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_no_output_shows_a_secret(options, spec, gateway, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    monkeypatch.setenv("PASSPHRASE", "canary-from-the-environment")
    echo = f"key {KEY} of canary-from-the-environment is wrong; Authorization: Bearer canary-elsewhere"
    refused = Say(401, {"code": "InvalidApiKey", "message": echo, "request_id": "r", "api_key": "canary-in-the-answer"})
    body = {
        **BODY,
        "api_key": "canary-in-the-body",
        "hook": "https://me:canary-password@example.com/?token=canary-token",
    }
    with scripted({SUBMIT: [refused]}) as server:
        headers = {"X-Auth-Token": "canary-in-a-header", "X-Note": "${env.PASSPHRASE}"}
        path = spec(provider=gateway(server.url), request=body, headers=headers)
        assert main(["run", "--live", "--yes", path, "--junit", str(tmp_path / "junit.xml"), *options]) == 1
        assert server.asked[0].headers["X-Note"] == "canary-from-the-environment"
    told = capsys.readouterr()
    for text in (told.out, told.err, (tmp_path / "junit.xml").read_text("utf-8")):
        assert "canary" not in text
    assert "InvalidApiKey" in told.out


def test_fault_of_this_program_shows_no_secret_and_spares_the_others(spec, monkeypatch, capsys):
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    send = Client.submit

    async def broken(self, body, headers, seconds):
        if body["input"]["prompt"] == "broken":
            raise RuntimeError(f"a bug with {KEY}")
        return await send(self, body, headers, seconds)

    monkeypatch.setattr(Client, "submit", broken)
    assert main(["run", spec(), spec("broken", request={**BODY, "input": {"prompt": "broken"}})]) == 1
    told = capsys.readouterr()
    assert KEY not in told.out + told.err
    assert "a fault of this program: RuntimeError: a bug with ***" in told.out
    assert "1 passed, 1 failed" in told.out


def test_answer_cannot_write_to_the_terminal(spec, capsys):
    refused = Say(400, {"code": "X", "message": "\x1b[2J\x07bell", "request_id": "r"})
    with scripted({SUBMIT: [refused]}) as server:
        main(["run", spec(), "--url", server.url])
    told = capsys.readouterr().out
    assert "bell" in told
    assert "\x1b" not in told


def test_junit_tells_failures_from_errors(spec, tmp_path):
    good, bad = spec(), spec("bad", expect={"clip": {"width": 1}})
    assert main(["run", good, bad, "--junit", str(tmp_path / "r" / "junit.xml")]) == 1
    (suite,) = ElementTree.parse(tmp_path / "r" / "junit.xml").getroot()
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("dashscope", "2", "1")
    failure = suite.find("testcase/failure")
    assert failure.get("type") == "expectation"
    assert f"{bad}:4:" in failure.text
    assert [file.name for file in (tmp_path / "r").iterdir()] == ["junit.xml"]


def test_json_tells_everything(spec, capsys):
    path = spec(expect={"clip": {"width": 1280}})
    assert main(["run", path, "--json"]) == 0
    told = capsys.readouterr()
    report = json.loads(told.out)
    (entry,) = report["specs"]
    assert (report["passed"], report["failed"]) == (1, 0)
    assert (entry["name"], entry["file"], entry["line"], entry["body"]) == ("horse", path, 1, BODY)
    assert [step["state"] for step in entry["states"]] == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert (entry["clip"]["width"], entry["saved"]) == (1280, None)
    assert "ok    dashscope/horse" in told.err


def test_run_that_is_stopped_tells_what_it_leaves(spec):
    trails = [Trail(spec) for spec in read_specs([spec("a"), spec("b"), spec("c")])]
    trails[0].sent, trails[0].task_id = "POST x", "t-1"
    trails[1].sent = "POST x"
    stop(trails)
    told = [trail.problems[0].message for trail in trails]
    assert told == [
        "stopped; task t-1 goes on at the provider",
        "stopped while the submit was under way: it is not known whether there is a task",
        "stopped before it was sent",
    ]


def test_ctrl_c_tells_which_task_goes_on(spec):
    # A parent that ignores the signal, as a shell does for what runs in the background, would hand that down.
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "from happyhorse_spec.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "run", spec(poll={"interval": 0.01})]
    with scripted({SUBMIT: [SUBMITTED], POLL: [RUNNING]}) as server:
        output = subprocess.PIPE
        running = subprocess.Popen([*command, "--url", server.url], stdout=output, stderr=output, text=True)
        while not server.times("/tasks/t-1"):
            assert running.poll() is None
            server.heard.wait(0.1)
        running.send_signal(signal.SIGINT)
        told, errors = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "stopped; task t-1 goes on at the provider" in told
    assert "Traceback" not in told + errors
