"""Expectation against what happened: a finished `Trail` in, problems with their place in the spec out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.answers import Answer
from happyhorse_spec.engine import matcher
from happyhorse_spec.findings import show
from happyhorse_spec.headers import place_of
from happyhorse_spec.spec import Condition
from happyhorse_spec.trail import Kind, Problem, Trail
from happyhorse_spec.wording import listing

#: Seconds and frames per second that count as the same: one frame at 20 per second.
CLOSE = 0.05

#: What a condition calls the answer to the submit.
SUBMIT = "submit"

_ABSENT = object()


def judge(trail: Trail) -> Iterator[Problem]:
    """Why the spec failed; nothing where all came true. A trail that broke off is judged as far as it went."""
    has_broken_off = bool(trail.problems)
    for at, message, kind in _told(trail, has_broken_off):
        yield Problem(kind, message, trail.spec.place(at))


def _told(trail: Trail, has_broken_off: bool) -> Iterator[tuple[str, str, Kind]]:
    expect = trail.spec.expect
    if expect.rejected is None:
        for finding in trail.findings:
            repair = f". {finding.fix}" if finding.fix else ""
            yield place_of(finding), f"{finding.message} ({finding.rule.id}){repair}", Kind.VALIDATOR
    elif "rule" in expect.rejected:
        yield from _expected(_rule(trail, expect.rejected["rule"]))
    if has_broken_off or trail.sent is None:
        return
    yield from _expected(_accepted(trail) if expect.rejected is None else _rejected(trail, expect.rejected))
    if trail.clip is not None:
        yield from _expected(_clip(trail.clip, expect.clip))
    for index, condition in enumerate(expect.where):
        yield from _expected(_condition(condition, trail, f"/expect/where/{index}"))


def _expected(found: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str, Kind]]:
    return ((at, message, Kind.EXPECTATION) for at, message in found)


def _rule(trail: Trail, rule: str) -> Iterator[tuple[str, str]]:
    broken = list(dict.fromkeys(finding.rule.id for finding in trail.findings))
    if rule not in broken:
        told = f"it finds {listing(broken, 'and')}" if broken else "it finds nothing to reject"
        yield "/expect/rejected/rule", f"the validator does not find {rule} broken; {told}"


def _accepted(trail: Trail) -> Iterator[tuple[str, str]]:
    expect = trail.spec.expect
    if trail.refusal:
        doubt = "; it is not known whether there is a task now" if trail.refusal.status >= 500 else ""
        yield "/expect", f"the request was refused: {said(trail.refusal)}{doubt}"
    elif expect.state and trail.state != expect.state and not trail.has_reached_until:
        word, wanted = (spoken(trail, state or "") for state in (trail.state, expect.state))
        why = f" ({said(trail.answer)})" if trail.answer and trail.state == "failed" else ""
        yield "/expect/state", f"the task is {word}; {wanted} was expected{why}"


def _rejected(trail: Trail, wanted: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if trail.refusal is None and trail.state != "failed":
        state = f", and the task is {spoken(trail, trail.state)}" if trail.state else ""
        yield "/expect/rejected", f"the request was accepted as task {trail.task_id}{state}"
        return
    answer = trail.refusal or trail.answer
    assert answer is not None
    for name in ("code", "message"):
        found = answer.value(name)
        fits = wanted.get(name) == found if name == "code" else str(wanted.get(name)) in str(found)
        if name in wanted and not fits:
            yield f"/expect/rejected/{name}", f"the {name} is {show(found)}; {show(wanted[name])} was expected"
    if trail.refusal and wanted.get("status", trail.refusal.status) != trail.refusal.status:
        yield "/expect/rejected/status", f"the status is {trail.refusal.status}; {wanted['status']} was expected"


def _clip(facts: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if facts.get("condition") == "damaged":
        yield "/expect/clip", "the clip is damaged: it breaks off or cannot be read"
    for name, limit in wanted.items():
        found = facts.get(name)
        if not _measures(found, limit):
            least_most = f"{limit[0]}-{limit[1]}" if isinstance(limit, list) else show(limit)
            yield f"/expect/clip/{name}", f"the clip's {name} is {show(found)}; {least_most} was expected"


def _measures(found: Any, limit: Any) -> bool:
    if isinstance(limit, bool) or found is None:
        return found is limit
    least, most = limit if isinstance(limit, list) else (limit - CLOSE, limit + CLOSE)
    return bool(least <= found <= most)


def _condition(condition: Condition, trail: Trail, at: str) -> Iterator[tuple[str, str]]:
    title = f"the answer {condition.of}" if condition.of else "the last answer"
    body = _answer(condition.of, trail)
    found = pointer.follow(body, condition.at, _ABSENT)
    place = condition.at or "the whole answer"
    if body is _ABSENT:
        yield at, f"there was no answer {condition.of}; {condition.says} was expected at {place}"
    elif found is _ABSENT:
        yield at, f"{title} has nothing at {place}; {condition.says} was expected"
    elif not matcher(condition.schema)(found):
        yield at, f"{place} of {title} is {show(found)}; {condition.says} was expected"


def _answer(of: str | None, trail: Trail) -> Any:
    """The body of the answer that is meant; `_ABSENT` where none came."""
    if of is None:
        return trail.answer.body if trail.answer else None
    if of == SUBMIT:
        return next((exchange.answer for exchange in trail.exchanges if exchange.name == SUBMIT), _ABSENT)
    return next((step.answer.body for step in trail.steps if step.word == of and step.answer), _ABSENT)


def spoken(trail: Trail, state: str) -> str:
    """The provider's word for a state of the engine."""
    word: str = trail.spec.provider.data["states"].get(state, state or "not known")
    return word


def said(answer: Answer) -> str:
    """Status, code and message of an error or a failed task, as far as it has them."""
    words = [f"HTTP {answer.status}"] if answer.is_error else []
    words += [str(answer.value(name)) for name in ("code",) if answer.value(name) is not None]
    message = answer.value("message")
    return " ".join(words) + (f": {message}" if message else "") or show(answer.body)
