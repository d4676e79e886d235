"""What every well-kept HTTP server does, whatever it serves: JSON out, compression, HEAD, OPTIONS, 100-continue."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import aclosing
from functools import lru_cache

import orjson
from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.http_writer import _serialize_headers

from mockserver.call import Reply
from mockserver.delivery import Stream
from mockserver.faults import Fault
from mockserver.journal import Entry

#: Answers shorter than this are not worth compressing.
_COMPRESS_FROM = 1024
#: A host that a URL can carry, with or without a port.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class Answer(web.StreamResponse):
    """A short answer on a connection that stays open, sent in one go.

    What aiohttp weighs for every response, when it is made and before it is sent, takes a sixth of a poll.
    """

    keep_alive = True

    def __init__(self, body: bytes, status: int, headers: dict[str, str]) -> None:
        super().__init__(status=status)
        self.body, self._fields = body, headers

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        transport.write(self._head() + self.body)
        if transport.get_write_buffer_size():
            await request.writer.drain()
        return None

    @property
    def body_length(self) -> int:
        return len(self.body)

    async def write_eof(self, data: bytes = b"") -> None:
        """All is sent."""

    def _head(self) -> bytes:
        fields = self._fields
        fields[hdrs.CONTENT_LENGTH] = str(len(self.body))
        fields[hdrs.DATE] = rfc822_formatted_time()
        fields[hdrs.SERVER] = SERVER_SOFTWARE
        # What it asks of the fields is their items alone; it refuses what would forge a header.
        return _serialize_headers(f"HTTP/1.1 {self.status} {self.reason}", fields)  # type: ignore[arg-type]


def respond(request: web.BaseRequest, reply: Reply, fault: Fault | None = None) -> Answer | web.Response:
    """The reply as an HTTP response; one that aiohttp prepares where it is long, or sent in an unusual way."""
    body = orjson.dumps(reply.body)
    headers = {hdrs.CONTENT_TYPE: "application/json", **reply.headers, **cross_origin(request)}
    if len(body) < _COMPRESS_FROM and fault is None and _is_plain(request):
        return Answer(body, reply.status, headers)
    response = web.Response(body=body, status=reply.status, headers=headers)
    if len(body) >= _COMPRESS_FROM:
        response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        if takes_gzip(request):
            response.enable_compression(web.ContentCoding.gzip)
    return response


def _is_plain(request: web.BaseRequest) -> bool:
    return request.keep_alive and request.version == HttpVersion11 and request.method != "HEAD"


def origin(request: web.BaseRequest) -> str:
    """Scheme and host as the client wrote them; where it wrote no host, the address that it came to."""
    host = request.headers.get(hdrs.HOST, "")
    return f"{request.scheme}://{host if _is_host(host) else _address(request)}"


@lru_cache(maxsize=256)
def _is_host(text: str) -> bool:
    return _HOST.fullmatch(text) is not None


def _address(request: web.BaseRequest) -> str:
    host, port = request.get_extra_info("sockname")[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def takes_gzip(request: web.BaseRequest) -> bool:
    """Whether the client lists gzip, and does not say by a weight of zero that it cannot have it (RFC 9110, 12.5.3)."""
    for entry in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower().split(","):
        coding, _, weight = entry.replace(" ", "").partition(";q=")
        if coding in ("gzip", "*"):
            return not re.fullmatch(r"0(\.0*)?", weight)
    return False


def preflight(request: web.BaseRequest, methods: Iterable[str]) -> web.Response:
    """The answer to OPTIONS: what is allowed here, for the asker and for a browser that asks on a page's behalf."""
    allowed = ", ".join(sorted({*methods, "OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))
    headers = {hdrs.ALLOW: allowed, **cross_origin(request)}
    if hdrs.ORIGIN in request.headers:
        headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = allowed
        headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "*")
        headers[hdrs.ACCESS_CONTROL_MAX_AGE] = "600"
    return web.Response(status=204, headers=headers)


async def send_continue(request: web.BaseRequest) -> None:
    """Tell a client that waits for it (`Expect: 100-continue`) to send its body."""
    if request.version >= HttpVersion11 and request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


async def stream(request: web.BaseRequest, reply: Stream, entry: Entry) -> web.StreamResponse:
    """The reply line by line, as the lines come about; whole where a fault waits for it on the wire."""
    headers = {hdrs.CONTENT_TYPE: reply.media_type, **reply.headers, **cross_origin(request)}
    async with aclosing(reply.lines) as lines:
        if entry.fault:
            return web.Response(body=b"".join([_line(value) async for value in lines]), headers=headers)
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        async for value in lines:
            line = _line(value)
            entry.answer += line
            await response.write(line)
        await response.write_eof()
    return response


def _line(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def cross_origin(request: web.BaseRequest) -> dict[str, str]:
    """A page of any origin may read the answers."""
    return {hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*"} if hdrs.ORIGIN in request.headers else {}
