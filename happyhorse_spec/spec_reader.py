"""YAML files -> specs: judged by spec.schema.json, merged with the file's `defaults`, multiplied by the matrix.

What is wrong with the files is collected and raised at once, as a `SpecError` that names line and column of each
fault. Nothing here sends anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.contract import SCHEMAS, Provider, load_provider, provider_names
from happyhorse_spec.document import Document, DocumentError, read
from happyhorse_spec.findings import show
from happyhorse_spec.headers import header_rules
from happyhorse_spec.rules import LawError
from happyhorse_spec.spec import FINAL, Condition, Expectation, Fault, Origin, Place, Spec, SpecError
from happyhorse_spec.spec_schema import breaches
from happyhorse_spec.substitution import (
    SubstitutionError,
    Values,
    label,
    substitute,
    taken_from_environment,
    variants,
)
from happyhorse_spec.wording import listing, nearest

#: The specs that come with the package.
SPECS = SCHEMAS.parent / "specs"

_SUBSTITUTED = ("request", "headers", "expect", "poll")


def read_specs(paths: Iterable[str | Path], values: Values | None = None) -> list[Spec]:
    """The specs of files and folders, in their order; raises SpecError with every fault of every file."""
    reader = _Reader(values or Values())
    for path in paths:
        reader.read(path)
    if reader.faults:
        raise SpecError(list(dict.fromkeys(reader.faults)))
    return reader.specs


class _Reader:
    """Collects specs, and faults instead of stopping at the first."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.specs: list[Spec] = []
        self.faults: list[Fault] = []

    def read(self, path: str | Path) -> None:
        try:
            for file in _files(path):
                known = len(self.faults)
                self.read_file(file)
                self.faults[known:] = sorted(self.faults[known:], key=lambda fault: fault.place[1:])
        except DocumentError as error:
            at = error.position
            place = Place(error.name, at.line, at.column) if at else error.name
            self.faults.append(Fault(place, error.message))

    def read_file(self, path: str | Path) -> None:
        for expansion in expansions(read(path), self.values):
            self.specs += expansion.specs
            self.faults += expansion.faults


def expansions(documents: Iterable[Document], values: Values, provider: str | None = None) -> Iterator[Expansion]:
    """What comes of each document of a file; `provider` takes the place of the one that a spec names."""
    defaults = None
    for index, document in enumerate(documents):
        is_defaults = isinstance(document.data, dict) and "defaults" in document.data
        expansion = Expansion(Origin(document, defaults), values, provider)
        expansion.take(_shared(defaults), is_defaults=is_defaults, is_first=index == 0)
        yield expansion
        defaults = document if is_defaults else defaults


class Expansion:
    """One document, its specs, and what is wrong with it."""

    def __init__(self, origin: Origin, values: Values, provider: str | None) -> None:
        self.origin, self.values, self.provider = origin, values, provider
        self.specs: list[Spec] = []
        self.faults: list[Fault] = []

    def take(self, shared: Any, *, is_defaults: bool, is_first: bool) -> None:
        """Judge the document and take up its variants."""
        data = self.origin.document.data
        self.faults += [Fault(self.origin.place(at, key=key), told) for at, told, key in breaches(data)]
        if is_defaults and not is_first:
            told = "defaults stand in the first document of a file"
            self.faults.append(Fault(self.origin.place("/defaults", key=True), told))
        elif not is_defaults and not self.faults:
            asked = {"provider": self.provider} if self.provider else {}
            self.expand(merged(shared, data) | asked)

    def expand(self, data: Mapping[str, Any]) -> None:
        """Take up the variants of the document."""
        origin = self.origin
        missing = [name for name in ("provider", "request") if name not in data]
        if missing:
            told = f"it has no {missing[0]}; every spec has one, here or in the file's defaults"
            self.faults.append(Fault(origin.place(), told))
            return
        try:
            folder = Path() if self.provider else Path(origin.document.name).parent
            secrets = tuple(taken_from_environment(data, self.values.env))
            draft = _Draft(data, *_provider(data["provider"], folder), origin, secrets)
            for variant in variants(data.get("matrix", {})):
                self.expand_variant(draft, Values(self.values.var, self.values.env, variant))
        except SubstitutionError as error:
            self.faults.append(Fault(origin.place(error.pointer), str(error)))
        except LawError as error:
            self.faults.append(Fault(origin.place("/provider"), str(error)))

    def expand_variant(self, draft: _Draft, values: Values) -> None:
        """Take up one variant, unless what is put into it breaks the schema or names what its provider has not."""
        filled = {
            key: substitute(value, values, f"/{key}") if key in _SUBSTITUTED else value
            for key, value in draft.data.items()
        }
        place = draft.origin.place
        found = [Fault(place(at, key=key), told) for at, told, key in breaches(filled)]
        if not found:
            found = [Fault(place(at), told) for at, told in _unknown_words(filled, draft.provider)]
        self.faults += found
        if not found:
            self.specs.append(draft.spec(filled, values))


@dataclass(frozen=True, slots=True)
class _Draft:
    """A document whose references are not resolved yet, its provider, and what it takes from the environment."""

    data: Mapping[str, Any]
    law: str
    provider: Provider
    origin: Origin
    secrets: tuple[str, ...]

    def spec(self, filled: Mapping[str, Any], values: Values) -> Spec:
        names = ", ".join(map(label, values.matrix.values()))
        source, poll = filled.get("source", []), filled.get("poll", {})
        return Spec(
            name=filled["name"] + (f" [{names}]" if names else ""),
            law=self.law,
            provider=self.provider,
            body=filled["request"],
            headers=filled.get("headers", {}),
            expect=_expectation(filled.get("expect", {}), self.provider),
            tags=tuple(filled.get("tags", ())),
            sources=(source,) if isinstance(source, str) else tuple(source),
            interval=poll.get("interval"),
            until=poll.get("until"),
            fail_on=tuple(poll.get("fail_on", ())),
            secrets=self.secrets,
            origin=self.origin,
        )


def _files(path: str | Path) -> Iterator[str | Path]:
    """The file itself, or the YAML files of a folder."""
    folder = Path(path)
    if str(path) == "-" or not folder.is_dir():
        yield path
        return
    found = sorted(file for file in folder.rglob("*") if file.suffix in (".yaml", ".yml") and file.is_file())
    if not found:
        raise DocumentError("the folder holds no .yaml file", str(path))
    yield from found


def _shared(defaults: Document | None) -> Any:
    return pointer.follow(defaults.data, "/defaults", {}) if defaults else {}


def merged(shared: Any, own: Any) -> Any:
    """A spec with the defaults of its file: mappings are merged by member; otherwise the spec's own value stands."""
    if not isinstance(shared, Mapping) or not isinstance(own, Mapping):
        return own
    both = {key: merged(shared[key], own[key]) for key in shared.keys() & own.keys()}
    return {**shared, **own, **both}


def _provider(name: str, folder: Path) -> tuple[str, Provider]:
    """What to ask `load_provider` for, and what it gives; a path is relative to the file that holds it."""
    law = str(folder / name) if "/" in name else name
    try:
        return law, load_provider(law)
    except LawError as error:
        raise LawError(f"{error}{_meant(name, provider_names())}") from error


def _unknown_words(filled: Mapping[str, Any], provider: Provider) -> Iterator[tuple[str, str]]:
    """What a spec names and the provider does not know: a state, a state that is an end, a rule."""
    yield from _unknown_states(filled.get("poll", {}), provider)
    expect = filled.get("expect", {})
    yield from _unknown_answers(expect.get("where", ()), provider)
    words = list(dict.fromkeys(word for state, word in provider.data["states"].items() if state in FINAL))
    state = expect.get("state")
    if state is not None and state not in words:
        yield "/expect/state", f"expect.state is {show(state)}; it must be {listing(words)}{_meant(state, words)}"
    rule = expect.get("rejected", {}).get("rule")
    if rule is not None:
        listed = (*provider.rules(), *header_rules(provider, provider.endpoints["submit"]))
        rules = [known.id for known in listed if known.effect == "reject"]
        if rule not in rules:
            at, told = "/expect/rejected/rule", f"{provider.name} has no rule {rule} that rejects"
            yield at, f"{told}{_meant(rule, rules)}" if nearest(rule, rules) else f"{told}; `rules` lists them"


def _unknown_answers(where: Sequence[Mapping[str, Any]], provider: Provider) -> Iterator[tuple[str, str]]:
    words = ["submit", *dict.fromkeys(provider.data["states"].values())]
    for index, condition in enumerate(where):
        of = condition.get("of", "submit")
        if of not in words:
            yield (
                f"/expect/where/{index}/of",
                f"the answer is {show(of)}; it must be {listing(words)}{_meant(of, words)}",
            )


def _unknown_states(poll: Mapping[str, Any], provider: Provider) -> Iterator[tuple[str, str]]:
    words = list(dict.fromkeys(provider.data["states"].values()))
    named = [("/poll/until", poll["until"])] if "until" in poll else []
    named += [(f"/poll/fail_on/{index}", word) for index, word in enumerate(poll.get("fail_on", ()))]
    for at, word in named:
        if word not in words:
            yield at, f"the state is {show(word)}; it must be {listing(words)}{_meant(word, words)}"


def _meant(word: str, known: Sequence[str]) -> str:
    meant = nearest(word, known)
    return f". Did you mean {meant}?" if meant else ""


def _expectation(data: Mapping[str, Any], provider: Provider) -> Expectation:
    ends = {word: state for state, word in provider.data["states"].items() if state in FINAL}
    is_followed = "rejected" not in data and ("accepted" not in data or "state" in data or "clip" in data)
    return Expectation(
        rejected=data.get("rejected"),
        state=(ends[data["state"]] if "state" in data else "succeeded") if is_followed else None,
        within=data.get("within"),
        clip=data.get("clip", {}),
        where=tuple(map(_condition, data.get("where", ()))),
    )


def _condition(data: Mapping[str, Any]) -> Condition:
    at, of = data["at"], data.get("of")
    if "equals" in data:
        return Condition(at, {"const": data["equals"]}, show(data["equals"]), of)
    if "matches" in data:
        schema = {"type": "string", "pattern": data["matches"]}
        return Condition(at, schema, f"a text that matches {data['matches']}", of)
    return Condition(at, data["schema"], f"what the schema {show(data['schema'])} takes", of)
