"""The server: aiohttp around the engine. Finds the session and the route, lets the operation play, answers.

It stands on aiohttp's low-level server, since the routes are data and looked up here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from functools import partial
from itertools import chain
from secrets import token_urlsafe
from typing import Any

import orjson
from aiohttp import hdrs, web

from happyhorse_spec.contract import ProviderError, load_provider, provider_names
from mockserver import downloads, uploads
from mockserver.arrival import meet, orders_fault
from mockserver.call import Call, Refused, Reply, refused
from mockserver.clock import ClockStopped
from mockserver.connection import CLOSE_SECONDS, Listener, listen
from mockserver.control import PREFIX, Control, is_loopback
from mockserver.delivery import Stream
from mockserver.dialect import Dialect, Operation, make_dialect
from mockserver.gate import admit
from mockserver.http import Answer, cross_origin, origin, preflight, respond, stream
from mockserver.intake import UNREADABLE, Intake, parse
from mockserver.journal import Entry, Exchange
from mockserver.misbehave import Gone, give_up, misbehave
from mockserver.operations import OPERATIONS
from mockserver.routes import Found, Routes
from mockserver.session import KEY_NAME, Session, Sessions
from mockserver.settings import SettingError, Settings
from mockserver.storage import Denied, refuse
from mockserver.transfer import Serve, endpoint_of, transfer
from mockserver.webhook import Courier

_LOG = logging.getLogger("mockserver")

Observe = Callable[[Session, Exchange], None]

#: Lets the loop do a step of all requests that came together before the next step of any: reading, judging, sending.
#: What each needs then stays in the processor's caches, which brings more than the two turns of the loop take.
_after_the_others = partial(asyncio.sleep, 0)


class MockServer:
    """All providers on one port. `async with MockServer() as mock: mock.url`.

    `observe` is called with every exchange when it is over. Without a `control_token` control is open on a loopback
    address, and asks for a token of its own on any other.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        providers: Iterable[str] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        observe: Observe | None = None,
        control_token: str | None = None,
    ) -> None:
        names = list(providers) or provider_names()
        self.dialects = {d.name: d for d in (make_dialect(load_provider(name)) for name in names)}
        self.sessions = Sessions(
            settings or Settings(), _profiles(self.dialects.values()), _models(self.dialects.values())
        )
        self.observe = observe
        self.host, self.port = host, port
        self._routes = Routes(self.dialects.values())
        self._downloads = downloads.Downloads(self.dialects)
        self._intake = Intake()
        self.courier = Courier()
        self.control = Control(self, control_token if is_loopback(host) else control_token or token_urlsafe(18))
        self._listening: list[asyncio.Server] = []
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

    def find_error(self, word: str) -> ProviderError | None:
        """The error with that key or code in the first catalogue that has one."""
        found = (dialect.provider.error(word) for dialect in self.dialects.values())
        return next(filter(None, found), None)

    def is_error(self, word: str) -> bool:
        """Whether a provider's catalogue has an error with that key or code."""
        return self.find_error(word) is not None

    async def start(self) -> None:
        """Listen; raises OSError where the port is taken."""
        listener = Listener(self.handle)
        self._listening = await listen(listener, self.host, self.port)
        self.port = self._listening[0].sockets[0].getsockname()[1]
        self._runner = web.ServerRunner(listener, shutdown_timeout=CLOSE_SECONDS)
        await self._runner.setup()

    async def stop(self) -> None:
        """Close every connection and give up what is still to be delivered."""
        await self.courier.stop()
        for listening in self._listening:
            listening.close()
        if self._runner:
            await self._runner.cleanup()

    async def __aenter__(self) -> MockServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, and note the exchange in the journal of its session."""
        try:
            session, path = self._session(request)
        except SettingError as error:
            return web.Response(status=400, body=orjson.dumps({"error": str(error)}), content_type="application/json")
        if path.startswith(PREFIX) or path == PREFIX[:-1]:
            return await self.control.answer(request, session, path)
        query = request.raw_path.partition("?")[2]
        target, now = f"{path}?{query}" if query else path, session.clock.now()
        entry = session.journal.open(request.method, target, request.raw_headers, now)
        session.open += 1
        try:
            response = await self._answer(request, session, path, entry)
            _note(entry, response)
        finally:
            self._intake.release(request)
            session.open -= 1
            session.journal.close(entry)
            if self.observe:
                self.observe(session, entry.exchange())
        return response

    def _session(self, request: web.BaseRequest) -> tuple[Session, str]:
        """The session of a request and its path without the session's prefix; raises SettingError.

        A slash that is spelt `%2F` belongs to a name and stays as it is.
        """
        path = request.rel_url.path_safe
        if path.startswith("/~"):
            name, _, rest = path[2:].partition("/")
            return self.sessions.named(name), "/" + rest
        key = request.headers.get(hdrs.AUTHORIZATION, "")
        found = KEY_NAME.search(key) if "~" in key else None
        return self.sessions.named(found.group(1)) if found else self.sessions.get(), path

    async def _answer(self, request: web.BaseRequest, session: Session, path: str, entry: Entry) -> web.StreamResponse:
        """The answer as it is sent: by a provider or the storage, and worse than that where a fault is met."""
        try:
            if place := endpoint_of(path):
                response = await self._transfer(request, session, path, entry, place)
            else:
                response = await self._operate(request, session, path, entry)
            if entry.fault and entry.meets_it_here and isinstance(response, web.Response):
                return await misbehave(request, response, entry.fault)
        except ClockStopped:
            return await give_up(request)
        except ConnectionError:
            raise
        except Exception:
            return self._fail(request, session, path)
        return response

    def _fail(self, request: web.BaseRequest, session: Session, path: str) -> web.StreamResponse:
        """The last resort: an internal error in the words of whom the path belongs to, and the reason in the log."""
        _LOG.exception("%s %r failed", request.method, request.path)
        if request.writer.output_size:
            raise ConnectionError("the answer breaks off")
        if endpoint_of(path):
            return refuse(request, session, Denied("InternalError"))
        dialect = self._routes.find(path).dialect
        if dialect is None:
            return respond(request, Reply(500, {"error": "internal error; the log has the reason"}))
        key = dialect.data["refusals"]["internal"]
        return respond(request, refused(dialect, session, key, {}, session.clock.now()))

    async def _transfer(
        self, request: web.BaseRequest, session: Session, path: str, entry: Entry, place: str
    ) -> web.StreamResponse:
        """A file that is sent or fetched."""
        entry.place = place
        if request.method == "OPTIONS":
            return preflight(request, ("POST",) if place == "upload" else ("GET",))
        if place == "upload":
            serve: Serve = partial(uploads.receive, request, session)
        else:
            entry.task_id = path.removeprefix(downloads.PREFIX).partition(".")[0]
            serve = partial(self._downloads.answer, request, session, path)
        response = await transfer(request, session, entry, serve, self.find_error)
        response.headers.update(cross_origin(request))
        return response

    async def _operate(self, request: web.BaseRequest, session: Session, path: str, entry: Entry) -> web.StreamResponse:
        """An operation of a provider."""
        found = self._routes.find(path)
        if request.method == "OPTIONS":
            return preflight(request, found.operations)
        try:
            reply = await self._play(request, session, found, entry)
        except Refused as refusal:
            assert found.dialect
            reply = refused(found.dialect, session, refusal.error, refusal.values, session.clock.now())
        if isinstance(reply, Stream):
            return await stream(request, reply, entry)
        await _after_the_others()
        return respond(request, reply, entry.fault)

    async def _play(self, request: web.BaseRequest, session: Session, found: Found, entry: Entry) -> Reply | Stream:
        if found.dialect is None:
            told = f"no provider has the path {request.path}"
            control = f"{self.url}{PREFIX}openapi.json"
            return Reply(404, {"error": told, "providers": self.base_urls(), "control": control})
        method = "GET" if request.method == "HEAD" else request.method
        operations = found.operations.get(method)
        if not operations:
            raise _no_operation(found, request)
        entry.body = raw = await self._intake.read(request, found.dialect)
        await _after_the_others()
        body = parse(raw)
        entry.operation = operation = _choose(operations, body)
        call = Call(
            request=request,
            session=session,
            dialect=found.dialect,
            operation=operation,
            params=found.params,
            origin=origin(request),
            authorization=request.headers.get(found.dialect.key_header, ""),
            now=session.settle(),
            courier=self.courier,
            entry=entry,
            raw=raw,
            body=body,
        )
        if (session.faults or orders_fault(call)) and (reply := await meet(call)) is not None:
            return reply
        admit(call)
        return await OPERATIONS[operation.name](call)


def _note(entry: Entry, response: web.StreamResponse) -> None:
    """Note what was answered; of a file only what it is."""
    if isinstance(response, Answer):
        entry.status, entry.answer = response.status, response.body
        return
    entry.status = response.told if isinstance(response, Gone) else response.status
    body = response.body if isinstance(response, web.Response) else None
    if isinstance(body, bytes):
        is_file = entry.place == "download" and response.status < 300
        entry.answer = f"({len(body)} bytes of {response.content_type})".encode() if is_file else body


def _profiles(dialects: Iterable[Dialect]) -> set[str]:
    """The names of the variants that providers have."""
    return {name for dialect in dialects for name in dialect.data.get("profiles", {})}


def _models(dialects: Collection[Dialect]) -> tuple[str, ...]:
    """The models of all providers; none where one of them does not say which it takes."""
    listed = [dialect.provider.models for dialect in dialects]
    return tuple(dict.fromkeys(chain(*listed))) if all(listed) else ()


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
