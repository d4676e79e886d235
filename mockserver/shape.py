"""Whether data has the shape that a schema asks for, and in one sentence how it has not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.engine import matcher
from happyhorse_spec.wording import listing, nearest

#: What a sentence may take over from a value that somebody sent.
_SHOWN = 300


class ShapeError(ValueError):
    """Data of another shape. `pointer` is where; the message is one sentence with the place in it."""

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(message)
        self.pointer = pointer


class Shape:
    """A schema that says how what is wrong is wrong."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._matches = matcher(schema)

    def check(self, data: object) -> None:
        """Raise ShapeError where the data does not satisfy the schema."""
        if not self._matches(data):
            raise _explain(self._schema, data)


def _explain(schema: Mapping[str, Any], data: object) -> ShapeError:
    """The breach that says most. The reference engine words it; it is loaded only when there is one."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    found = best_match(Draft202012Validator(schema).iter_errors(data))
    if found is None:
        return ShapeError("it has not the right shape")
    place = pointer.write(found.absolute_path)
    sentence = _cut(_sentence(found.validator, found.validator_value, found.instance, found.schema) or found.message)
    return ShapeError(f"{place}: {sentence}" if place else sentence, place)


def _sentence(keyword: str, limit: Any, value: Any, schema: Mapping[str, Any]) -> str | None:
    """What is wrong, and what would be right; None where the engine's own words say it."""
    if keyword == "enum":
        return f"{value!r:.60} is none of {listing([str(name) for name in limit])}{_hint(value, limit)}"
    if keyword == "additionalProperties" and limit is False:
        known = schema.get("properties", {})
        unknown = next(name for name in value if name not in known)
        return f"{unknown!r:.60} is unknown here; it may be {listing(list(known))}{_hint(unknown, known)}"
    if keyword == "required":
        return f"{next(name for name in limit if name not in value)} is missing"
    if keyword == "pattern" and "title" in schema:
        return f"{value!r:.60} is no {schema['title']}"
    return None


def _hint(value: Any, known: Iterable[Any]) -> str:
    meant = nearest(str(value), map(str, known))
    return f"; did you mean {meant}?" if meant else ""


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
