"""The mock under load, against the yardstick and other mocks: submits that are judged, and polls."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path

from bench import peers
from bench.figure import Figure, in_turn
from bench.servers import POLL, SUBMIT, Server, load, serving

_OURS = "happyhorse-spec"
_CROWD = 64
#: Seconds of load that do not count: WireMock's machine and Node compile what is hot while they run.
_WARM = 3.0
_WANTED = {
    "submit": {"yardstick": 0.7, "WireMock": 3, "Prism": 3.5},
    "poll": {"yardstick": 0.75, "WireMock": 3, "Prism": 3.5},
}


def figures(quick: bool) -> Iterator[Figure]:
    rounds = 3 if quick else 11
    for what, send in {"submit": _submit, "poll": _poll}.items():
        with _servers([] if quick else list(peers.MOCKS)) as servers:
            for server in servers:
                send(server, 1.0 if quick else _WARM)
            each = {server.name: partial(send, server) for server in servers}
            yield Figure("mock", what, "requests/s", in_turn(each, rounds), _WANTED[what], more_is_better=True)
    if not quick:  # a busy neighbour is what a percentile shows first
        with _servers([]) as servers:
            for server in servers:
                _submit(server, _WARM)
            yield _slowest(servers, rounds)


@contextmanager
def _servers(others: list[str]) -> Iterator[list[Server]]:
    """Servers of their own for each figure: tasks start and end long after their submit, which polls are not to pay for."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield [stack.enter_context(server) for server in _each(folder, others)]


def _each(folder: Path, others: list[str]) -> Iterator[AbstractContextManager[Server]]:
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
            _leave_out(name)


@cache
def _leave_out(name: str) -> None:
    print(f"{name} is not installed and is left out")


def _poll(server: Server, seconds: float = 1.0) -> float:
    """Requests per second for the status of a new task."""
    return load(server, POLL + server.submit(), seconds=seconds).rate


def _submit(server: Server, seconds: float = 1.0) -> float:
    return load(server, SUBMIT, submits=True, seconds=seconds).rate


def _slowest(servers: list[Server], rounds: int) -> Figure:
    """How long the slowest hundredth waits, also in turns: of 64 that wait for one thread, each waits for all others."""
    each = {server.name: partial(load, server, SUBMIT, submits=True, connections=_CROWD) for server in servers}
    crowds = in_turn(each, rounds)
    waits = {name: [taken.p99 for taken in crowd] for name, crowd in crowds.items()}
    turns = [2 * _CROWD / taken.rate * 1000 for taken in crowds[_OURS]]
    samples = {**waits, "two turns": turns, "limit": [10.0]}
    what = f"submit, {_CROWD} connections, slowest hundredth"
    return Figure("mock", what, "ms", samples, {"two turns": 1, "limit": 1})
