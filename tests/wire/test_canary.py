"""A key put everywhere that one can be put appears nowhere: not in outputs, files, ledgers, reports or tracebacks."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from running import BODY, POLL, SUBMIT, make_gateway, stand_alone
from scripted import CUT, HELD, Say, scripted

from happyhorse_spec.cli import main

KEY = "sk-canary/2f7c9be1+a04d=="
HEADER = "canary-header-91c2"
PASSPHRASE = "canary-env-7b1e"
VARIABLE = "canary-var-55d0"
SECRETS = [KEY, HEADER, PASSPHRASE, "canary-body", "canary-url", "canary-user", "canary-sign", "canary-answer"]

ECHO = f"key {KEY} in Authorization: Bearer {KEY}; {HEADER}; {PASSPHRASE}; https://a/?token=canary-url"
BASE = {"request_id": "r", "api_key": "canary-answer", "echo": ECHO}
SUBMITTED = Say(body={**BASE, "output": {"task_id": "t-1", "task_status": "PENDING"}})
FAILED = Say(body={**BASE, "output": {"task_id": "t-1", "task_status": "FAILED", "code": "X", "message": ECHO}})
REFUSED = Say(400, {"code": "X", "message": ECHO, "request_id": "r", "secret": "canary-answer"})


def succeeded(server):
    url = f"{server}/clip.mp4?Expires=1&OSSAccessKeyId=canary-sign&Signature=canary-sign"
    output = {"task_id": "t-1", "task_status": "SUCCEEDED", "video_url": url}
    return Say(body={**BASE, "output": output, "usage": {"duration": 3, "video_count": 1, "SR": 720}})


#: What goes wrong -> (submit, poll, clip); None is a success.
COURSES = {
    "succeeds": (SUBMITTED, None, None),
    "refused": (REFUSED, FAILED, None),
    "fails": (SUBMITTED, FAILED, None),
    "unknown-answer": (Say(200, {"what": ECHO}), FAILED, None),
    "no-json": (Say(200, ECHO.encode()), FAILED, None),
    "cut": (CUT, FAILED, None),
    "poll-unknown": (SUBMITTED, Say(200, {**BASE, "output": {"task_status": ECHO}}), None),
    "clip-refused": (SUBMITTED, None, Say(403, ECHO.encode())),
    "clip-damaged": (SUBMITTED, None, Say(200, ECHO.encode())),
}


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A spec with secrets in every place, and a command line that gives them to it."""
    stand_alone(monkeypatch)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    monkeypatch.setenv("PASSPHRASE", PASSPHRASE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_spec(folder, law):
    """The canaries stand in the file; what is read from it goes out, and nowhere else."""
    body = {
        **BODY,
        "input": {"prompt": "say ${env.PASSPHRASE}"},
        "api_key": "canary-body",
        "hook": "https://canary-user:canary-user@example.com/?token=canary-url",
    }
    headers = {"X-Auth-Token": HEADER, "X-Note": "${env.PASSPHRASE}"}
    path = folder / "horse.yaml"
    data = {"name": "horse", "provider": law, "request": body, "headers": headers, "poll": {"interval": 0}}
    path.write_text(json.dumps(data), "utf-8")
    return str(path)


@pytest.fixture
def command(capfdbinary):
    """A function that runs a command and gives all that it prints."""

    def run(*words):
        main(list(words))
        out, err = capfdbinary.readouterr()
        assert b"Traceback" not in err, err.decode()
        return out + err

    return run


def written(folder):
    """Every file that was written by the command."""
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def assert_hidden(told, what):
    for secret in SECRETS:
        for form in (secret.encode(), json.dumps(secret)[1:-1].encode(), base64.b64encode(secret.encode())):
            assert form not in told, f"{secret} in {what}"


@pytest.mark.parametrize("course", COURSES)
def test_no_output_and_no_file_shows_a_secret(course, world, command):
    submit, poll, clip = COURSES[course]
    lists = "/api/v1/tasks?page_no=1"
    with scripted({SUBMIT: [submit], lists: [REFUSED], "*": [clip or Say(404, b"")]}) as server:
        server.scripts[POLL] = [poll or succeeded(server.url)]
        path = write_spec(world, make_gateway(world, server.url))
        before = set(written(world))
        reports = ["--junit", "out/junit.xml", "--html", "out/page.html"]
        told = command("run", "--live", "--yes", path, *reports)
        told += command("run", "--live", "--yes", "--json", "--strict", path)
        told += command("resume")
        assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"
        assert server.asked[0].headers["X-Auth-Token"] == HEADER
        assert b"canary-body" in server.asked[0].body
    assert_hidden(told, "the output")
    files = {path: content for path, content in written(world).items() if path not in before}
    assert {"junit.xml", "page.html"} <= {path.name for path in files}
    assert any(path.name == "ledger.jsonl" for path in files)
    for path, content in files.items():
        if path.suffix != ".mp4":  # the provider's own bytes
            assert_hidden(content, path)


def test_killed_run_leaves_no_secret_behind(world, command):
    with scripted({SUBMIT: [HELD]}) as server:
        path = write_spec(world, make_gateway(world, server.url))
        before = set(written(world))
        words = [sys.executable, "-m", "happyhorse_spec.cli", "run", "--live", "--yes", path, "--var", f"a={VARIABLE}"]
        running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        while not server.heard.wait(0.05):
            assert running.poll() is None
        running.kill()
        assert_hidden(running.communicate(timeout=20)[0], "the output")
        server.released.set()
        assert_hidden(command("cost", path) + command("run", "--live", "--dry-run", path), "the output")
    files = {path: content for path, content in written(world).items() if path not in before}
    assert any(path.name == "ledger.jsonl" for path in files)
    for path, content in files.items():
        assert_hidden(content, path)
        assert VARIABLE.encode() not in content
