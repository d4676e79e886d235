"""What `check` prints, in each of its formats: for people, for programs, for GitHub's annotations.

A line is printed as soon as it is known; which colours a terminal gets is decided here, what is found is not.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Mapping
from typing import Protocol

from happyhorse_spec.document import Position
from happyhorse_spec.findings import Finding

_COLOURS = {"reject": "31", "truncate": "33", "ignore": "33", "advise": "36", "ok": "32", "dim": "2"}


class Output(Protocol):
    """One format."""

    def found(self, file: str, finding: Finding, position: Position) -> None:
        """A finding, and where it stands in the file."""

    def passed(self, file: str, position: Position | None, what: str) -> None:
        """A request about which there is nothing to say."""

    def failed(self, file: str, message: str, position: Position | None) -> None:
        """A file, or a part of it, that could not be judged."""


class Text:
    """Like a compiler: place, effect and message; the line with a caret; rule, source and fix."""

    def found(self, file: str, finding: Finding, position: Position) -> None:
        print(f"{_place(file, position)}: {_paint(finding.effect, finding.effect)}: {finding.message}")
        gutter = f"{position.line:5} | "
        print(f"{_paint('dim', gutter)}{position.excerpt}")
        print(" " * (len(gutter) + _width(position.excerpt[: position.caret])) + _paint(finding.effect, "^"))
        print(f"  rule:   {finding.rule.id}\n  source: {_cited(finding)}")
        if finding.fix:
            print(f"  fix:    {finding.fix}")

    def passed(self, file: str, position: Position | None, what: str) -> None:
        print(f"{_place(file, position)}: {_paint('ok', 'ok')} ({what})")

    def failed(self, file: str, message: str, position: Position | None) -> None:
        sys.stdout.flush()
        print(f"{_place(file, position)}: {message}", file=sys.stderr)


class Lines:
    """One JSON object per finding and line; what could not be judged has no rule and the effect `unread`."""

    def found(self, file: str, finding: Finding, position: Position) -> None:
        print(json.dumps({**finding.as_dict(), **_spot(position), "file": file}, ensure_ascii=False))

    def passed(self, file: str, position: Position | None, what: str) -> None:
        pass

    def failed(self, file: str, message: str, position: Position | None) -> None:
        nothing = {"rule": None, "pointer": None, **_spot(position), "message": message}
        print(json.dumps({**nothing, "effect": "unread", "source": [], "fix": None, "file": file}, ensure_ascii=False))


class Annotations:
    """Workflow commands: docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands."""

    def found(self, file: str, finding: Finding, position: Position) -> None:
        level = "error" if finding.effect == "reject" else "warning"
        words = [f"{finding.message}.", finding.fix or "", f"({finding.rule.id})"]
        self._print(level, file, " ".join(filter(None, words)), position)

    def passed(self, file: str, position: Position | None, what: str) -> None:
        pass

    def failed(self, file: str, message: str, position: Position | None) -> None:
        self._print("error", file, message, position)

    def _print(self, level: str, file: str, message: str, position: Position | None) -> None:
        place = f",line={position.line},col={position.column}" if position else ""
        print(f"::{level} file={_escaped(file, ':,')}{place}::{_escaped(message, '')}")


FORMATS: Mapping[str, type[Output]] = {"text": Text, "json": Lines, "github": Annotations}


def _escaped(text: str, more: str) -> str:
    for letter in f"%\r\n{more}":
        text = text.replace(letter, f"%{ord(letter):02X}")
    return text


def _spot(position: Position | None) -> dict[str, int | None]:
    return {"line": position.line, "column": position.column} if position else {"line": None, "column": None}


def _place(file: str, position: Position | None) -> str:
    return f"{file}:{position.line}:{position.column}" if position else file


def _cited(finding: Finding) -> str:
    first, *more = finding.sources
    kind = "" if first.kind == "documented" else f"({first.kind})"
    return " ".join(filter(None, (first.title, kind, first.url, f"and {len(more)} more" if more else "")))


def _width(text: str) -> int:
    """Columns in a terminal: wide characters take two, combining ones none."""
    marks = (0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)
    return sum(marks)


def _paint(colour: str, text: str) -> str:
    """The text in a colour where a person looks at it and has not asked for none: https://no-color.org."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return f"\033[{_COLOURS[colour]}m{text}\033[0m"
