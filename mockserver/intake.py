"""The body of a request: read within bounds, and parsed.

A body is refused where it is larger than `MAX_BODY`, compressed or not, where all bodies at hand together are larger
than `MAX_TOTAL`, where it takes longer than `BODY_SECONDS`, and where it is no JSON that could be written again. What
is refused is refused in the provider's words.
"""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from mockserver.call import Refused
from mockserver.dialect import Dialect
from mockserver.http import send_continue

#: The largest body that is read, in bytes: nine data URLs of 20 MB each, with the overhead of Base64.
MAX_BODY = 256 * 1024 * 1024
#: How much the bodies of all requests that are being answered may take, in bytes.
MAX_TOTAL = 1024 * 1024 * 1024
#: How long (wall seconds) a client may take to send its body.
BODY_SECONDS = 120.0
#: How many commas a body may have: a value takes up to a hundred times the memory of its text, and 0.1 ms to judge.
MAX_COMMAS = 5_000
#: From so many brackets on it is tried whether an answer can hold the body: orjson reads deeper than it writes. In a
#: body of so many bytes they are not counted first, which takes four times as long as to try; to try copies the body,
#: which a large one is spared (chosen: far more than the documented fields take).
_DEEP, _SHORT = 200, 64 * 1024


class _Unreadable:
    """Stands for a body that is not JSON."""


UNREADABLE = _Unreadable()


class _TooLarge(Exception):
    """More than is read."""


class Intake:
    """Takes in the bodies of one server's requests."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}
        self._held = 0

    async def read(self, request: web.BaseRequest, dialect: Dialect) -> bytes:
        """The body, which counts as held until `release`, but one that is too large; raises Refused."""
        if not request.can_read_body:
            return b""
        try:
            if request.content.is_eof():
                return self._counted(request, request.content.read_nowait())
            async with asyncio.timeout(BODY_SECONDS):
                return await self._collect(request)
        except _TooLarge:
            self.release(request)
            refusals = dialect.data["refusals"]
            raise Refused(refusals.get("too_large") or refusals["violation"], {"detail": "body too large"}) from None
        except (TimeoutError, ValueError, aiohttp.ClientPayloadError, web.RequestPayloadError):
            raise Refused(dialect.data["refusals"]["unreadable_body"]) from None

    def release(self, request: web.BaseRequest) -> None:
        """Let go of a request's body."""
        self._held -= self._sizes.pop(id(request), 0)

    async def _collect(self, request: web.BaseRequest) -> bytes:
        if (request.content_length or 0) > MAX_BODY:
            raise _TooLarge
        await send_continue(request)
        chunks, commas = [], 0
        while chunk := await request.content.readany():
            chunks.append(self._counted(request, chunk))
            commas += chunk.count(b",")
            if commas > MAX_COMMAS:
                raise _TooLarge
        return b"".join(chunks)

    def _counted(self, request: web.BaseRequest, chunk: bytes) -> bytes:
        """A part of a request's body, counted; all of it, where it came at once."""
        size = self._sizes[id(request)] = self._sizes.get(id(request), 0) + len(chunk)
        self._held += len(chunk)
        if size > MAX_BODY or self._held > MAX_TOTAL:
            raise _TooLarge
        if len(chunk) > MAX_COMMAS and chunk.count(b",") > MAX_COMMAS:
            raise _TooLarge
        return chunk


def parse(raw: bytes) -> Any:
    """The body as JSON, None where there is none, UNREADABLE where it is not JSON."""
    if not raw:
        return None
    try:
        body = orjson.loads(raw)
        if len(raw) <= _SHORT or raw.count(b"[") + raw.count(b"{") > _DEEP:
            orjson.dumps([[[[[[body]]]]]])
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return UNREADABLE
    return body
