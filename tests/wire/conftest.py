"""A mock on a real socket, in a thread of its own, and a client that is nobody's SDK: the standard library's."""

import asyncio
import http.client
import json
import threading
from contextlib import ExitStack, contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit
from zlib import crc32

import pytest

from mockserver.clock import ClockMode
from mockserver.server import MockServer
from mockserver.session import Settings


class Answer(NamedTuple):
    """What came back; `body` is parsed where it is JSON."""

    status: int
    headers: http.client.HTTPMessage
    raw: bytes

    @property
    def body(self):
        return json.loads(self.raw)


class Wire:
    """Sends requests to one base URL, each on a fresh connection; `server` is the mock where a test has its own."""

    def __init__(self, url: str, server=None) -> None:
        self.url = url
        self.server = server

    def send(self, method, path, body=None, headers=None) -> Answer:
        parts = urlsplit(path if path.startswith("http") else self.url + path)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        try:
            connection.request(method, target, data, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def call(self, provider, endpoint, body=None, *, headers=None, without=(), query="", **params) -> Answer:
        """Call a documented endpoint as its documentation says: path, method, key, required headers."""
        entry = provider.endpoints[endpoint]
        key = provider.data["key"]
        given = {key["header"]: f"{key['scheme']} {key['example']}", "Content-Type": "application/json"}
        given |= {header.name: header.const for header in entry.headers if header.when is None}
        given |= headers or {}
        given = {name: value for name, value in given.items() if name not in without}
        return self.send(entry.method, entry.path.format(**params) + query, body, given)


@contextmanager
def serving(settings=None, **options):
    """A mock that runs in a thread until the block ends; its event loop is `server.loop`."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    server = MockServer(settings or Settings(clock=ClockMode.JUMP), **options)
    server.loop = loop

    async def serve():
        await server.start()
        ready.set()

    def run():
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


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
def quiet(caplog):
    """Nothing that the test does is worth a word in the log, let alone a traceback."""
    yield
    assert [record.getMessage() for record in caplog.records if record.levelname != "DEBUG"] == []


@pytest.fixture
def play():
    """`play(settings)` starts a mock of the test's own and gives a client of it."""
    with ExitStack() as stack:

        def start(settings=None, **options):
            server = stack.enter_context(serving(settings, **options))
            return Wire(server.url, server)

        yield start
