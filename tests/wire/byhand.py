"""HTTP by hand: what is sent is what stands here, byte for byte, and several requests may go over one connection."""

import asyncio
import http.client
import io
import json
import select
import socket
import time
from typing import NamedTuple
from urllib.parse import urlsplit

from desk import example


class Heard(NamedTuple):
    """One answer: its status, its headers, its bytes."""

    status: int
    headers: http.client.HTTPMessage
    raw: bytes

    @property
    def body(self):
        return json.loads(self.raw)


class _Stream(io.BufferedReader):
    """What comes over a connection; an answer that was read to its end does not close it."""

    def close(self):
        pass

    def makefile(self, *_):
        return self


class Line:
    """One connection to a mock."""

    def __init__(self, url, timeout=10.0):
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=timeout)
        self.stream = _Stream(socket.SocketIO(self.socket, "r"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *parts):
        self.socket.sendall(b"".join(parts))
        return self

    def hear(self, method="POST"):
        """The next answer."""
        answer = http.client.HTTPResponse(self.stream, method=method)
        answer.begin()
        return Heard(answer.status, answer.headers, answer.read())

    def pending(self):
        """Whether anything has come."""
        return bool(select.select([self.socket], [], [], 0)[0])

    def rest(self):
        """Everything up to the end of the connection."""
        try:
            return self.stream.read()
        except ConnectionResetError:
            return b""


def head(method, target, *lines, version="1.1", key="sk-mock"):
    """The head of a request; `lines` are headers in addition to host and key."""
    given = [f"{method} {target} HTTP/{version}", "Host: mock", f"Authorization: Bearer {key}", *lines]
    return "\r\n".join([*given, "", ""]).encode("latin-1")


def submitting(provider, *lines, target="", body=None, version="1.1"):
    """Head and body of a submit; a line that names a length or a coding takes the place of the usual one."""
    entry = provider.endpoints["submit"]
    data = body if body is not None else json.dumps(example(provider)).encode()
    headers = [f"{header.name}: {header.const}" for header in entry.headers if header.when is None]
    length = (
        () if any(line.lower().startswith("transfer-encoding") for line in lines) else (f"Content-Length: {len(data)}",)
    )
    top = head(
        "POST", target or entry.path, "Content-Type: application/json", *headers, *length, *lines, version=version
    )
    return top, data


def chunked(data, size=7):
    """A body in chunks of some bytes."""
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])


def until_the_end(url, request, timeout=5.0):
    """Every byte that came back over a connection of its own, and how that ended: `end`, `reset`, or `open` still."""
    parts = urlsplit(url)
    got = b""
    with socket.create_connection((parts.hostname, parts.port), timeout=timeout) as connection:
        connection.sendall(request)
        try:
            while chunk := connection.recv(65536):
                got += chunk
        except ConnectionResetError:
            return got, "reset"
        except TimeoutError:
            return got, "open"
    return got, "end"


def eventually(condition, seconds=20.0):
    """Whether a condition comes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def advance(server, seconds, session=""):
    """Move the clock of a session, in the thread that its waiters are in."""

    async def move():
        return server.sessions.get(session).clock.advance(seconds)

    return asyncio.run_coroutine_threadsafe(move(), server.loop).result(10)


def at_work(server):
    """The tasks of a mock's event loop."""

    async def count():
        return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}

    return asyncio.run_coroutine_threadsafe(count(), server.loop).result(10)
