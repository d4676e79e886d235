"""Time as an object: the only module that asks the operating system what time it is.

A session has one clock, and everything that depends on time reads it: queueing, rendering, expiry, rate windows,
callbacks. Times are seconds since 1970 as floats. Four modes:

- `real`     runs as the wall clock does
- `scaled`   runs `rate` times as fast
- `manual`   stands still until it is advanced
- `jump`     stands still too, and whoever waits for an event moves it there: a status poll, a waiting submit, a stream

Time never runs backwards. What `jump` cannot know: a client that sleeps between polls sleeps real time; only its polls
make the tasks move.
"""

from __future__ import annotations

import asyncio
import time
from enum import StrEnum


class ClockMode(StrEnum):
    REAL = "real"
    SCALED = "scaled"
    MANUAL = "manual"
    JUMP = "jump"


class Clock:
    """A clock that starts at `start` (seconds since 1970; now by default) and runs as its mode says."""

    __slots__ = ("_base", "_origin", "_waiting", "mode", "rate")

    def __init__(self, mode: ClockMode = ClockMode.REAL, rate: float = 1.0, start: float | None = None) -> None:
        self._base = time.time() if start is None else start
        self._origin = time.monotonic()
        self._waiting: set[asyncio.Future[None]] = set()
        self.mode = mode
        self.rate = _rate(mode, rate)

    def now(self) -> float:
        """The session's time."""
        if not self.rate:
            return self._base
        return self._base + (time.monotonic() - self._origin) * self.rate

    def advance(self, seconds: float) -> float:
        """Move time forward and wake who waits; raises ValueError for a step backwards."""
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"time is advanced by {seconds} s; it must be 0 or more, since time never runs backwards")
        self._base = self.now() + seconds
        self._origin = time.monotonic()
        self._wake()
        return self._base

    def jump_to(self, moment: float | None) -> None:
        """In jump mode, move to `moment` if it lies ahead; in the other modes do nothing."""
        if self.mode is ClockMode.JUMP and moment is not None and moment > self._base:
            self.advance(moment - self._base)

    def switch(self, mode: ClockMode, rate: float = 1.0) -> None:
        """Run in another mode from here on; the time stays what it is."""
        self._base = self.now()
        self._origin = time.monotonic()
        self.mode = mode
        self.rate = _rate(mode, rate)
        self._wake()

    async def until(self, moment: float | None) -> None:
        """Wait until `moment` (None: for ever), or until time is moved by hand; the caller looks again."""
        self.jump_to(moment)
        left = None if moment is None else moment - self.now()
        if left is not None and left <= 0:
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait_for(future, left / self.rate if left is not None and self.rate else None)
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(future)

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)


def _rate(mode: ClockMode, rate: float) -> float:
    if mode is ClockMode.SCALED:
        if not 0 < rate < float("inf"):
            raise ValueError(f"the clock's rate is {rate}; it must be more than 0")
        return rate
    return 1.0 if mode is ClockMode.REAL else 0.0


def stopwatch() -> float:
    """Wall time in seconds from some origin, for measuring how long an exchange took; never for a task."""
    return time.perf_counter()
