"""The tasks of a session by their ids, and those of one provider by their age: made so that no task more or less takes
long, however many there are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mockserver.lifecycle import Task

#: So many tasks have a dictionary of their own. One for a million would stop every answer for 40 ms when it grows.
PART = 65_536

_submitted = attrgetter("submitted")


class Crowd(Mapping[str, "Task"]):
    """Tasks by id, the oldest first."""

    __slots__ = ("_count", "_parts")

    def __init__(self) -> None:
        self._parts: list[dict[str, Task]] = [{}]
        self._count = 0

    def add(self, task: Task) -> None:
        if len(self._parts[-1]) >= PART:
            self._parts.append({})
        self._parts[-1][task.id] = task
        self._count += 1

    def remove(self, task: Task) -> bool:
        """Whether the task was there."""
        for part in self._parts:
            if part.pop(task.id, None) is not None:
                self._count -= 1
                if not part and part is not self._parts[-1]:
                    self._parts.remove(part)
                return True
        return False

    def find(self, task_id: str) -> Task | None:
        """The task with that id, if it is here."""
        for part in self._parts:
            if task := part.get(task_id):
                return task
        return None

    def __getitem__(self, task_id: str) -> Task:
        if task := self.find(task_id):
            return task
        raise KeyError(task_id)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        for part in self._parts:
            yield from part

    def newest_first(self) -> Iterator[Task]:
        for part in reversed(self._parts):
            yield from reversed(part.values())


class Roll:
    """The tasks of one provider, the oldest first. Whoever goes from the front leaves an empty place, until every
    second place is empty."""

    __slots__ = ("first", "tasks")

    def __init__(self) -> None:
        self.tasks: list[Any] = []
        self.first = 0

    def add(self, task: Task) -> None:
        self.tasks.append(task)

    def remove(self, task: Task) -> None:
        tasks = self.tasks
        if tasks[self.first] is not task:
            del tasks[tasks.index(task, bisect_left(tasks, task.submitted, self.first, key=_submitted))]
            return
        tasks[self.first] = None
        self.first += 1
        if self.first * 2 >= len(tasks):
            del tasks[: self.first]
            self.first = 0

    @property
    def oldest(self) -> Task | None:
        return self.tasks[self.first] if self.tasks else None

    def between(self, start: float, end: float) -> range:
        """The places of the tasks that were submitted in that time."""
        first = bisect_left(self.tasks, start, self.first, key=_submitted)
        return range(first, bisect_right(self.tasks, end, first, key=_submitted))
