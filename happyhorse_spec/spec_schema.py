"""spec.schema.json and what it says against a document: pointer and sentence of every breach.

The sentences name the keys that are allowed and the one that was probably meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from happyhorse_spec import pointer
from happyhorse_spec.contract import SCHEMAS
from happyhorse_spec.engine import matcher, reference_validator
from happyhorse_spec.wording import listing, named, nearest, sentence

if TYPE_CHECKING:
    from jsonschema import ValidationError


class Breach(NamedTuple):
    """Where a document breaks the schema; `is_key` says that the member's name is meant, not its value."""

    pointer: str
    message: str
    is_key: bool = False


def breaches(data: Any) -> Iterator[Breach]:
    """Everything that keeps `data` from being a spec."""
    if _is_spec()(data):
        return
    found = reference_validator(_schema()).iter_errors(data)
    for error in sorted(found, key=lambda error: [str(part) for part in error.absolute_path]):
        yield from _worded(error)


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = orjson.loads((SCHEMAS / "spec.schema.json").read_bytes())
    return schema


@cache
def _is_spec() -> Callable[[object], bool]:
    return matcher(_schema())


def _worded(error: ValidationError) -> Iterator[Breach]:
    path, limit = list(error.absolute_path), error.validator_value
    schema: Any = error.schema
    value: Any = error.instance
    at = pointer.write(path)
    if error.validator == "additionalProperties" and isinstance(schema, Mapping) and limit is False:
        known = list(schema["properties"])
        for name in value:
            if name not in known:
                yield Breach(at + pointer.write((name,)), _unknown(named([*path, name]), name, known), True)
    elif error.validator == "not":
        yield Breach(at, f"{named(path)} does not go together with rejected; leave one of them out", True)
    elif error.validator == "maxProperties" and not path:
        yield Breach("/defaults", "defaults stand alone in the first document; begin the spec after a --- line", True)
    else:
        hint = schema.get("description") if isinstance(schema, Mapping) else None
        is_told = error.validator in ("type", "const", "enum", "required")
        yield Breach(at, sentence(error) if is_told or not hint or not path else f"{sentence(error)}. {hint}")


def _unknown(name: str, word: str, known: list[str]) -> str:
    meant = nearest(word, known)
    question = f" Did you mean {meant}?" if meant else ""
    return f"{name} is not known here; it may be {listing(known)}.{question}"
