"""How long a task may be expected to take: as in past runs on this machine, else as the provider's data has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.ledger import Event, LedgerError, read_ledger
from happyhorse_spec.spec import Spec

#: Ledgers that are read, the newest first.
_RUNS = 20


def expected_seconds(spec: Spec, past: Mapping[str, float]) -> float | None:
    """From the submit to the end of a task; None where nobody knows."""
    model = _model(spec)
    if model in past:
        return past[model]
    timing = spec.provider.data.get("timing", {})
    mode = spec.provider.mode_of(spec.body)
    render = timing.get("render_seconds", {}).get(mode.name) if mode else None
    return sum(render["value"]) / 2 if render else None


def past_seconds(runs: Path) -> dict[str, float]:
    """Model -> how long its tasks took in past runs, by the ledgers in a folder; what cannot be read is passed over."""
    found: dict[str, list[float]] = {}
    newest = sorted(runs.glob("*/ledger.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest[:_RUNS]:
        for model, seconds in _durations(path):
            found.setdefault(model, []).append(seconds)
    return {model: median(seconds) for model, seconds in found.items()}


def _durations(path: Path) -> list[tuple[str, float]]:
    try:
        return list(_told(read_ledger(path)))
    except (LedgerError, KeyError, TypeError, ValueError):  # what is broken there must not stop a new run
        return []


def _told(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, float]]:
    """Model and seconds of each task that has succeeded."""
    models: dict[str, str] = {}
    accepted: dict[str, str] = {}
    for record in records:
        event, key = record["event"], record.get("key", "")
        if event == Event.SPEC:
            models[key] = str(record["model"])
        elif event == Event.ACCEPTED:
            accepted[key] = record["at"]
        elif event == Event.STATE and record["state"] == "succeeded" and key in accepted:
            yield models[key], _between(accepted[key], record["at"])


def _between(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _model(spec: Spec) -> str:
    return str(pointer.follow(spec.body, spec.provider.data["request"]["model"]))
