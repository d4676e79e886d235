"""A trail in words: one line for each spec, and for those that failed what was sent, how it went and why.

What is returned here is redacted; who prints it adds colours at most.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.redaction import Redactor
from happyhorse_spec.trail import Trail
from happyhorse_spec.verdict import said

_SHOWN = ("model", "resolution", "duration")
_CUT = 800


def headline(trail: Trail, redactor: Redactor) -> str:
    """E.g. `ok    provider/name  model 720P 5 s: PENDING 0.01 s, RUNNING 0.02 s, SUCCEEDED 0.03 s`."""
    word = "ok  " if trail.has_passed else "FAIL"
    return redactor.text(f"{word}  {trail.spec.id}  {gist(trail)}: {course(trail)}")


def course(trail: Trail) -> str:
    """How it went: the states with seconds since the submit, or why there are none."""
    if trail.sent is None:
        return "not sent"
    states = ", ".join(f"{step.word} {step.seconds:.2f} s" for step in trail.steps)
    refused = f"refused, {said(trail.refusal)}" if trail.refusal else ""
    saved = f"saved as {trail.saved}" if trail.saved else ""
    return ", ".join(filter(None, (states, refused, saved))) or "no answer"


def ending(trail: Trail, redactor: Redactor) -> Iterator[str]:
    """What is said of a spec when it has ended: a line and its warnings, or why it failed."""
    if trail.has_passed:
        yield headline(trail, redactor)
        yield from warnings(trail, redactor)
    else:
        yield from details(trail, redactor)


def details(trail: Trail, redactor: Redactor) -> Iterator[str]:
    """Why a spec failed: what was sent, how it went, the last answer, and every problem with its place."""
    yield headline(trail, redactor)
    if trail.sent:
        yield redactor.text(f"      sent    {trail.sent}")
    yield f"      body    {_json(trail.spec.body, redactor)}"
    if trail.answer:
        yield f"      answer  {_json(trail.answer.body, redactor)}"
    yield from warnings(trail, redactor)
    for problem in trail.problems:
        yield redactor.text(f"  {problem.place}: {problem.message}")


def warnings(trail: Trail, redactor: Redactor) -> Iterator[str]:
    """What is no failure and worth a word."""
    return (redactor.text(f"  warning: {message}") for message in trail.warnings)


def total(trails: Sequence[Trail], seconds: float) -> str:
    """E.g. `57 passed, 1 failed in 2.1 s`."""
    passed = sum(trail.has_passed for trail in trails)
    failed = len(trails) - passed
    return f"{passed} passed{f', {failed} failed' if failed else ''} in {seconds:.1f} s"


def spent(trails: Sequence[Trail]) -> Iterator[str]:
    """E.g. `billed 10 s, 9.00 CNY` after the name of the provider, where the provider says what it bills."""
    sums: dict[tuple[str, str | None], tuple[Decimal, Decimal]] = {}
    for trail in trails:
        if trail.settled:
            seconds, money = trail.settled
            who = (trail.spec.provider.name, trail.cost.currency if trail.cost and money is not None else None)
            so_far = sums.get(who, (Decimal(0), Decimal(0)))
            sums[who] = (so_far[0] + seconds, so_far[1] + (money or 0))
    for (name, currency), (seconds, money) in sums.items():
        yield f"{name} billed {seconds:g} s" + (f", {money:.2f} {currency}" if currency else "")


def gist(trail: Trail) -> str:
    """What was asked for, in a few words: `model 720P 5 s`. Not redacted."""
    places = trail.spec.provider.data["request"]
    found = [pointer.follow(trail.spec.body, places[name]) for name in _SHOWN if name in places]
    words = [_word(value) for value in found if value is not None]
    return " ".join(words) or "no model"


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value[:60]
    return f"{value} s" if isinstance(value, (int, float)) and not isinstance(value, bool) else "?"


def _json(value: Any, redactor: Redactor) -> str:
    text = redactor.text(json.dumps(redactor.value(value), ensure_ascii=False))
    return text if len(text) <= _CUT else f"{text[:_CUT]}…"
