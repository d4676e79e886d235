"""Killers: a mutant takes the place of one file of the law, and what the suite says of a provider is said of it.

No mutant costs a start of pytest. The law is loaded from memory, so that each takes a few hundredths of a second; the
assertions are those of the suite itself, the quick ones first, and the first that fails ends it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from unittest.mock import patch

from mutators import Mutant, mutants
from table import CHAPTERS, Table, read_table, tables

from happyhorse_spec import audit, contract
from happyhorse_spec.answers import AnswerBook
from happyhorse_spec.check import check_body
from happyhorse_spec.contract import SCHEMAS, Provider
from happyhorse_spec.rules import LawError
from happyhorse_spec.spec_reader import SPECS, read_specs

Killer = Callable[[Provider], Iterator[object]]


class Shelf:
    """The files of the law in memory, one of which may be a mutant."""

    def __init__(self) -> None:
        self.files = {path: _read(path) for path in sorted(SCHEMAS.rglob("*")) if path.suffix in (".json", ".yaml")}

    def mutants(self) -> Iterator[Mutant]:
        """Every mutant of every provider; the metaschemas are the form of the law and hold no fact."""
        for path, document in self.files.items():
            if path.parent != SCHEMAS:
                yield from mutants(str(path.relative_to(SCHEMAS)), document)

    def load(self, mutant: Mutant) -> Provider:
        """The provider with the mutant in it; LawError where it does not load."""
        changed = SCHEMAS / mutant.file
        files = {**self.files, changed: mutant.made(self.files[changed])}

        def read(path: Path) -> Any:
            if path not in files:
                raise LawError(f"{path}: it cannot be opened")
            return files[path]

        contract._read_schema.cache_clear()
        try:
            with patch.object(contract, "_read_json", read), patch.object(contract, "_read_yaml", read):
                return contract._Loader(changed.parent).provider()
        finally:
            contract._read_schema.cache_clear()


def _read(path: Path) -> Any:
    return json.loads(path.read_bytes()) if path.suffix == ".json" else read_table(path)


class Suite:
    """What the suite asserts of a provider, by the name of the assertion."""

    def __init__(self) -> None:
        self.tables: Mapping[str, Table] = tables()
        self.specs = [(spec.provider.name, spec.body, spec.expect.rejected) for spec in read_specs([SPECS])]

    def kills(self, shelf: Shelf, mutant: Mutant) -> str | None:
        """The name of what kills the mutant, None if it lives."""
        try:
            provider = shelf.load(mutant)
        except Exception:
            return "load"
        for name, killer in self._killers():
            try:
                if next(iter(killer(provider)), None) is not None:
                    return name
            except Exception:
                return name
        return None

    def _killers(self) -> Iterator[tuple[str, Killer]]:
        for name, chapter in CHAPTERS.items():
            yield name, lambda provider, chapter=chapter: chapter(provider, self.tables[provider.name])
        yield "specs", self._specs
        yield "examples", self._examples
        yield "audit", audit.audit
        yield "twins", audit.unproved_rules

    def _specs(self, provider: Provider) -> Iterator[object]:
        for name, body, rejected in self.specs:
            if name == provider.name and (rejected is None or ".submit.header." not in rejected["rule"]):
                told = [found.rule.id for found in check_body(body, provider) if found.effect == "reject"]
                if told != ([rejected["rule"]] if rejected else []):
                    yield body

    def _examples(self, provider: Provider) -> Iterator[object]:
        for endpoint in provider.endpoints.values():
            for name, status in endpoint.answers.items():
                for example in provider.answer_schemas["$defs"][name].get("examples", ()):
                    if AnswerBook(provider, endpoint).recognise(status, example).name != name:
                        yield example


class Excuses:
    """Patterns of mutants' names that mean the same as what they are made of, each with the reason."""

    def __init__(self, chapter: str) -> None:
        self.reasons: dict[str, str] = read_table(Path(__file__).with_name("equivalent.yaml"))[chapter] or {}

    def pattern(self, name: str) -> str | None:
        literal = {pattern: pattern.replace("[", "[[]") for pattern in self.reasons}
        return next((pattern for pattern, escaped in literal.items() if fnmatchcase(name, escaped)), None)
