"""Lives in words, and orders in a prompt."""

from random import Random

import pytest

from mockserver.lifecycle import LifecycleError, State, Step
from mockserver.scripts import Order, Pace, draw_plan, read_order, read_plan, read_spans, refused_plan, spell_plan


def test_reads_a_life_in_words():
    assert read_plan("PENDING 2s, RUNNING 3 polls, FAILED DataInspectionFailed") == (
        Step(State.PENDING, 2.0, 0),
        Step(State.RUNNING, 0.0, 3),
        Step(State.FAILED, 0.0, 0, "DataInspectionFailed"),
    )


def test_life_at_the_real_pace_lasts_as_long_as_was_measured():
    timing = {"queue_seconds": {"value": 2}, "render_seconds": {"t2v": {"value": [40, 50]}}, "refusal_seconds": {}}
    spans = read_spans(timing, "t2v")
    queued, rendering, _ = draw_plan(spans, Pace.REAL, Random(7))
    assert queued.seconds == 2
    assert 40 <= rendering.seconds <= 50
    silent = read_spans({}, "t2v")
    assert draw_plan(silent, Pace.REAL, Random(7)) == draw_plan(spans, Pace.DESK, Random(7))
    assert refused_plan(spans, Pace.REAL, Random(7), "e", None) == refused_plan(spans, Pace.DESK, Random(7), "e", None)


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


@pytest.mark.parametrize(
    ("script", "begin", "life"),
    [
        ("SUCCEEDED", State.PENDING, "PENDING, RUNNING, SUCCEEDED"),
        ("FAILED InternalError", State.PENDING, "PENDING, FAILED InternalError"),
        ("CANCELED", State.PENDING, "PENDING, CANCELED"),
        ("RUNNING 30s, SUCCEEDED", State.PENDING, "PENDING, RUNNING 30s, SUCCEEDED"),
        ("SUCCEEDED", State.RUNNING, "RUNNING, SUCCEEDED"),
        ("RUNNING 2 polls, FAILED", State.RUNNING, "RUNNING 2 polls, FAILED"),
        ("PENDING 0.25s, RUNNING 1 poll, SUCCEEDED", State.PENDING, "PENDING 0.25s, RUNNING 1 polls, SUCCEEDED"),
    ],
)
def test_leads_to_a_life_that_begins_late_and_spells_it(script, begin, life):
    plan = read_plan(script, begin)
    assert spell_plan(plan) == life
    assert read_plan(life, begin) == plan


@pytest.mark.parametrize(
    ("script", "begin", "complaint"),
    [
        ("PENDING, RUNNING, SUCCEEDED", State.RUNNING, "no edge leads from RUNNING to PENDING"),
        ("CANCELED", State.RUNNING, "no edge leads from RUNNING to CANCELED"),
        ("SUCCEEDED", State.FAILED, "the task has ended; its state is FAILED"),
        ("RUNNING 9999999999s, SUCCEEDED", State.PENDING, "is no step"),
    ],
)
def test_refuses_a_life_that_cannot_go_on_so(script, begin, complaint):
    with pytest.raises(LifecycleError, match=complaint):
        read_plan(script, begin)


@pytest.mark.parametrize(
    ("prompt", "order"),
    [
        ("[[fault:429]]", Order(faults=(("submit", "429"),))),
        ("[[fault: 429:retry-after=2, reset ]]", Order(faults=(("submit", " 429:retry-after=2, reset "),))),
        ("[[fault:poll:503*2]] [[fault:download:403]]", Order(faults=(("poll", "503*2"), ("download", "403")))),
        ("[[fault:poll:503]] [[fail:InternalError]]", Order(fail="InternalError", faults=(("poll", "503"),))),
        ("[[fail:A]] [[fail:B]] [[horse]]", Order(fail="A")),
        ("[[horse]] [[fail:A]]", Order(fail="A")),
    ],
)
def test_reads_every_order_of_a_prompt(prompt, order):
    assert read_order(prompt) == order
