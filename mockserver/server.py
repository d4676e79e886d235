"""The server: aiohttp around the engine. Finds the session and the route, lets the operation play, answers.

It stands on aiohttp's low-level server, since the routes are data and looked up here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from happyhorse_spec.contract import load_provider, provider_names
from mockserver import downloads, uploads
from mockserver.call import Call, Refused, Reply, refused
from mockserver.delivery import Stream
from mockserver.dialect import Dialect, Operation, make_dialect
from mockserver.gate import admit
from mockserver.http import preflight, respond, send_continue
from mockserver.operations import OPERATIONS
from mockserver.routes import Found, Routes
from mockserver.session import SESSION_NAME, Session, Sessions, Settings
from mockserver.webhook import Courier

#: The largest body that is read, in bytes: nine data URLs of 20 MB each, with the overhead of Base64.
MAX_BODY = 256 * 1024 * 1024
#: How long a client may take to send its body.
BODY_SECONDS = 120.0


class MockServer:
    """All providers on one port. `async with MockServer() as mock: mock.url`."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        providers: Iterable[str] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        profile: str | None = None,
    ) -> None:
        self.sessions = Sessions(settings or Settings())
        names = list(providers) or provider_names()
        self.dialects = {d.name: d for d in (make_dialect(load_provider(name), profile) for name in names)}
        self.host, self.port = host, port
        self._routes = Routes(self.dialects.values())
        self._downloads = downloads.Downloads(self.dialects)
        self.courier = Courier()
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """Where the server listens, without a trailing slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def base_urls(self, session: str = "") -> dict[str, str]:
        """What to configure a client with, by provider."""
        start = f"{self.url}/~{session}" if session else self.url
        return {name: start + dialect.data.get("base_path", "") for name, dialect in self.dialects.items()}

    async def start(self) -> None:
        """Listen; raises OSError where the port is taken."""
        self._runner = web.ServerRunner(web.Server(self.handle, request_factory=_make_request))
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close every connection and give up what is still to be delivered."""
        await self.courier.stop()
        if self._runner:
            await self._runner.cleanup()

    async def __aenter__(self) -> MockServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        session, path = self._session(request)
        if path.startswith(downloads.PREFIX):
            return await self._downloads.answer(request, session, path)
        if path == uploads.PATH:
            return await uploads.receive(request, session)
        found = self._routes.find(path)
        if request.method == "OPTIONS":
            return preflight(request, found.operations)
        try:
            reply = await self._play(request, session, found)
        except Refused as refusal:
            assert found.dialect
            reply = refused(found.dialect, session, refusal.error, refusal.values, session.clock.now())
        return await respond(request, reply)

    def _session(self, request: web.BaseRequest) -> tuple[Session, str]:
        """The session of a request and its path without the session's prefix."""
        path = request.path
        if path.startswith("/~"):
            name, _, rest = path[2:].partition("/")
            return self.sessions.get(name[:64]), "/" + rest
        named = SESSION_NAME.search(request.headers.get("Authorization", ""))
        return self.sessions.get(named.group(1) if named else ""), path

    async def _play(self, request: web.BaseRequest, session: Session, found: Found) -> Reply | Stream:
        if found.dialect is None:
            return Reply(404, {"error": f"no provider has the path {request.path}", "providers": self.base_urls()})
        now = session.settle()
        method = "GET" if request.method == "HEAD" else request.method
        operations = found.operations.get(method)
        if not operations:
            raise _no_operation(found, request)
        raw = await _read(request, found.dialect)
        body = _parse(raw)
        operation = _choose(operations, body)
        call = Call(request, session, operation, found.params, _origin(request), now, self.courier, raw, body)
        admit(call)
        return await OPERATIONS[operation.name](call)


def _no_operation(found: Found, request: web.BaseRequest) -> Refused:
    assert found.dialect
    refusals = found.dialect.data["refusals"]
    noticed = "wrong_method" if found.operations else "not_found"
    key = refusals.get(noticed) or refusals["not_found"]
    return Refused(key, {"method": request.method, "path": request.path, "detail": noticed.replace("_", " ")})


def _choose(operations: list[Operation], body: Any) -> Operation:
    """Where one path serves several operations the body decides; a body that fits none goes to the first."""
    if len(operations) == 1 or body is UNREADABLE:
        return operations[0]
    return next((operation for operation in operations if operation.matches(body)), operations[0])


async def _read(request: web.BaseRequest, dialect: Dialect) -> bytes:
    if not request.can_read_body:
        return b""
    try:
        await send_continue(request)
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        refusals = dialect.data["refusals"]
        raise Refused(refusals.get("too_large") or refusals["violation"], {"detail": "body too large"}) from None
    except (TimeoutError, ValueError, aiohttp.ClientPayloadError, web.RequestPayloadError):
        raise Refused(dialect.data["refusals"]["unreadable_body"]) from None


def _parse(raw: bytes) -> Any:
    """The body as JSON; UNREADABLE where it is not."""
    if not raw:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return UNREADABLE


class _Unreadable:
    """Stands for a body that is not JSON."""


UNREADABLE = _Unreadable()


def _origin(request: web.BaseRequest) -> str:
    return f"{request.scheme}://{request.host}"


def _make_request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    return web.BaseRequest(message, payload, protocol, writer, task, protocol._loop, client_max_size=MAX_BODY)
