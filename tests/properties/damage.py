"""Strategies that spoil a text: in its bytes, as a disk or a line does, and in its values, as a person does."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from happyhorse_spec.candidates import ANYTHING

#: What readers stumble over: borders of lengths, and signs of JSON, YAML, the shell and the scripts of the mock.
SHARP = [
    *(b"\0\0\0\0", b"\0\0\0\1", b"\0\0\0\x08", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\xef\xbb\xbf", b"\xff\xfe"),
    *(b'"', b"'", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r", b"\t", b"\0", b"\n---\n", b"#", b"|\n"),
    *(b"\\u0000", b"\\ud800", b"1e999", b"-0", b"NaN", b"18446744073709551616", b"9" * 400, b"0x7", b"1e5", b"null"),
    *(b"&a ", b"*a", b"<<: ", b"!!binary ", b"? ", b"${env.HOME}", b"${matrix.a}", b"$${", b"$'", b"$(", b"@", b"-d "),
    *(b"[[", b"]]", b"*99999999", b"-1s", b"1.5 polls", "é".encode(), "馬".encode(), "𠀀".encode(), b"\xe2\x80\xae"),
]

#: Values that are unlike most others.
STRANGE = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1.5, 2**53, 2**63, 1e300),
        *("", " ", "\0", "\ud800", "null", "~", "馬" * 50, 'it\'s "x"', "${matrix.a}", "/", "~2", "data:", "a\nb"),
        *([], {}, [[]], {"": ""}, {"a": {"b": []}}, [None] * 20),
    ]
)


@st.composite
def damaged(draw: st.DrawFn, seeds: Callable[[], list[bytes]]) -> bytes:
    """One of the texts with some edits: bytes put over others or between them, taken out, or of another text."""
    text = bytearray(draw(st.sampled_from(seeds())))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(text)))
        gone = draw(st.sampled_from([0, 0, 1, 4, 30, len(text)]))
        text[at : at + gone] = draw(st.sampled_from(SHARP) | st.binary(max_size=8) | pieces(seeds))
    return bytes(text)


@st.composite
def pieces(draw: st.DrawFn, seeds: Callable[[], list[bytes]]) -> bytes:
    text = draw(st.sampled_from(seeds()))
    at = draw(st.integers(0, len(text)))
    return text[at : at + draw(st.integers(0, 200))]


@st.composite
def twisted(draw: st.DrawFn, seeds: Callable[[], list[Any]]) -> Any:
    """One of the values with others in places of its members, without some, and with some under other names."""
    whole = [json.loads(json.dumps(draw(st.sampled_from(seeds()))))]
    for _ in range(draw(st.integers(1, 4))):
        holder, key = draw(st.sampled_from(list(members(whole))))
        match draw(st.sampled_from(["put", "put", "take", "move"])):
            case "take" if holder is not whole:
                del holder[key]
            case "move" if isinstance(holder, dict):
                holder[draw(st.text(max_size=5) | st.sampled_from(["a", "items"]))] = holder.pop(key)
            case _:
                holder[key] = copy.deepcopy(draw(STRANGE | ANYTHING))
    return whole[0]


def members(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a value, as what holds it and its key there."""
    for key, child in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(child, dict | list):
            yield from members(child)
