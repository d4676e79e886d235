"""The runner: two hundred flows of submit, poll until the end, download.

All play against one mock that stands beside them, on the other core, and moves its clock with every poll.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import yaml

from bench import peers
from bench.command import timed
from bench.figure import Figure, in_turn
from bench.servers import HEADERS, POLL, SUBMIT, serving

_OURS = "happyhorse-spec"
_FLOWS = 200
_BODY = {
    "model": "happyhorse-1.0-t2v",
    "input": {"prompt": "A horse."},
    "parameters": {"resolution": "720P", "duration": 3},
}


def figures(quick: bool) -> Iterator[Figure]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(serving(_OURS, peers.mock(9231, "--clock", "jump"), 9231))
        commands = {_OURS: _ours(folder, server.url, _FLOWS)}
        others = {"tavern": _tavern, "stepci": _stepci, "hurl": _hurl}
        for name, write in {} if quick else others.items():
            written = write(folder, server.url)
            if shutil.which(written[0]):
                commands[name] = written
            else:
                print(f"{name} is not installed and is left out")
        samples = in_turn({name: timed(command, time.perf_counter, -1) for name, command in commands.items()}, 5)
        yield Figure("runner", f"{_FLOWS} flows", "ms", samples, {"tavern": 5, "stepci": 2.5, "hurl": 0.25})
        few = _ours(folder, server.url, 1)
        taken = in_turn({"many": timed(commands[_OURS]), "one": timed(few)}, 5)
        more = [(many - one) / (_FLOWS - 1) for many, one in zip(taken["many"], taken["one"], strict=True)]
        yield Figure("runner", "processor time of a flow", "ms", {_OURS: more})


def _ours(folder: Path, url: str, flows: int) -> list[str]:
    spec = {"name": "flow", "provider": "dashscope", "matrix": {"seed": list(range(flows))},
            "request": {**_BODY, "parameters": {**_BODY["parameters"], "seed": "${matrix.seed}"}},  # type: ignore[dict-item]
            "expect": {"state": "SUCCEEDED", "clip": {"duration": 3}}}  # fmt: skip
    path = folder / f"flow-{flows}.yaml"
    path.write_text(yaml.safe_dump(spec), "utf-8")
    return [str(Path(sys.executable).parent / "happyhorse-spec"), "run", "--url", url, "--jobs", "16", str(path)]


def _tavern(folder: Path, url: str) -> list[str]:
    """One test per flow, as a person writes it; with `jump` the third poll finds the end."""
    poll = {"url": url + POLL + "{task_id}", "method": "GET", "headers": {"Authorization": HEADERS["Authorization"]}}
    polls = [{"name": f"poll {n}", "request": poll, "response": {"status_code": 200}} for n in range(2)]
    polls[-1]["response"] = {"status_code": 200, "save": {"json": {"video_url": "output.video_url"}}}
    submit = {"name": "submit", "request": {"url": url + SUBMIT, "method": "POST", "headers": HEADERS, "json": _BODY},
              "response": {"status_code": 200, "save": {"json": {"task_id": "output.task_id"}}}}  # fmt: skip
    fetch = {"name": "download", "request": {"url": "{video_url}", "method": "GET"}, "response": {"status_code": 200}}
    tests = [{"test_name": f"flow {number}", "stages": [submit, *polls, fetch]} for number in range(_FLOWS)]
    path = folder / "test_flow.tavern.yaml"
    path.write_text("\n---\n".join(json.dumps(test) for test in tests), "utf-8")
    python = peers.HERE / ".venv" / "bin" / "python"
    return [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]


def _stepci(folder: Path, url: str) -> list[str]:
    task = "${{captures.task}}"
    submit = {"name": "submit", "http": {"url": url + SUBMIT, "method": "POST", "headers": HEADERS, "json": _BODY,
              "captures": {"task": {"jsonpath": "$.output.task_id"}}, "check": {"status": 200}}}  # fmt: skip
    poll = {"url": url + POLL + task, "method": "GET", "headers": {"Authorization": HEADERS["Authorization"]}}
    last = {**poll, "captures": {"video": {"jsonpath": "$.output.video_url"}}, "check": {"status": 200}}
    fetch = {"name": "download", "http": {"url": "${{captures.video}}", "method": "GET", "check": {"status": 200}}}
    steps = [submit, {"name": "poll", "http": poll}, {"name": "end", "http": last}, fetch]
    flow = {"version": "1.1", "name": "bench", "tests": {f"flow{number}": {"steps": steps} for number in range(_FLOWS)}}
    path = folder / "workflow.json"
    path.write_text(json.dumps(flow), "utf-8")
    path = path.rename(folder / "workflow.yml")
    return [str(peers.tool("stepci")), "run", str(path)]


def _hurl(folder: Path, url: str) -> list[str]:
    """One file per flow, since files run side by side: with `jump` it may take more than two polls to find the end."""
    said = "\n".join(f"{name}: {value}" for name, value in HEADERS.items())
    key = f"Authorization: {HEADERS['Authorization']}"
    poll = f"GET {url}{POLL}{{{{task}}}}\n{key}\nHTTP 200"
    submit = f'POST {url}{SUBMIT}\n{said}\n{json.dumps(_BODY)}\nHTTP 200\n[Captures]\ntask: jsonpath "$.output.task_id"'
    again = "[Options]\nretry: 20\nretry-interval: 1ms"
    last = poll.replace("HTTP", f"{again}\nHTTP") + '\n[Captures]\nvideo: jsonpath "$.output.video_url"'
    flow = "\n\n".join([submit, poll, last, "GET {{video}}\nHTTP 200\n"])
    files = [folder / f"{number}.hurl" for number in range(_FLOWS)]
    for file in files:
        file.write_text(flow, "utf-8")
    return ["hurl", "--test", "--jobs", "16", *map(str, files)]
