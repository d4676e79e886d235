"""Connections as they are accepted, and a short answer as it is written."""

import asyncio
import socket
from types import SimpleNamespace

import pytest
from aiohttp import web

from happyhorse_spec.interpreter import loop_factory
from mockserver.connection import Listener, listen
from mockserver.http import Answer


class Written:
    """Stands for a request whose client has left `unread` bytes of earlier answers unread."""

    def __init__(self, unread=0, closing=False):
        self.sent, self.drained = b"", 0
        self.transport = SimpleNamespace(
            is_closing=lambda: closing, write=self._write, get_write_buffer_size=lambda: unread
        )
        self.writer = SimpleNamespace(drain=self._drain)

    def _write(self, data):
        self.sent += data

    async def _drain(self):
        self.drained += 1


async def _gone(_request):
    raise web.HTTPGone


async def _accepted(clients, turns):
    listener = Listener(_gone)
    listening = await listen(listener, "127.0.0.1", 0)
    address = listening[0].sockets[0].getsockname()
    crowd = [socket.create_connection(address) for _ in range(clients)]
    for _ in range(turns):
        await asyncio.sleep(0)
    accepted = len(listener.connections)
    for each in (*crowd, *listening):
        each.close()
    await listener.shutdown(0)
    await asyncio.sleep(0.01)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    return accepted


@pytest.mark.parametrize(("factory", "turns"), [(loop_factory(), 2), (None, 4)], ids=["uvloop", "asyncio"])
def test_crowd_is_accepted_at_once_and_the_port_is_free_afterwards(factory, turns):
    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(_accepted(16, turns)) == 16


def test_short_answer_goes_out_in_one_write():
    request = Written()
    asyncio.run(Answer(b"{}", 404, {"X-Trace": "1"}).prepare(request))
    top, _, body = request.sent.partition(b"\r\n\r\n")
    assert top.startswith(b"HTTP/1.1 404 Not Found\r\nX-Trace: 1\r\nContent-Length: 2\r\nDate: ")
    assert (body, request.drained) == (b"{}", 0)


def test_short_answer_waits_for_a_client_that_does_not_read():
    request = Written(unread=1)
    asyncio.run(Answer(b"{}", 200, {}).prepare(request))
    assert request.drained == 1


def test_short_answer_to_a_client_that_has_gone_is_not_written():
    request = Written(closing=True)
    with pytest.raises(ConnectionResetError):
        asyncio.run(Answer(b"{}", 200, {}).prepare(request))
    assert request.sent == b""


def test_short_answer_forges_no_header():
    with pytest.raises(ValueError, match="header injection"):
        asyncio.run(Answer(b"{}", 200, {"X-Trace": "1\r\nX-Forged: 2"}).prepare(Written()))
