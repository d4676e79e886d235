"""Mutators: the small mistakes that somebody who writes the law could make, each as a generator over one file.

A mutator is given a place of a document and yields (what it does, how to do it); the document is copied before. What
only a person reads (titles, reasons, repairs, the ledger of conflicts) is no law and is left alone, as are sources: a
wrong key does not load, and which page a fact stands on no test can know.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.rules import CONSTRAINTS

Path = tuple[str | int, ...]
Edit = Callable[[Any], object]
Change = tuple[str, Edit]

BOUNDS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxContains",
)
ANSWERED = ("examples", "title", "description")
TYPES = ("string", "object", "array", "integer", "boolean", "number", "null")


@dataclass(frozen=True)
class Mutant:
    """One edit of one file: `dashscope/parts.schema.json /$defs/duration: maximum 15 -> 16`."""

    file: str
    place: Path
    what: str
    edit: Edit

    def __str__(self) -> str:
        return f"{self.file} {pointer.write(self.place) or '/'}: {self.what}"

    def made(self, document: Any) -> Any:
        changed = copy.deepcopy(document)
        self.edit(_at(changed, self.place))
        return changed


def mutants(file: str, document: Any) -> Iterator[Mutant]:
    """Every mutant of a file of the law."""
    spots = facts(document) if file.endswith(".yaml") else schemas(document)
    for place, mutators in spots:
        for mutator in mutators:
            for what, edit in mutator(_at(document, place)):
                yield Mutant(file, place, what, edit)


def _at(document: Any, place: Path) -> Any:
    for part in place:
        document = document[part]
    return document


# Schemas.


def schemas(schema: Any, path: Path = ()) -> Iterator[tuple[Path, tuple[Callable[[Any], Iterator[Change]], ...]]]:
    """Every subschema, conditions among them, with its mutators."""
    if not isinstance(schema, dict):
        return
    yield path, SCHEMA
    for word in ("$defs", "properties", "patternProperties"):
        for name in schema.get(word, ()):
            yield from schemas(schema[word][name], (*path, word, name))
    for word in ("items", "if", "then", "else", "not", "contains", "additionalProperties"):
        yield from schemas(schema.get(word), (*path, word))
    for word in ("allOf", "anyOf", "oneOf"):
        for index in range(len(schema.get(word, ()))):
            yield from schemas(schema[word][index], (*path, word, index))


def dropped(schema: Any) -> Iterator[Change]:
    """A constraint is dropped, with all that is said of it."""
    for keyword in schema:
        if keyword in CONSTRAINTS - {"required"} or keyword in ("$ref", "format", "minContains"):
            yield f"{keyword} dropped", lambda node, word=keyword: _forget(node, word)


def _forget(schema: Any, keyword: str) -> None:
    del schema[keyword]
    if keyword == "contains":
        schema.pop("minContains", None)
        schema.pop("maxContains", None)
    if keyword == "maxContains":
        schema.pop("minContains", None)
    for note in [name for name in schema if name.startswith("x-") and isinstance(schema[name], dict)]:
        if note not in CONSTRAINTS and keyword in schema[note]:
            del schema[note][keyword]
            if not schema[note]:
                del schema[note]
    schema["x-conflict"] = [entry for entry in schema.get("x-conflict", ()) if entry["keyword"] != keyword]
    if not schema["x-conflict"]:
        del schema["x-conflict"]


def bounds(schema: Any) -> Iterator[Change]:
    """A bound is moved by one, or by a hundredth where it has decimals; an open bound is closed."""
    for keyword in BOUNDS:
        limit = schema.get(keyword)
        if isinstance(limit, (int, float)):
            for changed in _moved(limit):
                yield f"{keyword} {limit} -> {changed}", _set(keyword, changed)
    if "exclusiveMinimum" in schema:
        yield "exclusiveMinimum -> minimum", lambda node: node.update(minimum=node.pop("exclusiveMinimum"))
    for keyword in ("x-maxPromptUnits",):
        if keyword in schema:
            yield from _inside(schema, keyword, ("limit",))
            yield from _inside(schema, keyword, ("weights", *schema[keyword].get("weights", ())))


def _inside(schema: Any, keyword: str, path: Path) -> Iterator[Change]:
    value = schema[keyword]
    for part in path:
        value = value.get(part, {})
    if isinstance(value, int):
        for changed in _moved(value):
            yield (
                f"{keyword} {path[-1]} {value} -> {changed}",
                lambda node, to=changed: _at(node[keyword], path[:-1]).update({path[-1]: to}),
            )


def _moved(limit: float) -> list[float]:
    step = 1 if isinstance(limit, int) else 0.01
    return [round(limit + step, 4), round(limit - step, 4)]


def _set(key: Any, value: Any) -> Edit:
    return lambda node: node.__setitem__(key, value)


def enums(schema: Any) -> Iterator[Change]:
    """A word is taken out of an enum, or a foreign one put in."""
    options = schema.get("enum", [])
    for index, option in enumerate(options):
        if len(options) > 1:
            yield f"enum without {option!r}", lambda node, at=index: node["enum"].pop(at)
    if options:
        foreign = f"{options[0]}x" if isinstance(options[0], str) else max(options) + 1
        yield f"enum with {foreign!r}", lambda node: node["enum"].append(foreign)


def constants(schema: Any) -> Iterator[Change]:
    if "const" in schema:
        yield "const changed", _set("const", _other(schema["const"]))


def requirements(schema: Any) -> Iterator[Change]:
    """What is required is optional, what is optional is required."""
    required = schema.get("required", [])
    for name in required:
        yield f"{name} optional", lambda node, gone=name: _optional(node, gone)
    for name, member in schema.get("properties", {}).items():
        if name not in required and not (isinstance(member, dict) and _refuses(member)):
            yield f"{name} required", lambda node, new=name: node.update(required=[*node.get("required", ()), new])


def _optional(schema: Any, name: str) -> None:
    schema["required"].remove(name)
    if not schema["required"]:
        _forget(schema, "required")


def _refuses(member: Any) -> bool:
    return member.get("not") == {}


def types(schema: Any) -> Iterator[Change]:
    """A type is widened by null, and an integer to a number; one of several is dropped."""
    given = schema.get("type")
    if isinstance(given, list):
        for index, name in enumerate(given):
            yield f"type without {name}", lambda node, at=index: node["type"].pop(at)
    listed = given if isinstance(given, list) else [given] * (given is not None)
    if listed and "null" not in listed:
        yield "type or null", _set("type", [*listed, "null"])
    if "integer" in listed:
        yield "integer -> number", _set("type", "number")


def patterns(schema: Any) -> Iterator[Change]:
    """An anchor is lost, or one of several alternatives."""
    pattern = schema.get("pattern")
    if not isinstance(pattern, str):
        return
    if pattern.startswith("^"):
        yield "pattern without ^", _set("pattern", pattern[1:])
    if pattern.endswith("$"):
        yield "pattern without $", _set("pattern", pattern[:-1])
    for group in re.finditer(r"\((?:\?:)?([^()]*\|[^()]*)\)", pattern):
        options = group[1].split("|")
        for index, option in enumerate(options):
            rest = "|".join(options[:index] + options[index + 1 :])
            changed = pattern[: group.start(1)] + rest + pattern[group.end(1) :]
            yield f"pattern without {option}", _set("pattern", changed)


def conditions(schema: Any) -> Iterator[Change]:
    """A condition is inverted, a branch dropped."""
    if "if" in schema:
        yield "if inverted", lambda node: node.update({"if": {"not": node["if"]}})
    if "else" in schema:
        yield "else dropped", lambda node: node.pop("else")
    if schema.get("not"):
        yield "not inverted", lambda node: node.update({"not": {"not": node["not"]}})
    if "allOf" in schema:
        for index in range(len(schema["allOf"])):
            yield f"allOf without {index}", lambda node, at=index: _shorter(node, "allOf", at)
    for word in ("anyOf", "oneOf"):
        for index in range(len(schema.get(word, ()))):
            yield f"{word} without {index}", lambda node, word=word, at=index: _shorter(node, word, at)


def _shorter(schema: Any, word: str, index: int) -> None:
    schema[word].pop(index)
    if not schema[word]:
        del schema[word]


def defaults(schema: Any) -> Iterator[Change]:
    if "default" in schema:
        value = schema["default"]
        yield "default changed", _set("default", next((o for o in schema.get("enum", ()) if o != value), _other(value)))
        yield "default dropped", lambda node: _forget(node, "default")


def members(schema: Any) -> Iterator[Change]:
    """A member is forgotten where all others are refused, or ignored."""
    if schema.get("additionalProperties") is False:
        for name in schema.get("properties", ()):
            yield f"{name} not known", lambda node, gone=name: node["properties"].pop(gone)


def refusals(schema: Any) -> Iterator[Change]:
    """What a breach is answered with is changed, and what comes of it."""
    for note in ("x-error", "x-message", "x-effect"):
        said = schema.get(note)
        for keyword in said if isinstance(said, dict) else [None] * (said is not None):
            word = said[keyword] if keyword else said
            other = {"ignore": "advise", "advise": "ignore", "truncate": "ignore"}.get(word, f"{word}x")
            what = f"{note} of {keyword} changed" if keyword else f"{note} changed"
            if note != "x-effect":
                yield (
                    what.replace("changed", "dropped"),
                    lambda node, n=note, k=keyword: node[n].pop(k) if k else node.pop(n),
                )
            if note == "x-error":
                continue
            yield what, lambda node, n=note, k=keyword, to=other: (node[n] if k else node).__setitem__(k or n, to)


SCHEMA = (
    dropped, bounds, enums, constants, requirements, types, patterns, conditions, defaults, members, refusals,
)  # fmt: skip


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    return f"{value}/x" if str(value).startswith("/") else f"{value}x"


# provider.yaml.

#: Members that no client sees.
PROSE = {"title", "sources", "source", "why", "region", "scope", "seen", "conflicts", "untwinned", "env", "example"}
CONDITIONS = {"when", "accepts"}
#: Sections whose members can be taken for one another.
SWAPPED = {"states", "request", "answers", "refusals", "modes", "callback", "ids"}


def facts(data: Any, path: Path = ()) -> Iterator[tuple[Path, tuple[Callable[[Any], Iterator[Change]], ...]]]:
    """Every member of provider.yaml that a client can see, with its mutators."""
    if isinstance(data, dict):
        yield path, (lost, words, swapped) if path and path[0] in SWAPPED else (lost, words)
        for name, value in data.items():
            if name in CONDITIONS and path:
                yield from schemas(value, (*path, name))
            elif name not in PROSE or (path and path[0] == "answers"):
                yield from facts(value, (*path, name))
    elif isinstance(data, list):
        yield path, (lost, words)
        for index, value in enumerate(data):
            yield from facts(value, (*path, index))


def _seen(node: Any) -> Iterator[tuple[Any, Any]]:
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    yield from ((key, value) for key, value in pairs if key not in PROSE and key not in CONDITIONS)


def lost(node: Any) -> Iterator[Change]:
    """An entry is dropped."""
    for key, _ in _seen(node):
        yield (
            f"{key} dropped" if isinstance(node, dict) else f"item {key} dropped",
            lambda node, gone=key: node.pop(gone),
        )


def words(node: Any) -> Iterator[Change]:
    """A word is changed, a number moved by one, a switch turned."""
    for key, value in _seen(node):
        if isinstance(value, bool) or value is None or isinstance(value, str):
            changed = "x" if value is None else _other(value)
            yield f"{key} {value!r} -> {changed!r}", _set(key, changed)
        elif isinstance(value, (int, float)):
            for changed in _moved(value):
                yield f"{key} {value} -> {changed}", _set(key, changed)


def swapped(node: Any) -> Iterator[Change]:
    """Two neighbours change places: states, pointers, the values of an answer, the errors of refusals."""
    told = [(key, value) for key, value in _seen(node) if isinstance(value, str)]
    for (one, first), (two, second) in pairwise(told):
        if first != second:
            yield f"{one} and {two} swapped", lambda node, a=one, b=two: node.update({a: node[b], b: node[a]})
