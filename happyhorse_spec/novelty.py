"""Members of an answer that its schema does not know: no breach, since a provider may add some, yet news. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from happyhorse_spec import pointer

_ALTERNATIVES = ("allOf", "anyOf", "oneOf")
_BRANCHES = ("if", "then", "else")


def added(schema: Mapping[str, Any], value: Any) -> Iterator[str]:
    """Pointers of the members that no part of the schema names; `schema` holds its `$defs`.

    An object of which the schema names no member at all is taken as it comes.
    """
    return _added([schema], value, schema.get("$defs", {}), "")


def _added(schemas: list[Any], value: Any, defs: Mapping[str, Any], at: str) -> Iterator[str]:
    parts = [part for schema in schemas for part in _parts(schema, defs)]
    if isinstance(value, list):
        items = [part["items"] for part in parts if "items" in part]
        for index, item in enumerate(value):
            yield from _added(items, item, defs, f"{at}/{index}")
    elif isinstance(value, Mapping):
        yield from _added_members(parts, value, defs, at)


def _added_members(
    parts: list[Mapping[str, Any]], value: Mapping[str, Any], defs: Mapping[str, Any], at: str
) -> Iterator[str]:
    named = [part["properties"] for part in parts if "properties" in part]
    if not named:
        return
    for name, member in value.items():
        known = [properties[name] for properties in named if name in properties]
        place = at + pointer.write((name,))
        if known:
            yield from _added(known, member, defs, place)
        else:
            yield place


def _parts(schema: Any, defs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema, what it refers to, and its alternatives: all that may name a member."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    if "$ref" in schema:
        yield from _parts(defs.get(schema["$ref"].rpartition("/")[2]), defs)
    listed = chain.from_iterable(schema.get(name, ()) for name in _ALTERNATIVES)
    for inner in chain(listed, (schema.get(name) for name in _BRANCHES)):
        yield from _parts(inner, defs)
