"""Callbacks: the provider's POST to the client when a task has ended, on the session's clock.

The courier speaks to this machine and to private networks only: a documented example may name a public host as a
placeholder, and a test must not reach it. What was tried, and how it went, is kept as a log of deliveries.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from happyhorse_spec import pointer
from mockserver.call import Call
from mockserver.lifecycle import State, Task


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt: to where, on which session time, what came back (an HTTP status, or why there is none)."""

    task_id: str
    url: str
    attempt: int
    at: float
    outcome: str
    body: Any


class Courier:
    """Delivers the callbacks of one server. `stop` gives up what is still under way."""

    def __init__(self) -> None:
        self._errands: set[asyncio.Task[None]] = set()
        self._client: aiohttp.ClientSession | None = None

    def watch(self, call: Call, task: Task) -> None:
        """Deliver the callback that the request asks for, if it does, once the task has ended."""
        order = call.dialect.data.get("callback")
        url = pointer.follow(call.body, order["url"]) if order else None
        if order and isinstance(url, str):
            errand = asyncio.ensure_future(self._deliver(call, task, url, order))
            self._errands.add(errand)
            errand.add_done_callback(self._errands.discard)

    async def stop(self) -> None:
        for errand in self._errands:
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)
        if self._client:
            await self._client.close()

    async def _deliver(self, call: Call, task: Task, url: str, order: Mapping[str, Any]) -> None:
        session = call.session
        while not task.final:
            await session.clock.until(session.table.next_due())
            call.now = session.settle()
        name = order["succeeded"] if task.state is State.SUCCEEDED else order["failed"]
        body = call.dialect.answers[name](call.scene(task))
        for attempt in range(1, order.get("attempts", {}).get("value", 1) + 1):
            outcome = await self._post(url, body, order.get("timeout_seconds", {}).get("value", 10))
            session.deliveries.append(Delivery(task.id, url, attempt, session.clock.now(), outcome, body))
            if outcome.startswith("2"):
                return
            await session.clock.until(session.clock.now() + order.get("retry_seconds", {}).get("value", 0))

    async def _post(self, url: str, body: Any, seconds: float) -> str:
        try:
            if not await is_near(url):
                return "not sent: the host is neither this machine nor on a private network"
            self._client = self._client or aiohttp.ClientSession(trust_env=False)
            timeout = aiohttp.ClientTimeout(total=seconds)
            async with self._client.post(url, json=body, timeout=timeout, allow_redirects=False) as answer:
                return str(answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return f"{type(error).__name__}: {error}"


async def is_near(url: str) -> bool:
    """Whether every address of the URL's host is loopback or private; False for no HTTP URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, None)
    return bool(found) and all(not ipaddress.ip_address(address[4][0]).is_global for address in found)
