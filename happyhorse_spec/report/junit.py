"""A run as JUnit XML, which every CI system shows: a suite for each provider, a case for each spec.

An expectation that did not come true is a failure; whatever kept the run from seeing that is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from happyhorse_spec.redaction import Redactor
from happyhorse_spec.report.text import course, details
from happyhorse_spec.trail import Kind, Trail

if TYPE_CHECKING:
    from junitparser import TestCase
    from junitparser.junitparser import FinalResult

_FAILURES = frozenset({Kind.EXPECTATION, Kind.VALIDATOR, Kind.DEADLINE, Kind.CONTRACT})


def write_junit(path: Path, trails: Sequence[Trail], redactor: Redactor) -> None:
    """Write the file, whole or not at all; raises OSError."""
    from junitparser import JUnitXml, TestSuite

    report = JUnitXml()
    for provider, group in groupby(sorted(trails, key=_provider), key=_provider):
        suite = TestSuite(provider)
        for trail in group:
            suite.add_testcase(_case(trail, redactor))
        report.add_testsuite(suite)
    report.update_statistics()  # type: ignore[no-untyped-call]  # the library leaves it without annotations
    part = path.with_name(f".{path.name}.part")
    try:
        report.write(str(part), pretty=True)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _provider(trail: Trail) -> str:
    return trail.spec.provider.name


def _case(trail: Trail, redactor: Redactor) -> TestCase:
    from junitparser import Error, Failure, TestCase

    case = TestCase(redactor.text(trail.spec.name), trail.spec.provider.name, round(trail.seconds, 3))
    results: list[FinalResult] = []
    for problem in trail.problems:
        result = (Failure if problem.kind in _FAILURES else Error)(redactor.text(problem.message), problem.kind)
        result.text = redactor.text(str(problem.place))
        results.append(result)
    case.result = results
    case.system_out = "\n".join(details(trail, redactor)) if results else redactor.text(course(trail))
    return case
