"""A million tasks and ten thousand sessions in one process. Runs in a process of its own: `python -m bench.scale`."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvloop

from bench.figure import Figure
from bench.servers import NINE_IMAGES, POLL, Server, load, pinned
from happyhorse_spec.interpreter import settle_memory
from mockserver import session as bounds
from mockserver.lifecycle import Task
from mockserver.scripts import draw_plan, read_spans
from mockserver.server import MockServer
from mockserver.session import Session

_OURS = "happyhorse-spec"
_SESSIONS = 10_000
_LANE = ("dashscope", "happyhorse-1.0-r2v")
_SPANS = read_spans({}, "r2v")


def figures(quick: bool) -> Iterator[Figure]:
    command = pinned(0, [sys.executable, "-m", "bench.scale", str(100_000 if quick else 1_000_000)])
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    crowd = f"{told.pop('tasks'):,} tasks"
    for what, unit, limit in (
        ("memory per task, beside its request", "bytes", 900),
        ("longest pause of a submit", "ms", 30),
        ("list, newest page", "ms", 5),
        ("memory per idle session", "bytes", 4096),
    ):
        yield Figure("scale", f"{crowd}: {what}", unit, {_OURS: [told[what]], "limit": [float(limit)]}, {"limit": 1})
    events = {_OURS: told["many events"], "a hundredth of them": told["few events"]}
    yield Figure("scale", f"{crowd}: advance over what is due, per event", "µs", events, {"a hundredth of them": 0.5})
    polls = {_OURS: told["many polls"], "one task": told["one poll"]}
    yield Figure("scale", f"{crowd}: polls", "requests/s", polls, {"one task": 0.9}, more_is_better=True)


async def _main(tasks: int) -> dict[str, Any]:
    """Everything in one go, since a million tasks take half a minute to make."""
    bounds.MAX_TASKS, bounds.MAX_TASK_BYTES, bounds.MAX_TOTAL = 2 * tasks, 2**40, 2**40
    async with MockServer() as server:
        settle_memory()
        told: dict[str, Any] = {"tasks": tasks, "memory per idle session": _idle(server)}
        told["one poll"] = await asyncio.to_thread(_polls, server, _fill(server.sessions.named("one"), 1)[0])
        told["few events"] = _advance(server.sessions.named("few,clock=manual"), tasks // 100)
        many = server.sessions.named("many,clock=manual")
        before = _resident()
        first, told["longest pause of a submit"] = _fill(many, tasks)
        told["memory per task, beside its request"] = (_resident() - before) / tasks - len(NINE_IMAGES)
        told["many polls"] = await asyncio.to_thread(_polls, server, first)
        told["list, newest page"] = await asyncio.to_thread(_list, server)
        told["many events"] = _advance(many, 0)
    return told


def _idle(server: MockServer) -> float:
    before = _resident()
    for number in range(_SESSIONS):
        server.sessions.named(f"idle{number}")
    used = (_resident() - before) / _SESSIONS
    for number in range(_SESSIONS):
        server.sessions.drop(f"idle{number}")
    return used


def _fill(session: Session, count: int) -> tuple[str, float]:
    """Take so many tasks up, as a submit does; the first one's path, and the longest that one of them took, in ms."""
    first, longest = "", 0.0
    for _ in range(count):
        began = time.process_time()
        plan = draw_plan(_SPANS, session.settings.pace, session.random)
        task = Task(session.new_id("{uuid}"), (_LANE[0], _LANE[1]), plan, session.settle(), "r2v",
                    bytes(bytearray(NINE_IMAGES)), session.new_id("{uuid}"))  # fmt: skip
        session.take(task)
        longest = max(longest, time.process_time() - began)
        first = first or f"/~{session.name}{POLL}{task.id}"
    return first, longest * 1000


def _advance(session: Session, count: int) -> list[float]:
    """Microseconds per event of advancing the clock past everything; every task starts and finishes."""
    if count:
        _fill(session, count)
    events = 2 * len(session.table.tasks)
    began = time.process_time()
    session.clock.advance(3600.0)
    session.settle()
    return [(time.process_time() - began) / events * 1e6]


def _polls(server: MockServer, path: str) -> list[float]:
    ours = Server(_OURS, server.port, subprocess.Popen(["sleep", "60"]))
    try:
        return [_own_rate(ours, path) for _ in range(3)]
    finally:
        ours.process.kill()
        ours.process.wait()


def _own_rate(server: Server, path: str) -> float:
    """Requests per second of this very process's time."""
    began = time.process_time()
    told = load(server, path, seconds=2.0)
    return told.requests / (time.process_time() - began)


def _list(server: MockServer) -> float:
    ours = Server(_OURS, server.port, subprocess.Popen(["true"]))
    times = []
    for _ in range(5):
        began = time.process_time()
        ours.send("/~many/api/v1/tasks?page_size=10")
        times.append((time.process_time() - began) * 1000)
    return sorted(times)[2]


def _resident() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(_main(int(sys.argv[1])))))
