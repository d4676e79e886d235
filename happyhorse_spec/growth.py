"""A small document that satisfies a JSON Schema, grown from nothing: what the judge misses is added, one at a time.

Whatever the schema says (conditions, `contains`, `not`, our own keywords) is understood by the engine that judges;
here is only what to try when a keyword is broken, tried depth first until nothing is broken. What to write rather than
a made-up value comes from the schema itself: its examples, defaults and enumerated values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from happyhorse_spec.engine import Path, compile_schema, matcher
from happyhorse_spec.samples import samples

Schema = Mapping[str, Any]
Place = tuple[str, ...]
Hints = Mapping[Place, list[Any]]

TEXT = "text"
#: Texts that read better than a made-up one, where a pattern allows them.
_PLAIN_TEXTS = ("https://example.com/file", TEXT)
_SIMPLEST = {"object": {}, "array": [], "string": TEXT, "integer": 0, "number": 0, "boolean": True, "null": None}
_TRIES = 400


class Barren(Exception):
    """No document was found that satisfies the schema."""


class _Broken(NamedTuple):
    """One broken keyword: its limit, the value there, the schema object that holds it, and what the schema hints at."""

    keyword: str
    limit: Any
    value: Any
    schema: Schema
    place: Place
    hints: Hints


def grow(schema: Schema, seed: Any = None, hints: Hints | None = None) -> Any:
    """A small document that satisfies `schema`, grown from `seed`; raises Barren where none is found."""
    return grower(schema, hints)(seed)


def grower(schema: Schema, hints: Hints | None = None) -> Callable[[Any], Any]:
    """`grow` for many seeds: a function of the seed, for which the schema is compiled once."""
    judge, known = compile_schema(schema), {**hints_of(schema), **(hints or {})}

    def grow_from(seed: Any) -> Any:
        waiting: list[Any] = [seed]
        seen: set[bytes] = set()
        while waiting and len(seen) < _TRIES:
            document = waiting.pop()
            key = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
            if key in seen:
                continue
            seen.add(key)
            breaches = judge(document)
            if not breaches:
                return orjson.loads(orjson.dumps(document))  # the same item may stand in it twice
            breach = min(breaches, key=lambda found: (_URGENCY.get(found.keyword, 2), len(found.path)))
            broken = _broken(schema, known, document, breach)
            waiting += reversed(list(_mended(document, breach.path, broken)))
        raise Barren(f"no document satisfies {list(schema)}")

    return grow_from


#: What is mended first: a value needs its kind and its members before the rest makes sense.
_URGENCY = {"type": 0, "required": 1, "not": 4, "contains": 3, "minContains": 3, "maxContains": 3, "anyOf": 3}


def plain_texts(pattern: str) -> list[str]:
    """Texts in which `pattern` is found, the most readable first; none where it is too hard to guess one."""
    return [text for text in (*_PLAIN_TEXTS, *samples(pattern)) if re.search(pattern, text)]


def hints_of(schema: Schema) -> Hints:
    """Place -> values that the schema itself names there, the best first."""
    hints: dict[Place, list[Any]] = {}
    for place, subschema in _subschemas(schema, ()):
        named = [*subschema.get("examples", ()), *subschema.get("enum", ())]
        named += [subschema[word] for word in ("const", "default") if word in subschema]
        hints.setdefault(place, []).extend(value for value in named if value not in hints[place])
    return hints


def _subschemas(schema: Any, place: Place) -> Iterator[tuple[Place, Schema]]:
    if not isinstance(schema, Mapping):
        return
    yield place, schema
    for name, child in schema.get("properties", {}).items():
        yield from _subschemas(child, (*place, name))
    for word in ("items", "contains"):
        yield from _subschemas(schema.get(word), (*place, "items"))
    for word in ("then", "else"):
        yield from _subschemas(schema.get(word), place)
    for child in (child for word in ("allOf", "anyOf") for child in schema.get(word, ())):
        yield from _subschemas(child, place)


def place_of(path: Path) -> Place:
    """The place of a path: ("media", 0, "url") -> ("media", "items", "url")."""
    return tuple("items" if isinstance(part, int) else part for part in path)


def replaced(document: Any, path: Path, value: Any) -> Any:
    """A copy of the document with `value` at `path`."""
    if not path:
        return value
    head, *tail = path
    changed = document.copy()
    changed[head] = replaced(document[head], tuple(tail), value)
    return changed


def removed(document: Any, path: Path) -> Any:
    """A copy of the document without what stands at `path`."""
    *parents, last = path
    holder: Any = document
    for part in parents:
        holder = holder[part]
    return replaced(document, tuple(parents), _without(holder, last))


def _without(holder: Any, last: Any) -> Any:
    if isinstance(holder, list):
        return [item for index, item in enumerate(holder) if index != last]
    return {name: value for name, value in holder.items() if name != last}


def _broken(schema: Any, hints: Hints, document: Any, breach: Any) -> _Broken:
    for part in breach.schema_path:
        schema = schema[part]
    value = document
    for part in breach.path:
        value = value[part]
    return _Broken(breach.keyword, schema.get(breach.keyword), value, schema, place_of(breach.path), hints)


def _mended(document: Any, path: Path, broken: _Broken) -> Iterator[Any]:
    """Documents in which the broken keyword may hold, the smallest change first."""
    for value in _MENDS[broken.keyword](broken):
        yield replaced(document, path, value)
    if broken.keyword == "not" and path:
        yield removed(document, path)


def _retyped(broken: _Broken) -> Iterator[Any]:
    kinds = [broken.limit] if isinstance(broken.limit, str) else broken.limit
    yield from (_SIMPLEST[kind] for kind in kinds)


def _completed(broken: _Broken) -> Iterator[Any]:
    missing = [name for name in broken.limit if name not in broken.value]
    named = {name: broken.hints.get((*broken.place, name)) or [TEXT] for name in missing}
    yield {**broken.value, **{name: values[0] for name, values in named.items()}}


def _reworded(broken: _Broken) -> Iterator[str]:
    yield from plain_texts(broken.limit)


def _lengthened(broken: _Broken) -> Iterator[Any]:
    hints = broken.hints.get((*broken.place, "items"))
    items = broken.value[-1:] or hints or [TEXT]
    yield [*broken.value, items[0]]


def _containing(broken: _Broken) -> Iterator[Any]:
    """One item more that is looked for: a changed one, else another like those there are, else a new one."""
    wanted: Schema = broken.schema["contains"]
    hints = _hints_of_items(broken)
    fits = matcher(wanted)
    for index, item in enumerate(broken.value):
        if not fits(item):
            yield from (replaced(broken.value, (index,), grown) for grown in _grown(wanted, item, hints))
    for seed in (*reversed(broken.value), {}, None):
        yield from ([*broken.value, grown] for grown in _grown(wanted, seed, hints))


def _grown(schema: Schema, seed: Any, hints: Hints) -> Iterator[Any]:
    try:
        yield grow(schema, seed, hints)
    except Barren:
        return


def _either(broken: _Broken) -> Iterator[Any]:
    for branch in broken.limit:
        yield from _grown(branch, broken.value, {})


def _fewer(broken: _Broken) -> Iterator[Any]:
    """One item less that is looked for: the last one gone, else changed."""
    unwanted = {"not": broken.schema["contains"]}
    fits = matcher(broken.schema["contains"])
    last = max(index for index, item in enumerate(broken.value) if fits(item))
    yield _without(broken.value, last)
    for grown in _grown(unwanted, broken.value[last], _hints_of_items(broken)):
        yield replaced(broken.value, (last,), grown)


def _hints_of_items(broken: _Broken) -> Hints:
    place = (*broken.place, "items")
    return {spot[len(place) :]: values for spot, values in broken.hints.items() if spot[: len(place)] == place}


def _averted(broken: _Broken) -> Iterator[Any]:
    """The value with one member changed or gone: what `not` forbids speaks of it."""
    if not isinstance(broken.value, dict):
        yield from broken.hints.get(broken.place, ())
        return
    for name in {**broken.limit.get("properties", {}), **dict.fromkeys(broken.limit.get("required", ()))}:
        for value in broken.hints.get((*broken.place, name), ()):
            yield {**broken.value, name: value}
        yield _without(broken.value, name)


def _known(broken: _Broken) -> Iterator[Any]:
    yield {name: value for name, value in broken.value.items() if name in broken.schema.get("properties", {})}


def _shortened(broken: _Broken) -> Iterator[Any]:
    yield broken.value[: broken.limit]


_MENDS: Mapping[str, Callable[[_Broken], Iterator[Any]]] = {
    "type": _retyped,
    "required": _completed,
    "enum": lambda broken: iter(broken.limit),
    "const": lambda broken: iter([broken.limit]),
    "minimum": lambda broken: iter([broken.limit]),
    "maximum": lambda broken: iter([broken.limit]),
    "exclusiveMinimum": lambda broken: iter([broken.limit + 1]),
    "exclusiveMaximum": lambda broken: iter([broken.limit - 1]),
    "minLength": lambda broken: iter([broken.value.ljust(broken.limit, "a")]),
    "maxLength": _shortened,
    "pattern": _reworded,
    "minItems": _lengthened,
    "maxItems": _shortened,
    "contains": _containing,
    "minContains": _containing,
    "maxContains": _fewer,
    "not": _averted,
    "anyOf": _either,
    "additionalProperties": _known,
    "x-maxPromptUnits": lambda broken: iter([broken.value[: len(broken.value) // 2]]),
    "x-promptReferences": lambda _: iter(()),
}
