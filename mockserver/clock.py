"""Time as an object: the only module that asks the operating system what time it is.

A session has one clock, and everything that depends on time reads it: queueing, rendering, expiry, rate windows,
callbacks. Times are seconds since 1970 as floats. Four modes:

- `real`     runs as the wall clock does
- `scaled`   runs `rate` times as fast
- `manual`   stands still until it is advanced
- `jump`     stands still too, and whoever waits for an event moves it there: a status poll, a waiting submit, a stream

Time never runs backwards. What `jump` cannot know: a client that sleeps between polls sleeps real time; only its polls
make the tasks move.

Whoever waits for session time follows the clock, so that `run` can let time pass as if it were real: it stops at every
moment that somebody waits for and lets them act there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

#: The first second of the year 9000: beyond it dates could not be written any more.
LATEST = 221_845_392_000.0
#: The fastest that time runs.
MAX_RATE = 1_000_000.0
#: How long (wall seconds) `run` lets those act who came to their moment, e.g. a callback's receiver answer.
PATIENCE = 2.0


class ClockMode(StrEnum):
    REAL = "real"
    SCALED = "scaled"
    MANUAL = "manual"
    JUMP = "jump"


class ClockStopped(Exception):
    """The clock's session was reset or deleted; there is nothing left to wait for."""


class Clock:
    """A clock that starts at `start` (seconds since 1970; now by default) and runs as its mode says."""

    __slots__ = ("_base", "_followers", "_origin", "_stirred", "mode", "rate", "stopped")

    def __init__(self, mode: ClockMode = ClockMode.REAL, rate: float = 1.0, start: float | None = None) -> None:
        self._base = time.time() if start is None else start
        self._origin = time.monotonic()
        self._followers: dict[Follower, None] = {}
        self._stirred: asyncio.Event | None = None
        self.mode = ClockMode(mode)
        self.rate = _rate(self.mode, rate)
        self.stopped = False

    def now(self) -> float:
        """The session's time."""
        if not self.rate:
            return self._base
        return self._base + (time.monotonic() - self._origin) * self.rate

    def advance(self, seconds: float) -> float:
        """Move time forward at once and wake who waits; raises ValueError for a step backwards."""
        return self._move_to(self._ahead(seconds))

    async def run(self, seconds: float) -> float:
        """Let time pass: everybody who waits for a moment on the way acts at that moment. The time it is then."""
        target = self._ahead(seconds)
        while (moment := self.next_awaited()) is not None and moment <= target:
            self._move_to(moment)
            await self._calm()
        self._move_to(target)
        await self._calm()
        return self.now()

    def jump_to(self, moment: float | None) -> bool:
        """In jump mode, move to `moment` if it lies ahead; in the other modes do nothing. Whether it moved."""
        if self.mode is not ClockMode.JUMP or moment is None or moment <= self._base:
            return False
        self._move_to(min(moment, LATEST))
        return True

    def switch(self, mode: ClockMode, rate: float = 1.0) -> None:
        """Run in another mode from here on; the time stays what it is."""
        rate = _rate(mode, rate)
        self._move_to(self.now())
        self.mode, self.rate = mode, rate

    def stop(self) -> None:
        """Let go of everybody who waits: they get ClockStopped, as will whoever begins to wait."""
        self.stopped = True
        self.wake()

    def next_awaited(self) -> float | None:
        """The next moment that somebody waits for, or None."""
        return min((follower.moment for follower in self._followers if follower.moment is not None), default=None)

    @contextmanager
    def follow(self) -> Iterator[Follower]:
        """Follow the clock as long as the block lasts."""
        follower = Follower(self)
        self._followers[follower] = None
        try:
            yield follower
        finally:
            del self._followers[follower]
            self.stir()

    async def until(self, moment: float | None) -> None:
        """`Follower.until` for who waits but once, or has nothing to do between that `run` had to wait for."""
        with self.follow() as follower:
            await follower.until(moment)

    def stir(self) -> None:
        """Tell `run` that a follower has come to rest."""
        if self._stirred:
            self._stirred.set()

    async def _calm(self) -> None:
        """Wait until every follower waits for a moment to come."""
        try:
            async with asyncio.timeout(PATIENCE):
                while any(follower.awake for follower in self._followers):
                    self._stirred = asyncio.Event()
                    await self._stirred.wait()
        except TimeoutError:
            return
        finally:
            self._stirred = None

    def _ahead(self, seconds: float) -> float:
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"time is advanced by {seconds} s; it must be 0 or more, since time never runs backwards")
        if self.now() + seconds > LATEST:
            raise ValueError(f"time is advanced by {seconds} s; it must end before the year 9000")
        return self.now() + seconds

    def _move_to(self, moment: float) -> float:
        self._base = max(moment, self.now())
        self._origin = time.monotonic()
        self.wake()
        return self._base

    async def reach(self, moment: float) -> None:
        """Wait until the moment has come, however often time is moved before."""
        with self.follow() as follower:
            await follower.reach(moment)

    def wake(self) -> None:
        """Let everybody who waits look again: something has happened that time alone does not bring."""
        for follower in self._followers:
            follower.wake()


class Follower:
    """Somebody who waits for session time. `moment` is what they wait for; awake means that they are at work."""

    __slots__ = ("_clock", "_future", "moment")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._future: asyncio.Future[None] | None = None
        self.moment: float | None = None

    @property
    def awake(self) -> bool:
        return self._future is None or self._future.done()

    async def until(self, moment: float | None) -> None:
        """Wait until `moment` (None: for ever), or until time is moved by hand; the caller looks again.

        Raises ClockStopped where the session is gone.
        """
        clock = self._clock
        clock.jump_to(moment)
        left = None if moment is None else moment - clock.now()
        if not clock.stopped and (left is None or left > 0):
            await self._sleep(moment, left / clock.rate if left is not None and clock.rate else None)
        if clock.stopped:
            raise ClockStopped

    async def reach(self, moment: float) -> None:
        """Wait until the moment has come, however often time is moved before."""
        while self._clock.now() < moment:
            await self.until(moment)

    def wake(self) -> None:
        if self._future and not self._future.done():
            self._future.set_result(None)
        self.moment = None

    async def _sleep(self, moment: float | None, wall_seconds: float | None) -> None:
        self.moment, self._future = moment, asyncio.get_running_loop().create_future()
        self._clock.stir()
        try:
            await asyncio.wait_for(self._future, wall_seconds)
        except TimeoutError:
            pass
        finally:
            self.moment = self._future = None


def _rate(mode: ClockMode, rate: float) -> float:
    if mode is ClockMode.SCALED:
        if not 0 < rate <= MAX_RATE:
            raise ValueError(f"the clock's rate is {rate}; it must be more than 0 and at most {MAX_RATE:,.0f}")
        return rate
    return 1.0 if mode is ClockMode.REAL else 0.0


#: Wall time in seconds from some origin, for measuring how long an exchange took; never for a task.
stopwatch = time.perf_counter


async def pause(seconds: float) -> None:
    """Let wall time pass, for what a client meets on the wire; never for a task."""
    await asyncio.sleep(seconds)
