"""Whatever somebody hands in is read or refused in the documented way: no crash, no endless work, no endless memory.

Work is counted in calls, since time depends on who else is busy; memory is what Python has taken at the most.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import pytest
from damage import damaged, twisted
from hypothesis import given
from hypothesis import strategies as st
from parsers import LEDGER, PARSERS, close, dumped

from happyhorse_spec.document import read_yaml

pytestmark = pytest.mark.usefixtures("unmeasured")

#: What a text may be made of to keep a reader busy: depth, breadth, references, quotes, signs that almost match.
UNITS = [
    *("[", "{", '{"a":', "[[", "- ", "a:\n ", "? ", "&a [*a, ", "*a ", "a, ", '"a": 1,\n', "[1],"),
    *('"', "'", "\\", "$'", "$(", "#", "\n", "---\n", " ", "1", "9e9", "-", "a", "馬", "${env.", "${a}", "$${"),
    *("-d ", "-H a:b ", "503*9,", "PENDING 1s, ", "[[PENDING 1s,", "[[fault:503*9999]] ", "delay-1s,"),
]
#: How much of it, in characters; and what may be done and taken besides.
LITTLE, TIMES = 500, 4
CALLS, MEMORY = 50_000, 2**20


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    close()


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


@every_parser
@pytest.mark.parametrize("unit", UNITS)
def test_work_and_memory_grow_no_faster_than_the_text(name: str, unit: str) -> None:
    text = (unit * LITTLE)[:LITTLE].encode()
    PARSERS[name](text)  # what is loaded and compiled once is not counted
    calls, memory = spent(name, text)
    more_calls, more_memory = spent(name, text * TIMES)
    assert more_calls <= calls * TIMES * 1.5 + CALLS
    assert more_memory <= memory * TIMES * 1.5 + MEMORY


def spent(name: str, text: bytes) -> tuple[int, int]:
    """Calls that reading a text takes, of Python's and of C's functions, and the most memory that it holds."""
    calls = 0

    def count(_frame: object, event: str, _what: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    tracemalloc.start()
    sys.setprofile(count)
    try:
        PARSERS[name](text)
    finally:
        sys.setprofile(None)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return calls, peak
