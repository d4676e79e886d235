"""The law: schemas/<provider>/ read once into frozen objects.

A provider is a folder of data; this module knows the names of the files in it and nothing about any provider. It reads
files and refuses what breaks the vocabulary (a constraint without a source, an unknown key, a rule id used twice).
Judging a request is `check.py`; playing the provider is the mock's work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import orjson

from happyhorse_spec import pointer
from happyhorse_spec.document import DocumentError, read_bytes, read_yaml
from happyhorse_spec.engine import KEYWORDS, Judge, compile_schema, matcher, reference_validator, sieve
from happyhorse_spec.rules import LawError, Rule, RuleBook, Schema, Source, rule_book

_HERE = Path(__file__).parent
SCHEMAS = _HERE / "schemas" if (_HERE / "schemas").is_dir() else _HERE.parent / "schemas"


@dataclass(frozen=True)
class Law:
    """One schema with its rules and a judge that is compiled when it is first asked."""

    book: RuleBook

    @cached_property
    def passes(self) -> Callable[[object], bool]:
        """Says True only of a body that the judge has nothing against."""
        return _sieve(self.book)

    @cached_property
    def judge(self) -> Judge:
        return compile_schema(self.book.schema)

    @cached_property
    def reference_judge(self) -> Judge:
        return compile_schema(self.book.schema, reference=True)


@dataclass(frozen=True, slots=True)
class MediaField:
    """Where a mode's request carries the URL of a media file, and what role the file plays.

    `at` is a JSON pointer whose `*` stands for any item; `where` are members the item must have; `url` is the pointer
    of the URL inside it.
    """

    role: str
    at: str
    where: Mapping[str, str] = field(default_factory=dict)
    url: str = ""


@dataclass(frozen=True)
class Mode:
    """One way to use the model: its request and advice schemas, defaults and media."""

    name: str
    title: str
    any: Law
    request: Law
    advice: Law
    media: tuple[MediaField, ...]
    when: Schema

    @cached_property
    def matches(self) -> Callable[[object], bool]:
        return matcher(self.when)

    @cached_property
    def accepts(self) -> Callable[[object], bool]:
        """Says True only of a body of this mode that the provider accepts."""
        return _sieve(self.any.book, self.request.book)

    @cached_property
    def praises(self) -> Callable[[object], bool]:
        """Says True only of a body of this mode that there is nothing to say about."""
        return _sieve(self.any.book, self.request.book, self.advice.book)

    def listed(self, *place: str) -> list[Any]:
        """The values that the request schema lists for a place."""
        rules = [rule for rule in self.request.book.rules if rule.place == place]
        options = [option for rule in rules if rule.keyword == "enum" for option in rule.limit]
        return options + [rule.limit for rule in rules if rule.keyword == "const"]

    @property
    def defaults(self) -> Mapping[str, Any]:
        """JSON pointer -> default value, as the request schema states it."""
        return self.request.book.defaults


@dataclass(frozen=True, slots=True)
class Header:
    """A header that an endpoint demands: always, or when the body satisfies `when`; `error` answers its absence."""

    name: str
    const: str
    error: str
    when: Schema | None = None
    sources: tuple[Source, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One documented operation. `answers` maps an answer's name to its HTTP status."""

    name: str
    method: str
    path: str
    headers: tuple[Header, ...]
    answers: Mapping[str, int]
    errors: tuple[str, ...]
    data: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProviderError:
    """One row of the provider's error catalogue; `message` may hold {names}. `answer` names the envelope."""

    key: str
    status: int
    code: str
    message: str
    answer: str
    sources: tuple[Source, ...] = field(repr=False)
    data: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Provider:
    """A provider as its folder describes it; `data` is provider.yaml itself."""

    name: str
    title: str
    any: Law
    modes: Mapping[str, Mode]
    media: Mapping[str, Law]
    endpoints: Mapping[str, Endpoint]
    errors: Mapping[str, ProviderError]
    data: Mapping[str, Any] = field(repr=False)
    answer_schemas: Mapping[str, Any] = field(repr=False)
    sources: Mapping[str, Source] = field(repr=False)

    @cached_property
    def models(self) -> tuple[str, ...]:
        """The models that any mode takes."""
        return tuple(dict.fromkeys(model for mode in self.modes.values() for model in self.models_of(mode)))

    def models_of(self, mode: Mode) -> list[str]:
        """The models that a mode takes."""
        return mode.listed(*pointer.parts(self.data["request"].get("model", "/model")))

    @cached_property
    def mode_of(self) -> Callable[[object], Mode | None]:
        """Finds the first mode whose `when` a body satisfies."""
        return _chooser(list(self.modes.values()))

    def answer_schema(self, name: str) -> Schema:
        """The schema of an answer, which stands for itself."""
        return {"$ref": f"#/$defs/{name}", "$defs": self.answer_schemas["$defs"]}

    def is_answer(self, name: str, body: object) -> bool:
        """Whether a body satisfies the schema of that answer."""
        if name not in self._answer_matchers:
            self._answer_matchers[name] = matcher(self.answer_schema(name))
        return self._answer_matchers[name](body)

    @cached_property
    def _answer_matchers(self) -> dict[str, Callable[[object], bool]]:
        return {}

    def rules(self) -> Iterator[Rule]:
        """Every rule of the provider: requests, advice, media."""
        yield from self.any.book.rules
        for mode in self.modes.values():
            yield from mode.request.book.rules
            yield from mode.advice.book.rules
        for law in self.media.values():
            yield from law.book.rules

    def error(self, word: str) -> ProviderError | None:
        """The error with this key, else the first with this code, rather one whose message needs no values."""
        found = [error for error in self.errors.values() if error.code == word]
        found.sort(key=lambda error: "{" in error.message)
        return self.errors.get(word) or next(iter(found), None)


def _chooser(modes: Sequence[Mode]) -> Callable[[object], Mode | None]:
    """A function that finds the first mode whose `when` a body satisfies.

    Where all conditions speak of one member and of nothing else, the modes of the words that it may be are looked up.
    """

    def search(body: object) -> Mode | None:
        return next((mode for mode in modes if mode.matches(body)), None)

    members = {name for mode in modes for name in (*mode.when.get("properties", ()), *mode.when.get("required", ()))}
    if len(members) != 1 or any(mode.when.keys() - {"properties", "required"} for mode in modes):
        return search
    (member,) = members
    words = [word for mode in modes for word in mode.listed(member) if isinstance(word, str)]
    known = {word: search({member: word}) for word in words}

    def choose(body: object) -> Mode | None:
        if type(body) is dict and type(word := body.get(member)) is str and word in known:
            return known[word]
        return search(body)

    return choose


def _sieve(*books: RuleBook) -> Callable[[object], bool]:
    """A `sieve` of all rules; one that lets nothing pass where a keyword of ours has no place of its own."""
    own = [rule for book in books for rule in book.rules if rule.keyword in KEYWORDS]
    if any("items" in rule.place for rule in own):
        return lambda _: False
    placed = [(pointer.write(rule.place), rule.keyword, rule.limit) for rule in own]
    return sieve([book.schema for book in books], placed)


def provider_names() -> list[str]:
    """The providers that come with the package."""
    return sorted(path.parent.name for path in SCHEMAS.glob("*/provider.yaml"))


@cache
def load_provider(name: str) -> Provider:
    """The provider of that name, or the one in the folder of that path; raises LawError."""
    folder = SCHEMAS / name if (SCHEMAS / name / "provider.yaml").is_file() else Path(name)
    if not (folder / "provider.yaml").is_file():
        known = ", ".join(provider_names())
        raise LawError(f"there is no provider {name}; use one of {known}, or a folder with a provider.yaml")
    return _Loader(folder).provider()


@cache
def load_sources() -> Mapping[str, Source]:
    """Every source that the law may cite, by key."""
    return _sources(SCHEMAS / "sources.yaml")


def _sources(path: Path) -> Mapping[str, Source]:
    entries = _read_yaml(path)
    _must_satisfy("sources.schema.json", entries, path)
    return {key: Source(key, **entry) for key, entry in entries.items()}


class _Loader:
    """Reads one folder. A folder of the user may bring a sources.yaml of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.resolve().name
        own = folder / "sources.yaml"
        self.sources = {**load_sources(), **(_sources(own) if own.is_file() else {})}
        self.data = _read_yaml(folder / "provider.yaml")
        _must_satisfy("provider.schema.json", self.data, folder / "provider.yaml")

    def provider(self) -> Provider:
        data = self.data
        any_law = self.law("any.request.schema.json", "any")
        return Provider(
            name=self.name,
            title=data["title"],
            any=any_law,
            modes={name: self.mode(name, entry, any_law) for name, entry in data["modes"].items()},
            media=self.media(),
            endpoints={name: self.endpoint(name, entry) for name, entry in data["endpoints"].items()},
            errors={key: self.error(key, entry) for key, entry in data["errors"].items()},
            data=data,
            answer_schemas=_read_json(self.folder / "answers.schema.json"),
            sources=self.sources,
        )

    def law(self, file: str, scope: str, *, advice: bool = False) -> Law:
        schema = self.dereferenced(file)
        return Law(rule_book(schema, f"{self.name}.{scope}", self.sources, advice=advice))

    def mode(self, name: str, entry: Mapping[str, Any], any_law: Law) -> Mode:
        return Mode(
            name=name,
            title=entry["title"],
            any=any_law,
            request=self.law(f"{name}.request.schema.json", name),
            advice=self.law(f"{name}.advice.schema.json", name, advice=True),
            media=tuple(MediaField(**item) for item in entry.get("media", ())),
            when=dereference(entry["when"], self.folder),
        )

    def media(self) -> Mapping[str, Law]:
        roles = self.dereferenced("media.schema.json")["$defs"]
        books = {role: rule_book(schema, f"{self.name}.media.{role}", self.sources) for role, schema in roles.items()}
        return {role: Law(book) for role, book in books.items()}

    def error(self, key: str, entry: Mapping[str, Any]) -> ProviderError:
        sources = self.cited(entry, f"error {key}")
        answer = entry.get("answer", "error")
        return ProviderError(key, entry["status"], entry["code"], entry["message"], answer, sources, entry)

    def endpoint(self, name: str, entry: Mapping[str, Any]) -> Endpoint:
        headers = tuple(self.header(header, name) for header in entry.get("headers", ()))
        errors = tuple(entry.get("errors", ()))
        return Endpoint(name, entry["method"], entry["path"], headers, entry["answers"], errors, data=entry)

    def header(self, entry: Mapping[str, Any], endpoint: str) -> Header:
        sources = self.cited(entry, f"header {entry['name']} of {endpoint}")
        return Header(entry["name"], entry["const"], entry["error"], entry.get("when"), sources)

    def cited(self, entry: Mapping[str, Any], what: str) -> tuple[Source, ...]:
        keys = [entry["source"]] if isinstance(entry["source"], str) else entry["source"]
        missing = [source for source in keys if source not in self.sources]
        if missing:
            raise LawError(f"{self.name}: {what} cites {missing[0]}, which sources.yaml does not have")
        return tuple(self.sources[source] for source in keys)

    def dereferenced(self, file: str) -> dict[str, Any]:
        resolved: dict[str, Any] = dereference(_read_schema(self.folder / file), self.folder, file)
        return resolved


def dereference(schema: Any, folder: Path, file: str = "") -> Any:
    """The schema with every `$ref` replaced by what it points to; members beside a `$ref` win over the target's.

    A reference names a file beside this one or this file itself; a loop is a LawError.
    """
    return _dereference(schema, folder, file, ())


def _dereference(schema: Any, folder: Path, file: str, seen: tuple[tuple[str, str], ...]) -> Any:
    if isinstance(schema, list):
        return [_dereference(item, folder, file, seen) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" not in schema:
        return {key: _dereference(value, folder, file, seen) for key, value in schema.items()}
    name, _, pointer = schema["$ref"].partition("#")
    name = name or file
    if (name, pointer) in seen:
        raise LawError(f"{folder / name}: {pointer} refers to itself")
    target = _dereference(_point(_read_schema(folder / name), pointer, name), folder, name, (*seen, (name, pointer)))
    beside = {key: _dereference(value, folder, file, seen) for key, value in schema.items() if key != "$ref"}
    return {**target, **beside}


def _point(document: Any, pointer: str, name: str) -> Any:
    for part in pointer.split("/")[1:]:
        if not isinstance(document, dict) or part not in document:
            raise LawError(f"{name} has no {pointer}")
        document = document[part]
    return document


def _must_satisfy(metaschema: str, data: object, path: Path) -> None:
    if _metaschema(metaschema)(data):
        return
    from jsonschema.exceptions import best_match

    error = best_match(reference_validator(_read_json(SCHEMAS / metaschema)).iter_errors(data))
    place = "/".join(map(str, error.absolute_path)) if error else ""
    raise LawError(f"{path}: {place or 'the top'}: {error.message[:200] if error else ''}; see {metaschema}")


@cache
def _metaschema(name: str) -> Callable[[object], bool]:
    return matcher(_read_json(SCHEMAS / name))


@cache
def _read_schema(path: Path) -> Any:
    schema = _read_json(path)
    _must_satisfy("vocabulary.schema.json", schema, path)
    return schema


@cache
def _read_json(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except OSError as error:
        raise LawError(f"{path}: it cannot be opened: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise LawError(f"{path}: it is not JSON: {error}") from error


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        data = read_yaml(read_bytes(path), str(path))[0].data
    except DocumentError as error:
        raise LawError(str(error)) from error
    if not isinstance(data, dict):
        raise LawError(f"{path}: must hold one mapping")
    return data
