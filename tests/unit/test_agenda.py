"""What is due when."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from mockserver.agenda import BOXES, Agenda
from mockserver.lifecycle import Task

NOW = 1_700_000_000.0
SPANS = st.sampled_from([0.0, 0.001, 0.1, 0.25, 0.5, 1.0, 3.0, 60.0]) | st.floats(0, 100)


def named(name: object) -> Task:
    """Stands for a task; an agenda looks at none."""
    return cast("Task", name)


def taken(agenda: Agenda, now: float) -> list[tuple[float, Any]]:
    return [(item[0], item[2]) for item in iter(lambda: agenda.take(now), None)]


def test_nothing_is_due_in_an_empty_agenda() -> None:
    agenda = Agenda()
    assert (agenda.first(), agenda.take(float("inf"))) == (None, None)


def test_what_came_first_is_first_where_the_moment_is_the_same() -> None:
    agenda = Agenda()
    for name in "abc":
        agenda.add(NOW, named(name))
    assert taken(agenda, NOW) == [(NOW, "a"), (NOW, "b"), (NOW, "c")]


def test_first_stays_until_its_moment_has_come() -> None:
    agenda = Agenda()
    agenda.add(NOW + 0.2, named("late"))
    agenda.add(NOW + 0.1, named("soon"))
    for _ in range(2):
        first = agenda.first()
        assert first
        assert first[2] == "soon"
    assert taken(agenda, NOW + 0.15) == [(NOW + 0.1, "soon")]
    assert agenda.take(NOW + 0.199) is None
    assert taken(agenda, NOW + 0.2) == [(NOW + 0.2, "late")]


def test_moment_before_all_that_was_taken_is_next() -> None:
    agenda = Agenda()
    agenda.add(NOW + 10.2, named("far"))
    assert agenda.first()
    for moment in (NOW + 10.1, NOW + 2, NOW - 5):
        agenda.add(moment, named(moment))
    assert [moment for moment, _ in taken(agenda, NOW + 11)] == [NOW - 5, NOW + 2, NOW + 10.1, NOW + 10.2]


def test_moments_before_1970_have_their_order_too() -> None:
    agenda, moments = Agenda(), [-0.1, -7.0, 0.1, -7.1]
    for moment in moments:
        agenda.add(moment, named(moment))
    assert [moment for moment, _ in taken(agenda, 1.0)] == sorted(moments)


def test_order_holds_within_a_box_and_from_one_to_the_next() -> None:
    agenda, width = Agenda(), 1 / BOXES
    moments = [NOW + width * share for share in (0.9, 0.1, 0.5, 1.5, 1.1)]
    for moment in moments:
        agenda.add(moment, named(moment))
    assert [moment for moment, _ in taken(agenda, NOW + 2)] == sorted(moments)


@given(st.lists(st.tuples(st.booleans(), SPANS), max_size=60))
def test_does_what_one_heap_of_all_moments_does(moves: list[tuple[bool, float]]) -> None:
    agenda, heap, tick, now = Agenda(), list[tuple[float, int, Any]](), count(), NOW
    for is_new, span in moves:
        if is_new:
            number = next(tick)
            agenda.add(now + span, named(number))
            heappush(heap, (now + span, number, number))
            continue
        now += span
        first = agenda.first()
        assert (first and first[0]) == (heap[0][0] if heap else None)
        due = [heappop(heap) for _ in range(sum(item[0] <= now for item in heap))]
        assert taken(agenda, now) == [(moment, number) for moment, _, number in due]
