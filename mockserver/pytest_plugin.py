"""The pytest plugin: a fixture `happyhorse`, one session per test of one server per run; a marker; a report.

    @pytest.mark.happyhorse(scenario="busy.yaml", limits=True)
    def test_waits_its_turn(happyhorse): ...

Every pytest of an environment loads this module, so nothing heavy is imported before a test asks for the fixture. The
server lives in a thread of its own: it depends on no event loop, and on no plugin for asynchronous tests.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

if TYPE_CHECKING:
    from mockserver.embedded import Mock, Testbed

MARKER = (
    "happyhorse(scenario=None, strict=False, **settings): how the session of the fixture `happyhorse` plays: the file "
    "of a scenario, seen from the test's own folder, and settings such as clock='manual', seed=7, limits=True. With "
    "strict a test passes only if every fault that it ordered was met."
)
_STRICT = "happyhorse_strict"
_TESTBED = pytest.StashKey["Testbed"]()
#: Characters of a test's name in that of its session, which has room for 64.
_NAME = 48


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(_STRICT, "the marker's strict for every test that does not say otherwise", "bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def happyhorse_mock() -> Iterator[Mock]:
    """The server behind `happyhorse`: one per run, or per worker. Redefine it to play providers of your own."""
    from happyhorse_spec.interpreter import kept

    with kept():
        from mockserver.embedded import Mock

        server = Mock()
    with server as mock:
        yield mock


@pytest.fixture
def happyhorse(happyhorse_mock: Mock, request: pytest.FixtureRequest) -> Iterator[Testbed]:
    """A session of the HappyHorse mock for this test alone: base URLs, time, faults, scripts, journal, verify."""
    testbed = request.node.stash[_TESTBED] = _begin(happyhorse_mock, request.node)
    yield testbed
    del request.node.stash[_TESTBED]
    if testbed.name in happyhorse_mock.server.sessions:
        testbed.delete()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Fail a test whose scenario was not played to its end, or that is strict and left something open."""
    yield
    testbed = item.stash.get(_TESTBED, None)
    words = _words(item) if testbed else {}
    is_judged = "scenario" in words or words.get("strict", item.config.getini(_STRICT))
    if testbed and is_judged and (left := testbed.open_ends()):
        pytest.fail("\n".join(left), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the exchanges of a test that went wrong."""
    report = yield
    testbed = item.stash.get(_TESTBED, None)
    if testbed and report.failed:
        from mockserver.transcript import transcript

        text = transcript(testbed.journal, testbed.open_ends())
        report.sections.append((f"HappyHorse mock, session {testbed.name}", text))
    return report


def _begin(mock: Mock, item: pytest.Item) -> Testbed:
    from happyhorse_spec.document import DocumentError

    settings = _words(item)
    scenario = settings.pop("scenario", None)
    settings.pop("strict", None)
    path = scenario and item.path.parent / scenario
    try:
        return mock.session(_name(item), scenario=path, **settings)
    except (DocumentError, OSError, ValueError) as error:
        wrong = f"@pytest.mark.happyhorse: {error}"
    pytest.fail(wrong, pytrace=False)


def _words(item: pytest.Item) -> dict[str, Any]:
    """What the markers of a test say together; the nearest counts."""
    words: dict[str, Any] = {}
    for marker in item.iter_markers("happyhorse"):
        if marker.args:
            pytest.fail("@pytest.mark.happyhorse takes names only, e.g. scenario='busy.yaml'", pytrace=False)
        words = {**marker.kwargs, **words}
    return words


def _name(item: pytest.Item) -> str:
    """The session's name: the same in every run, so that the test meets the same ids, whoever runs before it."""
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", item.name)[:_NAME]
    return f"{readable}-{crc32(item.nodeid.encode()):08x}"
