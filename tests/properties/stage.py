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
from aiohttp.base_protocol import BaseProtocol
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
        self._protocol = BaseProtocol(self.loop)
        # Nothing is written there; to make them anew for each request would take longer than its answer.
        here = ("127.0.0.1", 80)
        connection = mock.Mock(peername=here, sockname=here, ssl_context=None)
        self._given = {"app": mock.Mock(), "writer": mock.Mock(), "protocol": connection, "transport": mock.Mock()}

    def call(
        self, provider: Provider, name: str, body: Any = None, *, session: str = "", query: str = "", **params: str
    ) -> Reply:
        """Call an endpoint as its documentation says: path, method, key, every header that it may demand."""
        endpoint = provider.endpoints[name]
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        path = endpoint.path.format(**params) + (f"?{query}" if query else "")
        return self.send(endpoint.method, f"/~{session}{path}" if session else path, headers(provider, endpoint), raw)

    def ask_about(self, provider: Provider, task_id: str, *, session: str, endpoint: str = "poll") -> Reply:
        """Ask how a task is, with the id where the endpoint reads it: in the path or in the body."""
        body = provider.endpoints[endpoint].data.get("body", {})
        filled = {key: task_id if text == "{task_id}" else text for key, text in body.items()}
        return self.call(provider, endpoint, filled or None, session=session, task_id=task_id)

    def send(self, method: str, path: str, given: Mapping[str, str], raw: bytes) -> Reply:
        return self.loop.run_until_complete(self._send(method, path, given, raw))

    async def _send(self, method: str, path: str, given: Mapping[str, str], raw: bytes) -> Reply:
        payload = StreamReader(self._protocol, limit=2**16, loop=self.loop)
        payload.feed_data(raw)
        payload.feed_eof()
        sent = {"Host": "mock", "Content-Length": str(len(raw)), **given}
        request = make_mocked_request(method, path, sent, payload=payload, **self._given)
        response = await self.mock.handle(request)
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
