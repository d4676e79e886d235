"""Scenarios: a session's settings, lives, faults and expectations in one YAML document.

    session: checkout
    settings: {clock: jump, seed: 7}
    plans: {"*": "PENDING 2s, RUNNING 300s, SUCCEEDED"}
    faults:
      submit: [429:retry-after=2, ok, 503*3]
      download: [stall-2s]
    expect:
      - {operation: submit, times: 2}

schemas/scenario.schema.json says what may stand where; what the words mean is read here, with their place in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import orjson

from happyhorse_spec import pointer
from happyhorse_spec.contract import SCHEMAS
from happyhorse_spec.document import Document, DocumentError, read
from mockserver.faultplan import MAX_PLANNED, drawable
from mockserver.faults import Fault, FaultError, IsError, read_faults
from mockserver.lifecycle import LifecycleError, Plan
from mockserver.scripts import read_plan, spell_plan
from mockserver.session import Session, Sessions
from mockserver.settings import SettingError, read_settings
from mockserver.shape import Shape, ShapeError
from mockserver.verify import Expectation, ExpectationError, Verdict, read_expectation, verify

Result = TypeVar("Result")

#: What the readers of words raise; each message is one sentence.
WORD_ERRORS = (FaultError, LifecycleError, SettingError, ExpectationError)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Faults that are drawn by rate (0-1)."""

    rate: float
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario read. `session` "" is the session without a name."""

    session: str
    settings: Mapping[str, Any]
    plans: Mapping[str, Plan]
    tasks: tuple[Plan, ...]
    faults: Mapping[str, tuple[Fault, ...] | Drawn]
    expect: tuple[Expectation, ...]
    ordered: bool

    def begin(self, sessions: Sessions) -> Session:
        """A new session that plays the scenario, in the place of the one of its name; raises SettingError."""
        sessions.check_models(self.plans)
        session = sessions.make(self.session, self.settings)
        session.plans.update(self.plans)
        session.next_plans.extend(self.tasks)
        order_faults(session, self.faults)
        return session

    def open_ends(self, session: Session) -> Iterator[str]:
        """What was planned and did not come about, one line each: faults and expectations not met, lives not led."""
        name = session.prefix or "/"
        for line in session.faults.account()["planned"]:
            if not line["met"] and line["word"] != "ok":
                yield f"{name}: no {line['endpoint']} met {line['word']}"
        for plan in session.next_plans:
            yield f"{name}: no task lived {spell_plan(plan)}"
        for verdict in self.verdicts(session):
            if not verdict.met:
                yield f"{name}: {verdict.message}"

    def verdicts(self, session: Session) -> list[Verdict]:
        """What became of the expectations."""
        return verify(list(session.journal), self.expect, ordered=self.ordered)


def read_scenarios(path: str | Path, is_error: IsError) -> list[Scenario]:
    """The scenarios of a file; raises DocumentError with the place of what is wrong."""
    return [_placed(document, is_error) for document in read(path)]


def read_scenario(data: Any, is_error: IsError) -> Scenario:
    """A scenario from data; raises ShapeError."""
    shape("").check(data)
    return Scenario(
        session=data.get("session", ""),
        settings=_at("/settings", lambda: read_settings(data.get("settings", {}))),
        plans={model: _plan(text, f"/plans{pointer.write([model])}") for model, text in data.get("plans", {}).items()},
        tasks=tuple(_plan(text, f"/tasks/{number}") for number, text in enumerate(data.get("tasks", ()))),
        faults=dict(_faults(data.get("faults", {}), is_error)),
        expect=tuple(_expected(words, f"/expect/{number}") for number, words in enumerate(data.get("expect", ()))),
        ordered=data.get("ordered", False),
    )


def read_fault_lists(data: Any, is_error: IsError) -> dict[str, tuple[Fault, ...] | Drawn]:
    """The part `faults` of a scenario by itself; raises ShapeError."""
    shape("faults").check(data)
    return dict(_faults(data, is_error))


def order_faults(session: Session, faults: Mapping[str, tuple[Fault, ...] | Drawn]) -> None:
    """Add faults to those of a session; raises FaultError."""
    for endpoint, ordered in faults.items():
        if isinstance(ordered, Drawn):
            session.faults.draw(endpoint, ordered.rate, ordered.faults, session.stream(f"faults/{endpoint}"))
        else:
            session.faults.order(endpoint, ordered)


@cache
def shape(part: str) -> Shape:
    """The shape of a scenario, or of one of the definitions in its schema."""
    schema = scenario_schema()
    return Shape({"$defs": schema["$defs"], "$ref": f"#/$defs/{part}"} if part else schema)


@cache
def scenario_schema() -> dict[str, Any]:
    """schemas/scenario.schema.json."""
    schema: dict[str, Any] = orjson.loads((SCHEMAS / "scenario.schema.json").read_bytes())
    return schema


def _placed(document: Document, is_error: IsError) -> Scenario:
    try:
        return read_scenario(document.data, is_error)
    except ShapeError as error:
        raise DocumentError(str(error), document.name, document.position(error.pointer)) from None


def _faults(data: Mapping[str, Any], is_error: IsError) -> Iterator[tuple[str, tuple[Fault, ...] | Drawn]]:
    for endpoint, ordered in data.items():
        place = f"/faults/{endpoint}"
        if isinstance(ordered, dict):
            faults = _words(ordered["words"], endpoint, f"{place}/words", is_error)
            yield endpoint, Drawn(ordered["rate"], _at(f"{place}/words", partial(drawable, faults)))
        else:
            yield endpoint, _words(ordered, endpoint, place, is_error)


def _words(words: list[Any], endpoint: str, place: str, is_error: IsError) -> tuple[Fault, ...]:
    faults: list[Fault] = []
    for at, word in enumerate(words):
        faults += _at(f"{place}/{at}", partial(list, read_faults([word], endpoint, is_error)))
        if len(faults) > MAX_PLANNED:
            raise ShapeError(f"{place}: more than {MAX_PLANNED} faults are planned", place)
    return tuple(faults)


def _plan(text: str, place: str) -> Plan:
    return _at(place, lambda: read_plan(text))


def _expected(words: Mapping[str, Any], place: str) -> Expectation:
    return _at(place, lambda: read_expectation(words))


def _at(place: str, read: Callable[[], Result]) -> Result:
    """What `read` reads; a complaint about its words is one about their place."""
    try:
        return read()
    except WORD_ERRORS as error:
        raise ShapeError(f"{place}: {error}", place) from None
