"""How long until a server answers its first request, and what the pytest fixture costs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from bench import peers
from bench.command import timed
from bench.figure import Figure, in_turn
from bench.servers import pinned, serving

_OURS = "happyhorse-spec"
_TESTS = 1000
_MOCK = [sys.executable, "-m", "mockserver", "--port", "0", "--exit-with-stdin"]
_PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis"]
_PLAIN = "def test_nothing():\n    pass\n"
_FIXED = "def test_nothing(happyhorse):\n    pass\n"
_MANY = """import pytest

@pytest.mark.parametrize("number", range({tests}))
def test_plain(number): pass

@pytest.mark.parametrize("number", range({tests}))
def test_fixed(number, happyhorse): pass
"""
#: Prints the milliseconds of processor time by which one kind of test takes longer; the first loads the server.
_TIMED = """import time, pytest

took = dict(test_plain=[], test_fixed=[])

def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.callspec.params["number"])

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    began = time.process_time()
    done = yield
    took[item.originalname].append(time.process_time() - began)
    return done

def pytest_unconfigure():
    plain, fixed = (sum(seconds[1:]) / len(seconds[1:]) for seconds in took.values())
    print(1000 * (fixed - plain))
"""


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
    plain, fixed = folder / "test_plain.py", folder / "test_fixed.py"
    plain.write_text(_PLAIN, "ascii")
    fixed.write_text(_FIXED, "ascii")
    runs = {"plain": timed([*_PYTEST, str(plain)]), "fixed": timed([*_PYTEST, str(fixed)])}
    took = in_turn(runs, 5)
    more = [fixed - plain for fixed, plain in zip(took["fixed"], took["plain"], strict=True)]
    own = in_turn({"mock": timed(_MOCK), "nothing": timed([sys.executable, "-c", "pass"])}, 5)
    limit = median(own["mock"]) - median(own["nothing"]) + 30
    yield Figure("start", "pytest fixture, per run; at most the start of a mock and 30 ms", "ms",
                 {_OURS: more, "limit": [limit]}, {"limit": 1})  # fmt: skip
    samples = [_alternating(folder / "many") for _ in range(5)]
    yield Figure("start", "pytest fixture, per test", "ms", {_OURS: samples, "limit": [0.3]}, {"limit": 1})


def _alternating(folder: Path) -> float:
    """What a test takes that asks for the fixture, beyond one that does not; they take turns in one process."""
    folder.mkdir(exist_ok=True)
    (folder / "conftest.py").write_text(_TIMED, "ascii")
    (folder / "test_many.py").write_text(_MANY.format(tests=_TESTS), "ascii")
    told = subprocess.run(pinned(0, [*_PYTEST, str(folder)]), capture_output=True, text=True, check=True).stdout
    return float(told.splitlines()[-1])
