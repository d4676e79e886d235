"""Who meets which fault, and the account of it: for every word that was ordered, whether it was met, when, by whom.

A plan belongs to a session. Words are ordered for an endpoint, and for everybody or for a scope only: the requests
about one task, or those with one prompt. What is drawn by rate comes from the session's seed, by a stream of its own,
so that ids stay the same with and without faults.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from mockserver.faults import Fault, FaultError, Moment

#: Words that a session may have in its account; of those that were met, the oldest give way.
MAX_PLANNED = 10_000
#: Faults drawn by rate that the account names; it counts them all.
MAX_DRAWN = 1_000

#: Faults that are met on the way in: whether their moment comes is known at once.
ON_ARRIVAL = frozenset({Moment.BEFORE, Moment.ANSWER})


@dataclass(slots=True, eq=False)
class Planned:
    """One word of the plan. `request` is the number of the exchange that met it, `at` the session time."""

    endpoint: str
    fault: Fault
    scope: str = ""
    at: float | None = None
    request: int | None = None
    task_id: str | None = None

    @property
    def met(self) -> bool:
        return self.at is not None

    def meet(self, at: float, request: int | None, task_id: str | None) -> Fault:
        self.at, self.request, self.task_id = at, request, task_id
        return self.fault

    def as_dict(self) -> dict[str, Any]:
        """The word's line in the account."""
        line = {"endpoint": self.endpoint, "word": self.fault.word, "met": self.met, "at": self.at}
        return {**line, "request": self.request, "task_id": self.task_id}


class Rate(NamedTuple):
    """Faults that are drawn: how often (0-1), which, and from what."""

    rate: float
    faults: tuple[Fault, ...]
    random: Random


@dataclass(slots=True)
class FaultPlan:
    """The faults of one session."""

    planned: list[Planned] = field(default_factory=list)
    drawn: list[Planned] = field(default_factory=list)
    drawn_count: int = 0
    #: Task -> what its result's URL does from now on.
    spoilt: dict[str, Fault] = field(default_factory=dict)
    _queues: dict[tuple[str, str], deque[Planned]] = field(default_factory=dict)
    _rates: dict[str, Rate] = field(default_factory=dict)
    _scopes: dict[str, None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything can still happen."""
        return bool(self._queues or self._rates or self.spoilt)

    def order(self, endpoint: str, faults: Iterable[Fault], scope: str = "") -> None:
        """Put words at the end of an endpoint's list; raises FaultError where there are too many."""
        added = [Planned(endpoint, fault, scope) for fault in faults]
        while len(self.planned) + len(added) > MAX_PLANNED and self.planned and self.planned[0].met:
            del self.planned[0]
        if len(self.planned) + len(added) > MAX_PLANNED:
            raise FaultError(f"more than {MAX_PLANNED} faults are planned; clear those that are not wanted any more")
        if added:
            self.planned.extend(added)
            self._queues.setdefault((endpoint, scope), deque()).extend(added)

    def order_once(self, endpoint: str, faults: Iterable[Fault], scope: str) -> None:
        """`order`, but only the first time that a scope is seen: a prompt sent again does not order again."""
        if scope not in self._scopes:
            self.order(endpoint, faults, scope)
            self._scopes[scope] = None
            _keep(self._scopes)

    def spoil(self, task_id: str, fault: Fault) -> None:
        """From now on, let the URL of a task's result meet this fault."""
        self.spoilt[task_id] = fault
        _keep(self.spoilt)

    def draw(self, endpoint: str, rate: float, faults: Iterable[Fault], random: Random) -> None:
        """From now on, let requests to an endpoint meet one of these faults with a probability."""
        drawn = drawable(faults)
        if not drawn or not 0 <= rate <= 1:
            raise FaultError(f"the rate is {rate} with {len(drawn)} words; it must be 0-1 with at least one word")
        self._rates[endpoint] = Rate(rate, drawn, random)

    def meet(
        self,
        endpoint: str,
        at: float,
        request: int | None = None,
        task_id: str | None = None,
        *,
        scope: str = "",
        moments: Collection[Moment] = frozenset(Moment),
    ) -> Fault | None:
        """The fault that this request (or callback) meets, if it does; notes it in the account."""
        for name in (scope, task_id, ""):
            queue = self._queues.get((endpoint, name)) if name is not None else None
            if queue and queue[0].fault.moment in moments:
                planned = queue.popleft()
                if not queue:
                    del self._queues[endpoint, planned.scope]
                return planned.meet(at, request, task_id)
        if Moment.BEFORE not in moments or endpoint not in self._rates:
            return None
        return self._drawn(endpoint, at, request, task_id)

    def account(self) -> dict[str, Any]:
        """Every word with whether it was met, the drawn ones after the planned, and what is still open."""
        open_words = [planned for planned in self.planned if not planned.met and planned.fault.name != "ok"]
        return {
            "planned": [planned.as_dict() for planned in self.planned],
            "rates": {name: {"rate": rate.rate, "words": _words(rate)} for name, rate in self._rates.items()},
            "drawn": [planned.as_dict() for planned in self.drawn],
            "drawn_count": self.drawn_count,
            "not_met": len(open_words),
        }

    def _drawn(self, endpoint: str, at: float, request: int | None, task_id: str | None) -> Fault | None:
        rate, faults, random = self._rates[endpoint]
        if random.random() >= rate:
            return None
        planned = Planned(endpoint, random.choice(faults))
        self.drawn = [*self.drawn[1 - MAX_DRAWN :], planned]
        self.drawn_count += 1
        return planned.meet(at, request, task_id)


def drawable(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """The faults, where each can be drawn by rate; raises FaultError."""
    drawn = tuple(faults)
    waits = next((fault for fault in drawn if fault.moment in (Moment.SUCCESS, Moment.AFTERWARDS)), None)
    if waits:
        raise FaultError(f"{waits.word!r} waits for a finished task; it cannot be drawn by rate")
    return drawn


def _keep(newest: dict[str, Any]) -> None:
    """Let go of the oldest where there are too many."""
    if len(newest) > MAX_PLANNED:
        del newest[next(iter(newest))]


def _words(rate: Rate) -> list[str]:
    return [fault.word for fault in rate.faults]
