"""A request spec: one request, what is expected of the provider, and where each of its members stands in the file.

Reading files is `spec_reader.py`, running specs is `runner.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from happyhorse_spec import pointer
from happyhorse_spec.contract import Provider
from happyhorse_spec.document import Document, Position
from happyhorse_spec.failures import Failure

#: The engine's states in which a task ends.
FINAL = frozenset({"succeeded", "failed", "canceled", "unknown"})


class Place(NamedTuple):
    """Where something stands; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Fault(NamedTuple):
    """What is wrong with a spec file, in one sentence; `place` is the file alone where no line is known."""

    place: Place | str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class SpecError(Failure):
    """Spec files that cannot be run; `faults` has one entry for everything that is to be mended."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold at a JSON pointer of an answer, as a schema; `says` is its wording.

    `of` is `submit` or a state that the answer was the first to tell, None for the last answer.
    """

    at: str
    schema: Mapping[str, Any]
    says: str
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must come true. `rejected` holds the members to compare, or is None where acceptance is expected.

    `state` is the engine's word (`succeeded`), None where the task is not followed; `within` is in seconds.
    """

    rejected: Mapping[str, Any] | None = None
    state: str | None = None
    within: float | None = None
    clip: Mapping[str, Any] = field(default_factory=dict)
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a spec was read: its document, and that of the file's defaults."""

    document: Document
    defaults: Document | None = None

    def place(self, at: str = "", *, key: bool = False) -> Place:
        """The place of a pointer into the spec."""
        name, position = self.position(at, key=key)
        return Place(name, position.line, position.column)

    def position(self, at: str = "", *, key: bool = False) -> tuple[str, Position]:
        """File and position of a pointer into the spec: in its own document, else in the defaults."""
        document = self.document
        if self.defaults and pointer.follow(document.data, at, _ABSENT) is _ABSENT:
            inherited = pointer.follow(self.defaults.data, "/defaults" + at, _ABSENT)
            if inherited is not _ABSENT:
                document, at = self.defaults, "/defaults" + at
        return document.name, document.position(at, key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One request and what is expected of it. `law` is what `load_provider` was asked for.

    `headers` are extra ones, None for one that is left out. `interval` is seconds between polls, None as advised;
    `until` and `fail_on` are states in the provider's words: following ends there, or fails. `secrets` are values that
    no output may show.
    """

    name: str
    law: str
    provider: Provider = field(repr=False)
    body: Any
    headers: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    expect: Expectation
    tags: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    interval: float | None = None
    until: str | None = None
    fail_on: tuple[str, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)
    origin: Origin = field(repr=False)

    @property
    def id(self) -> str:
        return f"{self.provider.name}/{self.name}"

    @property
    def folder(self) -> Path:
        """Where the files are sought that it names."""
        return Path(self.place().file).parent

    def place(self, at: str = "", *, key: bool = False) -> Place:
        """Line and column of a pointer into the spec."""
        return self.origin.place(at, key=key)


_ABSENT = object()
