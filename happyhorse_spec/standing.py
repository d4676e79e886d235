"""How each spec of a ledger stands: never sent, under way, over, or not known to anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any

import orjson

from happyhorse_spec.contract import SCHEMAS
from happyhorse_spec.engine import matcher, reference_validator
from happyhorse_spec.findings import show
from happyhorse_spec.ledger import FORMAT, Event, LedgerError
from happyhorse_spec.spec import FINAL, Spec
from happyhorse_spec.wording import sentence


class Phase(StrEnum):
    """What is to be done about a spec."""

    PLANNED = "planned"  # it was never sent: send it
    LOST = "lost"  # it was sent and the answer never seen: ask the provider, or a person
    ACCEPTED = "accepted"  # there is a task: follow it and save its clip
    OVER = "over"  # nothing


@dataclass(slots=True)
class Entry:
    """One spec as the ledger knows it. `sent` is method and URL, `at` the time of the last intent, `why` a reason.

    `cost` is what it has cost, or may: in `currency`, `least` and `most`.
    """

    key: str
    data: Mapping[str, Any]
    phase: Phase = Phase.PLANNED
    sent: str | None = None
    at: str | None = None
    cost: Mapping[str, Any] | None = None
    task_id: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A whole ledger: how the run was started, and its specs by key, in their order."""

    run: Mapping[str, Any]
    entries: Mapping[str, Entry]

    def in_phase(self, phase: Phase) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.phase is phase]


def stand(records: Iterable[Mapping[str, Any]]) -> Standing:
    """What the lines add up to; raises LedgerError where they are of another form, or are no ledger's."""
    run, *rest = [*records] or [{}]
    if run.get("event") != Event.RUN or run.get("format") != FORMAT:
        raise LedgerError(f"the ledger does not begin with a run of format {FORMAT}; nothing can be read from it")
    entries: dict[str, Entry] = {}
    _must_be_line(run)
    for record in rest:
        _must_be_line(record)
        key, event = record["key"], record["event"]
        if event == Event.SPEC:
            entries[key] = Entry(key, record)
        elif key in entries and event in _CHANGES:
            _CHANGES[event](entries[key], record)
    if len(entries) < run["specs"]:
        raise LedgerError("the run ended before it had written down its specs: nothing was sent; run them anew")
    return Standing(run, entries)


def keys(specs: Sequence[Spec]) -> list[str]:
    """A key for each spec that is the same whenever the same files are read: its id, counted where it repeats."""
    seen: dict[str, int] = {}
    found = []
    for spec in specs:
        seen[spec.id] = seen.get(spec.id, 0) + 1
        found.append(spec.id + (f"#{seen[spec.id]}" if seen[spec.id] > 1 else ""))
    return found


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = orjson.loads((SCHEMAS / "ledger.schema.json").read_bytes())
    return schema


@cache
def _is_line() -> Callable[[object], bool]:
    return matcher(_schema())


def _must_be_line(record: Mapping[str, Any]) -> None:
    """Raise LedgerError where a line has not what going on with the run reads of it."""
    if not _is_line()(record):
        error = next(reference_validator(_schema()).iter_errors(record))
        about = f"{record['event']} of {show(record.get('key', 'the run'))}"
        raise LedgerError(f"a line of the ledger is damaged: {sentence(error, about)}; mend it or take it out")


def _intent(entry: Entry, record: Mapping[str, Any]) -> None:
    entry.phase, entry.sent, entry.at, entry.cost = Phase.LOST, record["sent"], record["at"], record.get("cost")
    entry.why = "the run ended before the answer came"


def _unsent(entry: Entry, _: Mapping[str, Any]) -> None:
    entry.phase, entry.sent, entry.cost = Phase.PLANNED, None, None


def _accepted(entry: Entry, record: Mapping[str, Any]) -> None:
    entry.phase, entry.task_id = Phase.ACCEPTED, record["task_id"]


def _refused(entry: Entry, record: Mapping[str, Any]) -> None:
    entry.phase, entry.cost, entry.why = Phase.OVER, None, record["why"]


def _unknown(entry: Entry, record: Mapping[str, Any]) -> None:
    entry.phase, entry.why = Phase.LOST, record["why"]


def _state(entry: Entry, record: Mapping[str, Any]) -> None:
    if record["state"] in FINAL - {"succeeded"}:
        entry.phase = Phase.OVER


def _settled(entry: Entry, record: Mapping[str, Any]) -> None:
    if record["amount"] is not None:
        entry.cost = {"currency": record["currency"], "least": record["amount"], "most": record["amount"]}


def _over(entry: Entry, _: Mapping[str, Any]) -> None:
    entry.phase = Phase.OVER


_CHANGES: Mapping[str, Callable[[Entry, Mapping[str, Any]], None]] = MappingProxyType(
    {
        Event.INTENT: _intent,
        Event.UNSENT: _unsent,
        Event.ACCEPTED: _accepted,
        Event.REFUSED: _refused,
        Event.UNKNOWN: _unknown,
        Event.STATE: _state,
        Event.SETTLED: _settled,
        Event.SAVED: _over,
        Event.FORGOTTEN: _over,
    }
)
