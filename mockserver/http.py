"""What every well-kept HTTP server does, whatever it serves: JSON out, compression, HEAD, OPTIONS, 100-continue."""

from __future__ import annotations

from collections.abc import Iterable

import orjson
from aiohttp import HttpVersion11, hdrs, web

from mockserver.call import Reply
from mockserver.delivery import Stream
from mockserver.journal import Entry

#: Answers shorter than this are not worth compressing.
_COMPRESS_FROM = 1024


def respond(request: web.BaseRequest, reply: Reply) -> web.Response:
    """The reply as an HTTP response."""
    body = orjson.dumps(reply.body)
    response = web.Response(
        body=body,
        status=reply.status,
        headers={**reply.headers, **_cross_origin(request)},
        content_type="application/json",
    )
    if len(body) >= _COMPRESS_FROM:
        response.enable_compression()
    return response


def preflight(request: web.BaseRequest, methods: Iterable[str]) -> web.Response:
    """The answer to OPTIONS: what is allowed here, for the asker and for a browser that asks on a page's behalf."""
    allowed = ", ".join(sorted({*methods, "OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))
    headers = {hdrs.ALLOW: allowed, **_cross_origin(request)}
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
    headers = {hdrs.CONTENT_TYPE: reply.media_type, **reply.headers, **_cross_origin(request)}
    lines = (orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) async for line in reply.lines)
    if entry.fault:
        return web.Response(body=b"".join([line async for line in lines]), headers=headers)
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    async for line in lines:
        entry.answer += line
        await response.write(line)
    await response.write_eof()
    return response


def _cross_origin(request: web.BaseRequest) -> dict[str, str]:
    """A page of any origin may read the answers."""
    return {hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*"} if hdrs.ORIGIN in request.headers else {}
