"""One stored file over HTTP: preconditions and byte ranges, as RFC 9110 (13.2.2 and 14) orders them.

Whether the caller may have the file at all is decided before. One range is served; a list of ranges, or what is no
range, is no request for a part (RFC 9110 14.2) and gets the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import NamedTuple

from aiohttp import ETag, hdrs, web

from mockserver.storage import Denied

#: `bytes=0-499`, `bytes=500-` and `bytes=-500`; no file has more than 18 digits of bytes.
_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))", re.ASCII)


class Entity(NamedTuple):
    """A file as it is stored. `tag` is the ETag's text without quotes, `modified` a time in whole seconds, UTC."""

    body: bytes
    media_type: str
    tag: str
    modified: datetime


def serve(request: web.BaseRequest, entity: Entity) -> web.Response:
    """The file, a part of it, or 304; raises Denied for a precondition or a range that cannot be met."""
    headers = {
        hdrs.ETAG: f'"{entity.tag}"',
        hdrs.LAST_MODIFIED: format_datetime(entity.modified, usegmt=True),
        hdrs.ACCEPT_RANGES: "bytes",
    }
    if _is_unwanted(request, entity):
        return web.Response(status=304, headers=headers)
    body, status = entity.body, 200
    if (part := _part(request, entity)) is not None:
        body, status = entity.body[part.start : part.stop], 206
        headers[hdrs.CONTENT_RANGE] = f"bytes {part.start}-{part.stop - 1}/{len(entity.body)}"
    return web.Response(status=status, headers=headers, body=body, content_type=entity.media_type)


def _is_unwanted(request: web.BaseRequest, entity: Entity) -> bool:
    """Whether the caller has the file already; raises Denied where it asks for another one than there is."""
    if request.if_match is not None:
        if not _names(request.if_match, entity, strong=True):
            raise Denied("PreconditionFailed", Condition=hdrs.IF_MATCH)
    elif request.if_unmodified_since is not None and entity.modified > request.if_unmodified_since:
        raise Denied("PreconditionFailed", Condition=hdrs.IF_UNMODIFIED_SINCE)
    if request.if_none_match is not None:
        return _names(request.if_none_match, entity, strong=False)
    return request.if_modified_since is not None and entity.modified <= request.if_modified_since


def _names(tags: Iterable[ETag], entity: Entity, *, strong: bool) -> bool:
    """Whether one of the tags is that of the file; a weak one never is where bytes must be the same."""
    return any(tag.value == "*" or (tag.value == entity.tag and not (strong and tag.is_weak)) for tag in tags)


def _part(request: web.BaseRequest, entity: Entity) -> range | None:
    """The bytes that are asked for, None for all; raises Denied where the file has none of them."""
    found = _RANGE.fullmatch(request.headers.get(hdrs.RANGE, "").strip())
    if request.method != "GET" or not found or not _is_same(request.headers.get(hdrs.IF_RANGE), entity):
        return None
    first, last, suffix = found.groups()
    size = len(entity.body)
    if suffix:
        part = range(max(0, size - int(suffix)), size)
    elif last and int(last) < int(first):
        return None
    else:
        part = range(int(first), min(size, int(last) + 1) if last else size)
    if not part:
        headers: dict[str, str] = {hdrs.CONTENT_RANGE: f"bytes */{size}"}
        raise Denied("InvalidRange", headers=headers, ActualObjectSize=size, RangeRequested=found.group()[6:])
    return part


def _is_same(condition: str | None, entity: Entity) -> bool:
    """Whether `If-Range`, a tag or a date, names this very file; without one a part is always of this file."""
    if condition is None or condition == f'"{entity.tag}"':
        return True
    try:
        return parsedate_to_datetime(condition) == entity.modified
    except ValueError:
        return False


def whole_second(moment: float) -> datetime:
    """A time as a file has it: HTTP knows no fractions."""
    return datetime.fromtimestamp(int(moment), UTC)
