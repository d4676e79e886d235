"""The mock under load, against the yardstick and other mocks: submits that are judged, and polls."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path

from bench import peers
from bench.figure import Figure, in_turn
from bench.servers import NINE_IMAGES, POLL, SUBMIT, Server, load, serving

_OURS = "happyhorse-spec"
_CROWD = 64
_WANTED = {
    "submit": {"yardstick": 0.7, "WireMock": 3, "Prism": 3.5},
    "poll": {"yardstick": 0.75, "WireMock": 3, "Prism": 3.5},
}


def figures(quick: bool) -> Iterator[Figure]:
    rounds = 3 if quick else 11
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = [stack.enter_context(server) for server in _servers(folder, [] if quick else list(peers.MOCKS))]
        for server in servers:
            server.send(SUBMIT, NINE_IMAGES)
        if not quick:
            _warm(servers)
        submits = {s.name: lambda s=s: load(s, SUBMIT, submits=True).rate for s in servers}
        yield Figure("mock", "submit", "requests/s", in_turn(submits, rounds), _WANTED["submit"], more_is_better=True)
        polls = {s.name: lambda s=s: load(s, _task(s)).rate for s in servers}
        yield Figure("mock", "poll", "requests/s", in_turn(polls, rounds), _WANTED["poll"], more_is_better=True)
        if quick:  # a busy neighbour is what a percentile shows first
            return
        yield _slowest(servers[:2], rounds)


def _servers(folder: Path, others: list[str]) -> Iterator[AbstractContextManager[Server]]:
    ours = ["--provider", str(peers.without_bounds(folder)), "--limits", "--real-time"]
    yield serving(_OURS, peers.mock(9201, *ours), 9201)
    yield serving("yardstick", peers.yardstick(9202), 9202)
    for port, name in enumerate(others, 9203):
        home = folder / name
        home.mkdir()
        command = peers.MOCKS[name](home, port)
        if command:
            yield serving(name, command, port)
        else:
            print(f"{name} is not installed and is left out")


def _warm(servers: list[Server]) -> None:
    """Some load that does not count: WireMock's machine and Node compile what is hot while they run."""
    for server in servers:
        load(server, SUBMIT, submits=True, seconds=3.0)
        load(server, _task(server), seconds=3.0)


def _task(server: Server) -> str:
    """Where a task is polled: a new one that runs, at a server that keeps tasks."""
    return POLL + server.submit() if server.name in (_OURS, "yardstick") else server.poll


def _slowest(servers: list[Server], rounds: int) -> Figure:
    """How long the slowest hundredth waits, also in turns: of 64 that wait for one thread, each waits for all others."""
    each = {server.name: partial(load, server, SUBMIT, submits=True, connections=_CROWD) for server in servers}
    crowds = in_turn(each, rounds)
    waits = {name: [taken.p99 for taken in crowd] for name, crowd in crowds.items()}
    turns = [2 * _CROWD / taken.rate * 1000 for taken in crowds[_OURS]]
    samples = {**waits, "two turns": turns, "limit": [10.0]}
    what = f"submit, {_CROWD} connections, slowest hundredth"
    return Figure("mock", what, "ms", samples, {"two turns": 1, "limit": 1})
