"""Tasks by id and by age, while the oldest go and others leave from the middle."""

from __future__ import annotations

import pytest

from mockserver import crowd
from mockserver.crowd import Crowd, Roll
from mockserver.lifecycle import State, Step, Task


def tasks(count: int) -> list[Task]:
    return [Task(str(number), ("provider", "model"), (Step(State.PENDING),), float(number)) for number in range(count)]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "PART", 3)


@pytest.mark.usefixtures("small_parts")
def test_finds_every_task_whatever_its_part() -> None:
    everybody, made = Crowd(), tasks(10)
    for task in made:
        everybody.add(task)
    assert (len(everybody), list(everybody)) == (10, [task.id for task in made])
    assert [everybody[task.id] for task in made] == made == list(everybody.newest_first())[::-1]
    assert (everybody.get("10"), "9" in everybody, "10" in everybody) == (None, True, False)


@pytest.mark.usefixtures("small_parts")
def test_lets_tasks_go_from_anywhere() -> None:
    everybody, made = Crowd(), tasks(10)
    for task in made:
        everybody.add(task)
    gone = [everybody.remove(made[number]) for number in (0, 1, 2, 5, 9, 9)]
    assert gone == [True] * 5 + [False]
    assert list(everybody) == ["3", "4", "6", "7", "8"]
    for task in [made[number] for number in (3, 4, 6, 7, 8)]:
        everybody.remove(task)
    assert everybody == {}


def test_keeps_the_age_while_the_oldest_go() -> None:
    roll, made = Roll(), tasks(100)
    for task in made:
        roll.add(task)
    for number, task in enumerate(made[:-1]):
        assert roll.oldest is task
        assert [roll.tasks[place] for place in roll.between(10, 19)] == made[max(10, number) : 20]
        roll.remove(task)
    roll.remove(made[-1])
    assert (roll.oldest, roll.tasks, roll.between(0, 100)) == (None, [], range(0))


def test_lets_a_task_go_from_between_others_of_the_same_moment() -> None:
    roll, made = Roll(), tasks(6)
    for task in made:
        task.submitted = float(task.submitted > 2)
        roll.add(task)
    for number in (0, 1, 4):
        roll.remove(made[number])
    assert [roll.tasks[place] for place in roll.between(0, 1)] == [made[2], made[3], made[5]]
