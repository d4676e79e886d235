"""Were the requests as expected? Expectations and exchanges in, verdicts out; pure.

An expectation names what a request must be (operation, provider, method, path, status, fault, headers, values in the
body by JSON pointer, a JSON Schema of the body) and how often. Where it is not met, the verdict shows the nearest
request and how it differs. What a journal redacts is compared redacted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.engine import Judge, compile_schema
from happyhorse_spec.findings import show
from mockserver.journal import Exchange
from mockserver.redaction import redacted

#: What an expectation may say of an exchange as such; `path` may hold `*` and `?`.
KIND = ("operation", "provider", "method", "path")
PLAIN = (*KIND, "status", "task_id", "state", "fault")
_ABSENT = object()


class ExpectationError(ValueError):
    """What cannot be expected; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What requests must be, and how many: from `least` to `most` (None: any number more)."""

    plain: Mapping[str, Any]
    body: Mapping[str, Any]
    headers: Mapping[str, str | bool]
    judge: Judge | None
    least: int
    most: int | None

    def __str__(self) -> str:
        words = [f"{name} {value}" for name, value in self.plain.items()]
        words += [f"{place} = {show(value)}" for place, value in self.body.items()]
        words += [f"header {name}{_asked(value)}" for name, value in self.headers.items()]
        return ", ".join(words + ["a body of that schema"] * (self.judge is not None)) or "anything"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an expectation was met, by which requests (their numbers), and why not."""

    met: bool
    message: str
    requests: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"met": self.met, "message": self.message, "requests": list(self.requests)}


def read_expectation(words: Mapping[str, Any]) -> Expectation:
    """An expectation as JSON has it; raises ExpectationError. Without `times` it asks for one request or more."""
    least, most = _times(words.get("times", {"at_least": 1}))
    schema = words.get("schema")
    return Expectation(
        plain={name: words[name] for name in PLAIN if name in words},
        body=words.get("body", {}),
        headers=words.get("headers", {}),
        judge=None if schema is None else _judge(schema),
        least=least,
        most=most,
    )


def verify(
    exchanges: Sequence[Exchange], expectations: Sequence[Expectation], *, ordered: bool = False
) -> list[Verdict]:
    """One verdict for each expectation. `ordered`: what meets one must come after what meets the one before it."""
    verdicts, left = [], exchanges
    for expected in expectations:
        found = [(at, exchange) for at, exchange in enumerate(left) if not any(differences(expected, exchange))]
        if ordered:
            found = found[: expected.most or expected.least or None]
        verdicts.append(_verdict(expected, left, [exchange for _, exchange in found], len(exchanges) - len(left)))
        if ordered and found:
            left = left[found[-1][0] + 1 :]
    return verdicts


def differences(expected: Expectation, exchange: Exchange) -> Iterator[str]:
    """How an exchange differs from what is expected, one sentence each; nothing where it does not."""
    for name, value in expected.plain.items():
        if not _is_like(value, getattr(exchange, name)):
            yield f"{name} is {getattr(exchange, name)}, not {value}"
    yield from _header_differences(expected, exchange)
    if expected.body or expected.judge:
        yield from _body_differences(expected, exchange.json)


def _header_differences(expected: Expectation, exchange: Exchange) -> Iterator[str]:
    given = {name.lower(): value for name, value in exchange.headers.items()}
    for name, value in expected.headers.items():
        found = given.get(name.lower())
        if isinstance(value, bool):
            if value is not (found is not None):
                yield f"header {name} is {'missing' if value else 'there'}"
        elif found is None:
            yield f"header {name} is missing"
        elif found != redacted(value):
            yield f"header {name} is {show(found)}, not {show(value)}"


def _body_differences(expected: Expectation, body: Any) -> Iterator[str]:
    if body is None:
        yield "the body is no JSON, or was cut"
        return
    for place, value in expected.body.items():
        found = pointer.follow(body, place, _ABSENT)
        if found is _ABSENT:
            yield f"{place} is missing"
        elif found != _redacted(value) or isinstance(found, bool) is not isinstance(value, bool):
            yield f"{place} is {show(found)}, not {show(value)}"
    for breach in expected.judge(body) if expected.judge else ():
        yield f"{pointer.write(breach.path) or 'the body'} breaks {breach.keyword}"


def _verdict(expected: Expectation, exchanges: Sequence[Exchange], found: Sequence[Exchange], before: int) -> Verdict:
    numbers = tuple(exchange.number for exchange in found)
    if len(found) >= expected.least and (expected.most is None or len(found) <= expected.most):
        return Verdict(True, f"{_counted(len(found), 'request')} with {expected}", numbers)
    left = f"the {len(exchanges)} after what came before" if before else str(len(exchanges))
    message = f"expected {_wanted(expected)} with {expected}; found {len(found)} of {left}"
    if len(found) < expected.least:
        message += _nearest(expected, [exchange for exchange in exchanges if exchange.number not in numbers])
    return Verdict(False, message, numbers)


def _nearest(expected: Expectation, others: Sequence[Exchange]) -> str:
    """The request that differs least, the last of several, and how it differs."""
    if not others:
        return ""
    nearest = min(reversed(others), key=lambda exchange: _distance(expected, exchange))
    how = "; ".join(islice(differences(expected, nearest), 5))
    return f". The nearest is request {nearest.number}, {nearest.method} {nearest.path}: {how}"


def _distance(expected: Expectation, exchange: Exchange) -> tuple[int, int]:
    """A request of another kind is farther away than any of the same kind."""
    kind = [name for name in KIND if name in expected.plain]
    unlike = sum(not _is_like(expected.plain[name], getattr(exchange, name)) for name in kind)
    return unlike, sum(1 for _ in differences(expected, exchange))


def _is_like(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, str) and isinstance(found, str):
        return fnmatchcase(found, redacted(wanted))
    return bool(wanted == found)


def _wanted(expected: Expectation) -> str:
    least, most = expected.least, expected.most
    if least == most:
        return _counted(least, "request")
    return f"at least {_counted(least, 'request')}" if most is None else f"{least} to {_counted(most, 'request')}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _asked(value: str | bool) -> str:
    return f": {value}" if isinstance(value, str) else "" if value else " absent"


def _times(times: int | Mapping[str, int]) -> tuple[int, int | None]:
    if isinstance(times, int):
        return times, times
    return times.get("at_least", 0), times.get("at_most")


def _redacted(value: Any) -> Any:
    return redacted(value) if isinstance(value, str) else value


def _judge(schema: Mapping[str, Any]) -> Judge:
    """The schema ready to judge; one that refers elsewhere is refused, since nothing is fetched for it."""
    try:
        foreign = next((ref for ref in _references(schema) if not str(ref).startswith("#")), None)
        judge = compile_schema(schema) if foreign is None else None
    except Exception as error:
        raise ExpectationError(f"the schema cannot be used: {str(error).splitlines()[0]:.200}") from None
    if judge is None:
        raise ExpectationError(f"the schema refers to {show(foreign)}; it must refer to nothing outside itself")
    return judge


def _references(schema: Any) -> Iterator[Any]:
    if isinstance(schema, dict):
        yield from (schema[name] for name in ("$ref", "$dynamicRef") if name in schema)
    values: Any = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for value in values:
        yield from _references(value)
