"""Edits: the smallest changes to a document that may break a rule, as JSON Patch operations (RFC 6902).

What to try follows from the rule's keyword; whether an edit breaks the rule, and that rule alone, is asked of
`check.py` by whoever tries it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.contract import Provider
from happyhorse_spec.growth import TEXT, Barren, grow
from happyhorse_spec.rules import Rule, walk
from happyhorse_spec.samples import sample

Patch = Mapping[str, Any]

#: How far beyond a limit that is no whole number, or excludes itself, a value is put; whole numbers are moved by one.
STEP = 0.001


def apply_patch(document: Any, patch: Patch) -> Any:
    """A copy of the document after one `add`, `remove` or `replace`."""
    *parents, last = ["", *pointer.parts(patch["path"])]
    holder: Any = {"": copy.deepcopy(document)}
    root = holder
    for part in parents:
        holder = holder[int(part) if isinstance(holder, list) else part]
    if isinstance(holder, list):
        at = len(holder) if last == "-" else int(last)
        holder[at : at + (patch["op"] != "add")] = [] if patch["op"] == "remove" else [patch["value"]]
    elif patch["op"] == "remove":
        del holder[last]
    else:
        holder[last] = patch["value"]
    return root[""]


def is_absence(rule: Rule) -> bool:
    """Whether a rule says that its place must not be there at all."""
    return rule.keyword == "not" and rule.limit == {}


def edits(provider: Provider, rule: Rule, document: Any) -> Iterator[Patch]:
    """Patches that may break the rule, the plainest first."""
    place = ["*" if part == "items" else part for part in rule.place]
    if is_absence(rule):
        for at, _ in pointer.expand(document, pointer.write(place[:-1])):
            path = at + pointer.write(place[-1:])
            yield from ({"op": "add", "path": path, "value": value} for value in _fitting(provider, rule))
        return
    for at, value in pointer.expand(document, pointer.write(place)):
        if rule.keyword in _STRUCTURAL:
            yield from _STRUCTURAL[rule.keyword](at, value, rule)
        else:
            values = _VALUES[rule.keyword](value, rule)
            yield from ({"op": "replace", "path": at, "value": new} for new in values if new != value)


def _fitting(provider: Provider, rule: Rule) -> Iterator[Any]:
    """Values that another mode takes where this one takes none."""
    for mode in provider.modes.values():
        schemas = chain(walk(mode.request.book.schema), walk(mode.advice.book.schema))
        for spot, schema in schemas:
            if spot.place == rule.place and schema.keys() & {"type", "enum"}:
                yield grow({word: limit for word, limit in schema.items() if word != "not"})
    yield TEXT


def _added_members(at: str, _value: Any, rule: Rule) -> Iterator[Patch]:
    for name in (*rule.near, "unknown"):
        yield {"op": "add", "path": at + pointer.write([name]), "value": TEXT}


def _added_items(at: str, items: list[Any], _rule: Rule) -> Iterator[Patch]:
    yield from ({"op": "add", "path": f"{at}/-", "value": item} for item in reversed(items))


def _removed_items(at: str, items: list[Any], _rule: Rule) -> Iterator[Patch]:
    yield from ({"op": "remove", "path": f"{at}/{index}"} for index in reversed(range(len(items))))
    yield {"op": "replace", "path": at, "value": []}


_STRUCTURAL: Mapping[str, Callable[[str, Any, Rule], Iterator[Patch]]] = {
    "required": lambda at, _value, _rule: iter([{"op": "remove", "path": at}]),
    "additionalProperties": _added_members,
    "minItems": _removed_items,
    "contains": _removed_items,
    "maxItems": _added_items,
    "maxContains": _added_items,
}


def _mistyped(value: Any, _rule: Rule) -> Iterator[Any]:
    if isinstance(value, (bool, int, float)):
        yield json.dumps(value)
    yield from (1, TEXT, [], {}, None)


def _miswritten(value: Any, rule: Rule) -> Iterator[Any]:
    yield from rule.near
    if isinstance(value, str):
        yield from (value.swapcase(), "unknown")
    yield from (not value if isinstance(value, bool) else 0, None)


def _below(_value: Any, rule: Rule) -> Iterator[Any]:
    yield round(rule.limit - STEP, 6) if isinstance(rule.limit, float) else rule.limit - 1


def _above(_value: Any, rule: Rule) -> Iterator[Any]:
    yield round(rule.limit + STEP, 6) if isinstance(rule.limit, float) else rule.limit + 1


def _unwanted(_value: Any, rule: Rule) -> Iterator[Any]:
    for wanted in ({"allOf": [rule.limit, {"type": "string"}]}, rule.limit):
        with suppress(Barren):
            yield grow(wanted)


def _misreferring(value: Any, rule: Rule) -> Iterator[Any]:
    """The object whose prompt speaks of an image that is not there."""
    for text in (sample(rule.limit["pattern"]), sample(rule.limit["pattern"]).replace("1", "9")):
        yield apply_patch(value, {"op": "replace", "path": rule.limit["prompt"], "value": text})


_VALUES: Mapping[str, Callable[[Any, Rule], Iterator[Any]]] = {
    "type": _mistyped,
    "enum": _miswritten,
    "const": _miswritten,
    "minimum": _below,
    "maximum": _above,
    "exclusiveMinimum": lambda _, rule: iter([rule.limit]),
    "exclusiveMaximum": lambda _, rule: iter([rule.limit]),
    "minLength": lambda value, _: iter([value[:-1]]),
    "maxLength": lambda value, _: iter([f"{value}a"]),
    "pattern": lambda _, rule: iter([*rule.near, TEXT, "", "http://example.com/file"]),
    "not": _unwanted,
    "x-maxPromptUnits": lambda value, _: iter([f"{value}a"]),
    "x-promptReferences": _misreferring,
}
