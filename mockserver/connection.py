"""Connections: aiohttp's, with bounds on what a client may do to the server.

A client that sends no request, or its headers drop by drop, is let go after `IDLE_SECONDS`, and one that does not read
its answer after `SEND_SECONDS`. A client that has gone takes its request with it. What a client does wrong is no matter
for a traceback: aiohttp answers what is no HTTP with 400, and the log gets one line at the level of debugging. The
bounds on a body stand in `intake`.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

#: How long (wall seconds) a connection may stand without a request whose headers have come.
IDLE_SECONDS = 75.0
#: How long a client may leave an answer unread that does not fit into the socket's buffer.
SEND_SECONDS = 60.0
#: How long the rest of a body is read and thrown away that was refused, so that its sender sees why.
LINGER_SECONDS = 3.0
#: How long requests may still go on when the server stops.
CLOSE_SECONDS = 0.5
#: How many connections may wait to be accepted, and how many are accepted before those at hand are served again.
BACKLOG, AT_ONCE = 2048, 16

_CLIENTS_OWN = (ClientPayloadError, ConnectionError, HttpProcessingError, web.RequestPayloadError)

Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Listener(web.Server):
    """Makes the connections of one server; `handle` answers their requests."""

    def __init__(self, handle: Handle) -> None:
        super().__init__(handle, handler_cancellation=True)

    def __call__(self) -> Connection:
        loop = asyncio.get_running_loop()
        return Connection(self, loop=loop, keepalive_timeout=IDLE_SECONDS, lingering_time=LINGER_SECONDS)


async def listen(listener: Listener, host: str, port: int) -> list[asyncio.Server]:
    """Listen on a port; raises OSError where it is taken.

    uvloop accepts one connection for each time that it has served all others: the last of a crowd would wait for all
    that is asked of the first. So it is given the socket several times over.
    """
    loop = asyncio.get_running_loop()
    first = await loop.create_server(listener, host, port, backlog=BACKLOG)
    if isinstance(loop, asyncio.BaseEventLoop):
        return [first]
    sockets = [socket.socket(fileno=os.dup(each.fileno())) for each in first.sockets for _ in range(AT_ONCE - 1)]
    return [first, *[await loop.create_server(listener, sock=each, backlog=BACKLOG) for each in sockets]]


class Connection(web.RequestHandler):
    """One connection."""

    __slots__ = ("_unread",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._unread: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.transport is not None:
            self._unread = asyncio.get_running_loop().call_later(SEND_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._forget_unread()

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._forget_unread()

    def log_exception(self, *args: Any, exc_info: BaseException | None = None, **options: Any) -> None:
        if isinstance(exc_info, _CLIENTS_OWN):
            self.logger.debug(*args)
        else:
            super().log_exception(*args, exc_info=exc_info, **options)

    def _forget_unread(self) -> None:
        if self._unread:
            self._unread.cancel()
            self._unread = None
