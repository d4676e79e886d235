"""What a mock must do with its tasks, said once more and as plainly as can be: by adding up seconds and counting polls.

A life is a walk through the table of edges. Nothing else is taken from the code that is tested.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from math import inf
from typing import Any, NamedTuple

from hypothesis import strategies as st

from happyhorse_spec.contract import Endpoint, Mode, Provider
from happyhorse_spec.edits import apply_patch
from happyhorse_spec.request import Request
from mockserver.lifecycle import EDGES, FINAL, State

START = 1_800_000_000.0


def walks(state: State = State.PENDING) -> Iterator[tuple[State, ...]]:
    """Every way through the table of edges, from the first state to an end."""
    if state in FINAL:
        yield (state,)
    for (before, _), after in EDGES.items():
        if before is state:
            yield from ((state, *way) for way in walks(after))


WALKS = sorted(set(walks()))
#: What a later look may find after an earlier one.
REACHED = {(way[i], way[j]) for way in WALKS for i in range(len(way)) for j in range(i, len(way))}


class Step(NamedTuple):
    """A stretch of a life: it lasts some seconds, or some polls where it lasts any."""

    state: State
    seconds: float = 0.0
    polls: int = 0

    def __str__(self) -> str:
        lasts = f" {self.polls} polls" if self.polls else f" {self.seconds}s"
        return self.state.upper() + (lasts if self.state not in FINAL else "")


_SECONDS = st.builds(lambda seconds: {"seconds": seconds}, st.sampled_from([1.0, 2.5, 40.0, 4000.0]))
_POLLS = st.builds(lambda polls: {"polls": polls}, st.integers(1, 2))


@st.composite
def scripts(draw: st.DrawFn, provider: Provider) -> list[Step]:
    """Steps along a walk that the provider has words for; a state may be stretched over several."""
    known = [way for way in WALKS if all(state in provider.data["states"] for state in way)]
    *states, end = draw(st.sampled_from(known))
    stretches = [draw(st.lists(_SECONDS | _POLLS, min_size=1, max_size=2)) for _ in states]
    return [Step(state, **lasts) for state, found in zip(states, stretches, strict=True) for lasts in found] + [
        Step(end)
    ]


def ordered(provider: Provider, mode: Mode, steps: Iterable[object]) -> Any:
    """The example of a mode as a task that is not waited for, with a prompt that orders those steps."""
    body = copy.deepcopy(mode.request.book.schema["examples"][0])
    asynchronous = {"async": True} if "delivery" in provider.endpoints["submit"].data else {}
    prompt = f"[[{', '.join(map(str, steps))}]]"
    return {
        **apply_patch(body, {"op": "add", "path": provider.data["request"]["prompt"], "value": prompt}),
        **asynchronous,
    }


_TURNS = count()


@dataclass(eq=False)
class Life:
    """One task. `began` is when its step began, `turn` orders those that began at once; `seen` was told last."""

    world: str
    provider: Provider = field(repr=False)
    id: str
    model: str
    steps: list[Step]
    submitted: float
    began: float
    turn: int = 0
    polls: int = 0
    is_waiting: bool = False
    seen: State = State.PENDING
    ends: dict[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> State:
        return self.steps[0].state

    @property
    def due(self) -> tuple[float, int]:
        """When time alone brings the next step."""
        stays = self.state in FINAL or self.steps[0].polls or self.is_waiting
        return (inf if stays else self.began + self.steps[0].seconds), self.turn

    @property
    def lane(self) -> tuple[str, str]:
        """With whom it shares places: with all tasks of its provider, or with those of its model."""
        is_one = self.provider.data["limits"].get("running", {}).get("per") == "token"
        return self.provider.name, "" if is_one else self.model

    def age(self, now: float, *kept: str) -> float:
        """How much older it is than the provider keeps such things."""
        return now - self.submitted - sum(self.provider.data["retention"][f"{name}_seconds"]["value"] for name in kept)


@dataclass
class World:
    """One session: its time, its tasks by id, the faults to come, and what was let in when."""

    name: str
    limits: bool
    now: float = START
    lives: dict[str, Life] = field(default_factory=dict)
    faults: dict[str, deque[str]] = field(default_factory=dict)
    admitted: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"{self.name},limits=on" if self.limits else self.name

    def submit(self, provider: Provider, mode: Mode, steps: list[Step], body: Any, task_id: str) -> Life:
        model = str(Request(provider, mode, body).get("model"))
        life = Life(self.name, provider, task_id, model, steps, self.now, self.now, next(_TURNS))
        self.lives[task_id] = life
        self.settle()
        return life

    def let_pass(self, seconds: float | None) -> None:
        """Let some time pass, or (None) as much as there is until something happens."""
        upcoming = min((life.due[0] for life in self.lives.values()), default=inf)
        self.now = self.now + seconds if seconds is not None else upcoming if upcoming < inf else self.now
        self.settle()

    def settle(self) -> None:
        """Let time do its work, the earliest first."""
        while (life := self.next_due()) and life.due[0] <= self.now:
            self.leave(life, life.due[0])

    def next_due(self) -> Life | None:
        return min(self.lives.values(), key=lambda life: life.due, default=None)

    def poll(self, life: Life) -> None:
        """A step that lasts some polls ends with the one after them."""
        if life.steps[0].polls and life.polls >= life.steps[0].polls and not life.is_waiting:
            self.leave(life, self.now)
        life.polls += 1
        self.settle()

    def cancel(self, life: Life) -> None:
        life.steps = [life.steps[0], Step(State.CANCELED)]
        self.enter(life, self.now)

    def leave(self, life: Life, now: float) -> None:
        """Go on to the next step; a task waits where it would run and has no place."""
        begins = life.state is State.PENDING and life.steps[1].state is State.RUNNING
        if begins and self.running(life.lane) >= self.places(life.provider):
            life.is_waiting, life.began, life.turn = True, now, next(_TURNS)
        else:
            self.enter(life, now)

    def enter(self, life: Life, now: float) -> None:
        ran = life.state is State.RUNNING
        life.steps = life.steps[1:]
        life.polls, life.is_waiting, life.began, life.turn = 0, False, now, next(_TURNS)
        if ran and life.state in FINAL:
            self.fill(life, now)

    def fill(self, gone: Life, now: float) -> None:
        """Give the places that a task has left to those that have waited longest."""
        waiting = sorted((life for life in self.lives.values() if life.is_waiting), key=lambda life: life.turn)
        for life in waiting:
            if life.lane == gone.lane and self.running(life.lane) < self.places(life.provider):
                self.enter(life, now)

    def forget(self, life: Life) -> None:
        del self.lives[life.id]
        self.fill(life, self.now)

    def of(self, provider: Provider) -> list[Life]:
        return [life for life in self.lives.values() if life.provider is provider]

    def running(self, lane: tuple[str, str]) -> int:
        return sum(life.lane == lane and life.state is State.RUNNING for life in self.lives.values())

    def places(self, provider: Provider) -> float:
        """How many tasks may run at once; the others wait, or are refused."""
        return provider.data["limits"].get("running", {}).get("tasks", inf) if self.limits else inf

    def is_full(self, provider: Provider) -> bool:
        """Whether one task more is refused."""
        alive = [life for life in self.of(provider) if life.state not in FINAL]
        return "running_full" in provider.data["refusals"] and len(alive) >= self.places(provider)

    def admits(self, provider: Provider, endpoint: Endpoint, model: str) -> bool:
        """Count a request against the rate of its endpoint; False where it is one too many within a second."""
        limit = endpoint.data.get("limit")
        entry = provider.data["limits"].get(limit, {}) if self.limits else {}
        rate = entry.get("per_second")
        counted = model if entry.get("per") == "model" else ""
        admitted = self.admitted.setdefault((provider.name, str(limit), counted), [])
        if rate is not None and sum(self.now - at < 1.0 for at in admitted) >= rate:
            return False
        admitted.append(self.now)
        return True
