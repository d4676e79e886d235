"""The mock without a socket: requests are handed to its handler, one after the other; nothing waits for the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest import mock

import orjson
from aiohttp import StreamReader
from aiohttp.test_utils import make_mocked_request

from happyhorse_spec.contract import Endpoint, Provider
from mockserver.server import MockServer
from mockserver.settings import Settings


class Reply(NamedTuple):
    """HTTP status, and the JSON value of the answer."""

    status: int
    body: Any


class Stage:
    """One mock and the loop that it runs in."""

    def __init__(self, settings: Settings) -> None:
        self.loop = asyncio.new_event_loop()
        self.mock = MockServer(settings)

    def call(
        self, provider: Provider, name: str, body: Any = None, *, session: str = "", query: str = "", **params: str
    ) -> Reply:
        """Call an endpoint as its documentation says: path, method, key, every header that it may demand."""
        endpoint = provider.endpoints[name]
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        path = endpoint.path.format(**params) + (f"?{query}" if query else "")
        return self.send(endpoint.method, f"/~{session}{path}" if session else path, headers(provider, endpoint), raw)

    def send(self, method: str, path: str, given: Mapping[str, str], raw: bytes) -> Reply:
        return self.loop.run_until_complete(self._send(method, path, given, raw))

    async def _send(self, method: str, path: str, given: Mapping[str, str], raw: bytes) -> Reply:
        payload = StreamReader(mock.Mock(), limit=2**16, loop=self.loop)
        payload.feed_data(raw)
        payload.feed_eof()
        sent = {"Host": "mock", "Content-Length": str(len(raw)), **given}
        response = await self.mock.handle(make_mocked_request(method, path, sent, payload=payload))
        return Reply(response.status, orjson.loads(response.body))

    def close(self) -> None:
        self.loop.run_until_complete(self.mock.stop())
        self.loop.close()


@contextmanager
def staged(settings: Settings) -> Iterator[Stage]:
    """A mock for the length of a block. Callbacks go nowhere, and all receivers thank for them."""
    stage = Stage(settings)
    with mock.patch("mockserver.webhook.Courier._post", mock.AsyncMock(return_value="200")):
        try:
            yield stage
        finally:
            stage.close()


def headers(provider: Provider, endpoint: Endpoint) -> dict[str, str]:
    """The key, and every header that the endpoint demands of some request."""
    key = provider.data["key"]
    demanded = {header.name: header.const for header in endpoint.headers}
    return {key["header"]: f"{key['scheme']} {key['example']}", "Content-Type": "application/json", **demanded}
