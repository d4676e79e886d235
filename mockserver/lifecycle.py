"""The life of a task as a table of edges, and the engine that follows it.

Pure: every function takes the time, none asks for it, and no task has a timer. A task carries its plan, a list of
steps (`PENDING 2s, RUNNING 30s, FAILED DataInspectionFailed`). The table keeps the moments at which something is due
in one agenda, and `settle(now)` fires those that have come, in order, so that every time it notes is exact however late
somebody looks.

    PENDING --start--> RUNNING --finish--> SUCCEEDED
       |                  '------break---> FAILED
       |------refuse--------------------->   "
       '------cancel---------------------> CANCELED

A task waits as PENDING while its lane (one provider and model) has no free place; a place that comes free goes to the
task that waits longest. A task that is forgotten after its retention has no state: the answer to it is `unknown`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from mockserver.agenda import Agenda
from mockserver.crowd import Crowd, Roll


class State(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


#: Two that every task goes through, at hand: before Python 3.12 it takes long to look one up in its class.
PENDING, RUNNING = State.PENDING, State.RUNNING


class Event(StrEnum):
    START = "start"
    FINISH = "finish"
    BREAK = "break"
    REFUSE = "refuse"
    CANCEL = "cancel"


#: (state, event) -> state; what is not here cannot happen.
EDGES: Mapping[tuple[State, Event], State] = {
    (State.PENDING, Event.START): State.RUNNING,
    (State.PENDING, Event.REFUSE): State.FAILED,
    (State.PENDING, Event.CANCEL): State.CANCELED,
    (State.RUNNING, Event.FINISH): State.SUCCEEDED,
    (State.RUNNING, Event.BREAK): State.FAILED,
}

_EVENT_INTO: Mapping[tuple[State, State], Event] = {(old, new): event for (old, event), new in EDGES.items()}

#: What a task takes beside its request, in bytes: measured, with its plan and its place in the table.
TASK_BYTES = 800

FINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELED})


@dataclass(slots=True)
class Step:
    """One stretch of a task's life: a state and how long it holds, in seconds or in polls (0 and 0: for good).

    `error` is the key of the provider's error and `message` its words, for a step into FAILED.
    """

    state: State
    seconds: float = 0.0
    polls: int = 0
    error: str | None = None
    message: str | None = None


Plan = tuple[Step, ...]


class LifecycleError(ValueError):
    """A plan that the table of edges does not allow."""


@dataclass(slots=True, eq=False)
class Task:
    """One task. `lane` names its provider and model; `request` is the body as it came; times are clock seconds.

    `told` is the state that the client heard last.
    """

    id: str
    lane: tuple[str, str]
    plan: Plan
    submitted: float
    mode: str = ""
    request: bytes = b""
    request_id: str = ""
    step: int = 0
    polls: int = 0
    due: float | None = None
    started: float | None = None
    ended: float | None = None
    waiting: bool = False
    told: State | None = None
    notes: dict[str, Any] | None = None

    @property
    def state(self) -> State:
        return self.plan[self.step].state

    @property
    def size(self) -> int:
        """Bytes that keeping this takes."""
        return TASK_BYTES + len(self.request)

    @property
    def final(self) -> bool:
        return self.plan[self.step].state in FINAL

    @property
    def failure(self) -> Step:
        """The step that says why a failed task failed."""
        return self.plan[self.step]


def checked_plan(steps: Plan, begin: State = State.PENDING) -> Plan:
    """The plan itself where it begins with that state, every step is an edge, the last final; raises LifecycleError."""
    if begin in FINAL:
        raise LifecycleError(f"the task has ended; its state is {begin.upper()}")
    if not steps or steps[0].state is not begin:
        raise LifecycleError(f"a life begins with {begin.upper()}")
    for before, after in pairwise(steps):
        if before.state is not after.state and (before.state, after.state) not in _EVENT_INTO:
            raise LifecycleError(f"no edge leads from {before.state.upper()} to {after.state.upper()}")
    if steps[-1].state not in FINAL:
        raise LifecycleError(f"a life ends with one of {', '.join(sorted(state.upper() for state in FINAL))}")
    return steps


def led(steps: Plan, begin: State = State.PENDING) -> Plan:
    """The steps, led to from `begin` by the shortest way, which takes no time; as they are where there is none."""
    first = steps[0].state
    if first is begin or begin in FINAL:
        return steps
    way = (Step(begin),) if (begin, first) in _EVENT_INTO else (Step(begin), Step(State.RUNNING))
    return (*way, *steps)


class TaskTable:
    """All tasks of a session, in the order of their submission, and what is due when.

    `places` says how many tasks of a lane may run at once; an entry for (provider, "") stands for all lanes of that
    provider together. Without an entry any number runs.
    """

    def __init__(self) -> None:
        self.tasks = Crowd()
        self.places: dict[tuple[str, str], int] = {}
        self.running: dict[tuple[str, str], int] = {}
        self.bytes = 0
        self._alive: dict[tuple[str, str], int] = {}
        self._queues: dict[tuple[str, str], deque[Task]] = {}
        self._waiting: dict[tuple[str, str], int] = {}
        self._rolls: dict[str, Roll] = {}
        self._agenda = Agenda()

    def submit(self, task: Task) -> None:
        """Take a task up; it starts its first step at the time it was submitted."""
        self.tasks.add(task)
        self.bytes += task.size
        roll = self._rolls.get(task.lane[0]) or self._rolls.setdefault(task.lane[0], Roll())
        roll.add(task)
        self._alive[task.lane] = self._alive.get(task.lane, 0) + 1
        self._enter(task, 0, task.submitted)

    def settle(self, now: float) -> None:
        """Fire everything that is due by `now`, in order."""
        while item := self._agenda.take(now):
            due, _, task = item
            if task.due == due:
                self._leave_step(task, due)

    def next_due(self) -> float | None:
        """When the next thing happens by time alone, or None."""
        while (item := self._agenda.first()) and item[2].due != item[0]:
            self._agenda.take(item[0])
        return item[0] if item else None

    def poll(self, task: Task, now: float) -> bool:
        """Count a status poll; a step that lasts a number of polls ends after the last of them. Whether it did."""
        asked = task.plan[task.step].polls
        over = bool(asked) and task.polls >= asked and not task.waiting
        if over:
            self._leave_step(task, now)
        task.polls += 1
        return over

    def cancel(self, task: Task, now: float) -> bool:
        """Cancel a task that is PENDING; False where the edge does not exist."""
        if (task.state, Event.CANCEL) not in EDGES:
            return False
        task.plan = (*task.plan[: task.step + 1], Step(State.CANCELED))
        self._enter(task, task.step + 1, now)
        return True

    def replan(self, task: Task, steps: Plan, now: float) -> None:
        """Let the rest of a task's life be these steps, beginning now with its present state; raises LifecycleError."""
        task.plan = (*task.plan[: task.step], *checked_plan(steps, task.state))
        self._enter(task, task.step, now)

    def queued(self, lane: tuple[str, str]) -> int:
        """How many tasks of a lane wait for a place."""
        return self._waiting.get(lane, 0)

    def alive(self, provider: str) -> int:
        """How many tasks of a provider have not ended."""
        return sum(count for (name, _), count in self._alive.items() if name == provider)

    def lanes(self) -> Iterator[tuple[str, str]]:
        """Every provider and model that had a task."""
        return iter(self._alive)

    def between(self, provider: str, start: float, end: float) -> tuple[list[Task], range]:
        """All tasks of a provider, oldest first, not for writing; and the places of those submitted in that time."""
        roll = self._rolls.get(provider) or Roll()
        return roll.tasks, roll.between(start, end)

    def oldest(self) -> Task:
        """The task that was submitted first; there must be one."""
        return min((task for roll in self._rolls.values() if (task := roll.oldest)), key=lambda task: task.submitted)

    def newest_first(self) -> Iterator[Task]:
        return self.tasks.newest_first()

    def forget(self, task: Task, now: float) -> None:
        """Drop a task for good: its retention is over. A place that it had goes to the one that waits longest."""
        task.due = None
        if task.waiting:
            self._wait(task, False)
        if not self.tasks.remove(task):
            return
        self._rolls[task.lane[0]].remove(task)
        self.bytes -= task.size
        if not task.final:
            self._alive[task.lane] -= 1
        if task.state is State.RUNNING:
            self.running[task.lane] -= 1
            self._start_next(task.lane, now)

    def _leave_step(self, task: Task, now: float) -> None:
        before, following = task.plan[task.step].state, task.plan[task.step + 1].state
        if following is RUNNING and before is PENDING and not self._has_place(task.lane):
            task.due = None
            self._wait(task, True)
            self._queues.setdefault(self._pool(task.lane), deque()).append(task)
            return
        self._enter(task, task.step + 1, now)

    def _enter(self, task: Task, index: int, now: float) -> None:
        before, step = task.plan[task.step].state, task.plan[index]
        task.step, task.polls = index, 0
        if task.waiting:
            self._wait(task, False)
        if before is not step.state:
            self._note_edge(task, before, step.state, now)
        if step.polls or step.state in FINAL:
            task.due = None
            return
        task.due = due = now + step.seconds
        self._agenda.add(due, task)

    def _wait(self, task: Task, waiting: bool) -> None:
        """Note that a task waits for a place, or does no more; count those of its lane that do."""
        task.waiting = waiting
        self._waiting[task.lane] = self._waiting.get(task.lane, 0) + (1 if waiting else -1)

    def _note_edge(self, task: Task, before: State, after: State, now: float) -> None:
        if after is RUNNING:
            task.started = now
            self.running[task.lane] = self.running.get(task.lane, 0) + 1
            return
        task.ended = now
        self._alive[task.lane] -= 1
        if before is RUNNING:
            self.running[task.lane] -= 1
            self._start_next(task.lane, now)

    def _has_place(self, lane: tuple[str, str]) -> bool:
        pool = self._pool(lane)
        places = self.places.get(pool)
        if places is None or pool == lane:
            return places is None or places > self.running.get(lane, 0)
        return places > sum(n for lane, n in self.running.items() if self._pool(lane) == pool)

    def _pool(self, lane: tuple[str, str]) -> tuple[str, str]:
        """Whose places a task of the lane takes."""
        return shared if (shared := (lane[0], "")) in self.places else lane

    def _start_next(self, lane: tuple[str, str], now: float) -> None:
        queue = self._queues.get(self._pool(lane))
        while queue and self._has_place(lane):
            task = queue.popleft()
            if task.waiting:
                self._enter(task, task.step + 1, now)
