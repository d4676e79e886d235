"""The table of edges and the engine that follows it."""

import pytest

from mockserver.lifecycle import (
    EDGES,
    FINAL,
    TASK_BYTES,
    LifecycleError,
    State,
    Step,
    Task,
    TaskTable,
    checked_plan,
    led,
)

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
    table_with(one).settle(5000.0)
    assert (one.started, one.ended) == (102.0, 132.0)


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


def test_counts_the_bytes_that_its_tasks_take():
    one, two = Task("one", LANE, LIFE, 100.0, request=b"12345"), task("two")
    table = table_with(one, two)
    assert table.bytes == one.size + two.size == 2 * TASK_BYTES + 5
    table.forget(one, 101.0)
    table.forget(one, 102.0)
    assert table.bytes == two.size


def test_counts_those_that_wait_for_a_place():
    table = TaskTable()
    assert table.queued(LANE) == 0
    table.places[LANE] = 1
    for number in range(4):
        table.submit(task(str(number)))
    table.settle(110.0)
    assert table.queued(LANE) == 3
    assert table.cancel(table.tasks["3"], 111.0)
    assert table.queued(LANE) == 2
    table.forget(table.tasks["2"], 112.0)
    assert table.queued(LANE) == 1
    table.settle(1000.0)
    assert table.queued(LANE) == 0


def test_shares_the_places_of_a_provider_among_its_models():
    table = TaskTable()
    table.places["somebody", ""] = 1
    tasks = [task("one"), task("two", lane=("somebody", "other")), task("three", lane=("else", "other"))]
    for each in tasks:
        table.submit(each)
    table.settle(110.0)
    assert [each.state for each in tasks] == [State.RUNNING, State.PENDING, State.RUNNING]
    assert list(table.lanes()) == [LANE, ("somebody", "other"), ("else", "other")]
    table.settle(132.0)
    assert (tasks[1].state, tasks[1].started) == (State.RUNNING, 132.0)


def test_a_task_lists_by_the_time_of_its_submission():
    tasks = [task(str(at), at=at) for at in (100.0, 101.0, 101.0001, 103.0)]
    table = table_with(*tasks, task("other", lane=("else", "x")))
    found, places = table.between("somebody", 101.0, 103.0)
    assert ([each.id for each in found], places) == (["100.0", "101.0", "101.0001", "103.0"], range(1, 4))
    assert table.between("somebody", 103.5, 200.0)[1] == range(4, 4)
    assert table.between("nobody", 0.0, 999.0) == ([], range(0))
    assert [each.id for each in table.newest_first()][:2] == ["other", "103.0"]
    table.forget(tasks[1], 104.0)
    assert [each.id for each in table.between("somebody", 0.0, 999.0)[0]] == ["100.0", "101.0001", "103.0"]


def test_gives_the_rest_of_a_life_another_plan():
    one = task()
    table = table_with(one)
    table.settle(110.0)
    table.replan(one, (Step(State.RUNNING, 5.0), Step(State.FAILED, error="broken")), 120.0)
    assert table.next_due() == 125.0
    table.settle(125.0)
    assert (one.state, one.ended, one.failure.error) == (State.FAILED, 125.0, "broken")
    with pytest.raises(LifecycleError, match="the task has ended; its state is FAILED"):
        table.replan(one, (Step(State.SUCCEEDED),), 130.0)


@pytest.mark.parametrize(
    ("begin", "steps", "states"),
    [
        (State.PENDING, (State.SUCCEEDED,), ["pending", "running", "succeeded"]),
        (State.PENDING, (State.FAILED,), ["pending", "failed"]),
        (State.PENDING, (State.RUNNING, State.FAILED), ["pending", "running", "failed"]),
        (State.PENDING, (State.PENDING, State.CANCELED), ["pending", "canceled"]),
        (State.RUNNING, (State.SUCCEEDED,), ["running", "succeeded"]),
        (State.FAILED, (State.SUCCEEDED,), ["succeeded"]),
    ],
)
def test_leads_to_a_state_by_the_shortest_way(begin, steps, states):
    plan = led(tuple(Step(state, 7.0) for state in steps), begin)
    assert [str(step.state) for step in plan] == states
    assert [step.seconds for step in plan] == [0.0] * (len(states) - len(steps)) + [7.0] * len(steps)


def test_says_in_which_states_a_life_may_end():
    with pytest.raises(LifecycleError, match=r"^a life ends with one of CANCELED, FAILED, SUCCEEDED$"):
        checked_plan((Step(State.PENDING), Step(State.RUNNING), Step(State.RUNNING)))
    assert checked_plan(LIFE) is LIFE


def test_starts_the_next_when_a_poll_or_a_cancel_comes_late():
    polled = task(plan=(Step(State.PENDING), Step(State.RUNNING, polls=1), Step(State.SUCCEEDED)))
    table = table_with(polled)
    table.settle(100.0)
    assert [table.poll(polled, at) for at in (101.0, 102.0)] == [False, True]
    assert polled.ended == 102.0


def test_cancels_in_any_step_of_its_waiting():
    one = task(plan=(Step(State.PENDING, 1.0), Step(State.PENDING, 9.0), *LIFE[1:]))
    table = table_with(one)
    table.settle(105.0)
    assert table.cancel(one, 106.0)
    assert (one.state, one.ended, table.next_due()) == (State.CANCELED, 106.0, None)


def test_a_forgotten_task_that_did_not_wait_leaves_the_queue_as_it_was():
    table = table_with(task())
    table.settle(110.0)
    table.forget(table.tasks["one"], 111.0)
    assert table.queued(LANE) == 0


def test_the_oldest_task_is_that_of_any_provider():
    table = table_with(task("one", at=102.0), task("two", at=101.0, lane=("else", "x")), task("three", at=103.0))
    assert table.oldest().id == "two"
    table.forget(table.tasks["two"], 110.0)
    assert table.oldest().id == "one"
