"""What the tests of `run` share: specs and provider folders of their own, and a runner without patience."""

import asyncio
import json
import os
import pty
import sys
import termios
from contextlib import contextmanager
from pathlib import Path

from scripted import Say

from happyhorse_spec.client import Patience
from happyhorse_spec.contract import SCHEMAS, load_provider
from happyhorse_spec.runner import Options, Runner
from happyhorse_spec.spec_reader import read_specs
from happyhorse_spec.target import mock_target
from happyhorse_spec.trail import Trail

SUBMIT = "/api/v1/services/aigc/video-generation/video-synthesis"
POLL = "/api/v1/tasks/t-1"
KEY = "sk-canary-2f7c9be1a04d"
RULE = "dashscope.t2v.parameters.duration.minimum"

PARAMETERS = {"resolution": "720P", "ratio": "16:9", "duration": 3}
BODY = {"model": "happyhorse-1.0-t2v", "input": {"prompt": "a horse"}, "parameters": PARAMETERS}
WRONG = {**BODY, "parameters": {**PARAMETERS, "duration": 2}}

USAGE = {"duration": 3, "video_count": 1, "SR": 720}
SUBMITTED = Say(body={"request_id": "r", "output": {"task_id": "t-1", "task_status": "PENDING"}})
RUNNING = Say(body={"request_id": "r", "output": {"task_id": "t-1", "task_status": "RUNNING"}})


def succeeded(url="http://127.0.0.1/clip.mp4"):
    output = {"task_id": "t-1", "task_status": "SUCCEEDED", "video_url": url}
    return Say(body={"request_id": "r", "output": output, "usage": USAGE})


def stand_alone(monkeypatch):
    """No key of this machine's owner, and a proxy that would swallow everything."""
    for name in (
        "DASHSCOPE_API_KEY",
        "APIYI_API_KEY",
        "IMINI_API_KEY",
        "ACEDATACLOUD_API_TOKEN",
        "NO_PROXY",
        "no_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@contextmanager
def terminal(monkeypatch, answer):
    """A person at a terminal, who answers once the question is there: what was typed before is forgotten."""
    keyboard, end = pty.openpty()
    monkeypatch.setattr(termios, "tcflush", lambda *_: os.write(keyboard, answer))
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda _: True)
    with open(end) as typed:  # noqa: PTH123 - a descriptor has no path
        monkeypatch.setattr(sys, "stdin", typed)
        yield
    os.close(keyboard)


def write_spec(folder, name="horse", provider="dashscope", **members):
    """Write a spec, one member on a line; its path."""
    data = {"name": name, "provider": provider, "request": BODY, **members}
    path = folder / f"{name}.yaml"
    path.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in data.items()), "utf-8")
    return str(path)


def column(path, line, part):
    """The column at which a part of a line begins."""
    return Path(path).read_text("utf-8").splitlines()[line - 1].index(part) + 1


def run_specs(url, *paths, **options):
    """The trails of some specs, sent to a mock at a URL."""
    trails = [Trail(spec) for spec in read_specs(paths)]
    target = mock_target(url, [trail.spec.provider for trail in trails])
    patience = Patience(attempts=3, first=0.0)
    runner = Runner(trails, target, Options(timeout=10.0, patience=patience, **options), lambda _: None)
    asyncio.run(runner.run())
    return trails


def make_gateway(folder, url, **members):
    """A provider of one's own, whose server is on this machine; what a spec beside it calls it."""
    gateway = folder / "gateway"
    gateway.mkdir()
    for file in (SCHEMAS / "dashscope").iterdir():
        if file.name != "provider.yaml":
            (gateway / file.name).symlink_to(file)
    data = json.loads(json.dumps(load_provider("dashscope").data))
    data["servers"] = [{"url": url, "source": "chosen", "why": "A server of this test."}]
    data["key"]["env"] = "GATEWAY_KEY"
    data |= members
    (gateway / "provider.yaml").write_text(json.dumps(data), "utf-8")
    return "./gateway"
