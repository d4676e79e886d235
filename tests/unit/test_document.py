"""Reading files and JSON: what comes out, where it stands, and what is refused."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import SCALARS, answer, offset, pointers, refused

from happyhorse_spec import document
from happyhorse_spec.document import DocumentError, Source, read, read_json, read_yaml

VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


# --- JSON


@given(VALUES, st.none() | st.integers(0, 5), st.booleans(), st.sampled_from([(",", ":"), (" , ", "\r\n: ")]))
def test_each_json_pointer_leads_to_its_value(
    value: Any, indent: int | None, ascii_only: bool, separators: tuple[str, str]
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only, separators=separators)
    read_back = read_json(text, "a.json")
    assert read_back.data == value
    for pointer, expected in pointers(value):
        start = offset(text, read_back.position(pointer))
        assert json.JSONDecoder().raw_decode(text, start)[0] == expected


@given(st.dictionaries(st.text(max_size=8), VALUES, min_size=1, max_size=4))
def test_the_position_of_a_key_is_that_of_its_quotes(value: dict[str, Any]) -> None:
    text = json.dumps(value, indent=1)
    read_back = read_json(text, "a.json")
    for key in value:
        pointer = "/" + key.replace("~", "~0").replace("/", "~1")
        assert json.JSONDecoder().raw_decode(text, offset(text, read_back.position(pointer, key=True)))[0] == key


@given(st.text('{}[]",:0123456789.eE+-truefalsn \\u\n\td8/', max_size=40) | VALUES.map(json.dumps))
def test_json_is_read_as_orjson_reads_it(text: str) -> None:
    try:
        data = read_json(text, "a.json").data
    except DocumentError as error:
        if "appears twice" not in error.message:
            with pytest.raises(orjson.JSONDecodeError):
                orjson.loads(text)
    else:
        assert data == orjson.loads(text)


def test_a_missing_member_stands_where_its_nearest_ancestor_stands() -> None:
    read_back = read_json('{\n "input": {"media": [1]}}', "a.json")
    assert read_back.position("/input/prompt") == read_back.position("/input")
    assert read_back.position("/input/media/7/url").column == 21
    assert read_back.position("/input/media/7", key=True).column == 12
    assert read_back.position("/nothing/at/all") == read_back.position()


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 2.0**64),
        ("-9223372036854775809", -(2.0**63)),
        ("9" * 300, float("9" * 300)),
    ],
)
def test_an_integer_beyond_64_bits_is_a_float(text: str, data: float) -> None:
    found = read_json(text, "a.json").data
    assert (found, type(found)) == (data, type(data))


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("", None, "it is empty"),
        (" \n\t", None, "it is empty"),
        ('{"a": 1,\n "\\u0061": 2}', (2, 2), "the key 'a' appears twice"),
        ('[{"b": {"a": 1, "a": 1}}]', (1, 17), "the key 'a' appears twice"),
        ('{"a":\n NaN}', (2, 2), "this number is not finite"),
        ("NaNo", (1, 1), "this number is not finite"),
        ("[1, -Infinity-]", (1, 5), "this number is not finite"),
        ("[1e999x]", (1, 2), "this number is not finite"),
        ("[-Infinity]", (1, 2), "this number is not finite"),
        ("[1, 1e999]", (1, 5), "this number is not finite"),
        ("9" * 5000, (1, 1), "this number is not finite"),
        ("{} {}", (1, 4), "it is not JSON: extra data"),
        ('{"a": ', (1, 7), "it is not JSON: expecting value"),
        ('{"a": "\n"}', (1, 8), "it is not JSON: invalid control character"),
        ("{'a': 1}", (1, 2), "it is not JSON: expecting property name"),
        ('{"a":\n "\\ud800"}', (2, 2), "half a surrogate pair"),
        ('{"\\udc00": 1}', (1, 2), "half a surrogate pair"),
        ("[" * 10_000, (1, 101), "the nesting is deeper than 100 levels"),
        ("[" * 101 + "]" * 101, (1, 101), "the nesting is deeper than 100 levels"),
        ('{"a":' * 101 + "1" + "}" * 101, (1, 501), "the nesting is deeper than 100 levels"),
        ("[" + "1," * 140_000, None, "it has more than 131,072 commas, colons and brackets"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_json_that_two_readers_would_read_differently_is_refused(
    text: str, where: tuple[int, int] | None, message: str
) -> None:
    error = refused(read_json, text, "a.json")
    assert error.message.startswith(message)
    assert (error.position and (error.position.line, error.position.column)) == where


def test_a_hundred_levels_are_read() -> None:
    assert read_json("[" * 100 + "]" * 100, "a.json").position("/0/0").column == 3


def test_a_surrogate_pair_is_one_character() -> None:
    assert read_json('"\\ud83d\\ude00"', "a.json").data == "\N{GRINNING FACE}"


# --- Bytes


@pytest.mark.parametrize(
    "content",
    [b'{"a": 1}', b'\xef\xbb\xbf{"a": 1}', '{"a": 1}'.encode("utf-16"), b"\xfe\xff" + '{"a": 1}'.encode("utf-16-be")],
    ids=["UTF-8", "UTF-8 with a mark", "UTF-16 little-endian", "UTF-16 big-endian"],
)
def test_a_byte_order_mark_is_not_part_of_the_text(content: bytes) -> None:
    read_back = read_json(content, "a.json")
    assert read_back.data == {"a": 1}
    assert read_back.position("/a").column == 7


@pytest.mark.parametrize(
    ("content", "where", "message"),
    [
        (b'{\n "a": "\xe9"}', (2, 8), "it is not text in UTF-8"),
        (b'\xef\xbb\xbf{"\xe9"}', (1, 3), "it is not text in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0", (1, 1), "it is not text in UTF-8"),
        (b"\xff\xfe\x00", (1, 1), "it is not text in UTF-16"),
        ('{"a": 1}'.encode("utf-16-le"), (1, 2), "a NUL character stands here"),
    ],
)
def test_bytes_that_are_not_text_are_refused(content: bytes, where: tuple[int, int], message: str) -> None:
    error = refused(read_json, content, "a.json")
    assert error.message.startswith(message)
    assert error.position
    assert (error.position.line, error.position.column) == where


@pytest.mark.parametrize("function", [read_json, read_yaml])
def test_text_beyond_the_limit_is_refused(function: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_SIZE", 2**20)
    assert refused(function, b"1" * (2**20 + 1), "a").message == "it is larger than 1 MB"


def test_yaml_has_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_YAML_SIZE", 2**20)
    assert refused(read_yaml, "a: " + "b" * 2**20, "a").message.startswith("YAML is read up to 1 MB")


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_in_a_sentence(content: bytes) -> None:
    for function in (read_json, read_yaml):
        assert re.fullmatch(r"a(:\d+:\d+)?: .{10,200}|read", answer(function, content, "a"))


# --- Excerpts


@pytest.mark.parametrize(
    ("line", "column", "excerpt"),
    [
        ("a: b\r", 4, "a: b"),
        ("a:\tb\x1b[31m\u202e", 4, "a: b\ufffd[31m\ufffd"),
        ("Authorization: Bearer sk-12345678 x", 35, "Authorization: Bearer *********** x"),
        ("Authorization: Bearer $API_KEY x", 32, "Authorization: Bearer $API_KEY x"),
    ],
)
def test_an_excerpt_shows_no_control_character_and_no_secret(line: str, column: int, excerpt: str) -> None:
    position = Source(f"first\n{line}\nlast", "a").position(6 + column - 1)
    assert position == document.Position(2, column, excerpt, column - 1)


@given(st.integers(0, 999), st.integers(0, 300), st.integers(0, 300))
def test_an_excerpt_of_a_long_line_holds_the_character_meant(number: int, before: int, after: int) -> None:
    line = "".join(f"{n:03}" for n in range(before)) + "!" + "." * after
    position = Source(f"{number}\n{line}\n", "a").position(len(f"{number}\n") + 3 * before)
    assert position.excerpt[position.caret] == "!"
    assert (position.line, position.column) == (2, 3 * before + 1)
    assert len(position.excerpt) <= 100
    assert position.excerpt.strip("…") in line


# --- Files


BODIES = {
    "a.json": ('{"a": "16:9"}', 7),
    "a.yaml": ("a: 16:9", 4),
    "a.YML": ('{"a": 16:9}', 7),
    "a.txt": ('\n {"a": "16:9"}', 8),
    "a": ("a: 16:9", 4),
    "a.sh": ('#!/bin/sh\ncurl http://a -d \'{"a": "16:9"}\'', 25),
    "b.txt": ('$ curl http://a -d \'{"a": "16:9"}\'', 27),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_file_is_known_by_its_suffix_or_by_how_it_begins(name: str, tmp_path: Path) -> None:
    text, column = BODIES[name]
    (tmp_path / name).write_text(text)
    (read_back,) = read(tmp_path / name)
    assert read_back.data == {"a": "16:9"}
    assert read_back.name == str(tmp_path / name)
    assert read_back.position("/a").column == column


@pytest.mark.parametrize("text", [text for text, _ in BODIES.values()])
def test_a_dash_is_standard_input(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    if text.startswith("{") and ": 16:9" in text:
        assert str(refused(read, "-")).startswith("<stdin>:1:9: it is not JSON")
    else:
        assert [(found.name, found.data) for found in read("-")] == [("<stdin>", {"a": "16:9"})]


def test_the_suffix_of_json_is_believed(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("curl http://a -d 1")
    assert refused(read, tmp_path / "a.json").message.startswith("it is not JSON")


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    assert refused(read, tmp_path / "a.json").message == "it cannot be opened: No such file or directory"
    assert refused(read, tmp_path).message == "it cannot be opened: Is a directory"


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no file without an end")
def test_a_file_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_SIZE", 2**20)
    assert str(refused(read, "/dev/zero")) == "/dev/zero: it is larger than 1 MB"
    with Path("/dev/zero").open("rb") as zeros:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=zeros))
        assert str(refused(read, "-")) == "<stdin>: it is larger than 1 MB"
