"""Callbacks: the provider's POST to the client when a task has ended, on the session's clock.

The courier speaks to this machine and to private networks only: a documented example may name a public host as a
placeholder, and a test must not reach it. What was tried, and how it went, is kept as a log of deliveries. Each attempt
meets the next fault of the endpoint `callback`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from happyhorse_spec import pointer
from mockserver.call import Call
from mockserver.clock import ClockStopped, Follower
from mockserver.faults import Fault
from mockserver.lifecycle import State, Task

#: How an attempt went that a fault took, and one whose answer a fault took for too late.
LOST = "lost on the way"
LATE = "the receiver's answer came too late"
#: How many callbacks one receiver is sent at once, and how many names of hosts are looked up at once.
AT_ONCE, LOOKUPS = 512, 4


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt: to where, on which session time, what came back (an HTTP status, or why there is none).

    `fault` is the word that was met.
    """

    task_id: str
    url: str
    attempt: int
    at: float
    outcome: str
    body: Any
    fault: str | None = None


class Errand:
    """The callback of one task: its body, where it goes, and how often."""

    def __init__(self, call: Call, task: Task, url: str, order: Mapping[str, Any]) -> None:
        self.call, self.task, self.url, self.order = call, task, url, order

    @property
    def attempts(self) -> int:
        return int(self.order.get("attempts", {}).get("value", 1))

    @property
    def patience(self) -> float:
        """How long (wall seconds) the receiver may take to answer."""
        return float(self.order.get("timeout_seconds", {}).get("value", 10))

    @property
    def rest(self) -> float:
        """How long (session seconds) after one attempt the next is made."""
        return float(self.order.get("retry_seconds", {}).get("value", 0))

    def body(self) -> Any:
        """What is sent."""
        name = self.order["succeeded"] if self.task.state is State.SUCCEEDED else self.order["failed"]
        return self.call.dialect.answers[name](self.call.scene(self.task))

    def meet(self) -> Fault | None:
        """The fault that the next attempt meets."""
        session = self.call.session
        return session.faults.meet("callback", session.clock.now(), None, self.task.id) if session.faults else None


class Courier:
    """Delivers the callbacks of one server. `stop` gives up what is still under way.

    A receiver that is slow, or a name that is slow to look up, keeps no other receiver and nothing else waiting.
    """

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._lookups = ThreadPoolExecutor(LOOKUPS, "callback-lookup")
        self._client: aiohttp.ClientSession | None = None

    def watch(self, call: Call, task: Task) -> None:
        """Deliver the callback that the request asks for, if it does, once the task has ended."""
        order = call.dialect.data.get("callback")
        url = pointer.follow(call.body, order["url"]) if order else None
        if order and isinstance(url, str):
            running = asyncio.ensure_future(self._run(Errand(call, task, url, order)))
            self._running.add(running)
            running.add_done_callback(self._running.discard)

    async def stop(self) -> None:
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._lookups.shutdown(wait=False, cancel_futures=True)
        if self._client:
            await self._client.close()

    async def _run(self, errand: Errand) -> None:
        session = errand.call.session
        with session.clock.follow() as follower, suppress(ClockStopped):
            while not errand.task.final:
                await follower.until(session.table.next_due())
                errand.call.now = session.settle()
            await self._deliver(errand, follower)

    async def _deliver(self, errand: Errand, follower: Follower) -> None:
        """Try until the receiver thanks, as often as the provider tries."""
        clock = errand.call.session.clock
        for attempt in range(1, errand.attempts + 1):
            if attempt > 1:
                await follower.reach(clock.now() + errand.rest)
            fault = errand.meet()
            if fault and fault.name == "late":
                await follower.reach(clock.now() + fault.figure)
            if fault and fault.name == "reordered":
                await _let_pass(errand, follower)
            outcome = await self._attempt(errand, attempt, fault)
            if fault and fault.name == "duplicate":
                outcome = await self._attempt(errand, attempt, fault)
            if outcome.startswith("2") or outcome is LOST:
                return

    async def _attempt(self, errand: Errand, attempt: int, fault: Fault | None) -> str:
        """One POST and its line in the log; how it went for the provider."""
        session, body, name = errand.call.session, errand.body(), fault.name if fault else ""
        outcome = LOST if name == "lost" else await self._post(errand.url, body, errand.patience)
        if outcome.startswith("2"):
            errand.task.told = errand.task.state
            outcome = LATE if name == "slow-ack" else outcome
        word = fault.word if fault and name != "ok" else None
        session.deliveries.append(
            Delivery(errand.task.id, errand.url, attempt, session.clock.now(), outcome, body, word)
        )
        session.clock.wake()
        return outcome

    async def _post(self, url: str, body: Any, seconds: float) -> str:
        try:
            async with asyncio.timeout(seconds):
                if not await self._is_near(url):
                    return "not sent: the host is neither this machine nor on a private network"
                async with self._sender().post(_spelt(url), json=body, allow_redirects=False) as answer:
                    return str(answer.status)
        except TimeoutError:
            return f"no answer within {seconds:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"{type(error).__name__}: {error}"

    def _sender(self) -> aiohttp.ClientSession:
        if self._client is None:
            connector = aiohttp.TCPConnector(limit=0, limit_per_host=AT_ONCE, force_close=True)
            self._client = aiohttp.ClientSession(connector=connector, trust_env=False)
        return self._client

    async def _is_near(self, url: str) -> bool:
        """Whether every address of the URL's host is loopback or private; False for no HTTP URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return False
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._lookups, socket.getaddrinfo, parts.hostname, None)
        return bool(found) and not any(ipaddress.ip_address(address[4][0]).is_global for address in found)


def _spelt(url: str) -> URL:
    """The URL as it was written, since it may be signed; one with other than printable characters is quoted."""
    return URL(url, encoded=re.fullmatch("[!-~]+", url) is not None)


async def _let_pass(errand: Errand, follower: Follower) -> None:
    """Wait until another callback of the session was sent; if none ever is, this one is not sent either."""
    deliveries = errand.call.session.deliveries
    last = deliveries[-1] if deliveries else None
    while not deliveries or deliveries[-1] is last:
        await follower.until(None)
