"""A client for any provider, made from provider data alone: submit, poll, cancel, list, upload, download.

A submit costs money, and there is one place from which it leaves: `Client.submit`, once, without retry, redirect or a
kept connection. What is not known afterwards is said (`Ambiguous`) and never tried again. Polls, lists and downloads
are repeated after cut connections, 408, 425, 429 and 5xx, later each time and as late as `Retry-After` asks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import orjson

from happyhorse_spec.answers import Answer, AnswerBook, UnknownAnswer
from happyhorse_spec.contract import Endpoint, Provider
from happyhorse_spec.headers import sent_headers

if TYPE_CHECKING:
    import aiohttp
    from tenacity import AsyncRetrying, RetryCallState
    from yarl import URL

#: Bytes of an answer that are read; documented answers have a few thousand, lists of tasks some more.
MAX_ANSWER = 16 * 2**20
#: Bytes of a clip that are read; the longest clips have some hundred megabytes.
MAX_CLIP = 4 * 2**30
#: Statuses after which asking again makes sense. RFC 9110 section 15.5 and 15.6, RFC 6585, RFC 8470.
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})

_CHUNK = 2**16
_PRINTABLE = re.compile("[!-~]+")
_CONNECT_SECONDS = 15.0
_ANSWER_SECONDS = 60.0
_FORM_SECONDS = 900.0
_SHOWN = 120
_T = TypeVar("_T")


class ExchangeError(Exception):
    """An exchange that brought no answer; says what happened."""


class Unreachable(ExchangeError):
    """No connection came about: nothing was sent."""


class Ambiguous(ExchangeError):
    """A submit that may have reached the provider: nobody here knows whether there is a task."""


class Reply(NamedTuple):
    """What came back over the wire; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    raw: bytes


class Transient(ExchangeError):
    """What may go away by itself. `reply` is what the server said, where it said something."""

    def __init__(self, message: str, reply: Reply | None = None) -> None:
        super().__init__(message)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Patience:
    """How polls and downloads are repeated: attempts in all, seconds before the second, seconds at most."""

    attempts: int = 6
    first: float = 0.5
    most: float = 30.0

    async def repeat(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """The first result that is no `Transient`; the last one is raised."""
        async for attempt in self._attempts():
            with attempt:
                return await call()
        raise AssertionError("unreachable: the last attempt returns or raises")  # pragma: no cover - as it says

    def _attempts(self) -> AsyncRetrying:
        from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

        stop = stop_after_attempt(self.attempts)
        return AsyncRetrying(retry=retry_if_exception_type(Transient), stop=stop, wait=self._wait, reraise=True)

    def _wait(self, state: RetryCallState) -> float:
        from tenacity import wait_exponential, wait_random

        error = state.outcome.exception() if state.outcome else None
        asked = _retry_after(error.reply) if isinstance(error, Transient) and error.reply else None
        own = wait_exponential(multiplier=self.first, max=self.most)(state)
        return (own if asked is None else asked) + wait_random(0, self.first)(state)


class Client:
    """Speaks to one provider at `base`, the URL before the endpoints' paths, with `key`."""

    def __init__(
        self,
        provider: Provider,
        http: aiohttp.ClientSession,
        base: str,
        key: str,
        patience: Patience | None = None,
    ) -> None:
        self.provider, self._http, self.base, self._key = provider, http, base.rstrip("/"), key
        self.patience = patience or Patience()
        self._books = {name: AnswerBook(provider, endpoint) for name, endpoint in provider.endpoints.items()}

    async def submit(self, body: Any, headers: Mapping[str, str | None], seconds: float) -> Answer:
        """Send a request, once; raises Unreachable, Ambiguous or UnknownAnswer.

        A provider that holds the connection until the clip is there has `seconds`, any other at most a minute.
        """
        import aiohttp

        endpoint = self.provider.endpoints["submit"]
        limit = seconds if "delivery" in endpoint.data else min(seconds, _ANSWER_SECONDS)
        try:
            reply = await self._send(endpoint, self.url(endpoint), body, headers, limit)
        except _unconnected() as error:
            raise self._unreachable(error) from error
        except (aiohttp.ClientError, OSError, ExchangeError) as error:
            raise Ambiguous(f"the submit got no answer ({_reason(error)})") from error
        return self._recognise(endpoint, reply)

    async def poll(self, task_id: str, headers: Mapping[str, str | None]) -> Answer:
        """How the task is; raises UnknownAnswer, or Transient after the last attempt."""
        endpoint = self.provider.endpoints["poll"]
        body = filled(endpoint.data.get("body"), task_id)
        return await self._ask(endpoint, self.url(endpoint, task_id), body, headers)

    async def list(self, query: Mapping[str, str]) -> Answer:
        """One page of tasks; raises what `poll` raises. KeyError where the provider has no such endpoint."""
        endpoint = self.provider.endpoints["list"]
        return await self._ask(endpoint, self.url(endpoint, query=query), None, {})

    async def permission(self, query: Mapping[str, str]) -> Answer:
        """The policy of an upload, asked for once; raises Unreachable, Transient or UnknownAnswer."""
        endpoint = self.provider.endpoints["upload_policy"]
        try:
            return await self._exchange(endpoint, self.url(endpoint, query=query), None, {})
        except Transient as error:
            if isinstance(error.__cause__, _unconnected()):
                raise self._unreachable(error.__cause__) from error
            raise

    async def post_form(self, url: str, form: aiohttp.FormData) -> Reply:
        """Post a form to a storage, once, without the key; raises Transient, or ExchangeError where it is no URL."""
        import aiohttp

        limits = aiohttp.ClientTimeout(total=_FORM_SECONDS, sock_connect=_CONNECT_SECONDS)
        try:
            async with self._http.post(
                storage_url(url, "the upload"), data=form, allow_redirects=False, timeout=limits
            ) as response:
                raw = b"".join([chunk async for chunk in _limited(response, MAX_ANSWER)])
                reply = Reply(response.status, {}, raw)
        except (aiohttp.ClientError, OSError) as error:
            raise Transient(_reason(error)) from error
        if reply.status in TRANSIENT:
            raise Transient(f"HTTP {reply.status}", reply)
        return reply

    async def download(self, url: str, path: Path) -> None:
        """Save a result, whole or not at all; raises ExchangeError. The key is not sent: URLs of results are signed."""
        exact = storage_url(url, "the clip")
        await self.patience.repeat(lambda: self._download(exact, path))

    def _unreachable(self, error: BaseException) -> Unreachable:
        return Unreachable(f"no connection to {self.base}: {_reason(error)}")

    def url(self, endpoint: Endpoint, task_id: str = "", query: Mapping[str, str] | None = None) -> str:
        """Where an endpoint is."""
        path = endpoint.path.replace("{task_id}", quote(task_id, safe=""))
        return f"{self.base}{path}{f'?{urlencode(query)}' if query else ''}"

    async def _ask(self, endpoint: Endpoint, url: str, body: Any, headers: Mapping[str, str | None]) -> Answer:
        """An exchange that may be repeated."""
        try:
            return await self.patience.repeat(lambda: self._exchange(endpoint, url, body, headers))
        except Transient as error:
            if error.reply is None:
                raise
            return self._recognise(endpoint, error.reply, is_last=True)

    async def _exchange(self, endpoint: Endpoint, url: str, body: Any, headers: Mapping[str, str | None]) -> Answer:
        reply = await self._send_again(endpoint, url, body, headers)
        if reply.status in TRANSIENT:
            raise Transient(f"HTTP {reply.status}", reply)
        return self._recognise(endpoint, reply)

    async def _send_again(self, endpoint: Endpoint, url: str, body: Any, headers: Mapping[str, str | None]) -> Reply:
        import aiohttp

        try:
            return await self._send(endpoint, url, body, headers, _ANSWER_SECONDS)
        except (aiohttp.ClientError, OSError) as error:
            attempts = self.patience.attempts
            raise Transient(f"no answer in {attempts} attempts, the last time: {_reason(error)}") from error

    async def _send(
        self, endpoint: Endpoint, url: str, body: Any, extra: Mapping[str, str | None], seconds: float
    ) -> Reply:
        from aiohttp import ClientTimeout
        from yarl import URL

        headers = self.headers(endpoint, body, extra)
        async with self._http.request(
            endpoint.method,
            URL(url, encoded=True),
            data=None if body is None else orjson.dumps(body),
            headers={name: value for name, value in headers.items() if value is not None},
            skip_auto_headers=[name for name, value in headers.items() if value is None],
            allow_redirects=False,
            timeout=ClientTimeout(total=seconds, sock_connect=_CONNECT_SECONDS),
        ) as response:
            raw = b"".join([chunk async for chunk in _limited(response, MAX_ANSWER)])
            return Reply(response.status, {name.lower(): value for name, value in response.headers.items()}, raw)

    def shown_headers(self, endpoint: Endpoint, body: Any, extra: Mapping[str, str | None]) -> dict[str, str]:
        """What is sent, with the name of an environment variable in place of the key."""
        key = self.provider.data["key"]
        shown = {name: value for name, value in self.headers(endpoint, body, extra).items() if value is not None}
        hidden = {key["header"]: f"{key['scheme']} ${key['env']}"}
        return {name: hidden.get(name, value) if name not in extra else value for name, value in shown.items()}

    def headers(self, endpoint: Endpoint, body: Any, extra: Mapping[str, str | None]) -> dict[str, str | None]:
        """What is sent; of two headers whose names differ in case alone the extra one."""
        # Some gateways label plain bodies as compressed; who asks for neither reads what is there.
        own: dict[str, str | None] = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if body is not None:
            own["Content-Type"] = "application/json"
        headers = sent_headers(body, endpoint, self.provider, extra, self._key)
        named = {name.lower() for name in headers}
        return {name: value for name, value in own.items() if name.lower() not in named} | headers

    def _recognise(self, endpoint: Endpoint, reply: Reply, *, is_last: bool = False) -> Answer:
        try:
            body = orjson.loads(reply.raw)
        except orjson.JSONDecodeError:
            told = f"HTTP {reply.status}: the answer is no JSON: {_excerpt(reply.raw)}"
            if not is_last and endpoint.name != "submit":
                raise Transient(told, reply) from None
            raise UnknownAnswer(reply.status, told) from None
        return self._books[endpoint.name].recognise(reply.status, body)

    async def _download(self, url: URL, path: Path) -> None:
        import aiohttp

        limits = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_ANSWER_SECONDS)
        try:
            async with self._http.get(url, headers={"Accept-Encoding": "identity"}, timeout=limits) as response:
                if response.status in TRANSIENT:
                    raise Transient(f"the clip: HTTP {response.status}", _without_body(response))
                if response.status != 200:
                    raise ExchangeError(f"the clip: HTTP {response.status}")
                with _whole_file(path) as file:
                    async for chunk in _limited(response, MAX_CLIP):
                        file.write(chunk)
        except (aiohttp.ClientError, TimeoutError) as error:
            attempts = self.patience.attempts
            raise Transient(f"the clip did not come in {attempts} attempts: {_reason(error)}") from error


def _unconnected() -> tuple[type[Exception], ...]:
    """The errors after which it is certain that nothing was sent."""
    from aiohttp import ClientConnectorError, ConnectionTimeoutError

    return ClientConnectorError, ConnectionTimeoutError


def open_session(*, direct: bool) -> aiohttp.ClientSession:
    """A session without cookies and kept connections; `direct` ignores the proxies of the environment.

    A connection that waits may be closed by the server at the very moment of a submit, and nobody knows what it saw.
    """
    from aiohttp import ClientSession, DummyCookieJar, TCPConnector

    return ClientSession(
        connector=TCPConnector(force_close=True),
        cookie_jar=DummyCookieJar(),
        headers={"User-Agent": "happyhorse-spec"},
        auto_decompress=False,
        trust_env=not direct,
    )


def filled(template: Any, task_id: str) -> Any:
    """The body of a poll: its template with the task's id."""
    if isinstance(template, Mapping):
        return {key: filled(value, task_id) for key, value in template.items()}
    return template.format(task_id=task_id) if isinstance(template, str) else template


def storage_url(text: str, what: str) -> URL:
    """The URL exactly as the provider wrote it, since its signature covers every character."""
    from yarl import URL

    try:
        url = URL(text, encoded=True)
        is_http = url.scheme in ("http", "https") and bool(url.host) and url.port is not None
    except ValueError:
        is_http = False
    if not is_http or not _PRINTABLE.fullmatch(text):
        raise ExchangeError(f"{what}: its URL is not an http URL")
    return url


@contextmanager
def _whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name when it is complete."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


async def _limited(response: aiohttp.ClientResponse, limit: int) -> Any:
    """The body in chunks; raises ExchangeError where it is larger than `limit` bytes."""
    size = 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        size += len(chunk)
        if size > limit:
            raise ExchangeError(f"the answer is larger than {limit // 2**20} MB")
        yield chunk


def _without_body(response: aiohttp.ClientResponse) -> Reply:
    return Reply(response.status, {name.lower(): value for name, value in response.headers.items()}, b"")


def _retry_after(reply: Reply) -> float | None:
    """The seconds that `Retry-After` asks for; a date counts from the answer's own `Date`. RFC 9110 section 10.2.3."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal() and len(text) <= 6:
        return float(text)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(reply.headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, wait.total_seconds())


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    errno = getattr(getattr(error, "os_error", None), "errno", None)
    if errno and errno > 0:  # aiohttp's own words name the address, the port and the kind of SSL, in brackets
        return os.strerror(errno)
    return str(error)[:_SHOWN] or type(error).__name__


def _excerpt(raw: bytes) -> str:
    text = " ".join(raw[: _SHOWN * 4].decode("utf-8", "replace").split())
    return (text[:_SHOWN] + "…" if len(text) > _SHOWN else text) or "it is empty"
