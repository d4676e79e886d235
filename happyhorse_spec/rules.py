"""Rules: every constraint of a schema, with its id, its sources and its repair.

A rule is derived, never typed: its id is `<scope>.<pointer>.<keyword>`, where the scope is `<provider>.<mode>` and the
pointer names the place in the request (`items` stands for any item of an array). Two branches of a condition are told
apart by the branch's `x-case`: `...resolution.enum@1.1`. Here lives the walk over one schema; judging a request is
`check.py`, reading files is `contract.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = Mapping[str, Any]
SchemaPath = tuple[str | int, ...]

#: Keywords that constrain a value; all others structure the schema or annotate it.
CONSTRAINTS = frozenset(
    {
        "type",
        "enum",
        "const",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minLength",
        "maxLength",
        "pattern",
        "minItems",
        "maxItems",
        "required",
        "additionalProperties",
        "contains",
        "maxContains",
        "not",
        "x-maxPromptUnits",
        "x-promptReferences",
    }
)


class LawError(Exception):
    """A schema or provider file that breaks the rules of this project; says which file and what to mend."""


@dataclass(frozen=True, slots=True)
class Source:
    """A page, a captured answer or a choice that a fact rests on. `kind`: documented, observed, inferred, chosen."""

    key: str
    kind: str
    title: str
    url: str
    seen: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """A value that another source claims, and why it was not taken."""

    value: object
    sources: tuple[Source, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One constraint. `effect` is `reject`, `truncate`, `ignore` or `advise`; `limit` is the keyword's value."""

    id: str
    keyword: str
    place: tuple[str, ...]
    limit: Any
    schema: Schema = field(repr=False)
    effect: str
    sources: tuple[Source, ...] = field(repr=False)
    fix: str | None = None
    why: str | None = None
    message: str | None = None
    error: str | None = None
    conflicts: tuple[Conflict, ...] = ()

    @property
    def near(self) -> Mapping[str, Mapping[str, str]]:
        """Known wrong spellings, and what to use instead."""
        near: Mapping[str, Mapping[str, str]] = self.schema.get("x-near", {})
        return near


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The rules of one schema, found by where they stand in it."""

    schema: Schema = field(repr=False)
    rules: tuple[Rule, ...]
    by_place: Mapping[tuple[SchemaPath, str], Rule] = field(repr=False)
    required: Mapping[tuple[SchemaPath, str], Rule] = field(repr=False)
    defaults: Mapping[str, Any] = field(repr=False)
    default_sources: Mapping[str, tuple[Source, ...]] = field(repr=False)
    order: Mapping[str, int] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where the walk stands: in the schema, in the request, and in which case of a condition."""

    path: SchemaPath
    place: tuple[str, ...]
    case: str

    def into(self, *path: str | int, place: str | None = None, case: str = "") -> _Spot:
        here = (*self.place, place) if place is not None else self.place
        return _Spot((*self.path, *path), here, case or self.case)


def walk(schema: Schema, spot: _Spot | None = None) -> Iterator[tuple[_Spot, Schema]]:
    """Every subschema that judges a value, with its spot; conditions (`if`, `contains`, `not`) are not judges."""
    spot = spot or _Spot((), (), "")
    case = schema.get("x-case", "")
    spot = spot.into(case=case)
    yield spot, schema
    for name, child in schema.get("properties", {}).items():
        yield from walk(child, spot.into("properties", name, place=name))
    if "items" in schema:
        yield from walk(schema["items"], spot.into("items", place="items"))
    for index, child in enumerate(schema.get("allOf", ())):
        yield from walk(child, spot.into("allOf", index))
    for branch in ("then", "else"):
        if branch in schema:
            yield from walk(schema[branch], spot.into(branch))


def rule_book(schema: Schema, scope: str, sources: Mapping[str, Source], *, advice: bool = False) -> RuleBook:
    """Derive the rules of `schema`; raises LawError on a constraint without source, effect or a rule id used twice."""
    book = _Builder(scope, sources, advice)
    for spot, subschema in walk(schema):
        book.add(spot, subschema)
    order = {name: index for index, name in enumerate(book.rules)}
    rules = tuple(book.rules.values())
    return RuleBook(schema, rules, book.by_place, book.required, book.defaults, book.default_sources, order)


class _Builder:
    """Collects the rules of one schema and refuses an id that comes twice."""

    def __init__(self, scope: str, sources: Mapping[str, Source], advice: bool) -> None:
        self.scope, self.sources, self.advice = scope, sources, advice
        self.rules: dict[str, Rule] = {}
        self.by_place: dict[tuple[SchemaPath, str], Rule] = {}
        self.required: dict[tuple[SchemaPath, str], Rule] = {}
        self.defaults: dict[str, Any] = {}
        self.default_sources: dict[str, tuple[Source, ...]] = {}

    def add(self, spot: _Spot, schema: Schema) -> None:
        if "default" in schema:
            at = "".join(f"/{name}" for name in spot.place)
            self.default_sources[at] = self._sources(".".join((self.scope, *spot.place, "default")), schema, "default")
            self.defaults[at] = schema["default"]
        for keyword in schema:
            if keyword == "required":
                for name in schema["required"]:
                    self.required[(spot.path, name)] = self._required(spot, schema, name)
            elif keyword in CONSTRAINTS and not _is_void(schema, keyword):
                self.by_place[(spot.path, keyword)] = self._keep(spot, schema, keyword, schema[keyword], schema)

    def _required(self, spot: _Spot, schema: Schema, name: str) -> Rule:
        """A missing member is annotated in its own subschema, else in the object that requires it."""
        child = schema.get("properties", {}).get(name, {})
        own = {key: value["required"] for key, value in child.items() if _speaks_of(value, key, "required")}
        notes = {key: value for key, value in schema.items() if key.startswith("x-")} | own
        member = spot.into(place=name)
        return self._keep(member, notes, "required", name, schema)

    def _keep(self, spot: _Spot, notes: Schema, keyword: str, limit: object, schema: Schema) -> Rule:
        rule = self._rule(spot, notes, keyword, limit, schema)
        if rule.id in self.rules:
            raise LawError(f"rule {rule.id} stands twice; give one branch an x-case")
        self.rules[rule.id] = rule
        return rule

    def _rule(self, spot: _Spot, notes: Schema, keyword: str, limit: object, schema: Schema) -> Rule:
        name = ".".join((self.scope, *spot.place, keyword.removeprefix("x-"))) + (f"@{spot.case}" if spot.case else "")
        sources = self._sources(name, notes, keyword)
        why = annotation(notes, "x-why", keyword)
        if why is None and any(source.kind == "chosen" for source in sources):
            raise LawError(f"rule {name} is chosen and gives no reason; add x-why")
        return Rule(
            id=name,
            keyword=keyword,
            place=spot.place,
            limit=limit,
            schema=schema,
            effect=self._effect(name, notes, keyword),
            sources=sources,
            fix=annotation(notes, "x-fix", keyword),
            why=why,
            message=annotation(notes, "x-message", keyword),
            error=annotation(notes, "x-error", keyword),
            conflicts=tuple(self._conflicts(notes, keyword)),
        )

    def _sources(self, name: str, notes: Schema, keyword: str) -> tuple[Source, ...]:
        keys = annotation(notes, "x-source", keyword)
        if not keys:
            raise LawError(f"rule {name} has no source; add x-source")
        return self._look_up(keys, name)

    def _look_up(self, keys: str | list[str], name: str) -> tuple[Source, ...]:
        listed = [keys] if isinstance(keys, str) else keys
        unknown = [key for key in listed if key not in self.sources]
        if unknown:
            raise LawError(f"rule {name} cites {unknown[0]}, which sources.yaml does not have")
        return tuple(self.sources[key] for key in listed)

    def _effect(self, name: str, notes: Schema, keyword: str) -> str:
        effect = annotation(notes, "x-effect", keyword)
        if bool(effect) != self.advice:
            raise LawError(f"rule {name}: x-effect belongs to each rule of an advice schema and to no other")
        return effect or "reject"

    def _conflicts(self, notes: Schema, keyword: str) -> Iterator[Conflict]:
        for entry in notes.get("x-conflict", ()):
            if entry["keyword"] == keyword:
                yield Conflict(entry["value"], self._look_up(entry["source"], keyword), entry["why"])


def _is_void(schema: Schema, keyword: str) -> bool:
    """`contains` beside `minContains: 0` asks for nothing; it only says what `maxContains` counts."""
    return keyword == "contains" and schema.get("minContains") == 0


def _speaks_of(value: object, key: str, keyword: str) -> bool:
    return key.startswith("x-") and isinstance(value, Mapping) and keyword in value


def annotation(notes: Schema, name: str, keyword: str) -> Any:
    """The annotation of that name for a keyword: the same for all, or by keyword."""
    value = notes.get(name)
    return value.get(keyword) if isinstance(value, Mapping) else value
