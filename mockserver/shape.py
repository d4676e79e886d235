"""Whether data has the shape that a schema asks for, and in one sentence how it has not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.engine import matcher

#: What a sentence may take over from a value that somebody sent.
_SHOWN = 200


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
    return ShapeError(f"{place or 'the whole'}: {_cut(found.message)}", place)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
