"""The table of edges and the engine that follows it."""

import pytest

from mockserver.lifecycle import EDGES, FINAL, LifecycleError, State, Step, Task, TaskTable, checked_plan

LANE = ("somebody", "a-model")
LIFE = (Step(State.PENDING, 2.0), Step(State.RUNNING, 30.0), Step(State.SUCCEEDED))


def task(name="one", plan=LIFE, at=100.0, lane=LANE):
    return Task(name, lane, plan, at)


def table_with(*tasks):
    table = TaskTable()
    for each in tasks:
        table.submit(each)
    return table


def test_follows_its_plan_by_time_alone():
    one = task()
    table = table_with(one)
    seen = []
    for now in (101.9, 102.0, 131.9, 132.0, 999.0):
        table.settle(now)
        seen.append(one.state)
    assert seen == [State.PENDING, State.RUNNING, State.RUNNING, State.SUCCEEDED, State.SUCCEEDED]


def test_notes_exact_times_however_late_somebody_looks():
    one = task()
    ended = table_with(one).settle(5000.0)
    assert (one.started, one.ended, ended) == (102.0, 132.0, [one])


def test_tells_when_the_next_thing_is_due():
    table = table_with(task(at=100.0), task("two", at=101.0))
    assert table.next_due() == 102.0
    table.settle(102.0)
    assert table.next_due() == 103.0
    table.settle(500.0)
    assert table.next_due() is None


def test_ends_a_step_after_its_polls():
    one = task(plan=(Step(State.PENDING, polls=2), Step(State.RUNNING, polls=1), Step(State.SUCCEEDED)))
    table = table_with(one)
    seen = []
    for _ in range(5):
        table.poll(one, 100.0)
        seen.append(str(one.state))
    assert seen == ["pending", "pending", "running", "succeeded", "succeeded"]


def test_cancels_what_is_pending_and_nothing_else():
    one, two = task(), task("two")
    table = table_with(one, two)
    assert table.cancel(one, 101.0)
    assert (one.state, one.ended) == (State.CANCELED, 101.0)
    assert not table.cancel(one, 101.0)
    table.settle(102.0)
    assert two.state is State.RUNNING
    assert not table.cancel(two, 103.0)
    table.settle(999.0)
    assert one.state is State.CANCELED


def test_keeps_what_finds_no_place_pending_and_starts_the_longest_waiting_first():
    tasks = [task(str(number), at=100.0 + number) for number in range(4)]
    table = TaskTable()
    table.places[LANE] = 2
    for each in tasks:
        table.submit(each)
    table.settle(131.0)
    assert [t.state for t in tasks] == [State.RUNNING, State.RUNNING, State.PENDING, State.PENDING]
    assert table.queued(LANE) == 2
    table.settle(1000.0)
    assert [t.started for t in tasks] == [102.0, 103.0, 132.0, 133.0]
    assert [t.ended for t in tasks] == [132.0, 133.0, 162.0, 163.0]


def test_gives_a_canceled_task_no_place():
    tasks = [task(str(number)) for number in range(3)]
    table = TaskTable()
    table.places[LANE] = 1
    for each in tasks:
        table.submit(each)
    table.settle(110.0)
    assert table.cancel(tasks[1], 110.0)
    table.settle(1000.0)
    assert tasks[1].started is None
    assert tasks[2].started == 132.0


def test_counts_the_tasks_that_have_not_ended():
    table = table_with(task(), task("two", lane=("somebody", "other")), task("three", lane=("else", "x")))
    assert table.alive("somebody") == 2
    table.settle(999.0)
    assert table.alive("somebody") == 0


def test_forgets_a_running_task_and_gives_its_place_to_the_next():
    tasks = [task(str(number)) for number in range(2)]
    table = TaskTable()
    table.places[LANE] = 1
    for each in tasks:
        table.submit(each)
    table.settle(110.0)
    table.forget(tasks[0], 120.0)
    assert (table.running[LANE], table.alive("somebody")) == (1, 1)
    assert (tasks[1].state, tasks[1].started) == (State.RUNNING, 120.0)
    assert "0" not in table.tasks


@pytest.mark.parametrize(
    ("plan", "complaint"),
    [
        ((), "begins with PENDING"),
        ((Step(State.RUNNING),), "begins with PENDING"),
        ((Step(State.PENDING), Step(State.SUCCEEDED)), "no edge leads from PENDING to SUCCEEDED"),
        ((Step(State.PENDING), Step(State.RUNNING)), "ends with one of"),
        ((Step(State.PENDING), Step(State.FAILED), Step(State.RUNNING)), "no edge leads from FAILED to RUNNING"),
    ],
    ids=["empty", "no-pending", "skips-running", "no-end", "after-the-end"],
)
def test_refuses_a_life_that_the_edges_do_not_allow(plan, complaint):
    with pytest.raises(LifecycleError, match=complaint):
        checked_plan(plan)


def test_has_no_edge_out_of_a_final_state():
    assert not [state for state, _ in EDGES if state in FINAL]
