"""A server that says what a test tells it to, and remembers what it was asked: garbage, cut answers, errors."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Say:
    """One answer. `body` is sent as JSON unless it is bytes; `lacks` bytes of it never come."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    lacks: int = 0

    @property
    def raw(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


#: The connection is closed without a word.
CUT = Say(status=0)
#: The same, after `Scripted.released` is set: who asked waits until then.
HELD = Say(status=-1)


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Scripted(ThreadingHTTPServer):
    """Answers the requests to a path with its script, the last line again and again. `*` stands for any other path.

    `heard` is set by the first request; `released` lets those go that are held.
    """

    daemon_threads = True

    def __init__(self, scripts: dict[str, list[Say]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scripts = {path: list(lines) for path, lines in scripts.items()}
        self.asked: list[Asked] = []
        self.heard = threading.Event()
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_line(self, path: str) -> Say:
        lines = self.scripts.get(path) or self.scripts["*"]
        return lines.pop(0) if len(lines) > 1 else lines[0]

    def times(self, part: str) -> int:
        """How often a path that holds `part` was asked for."""
        return sum(part in asked.path for asked in self.asked)


class _Handler(BaseHTTPRequestHandler):
    server: Scripted

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.asked.append(Asked(self.command, self.path, dict(self.headers), body))
        self.server.heard.set()
        say = self.server.next_line(self.path)
        if say is HELD:
            self.server.released.wait(30)
        elif say.status:
            self.send_response(say.status)
            for name, value in ({"Content-Length": str(len(say.raw))} | say.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(say.raw[: len(say.raw) - say.lacks])
        self.close_connection = True

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def scripted(scripts: dict[str, list[Say]]) -> Iterator[Scripted]:
    server = Scripted(scripts)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
