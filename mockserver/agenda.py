"""What is due when: made so that one moment takes no longer where there are a million others.

In one heap of all moments every step from its top to its bottom is a place elsewhere in memory. So moments to come lie
in boxes of a quarter of a second, unsorted; only the box that has been opened is a heap.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mockserver.lifecycle import Task

#: Boxes in a second.
BOXES = 4

Item = tuple[float, int, "Task"]


class Agenda:
    """Moments (clock seconds) and tasks, the earliest first; those of one moment in the order in which they came."""

    __slots__ = ("_boxes", "_numbers", "_open", "_opened", "_tick")

    def __init__(self) -> None:
        self._boxes: dict[int, list[Item]] = {}
        self._numbers: list[int] = []
        self._open: list[Item] = []
        self._opened = -1
        self._tick = count()

    def add(self, moment: float, task: Task) -> None:
        item, number = (moment, next(self._tick), task), int(moment * BOXES)
        if number <= self._opened:
            heappush(self._open, item)
        elif box := self._boxes.get(number):
            box.append(item)
        else:
            self._boxes[number] = [item]
            heappush(self._numbers, number)

    def first(self) -> Item | None:
        """The earliest, which stays."""
        items = self._open or self._next_box(inf)
        return items[0] if items else None

    def take(self, now: float) -> Item | None:
        """The earliest, if its moment has come by now; it is here no more."""
        items = self._open or self._next_box(now)
        return heappop(items) if items and items[0][0] <= now else None

    def _next_box(self, now: float) -> list[Item]:
        """What is in the next box, if its time has come by now."""
        if self._numbers and self._numbers[0] <= now * BOXES:
            self._opened = heappop(self._numbers)
            self._open = self._boxes.pop(self._opened)
            heapify(self._open)
        return self._open
