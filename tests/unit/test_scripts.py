"""Lives in words, and orders in a prompt."""

import pytest

from mockserver.lifecycle import LifecycleError, State, Step
from mockserver.scripts import Order, read_order, read_plan


def test_reads_a_life_in_words():
    assert read_plan("PENDING 2s, RUNNING 3 polls, FAILED DataInspectionFailed") == (
        Step(State.PENDING, 2.0, 0),
        Step(State.RUNNING, 0.0, 3),
        Step(State.FAILED, 0.0, 0, "DataInspectionFailed"),
    )


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("PENDING 2s, SLEEPING 3s, SUCCEEDED", "'SLEEPING 3s' is no step"),
        ("PENDING, SUCCEEDED", "no edge"),
        ("", "'' is no step"),
        ("PENDING 2 hours, RUNNING, SUCCEEDED", "is no step"),
    ],
)
def test_refuses_what_is_no_life(script, complaint):
    with pytest.raises(LifecycleError, match=complaint):
        read_plan(script)


@pytest.mark.parametrize(
    ("prompt", "order"),
    [
        ("a horse", Order()),
        (None, Order()),
        ("a [[horse]] and [Image 1]", Order()),
        ("a horse [[fail:DataInspectionFailed]]", Order(fail="DataInspectionFailed")),
        ("[[refuse: arrearage ]] a horse", Order(refuse="arrearage")),
        ("[[fly:away]]", Order()),
        ("[[" * 5000, Order()),
    ],
    ids=["plain", "none", "brackets", "fail", "refuse", "unknown-verb", "many-brackets"],
)
def test_reads_orders_and_leaves_other_text_alone(prompt, order):
    assert read_order(prompt) == order


def test_reads_a_life_from_a_prompt():
    plan = read_order("a horse [[PENDING 1s, RUNNING 2 polls, SUCCEEDED]]").plan
    assert [step.state for step in plan] == [State.PENDING, State.RUNNING, State.SUCCEEDED]
