"""Whatever somebody hands in is read or refused in the documented way: no crash, no endless work, no endless memory.

Work is counted in calls, since time depends on who else is busy; memory is what Python has taken at the most.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import pytest
from damage import damaged, twisted
from hypothesis import given
from hypothesis import strategies as st
from parsers import LEDGER, PARSERS, dumped

from happyhorse_spec.document import read_yaml

#: Calls that any text may take, and each of its bytes: a validator in Python looks at each value with each rule.
CALLS, CALLS_PER_BYTE = 400_000, 2_000
#: Bytes that any text may take, and each of its bytes.
MEMORY, MEMORY_PER_BYTE = 16 * 2**20, 4_000

every_parser = pytest.mark.parametrize("name", PARSERS)
of_values = pytest.mark.parametrize("name", [name for name in PARSERS if name not in ("curl", "words", "media")])


@cache
def seeds(name: str) -> list[bytes]:
    return PARSERS[name].seeds()


@cache
def values(name: str) -> list[Any]:
    """The seeds as data: JSON and specs are YAML too, a ledger is lines of it."""
    if name == "ledger":
        return [LEDGER]
    return [document.data for text in seeds(name) for document in read_yaml(text, name)]


@every_parser
@given(data=st.data())
def test_reads_or_refuses_damaged_text(name: str, data: st.DataObject) -> None:
    PARSERS[name](data.draw(damaged(partial(seeds, name))))


@of_values
@given(data=st.data())
def test_reads_or_refuses_strange_values(name: str, data: st.DataObject) -> None:
    value = data.draw(twisted(partial(values, name)))
    lines = value if name == "ledger" and isinstance(value, list) else [value]
    PARSERS[name](b"\n".join([*dumped(lines), b""]))


@every_parser
@given(text=st.binary(max_size=200))
def test_reads_or_refuses_any_text(name: str, text: bytes) -> None:
    PARSERS[name](text)
