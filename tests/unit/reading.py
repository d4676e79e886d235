"""What the tests of reading JSON and YAML share: values, their pointers, and what a reader says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st

from happyhorse_spec import document
from happyhorse_spec.document import DocumentError

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)


def pointers(value: Any, pointer: str = "") -> list[tuple[str, Any]]:
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = [(key.replace("~", "~0").replace("/", "~1"), inner) for key, inner in value.items()]
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [(pointer, value)] + [found for key, inner in items for found in pointers(inner, f"{pointer}/{key}")]


def offset(text: str, position: document.Position) -> int:
    lines = text.split("\n")
    return sum(len(line) + 1 for line in lines[: position.line - 1]) + position.column - 1


def refused(function: Any, *args: Any) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        function(*args)
    return caught.value


def answer(function: Any, *args: Any) -> str:
    try:
        function(*args)
    except DocumentError as error:
        return str(error)
    return "read"
