"""What a client meets on the wire: an answer that is well made, sent badly.

Each function takes the request and the answer that the client was to get, and gives what it got instead. What HTTP
does not allow is written to the transport by hand, which ends the connection.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter

from mockserver.clock import pause
from mockserver.faults import Fault
from mockserver.http import takes_gzip

_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1><hr>proxy</body></html>\n"
#: A file that comes slowly comes in so many parts.
_PARTS = 20
#: How long (wall seconds) bytes that are written may take to leave before the connection is reset, in steps.
_FLUSH_STEPS, _FLUSH_STEP = 100, 0.002


class Gone(web.Response):
    """Stands for what was already written by hand: a status and so much of a body, or nothing at all."""

    def __init__(self, status: int | None = None, body: bytes = b"") -> None:
        super().__init__(status=status or 200, body=body)
        self.told = status

    async def prepare(self, _request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Nothing more is sent: for aiohttp the client is gone."""
        raise ConnectionResetError


async def misbehave(request: web.BaseRequest, response: web.Response, fault: Fault) -> web.Response:
    """Send the answer as the fault says; faults that do not concern the wire send it as it is."""
    act = ACTS.get(fault.name)
    return await act(request, response, fault) if act else response


async def give_up(request: web.BaseRequest) -> web.Response:
    """Reset the connection: there will be no answer."""
    await _abort(request)
    return Gone()


async def _html(_request: web.BaseRequest, _response: web.Response, _fault: Fault) -> web.Response:
    return web.Response(status=502, text=_GATEWAY, content_type="text/html")


async def _reset(request: web.BaseRequest, _response: web.Response, _fault: Fault) -> web.Response:
    return await give_up(request)


async def _reset_after_headers(request: web.BaseRequest, response: web.Response, _fault: Fault) -> web.Response:
    _write(request, _head(response, len(_body(request, response))))
    await _abort(request)
    return Gone(response.status)


async def _stall(request: web.BaseRequest, response: web.Response, fault: Fault) -> web.Response:
    body = _body(request, response)
    first = min(int(fault.option), len(body)) if fault.option else len(body) // 2
    _write(request, _head(response, len(body)) + body[:first])
    await pause(fault.figure)
    return _end(request, response, body, body[first:])


async def _slow(request: web.BaseRequest, response: web.Response, fault: Fault) -> web.Response:
    body = _body(request, response)
    size = max(1, -(-len(body) // _PARTS))
    _write(request, _head(response, len(body)))
    for start in range(0, len(body), size):
        await pause(fault.figure / _PARTS)
        _write(request, body[start : start + size])
    return _end(request, response, body)


async def _empty(_request: web.BaseRequest, response: web.Response, _fault: Fault) -> web.Response:
    return web.Response(status=response.status, content_type=response.content_type)


async def _short(request: web.BaseRequest, response: web.Response, fault: Fault) -> web.Response:
    body = _body(request, response)
    sent = body[: min(int(fault.figure), max(0, len(body) - 1))]
    return _end(request, response, sent, _head(response, len(body)) + sent)


async def _half(request: web.BaseRequest, response: web.Response, fault: Fault) -> web.Response:
    return await _short(request, response, replace(fault, figure=len(_body(request, response)) // 2))


async def _wrong_length(request: web.BaseRequest, response: web.Response, _fault: Fault) -> web.Response:
    body = _body(request, response)
    return _end(request, response, body, _head(response, len(body) // 2) + body)


async def _not_json(_request: web.BaseRequest, response: web.Response, _fault: Fault) -> web.Response:
    return web.Response(status=response.status, text="upstream connect error", content_type="application/json")


async def _wrong_type(_request: web.BaseRequest, response: web.Response, _fault: Fault) -> web.Response:
    return web.Response(status=response.status, body=response.body, content_type="text/plain")


async def _false_gzip(request: web.BaseRequest, response: web.Response, _fault: Fault) -> web.Response:
    if not takes_gzip(request):
        return response
    headers = {hdrs.CONTENT_TYPE: response.headers[hdrs.CONTENT_TYPE], hdrs.CONTENT_ENCODING: "gzip"}
    return web.Response(status=response.status, body=response.body, headers=headers)


Act = Callable[[web.BaseRequest, web.Response, Fault], Awaitable[web.Response]]

#: Name of a fault -> how it is carried out. What is not here changes what is answered, not how.
ACTS: Mapping[str, Act] = {
    "html": _html,
    "reset": _reset,
    "lost": _reset,
    "reset-after-headers": _reset_after_headers,
    "stall": _stall,
    "empty": _empty,
    "short-body": _short,
    "wrong-length": _wrong_length,
    "not-json": _not_json,
    "wrong-type": _wrong_type,
    "false-gzip": _false_gzip,
    "url-slow": _slow,
    "url-short": _half,
}


def _body(request: web.BaseRequest, response: web.Response) -> bytes:
    """What follows the headers: nothing where only they were asked for."""
    return bytes(response.body) if isinstance(response.body, bytes) and request.method != "HEAD" else b""


def _head(response: web.Response, length: int) -> bytes:
    """The status line and the headers, with that Content-Length."""
    headers = {**response.headers, hdrs.CONTENT_LENGTH: str(length), hdrs.CONNECTION: "close"}
    lines = [f"HTTP/1.1 {response.status} {response.reason}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def _write(request: web.BaseRequest, data: bytes) -> None:
    if request.transport is not None and not request.transport.is_closing():
        request.transport.write(data)


def _end(request: web.BaseRequest, response: web.Response, sent: bytes, last: bytes = b"") -> Gone:
    """Write the last bytes and close the connection once they are out."""
    _write(request, last)
    if request.transport is not None:
        request.transport.close()
    return Gone(response.status, sent)


async def _abort(request: web.BaseRequest) -> None:
    """Let what is written leave, then reset the connection: a socket that lingers for no time says RST, not FIN."""
    transport = request.transport
    if transport is None:
        return
    for _ in range(_FLUSH_STEPS):
        if not transport.get_write_buffer_size():
            break
        await pause(_FLUSH_STEP)
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
