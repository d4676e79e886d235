"""A mock on a real socket, in a thread of its own, one session per test."""

from contextlib import ExitStack, contextmanager
from zlib import crc32

import pytest
from desk import MANUAL, ONE, Desk
from plain_client import Wire
from results import result_url

from mockserver.clock import ClockMode
from mockserver.embedded import Mock
from mockserver.server import MockServer
from mockserver.session import Settings


@contextmanager
def serving(settings=None, **options):
    """A mock that runs in a thread until the block ends; its event loop is `server.loop`."""
    with Mock(MockServer(settings or Settings(clock=ClockMode.JUMP), **options)) as mock:
        mock.server.loop = mock.loop
        yield mock.server


@pytest.fixture(scope="session")
def server():
    """One mock for the whole run, in jump mode: every poll moves time to the next event."""
    with serving() as running:
        yield running


@pytest.fixture
def wire(server, request):
    """A client of a session of its own."""
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in request.node.name)[-50:]
    return Wire(f"{server.url}/~{name}-{crc32(request.node.nodeid.encode()):08x}")


@pytest.fixture
def session(server, wire):
    """The session of that client, inside the mock."""
    return server.sessions.get(wire.url.rpartition("~")[2])


@pytest.fixture
def url(wire):
    """Where the result of a fresh task lies."""
    return result_url(wire, ONE.name)


@pytest.fixture
def quiet(caplog):
    """Nothing that the test does is worth a word in the log, let alone a traceback."""
    yield
    assert [record.getMessage() for record in caplog.get_records("call") if record.levelname != "DEBUG"] == []


@pytest.fixture
def play():
    """`play(settings)` starts a mock of the test's own and gives a client of it."""
    with ExitStack() as stack:

        def start(settings=None, **options):
            server = stack.enter_context(serving(settings, **options))
            return Wire(server.url, server)

        yield start


@pytest.fixture
def desk(play):
    """A session on a clock that stands still, with its controls."""
    wire = play(MANUAL)
    wire.url += "/~here"
    return Desk(wire)
