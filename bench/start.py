"""How long until a server answers its first request, and what the pytest fixture costs."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from bench import peers
from bench.command import timed
from bench.figure import Figure, in_turn
from bench.servers import serving

_OURS = "happyhorse-spec"
_TESTS = 1000
_MOCK = [sys.executable, "-m", "mockserver", "--port", "0", "--exit-with-stdin"]
_PLAIN = "import pytest\n\n\n@pytest.mark.parametrize('number', range({count}))\ndef test_nothing(number{fixture}):\n    pass\n"


def figures(quick: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commands = {_OURS: peers.mock(9221), "yardstick": peers.yardstick(9222)}
        for port, other in enumerate([] if quick else peers.MOCKS, 9223):
            home = folder / other
            home.mkdir()
            if command := peers.MOCKS[other](home, port):
                commands[other] = command
        ports = {other: int(port) for port, other in enumerate(commands, 9221)}
        ports |= {other: port for port, other in enumerate(peers.MOCKS, 9223)}
        starts = {other: _first_answer(other, command, ports[other]) for other, command in commands.items()}
        yield Figure("start", "until the first answer", "ms", in_turn(starts, 5), {"yardstick": 0.5})
        yield from _fixture(folder)


def _first_answer(name: str, command: list[str], port: int) -> Callable[[], float]:
    def start() -> float:
        began = time.perf_counter()
        with serving(name, command, port):
            return (time.perf_counter() - began) * 1000

    return start


def _fixture(folder: Path) -> Iterator[Figure]:
    """What the fixture adds to a run of one test, and to each test more."""
    runs = {}
    for count in (1, _TESTS):
        for fixture in ("", ", happyhorse"):
            path = folder / f"test_{count}{fixture.strip(', ')}.py"
            path.write_text(_PLAIN.format(count=count, fixture=fixture), "ascii")
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:schemathesis",
                str(path),
            ]
            runs[count, fixture] = timed(command)
    samples: dict[str, list[float]] = {"run": [], "test": []}
    for _ in range(5):
        took = {key: run() for key, run in runs.items()}
        samples["run"].append(took[1, ", happyhorse"] - took[1, ""])
        more = took[_TESTS, ", happyhorse"] - took[_TESTS, ""] - samples["run"][-1]
        samples["test"].append(more / (_TESTS - 1))
    own = in_turn({"mock": timed(_MOCK), "nothing": timed([sys.executable, "-c", "pass"])}, 5)
    limit = median(own["mock"]) - median(own["nothing"]) + 30
    yield Figure("start", "pytest fixture, per run; at most the start of a mock and 30 ms", "ms",
                 {_OURS: samples["run"], "limit": [limit]}, {"limit": 1})  # fmt: skip
    yield Figure("start", "pytest fixture, per test", "ms", {_OURS: samples["test"], "limit": [0.3]}, {"limit": 1})
