"""The control API under `/_happyhorse/`, a path that no provider uses: who may ask, and the way from HTTP to an action.

On a loopback address it is open, to programs of this machine: a page in a browser cannot use it, since a request that
names another host, or comes from another origin, is refused. On any other address it asks for the token.
"""

from __future__ import annotations

import asyncio
import ipaddress
from hmac import compare_digest
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
from aiohttp import hdrs, web

from mockserver.control_actions import ACTIONS, Ask
from mockserver.control_spec import Route, find
from mockserver.faults import FaultError
from mockserver.session import Session
from mockserver.settings import SettingError
from mockserver.shape import ShapeError

if TYPE_CHECKING:
    from mockserver.server import MockServer

PREFIX = "/_happyhorse/"
TOKEN_HEADER = "X-Happyhorse-Control"

#: The largest body in bytes, and how long (wall seconds) it may take to come.
MAX_BODY = 8 * 1024 * 1024
BODY_SECONDS = 10.0


class ControlError(Exception):
    """It cannot be done: an HTTP status and one sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """The control API of one server. `token` None: open to this machine."""

    def __init__(self, server: MockServer, token: str | None) -> None:
        self._server = server
        self.token = token

    async def answer(self, request: web.BaseRequest, session: Session, path: str) -> web.Response:
        """Do what is asked, or say in one sentence why not."""
        try:
            self._admit(request)
            route, ask = await self._ask(request, session, path)
            value = await ACTIONS[route.operation](ask)
        except ControlError as error:
            return _json(error.status, {"error": str(error)})
        except LookupError as error:
            return _json(404, {"error": str(error.args[0])})
        except (ValueError, FaultError, SettingError, ShapeError) as error:
            return _json(400, {"error": str(error)})
        return web.Response(status=204) if route.status == 204 else _json(route.status, value)

    def _admit(self, request: web.BaseRequest) -> None:
        """Raise ControlError where the caller may not ask."""
        if self.token is not None:
            given = request.headers.get(TOKEN_HEADER, "")
            if not compare_digest(given.encode(errors="surrogateescape"), self.token.encode()):
                raise ControlError(401, f"send the token that was printed at the start in {TOKEN_HEADER}")
            return
        host = request.headers.get(hdrs.HOST, "")
        origin = request.headers.get(hdrs.ORIGIN)
        if not is_loopback(urlsplit(f"//{host}").hostname or "") or (origin and urlsplit(origin).netloc != host):
            raise ControlError(
                403, "control is open to programs of this machine; start the mock with a token for others"
            )

    async def _ask(self, request: web.BaseRequest, session: Session, path: str) -> tuple[Route, Ask]:
        found = find(path)
        if not found.routes:
            raise ControlError(404, f"there is no {path[:80]}; see {PREFIX}openapi.json")
        route = found.routes.get(request.method)
        if route is None:
            raise ControlError(405, f"{request.method[:20]} is not for {path[:80]}; use {' or '.join(found.routes)}")
        body = await _read_body(request, route)
        return route, Ask(self._server, session, found.params, route.read_query(request.query), body)


def is_loopback(host: str) -> bool:
    """Whether a host (name or address) is this machine for sure."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _read_body(request: web.BaseRequest, route: Route) -> Any:
    """The body as the route wants it; raises ControlError or ShapeError."""
    raw = await _read(request)
    if route.body is None:
        return None
    if not raw and not route.body_required:
        return {}
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ControlError(400, f"the body is not JSON: {error}") from None
    route.body.check(body)
    return body


async def _read(request: web.BaseRequest) -> bytes:
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while chunk := await request.content.readany():
                raw += chunk
                if len(raw) > MAX_BODY:
                    raise ControlError(413, f"the body is larger than {MAX_BODY // 1024 // 1024} MB")
    except TimeoutError:
        raise ControlError(408, f"the body did not come within {BODY_SECONDS:.0f} s") from None
    return bytes(raw)


def _json(status: int, value: Any) -> web.Response:
    body = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return web.Response(status=status, body=body, content_type="application/json")
