"""A run as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from happyhorse_spec.redaction import Redactor
from happyhorse_spec.trail import Problem, Trail


def run_record(trails: Sequence[Trail], seconds: float, redactor: Redactor) -> dict[str, Any]:
    """Counts, seconds in all, and one entry for each spec."""
    passed = sum(trail.has_passed for trail in trails)
    specs = [redactor.value(spec_record(trail)) for trail in trails]
    return {"passed": passed, "failed": len(trails) - passed, "seconds": round(seconds, 3), "specs": specs}


def spec_record(trail: Trail) -> dict[str, Any]:
    """One spec, not redacted: who it is, what was sent, the states with their seconds, the clip, the problems."""
    spec, place = trail.spec, trail.spec.place()
    return {
        "name": spec.name,
        "provider": spec.provider.name,
        "file": place.file,
        "line": place.line,
        "tags": list(spec.tags),
        "passed": trail.has_passed,
        "seconds": round(trail.seconds, 3),
        "sent": trail.sent,
        "body": spec.body,
        "task_id": trail.task_id,
        "states": [{"state": step.word, "seconds": round(step.seconds, 3)} for step in trail.steps],
        "answer": _answer(trail),
        "exchanges": [exchange._asdict() for exchange in trail.exchanges],
        "clip": dict(trail.clip) if trail.clip is not None else None,
        "saved": str(trail.saved) if trail.saved else None,
        "cost": trail.cost.record() if trail.cost else None,
        "billed": {"seconds": str(trail.settled[0]), "amount": _text(trail.settled[1])} if trail.settled else None,
        "warnings": list(trail.warnings),
        "problems": [_problem(problem) for problem in trail.problems],
    }


def _answer(trail: Trail) -> Mapping[str, Any] | None:
    answer = trail.answer
    return {"name": answer.name, "status": answer.status, "body": answer.body} if answer else None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _problem(problem: Problem) -> dict[str, Any]:
    place = problem.place
    return {
        "kind": problem.kind,
        "message": problem.message,
        "file": place.file,
        "line": place.line,
        "column": place.column,
    }
