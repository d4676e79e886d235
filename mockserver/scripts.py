"""How a task will live: drawn from the provider's timing, or ordered by a script.

A script is a list of steps in words, `PENDING 2s, RUNNING 3 polls, FAILED DataInspectionFailed`; a prompt may carry
one, or a short order, between double brackets:

    [[fail:DataInspectionFailed]]   the task runs and fails with this error (its key or its code)
    [[refuse:Arrearage]]            the submit is refused with this error
    [[fault:429, 503]]              the first submits of this prompt meet these faults (see `faults`), the next is taken
    [[fault:poll:reset]]            requests about this task meet these faults
    [[PENDING 1s, RUNNING 2 polls, SUCCEEDED]]

A script that begins later than PENDING gets there at once: `SUCCEEDED` alone is a task that is done when it is taken.
A step lasts a time, a number of polls, or no time at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from random import Random
from typing import Any, NamedTuple

from mockserver.faults import ENDPOINTS
from mockserver.lifecycle import PENDING, RUNNING, LifecycleError, Plan, State, Step, checked_plan, led

#: How many markers of a prompt are read, and in how many of its characters: twice as many as any prompt may have.
MARKERS, SEARCHED = 16, 10_000

_MARKER = re.compile(r"\[\[([^\[\]]{1,400})\]\]")
_STEP = re.compile(r"([A-Za-z]+)(?:\s+(\d{1,9}(?:\.\d{1,6})?)\s*(s|polls?))?(?:\s+([A-Za-z][\w. -]*))?")


class Pace(StrEnum):
    """`desk`: every state is seen within five seconds. `real`: as long as the provider's examples took."""

    DESK = "desk"
    REAL = "real"


#: The least and the most seconds that something takes.
Span = tuple[float, float]


class Spans(NamedTuple):
    """How long a task waits, is rendered, and how long it is until one is refused."""

    queued: Span
    rendering: Span
    refused: Span


#: At the desk pace; chosen, so that a person sees every state.
_DESK = Spans((1.0, 1.0), (3.0, 3.0), (0.5, 0.5))


@dataclass(slots=True)
class Order:
    """What a prompt asks for: a refusal or a failure by error word, or a whole life; and faults by endpoint."""

    refuse: str | None = None
    fail: str | None = None
    plan: Plan | None = None
    faults: tuple[tuple[str, str], ...] = ()


_NOTHING = Order()


def read_order(prompt: object) -> Order:
    """The order in a prompt's markers; a marker that orders nothing is text like any other."""
    if not isinstance(prompt, str) or "[[" not in prompt:
        return _NOTHING
    order = Order()
    for found in islice(_MARKER.finditer(prompt, 0, SEARCHED), MARKERS):
        verb, colon, word = found.group(1).partition(":")
        if colon and verb.strip() == "fault":
            order = replace(order, faults=(*order.faults, _read_fault(word)))
        elif (order.refuse, order.fail, order.plan) == (None, None, None):
            order = replace(_read_life(found.group(1)), faults=order.faults)
    return order


def _read_life(text: str) -> Order:
    verb, colon, word = text.partition(":")
    if colon and verb.strip() == "fail":
        return Order(fail=word.strip())
    if colon and verb.strip() == "refuse":
        return Order(refuse=word.strip())
    try:
        return Order(plan=read_plan(text))
    except LifecycleError:
        return Order()


def _read_fault(text: str) -> tuple[str, str]:
    """The endpoint and the words of `poll:503, reset`; without an endpoint they are for the submit itself."""
    endpoint, colon, words = text.partition(":")
    named = colon and endpoint.strip() in ENDPOINTS
    return (endpoint.strip(), words) if named else ("submit", text)


def read_plan(script: str, begin: State = State.PENDING) -> Plan:
    """The plan that a script spells, from `begin` on; raises LifecycleError naming the step that cannot be."""
    return checked_plan(led(tuple(_read_step(text.strip()) for text in script.split(",")), begin), begin)


def spell_plan(plan: Plan) -> str:
    """The script of a plan."""
    return ", ".join(map(spell_step, plan))


def spell_step(step: Step) -> str:
    """One step in words: `RUNNING 30s`, `PENDING 2 polls`, `FAILED` with its error."""
    lasts = f"{step.polls} polls" if step.polls else f"{step.seconds:.6f}".rstrip("0").rstrip(".") + "s"
    words = (step.state.upper(), lasts if step.polls or step.seconds else "", step.error or "")
    return " ".join(word for word in words if word)


def _read_step(text: str) -> Step:
    found = _STEP.fullmatch(text)
    if not found or found.group(1).lower() not in State.__members__.values():
        states = ", ".join(state.upper() for state in State)
        raise LifecycleError(f"{text!r} is no step; write a state ({states}) and how long, e.g. RUNNING 30s or 2 polls")
    state, figure, unit, error = found.groups()
    lasts = float(figure or 0)
    timed = unit == "s"
    return Step(State(state.lower()), lasts if timed else 0.0, 0 if timed else int(lasts), error)


def read_spans(timing: Mapping[str, Any], mode: str) -> Spans:
    """What a provider's timing says of a mode; where it is silent, the desk's."""
    rendering = timing.get("render_seconds", {}).get(mode, {})
    return Spans(
        queued=_span(timing.get("queue_seconds", {}), _DESK.queued),
        rendering=_span(rendering, _DESK.rendering),
        refused=_span(timing.get("refusal_seconds", {}), _DESK.refused),
    )


def _span(entry: Mapping[str, Any], usual: Span) -> Span:
    value = entry.get("value", usual)
    low, high = value if isinstance(value, (list, tuple)) else (value, value)
    return float(low), float(high)


def draw_plan(spans: Spans, pace: Pace, random: Random) -> Plan:
    """A life that ends well, as long as the pace says."""
    if pace is Pace.DESK:
        return _DESK_PLAN
    queued, rendering, _ = spans
    return Step(PENDING, _draw(queued, random)), Step(RUNNING, _draw(rendering, random)), _DONE


def failing_plan(plan: Plan, error: str, message: str | None = None) -> Plan:
    """The same life with another end."""
    return (*plan[:-1], Step(State.FAILED, error=error, message=message))


def refused_plan(spans: Spans, pace: Pace, random: Random, error: str, message: str | None) -> Plan:
    """The life of a task whose request is found wrong after it was accepted: it never runs."""
    delay = _draw(_DESK.refused if pace is Pace.DESK else spans.refused, random)
    return (Step(State.PENDING, delay), Step(State.FAILED, error=error, message=message))


def _draw(span: Span, random: Random) -> float:
    """So many seconds, in whole milliseconds."""
    low, high = span
    return int((low + (high - low) * random.random()) * 1000) / 1000 if low < high else low


_DONE = Step(State.SUCCEEDED)
#: One for all tasks, since a million of them may be kept.
_DESK_PLAN = (Step(State.PENDING, _DESK.queued[0]), Step(State.RUNNING, _DESK.rendering[0]), _DONE)
