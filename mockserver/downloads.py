"""The results of finished tasks: `/result/<task id>.mp4`, and `.jpg` where the provider has a cover.

A clip is rendered when somebody first asks for it, and kept while others are asked for. Where the provider's URL form
carries a signature, the URL is signed and expires; otherwise whoever knows it may have the file as long as it is kept.
What is refused is refused in the storage's own words (see `storage`), not in the provider's.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import md5
from hmac import compare_digest
from typing import NamedTuple
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from mockserver.answers import TIME_FORMATS
from mockserver.clip import Clip, cover, render
from mockserver.dialect import Dialect
from mockserver.entity import Entity, serve, whole_second
from mockserver.lifecycle import State, Task
from mockserver.scene import Scene
from mockserver.session import Session
from mockserver.storage import Denied, refuse

PREFIX = "/result/"

#: Rendered files that are kept, the ones asked for last: a 15 s clip at 1080P has 20 to 30 kB.
KEPT_FILES = 64

_NAME = re.compile(r"([A-Za-z0-9_-]{1,64})\.(mp4|jpg)")


class Kind(NamedTuple):
    """A kind of file: the name of its URL form in provider.yaml, its media type, and what makes it of a clip."""

    url: str
    media_type: str
    make: Callable[[Clip], bytes]


KINDS: Mapping[str, Kind] = {
    "mp4": Kind("video_url", "video/mp4", render),
    "jpg": Kind("cover_url", "image/jpeg", cover),
}


class Downloads:
    """The result storage of one server."""

    def __init__(self, dialects: Mapping[str, Dialect]) -> None:
        self._dialects = dialects
        self._files: OrderedDict[tuple[str, Clip], tuple[bytes, str]] = OrderedDict()

    async def answer(self, request: web.BaseRequest, session: Session, path: str) -> web.StreamResponse:
        """The file at a path that begins with `PREFIX`, or the storage's refusal."""
        try:
            return serve(request, await self._entity(request, session, path))
        except Denied as denied:
            return refuse(request, session, denied)

    async def _entity(self, request: web.BaseRequest, session: Session, path: str) -> Entity:
        key = path.removeprefix(PREFIX)
        now = session.settle()
        task, ending = self._find(session, key)
        dialect = self._dialects[task.lane[0]]
        form = dialect.ids.get(KINDS[ending].url)
        if task.state is not State.SUCCEEDED or task.ended is None or form is None:
            raise Denied("NoSuchKey", Key=key)
        if request.method not in ("GET", "HEAD"):
            raise Denied("MethodNotAllowed", headers={hdrs.ALLOW: "GET, HEAD"}, Method=request.method)
        _admit(request, session, dialect, task.id, form, now)
        if now > task.ended + dialect.data["retention"]["result_seconds"]["value"]:
            raise Denied("NoSuchKey", Key=key)
        body, tag = await self._file(ending, clip_of(task, dialect, session))
        return Entity(body, KINDS[ending].media_type, tag, whole_second(task.ended))

    def _find(self, session: Session, key: str) -> tuple[Task, str]:
        """The task whose file has that name, and the file's ending."""
        found = _NAME.fullmatch(key)
        task = session.table.tasks.get(found.group(1)) if found else None
        if task is None or found is None:
            raise Denied("NoSuchKey", Key=key)
        return task, found.group(2)

    async def _file(self, ending: str, clip: Clip) -> tuple[bytes, str]:
        """The file and its tag. Off the event loop where it must be made: a clip takes 3 to 7 ms, a cover 25."""
        kept = self._files.get((ending, clip))
        if kept is None:
            body = await asyncio.to_thread(KINDS[ending].make, clip)
            kept = body, md5(body, usedforsecurity=False).hexdigest().upper()
        self._files[ending, clip] = kept
        self._files.move_to_end((ending, clip))
        if len(self._files) > KEPT_FILES:
            self._files.popitem(last=False)
        return kept


def clip_of(task: Task, dialect: Dialect, session: Session) -> Clip:
    """What the clip of a task shows."""
    result = Scene(dialect, session, task).result
    return Clip(
        width=result.width,
        height=result.height,
        frames=result.frames,
        fps=result.fps,
        seed=task.id,
        label=task.id[:8],
        watermark=result.watermark,
    )


def _admit(request: web.BaseRequest, session: Session, dialect: Dialect, name: str, form: str, now: float) -> None:
    """Raise Denied where the URL is not one that the session has given out, or is over."""
    if hdrs.AUTHORIZATION in request.headers and dialect.data["result"]["authorization"]["value"] == "refused":
        raise Denied("SignatureDoesNotMatch")
    wanted = dict(parse_qsl(form.partition("?")[2]))
    given = {key: request.query[key] for key in wanted if key in request.query}
    if not wanted:
        return
    if not given:
        raise Denied("AccessDenied")
    if len(given) < len(wanted):
        raise Denied("AccessDenied", f"Query-string authentication requires the {_listed(wanted)} parameters.")
    expires = _unexpired(next(given[key] for key, value in wanted.items() if value == "{expires}"), now)
    words = {"name": name, "expires": expires, "signature": session.sign(name, expires)}
    if not all(_equal(given[key], value.format_map(words)) for key, value in wanted.items()):
        raise Denied("SignatureDoesNotMatch")


def _unexpired(text: str, now: float) -> int:
    """The time in a URL, seconds since 1970, if it lies ahead."""
    if not re.fullmatch(r"\d{1,12}", text, re.ASCII):
        raise Denied("AccessDenied", f"Invalid date (should be seconds since epoch): {text}")
    if now > int(text):
        iso = TIME_FORMATS["iso"]
        raise Denied("AccessDenied", "Request has expired.", Expires=iso(int(text)), ServerTime=iso(now))
    return int(text)


def _equal(given: str, wanted: str) -> bool:
    return compare_digest(given.encode(errors="surrogatepass"), wanted.encode())


def _listed(names: Mapping[str, str]) -> str:
    """`a and b`; `a, b and c`."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
