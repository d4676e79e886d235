"""Reading JSON and YAML: what comes out, where it stands, and what is refused."""

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
import yaml
from hypothesis import given
from hypothesis import strategies as st

from happyhorse_spec import document
from happyhorse_spec.document import DocumentError, Source, read, read_json, read_yaml

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
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


# --- YAML


@pytest.fixture(params=["C", "Python"])
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "C" and not yaml.__with_libyaml__:
        pytest.skip("PyYAML is built without libyaml here")
    monkeypatch.setattr(document, "_YAML_LOADER", yaml.CSafeLoader if request.param == "C" else yaml.SafeLoader)


class Writer:
    """Writes a value as YAML in one of the many ways there are, and remembers where it put what."""

    def __init__(self, random: Any) -> None:
        self.random = random
        self.text = ""
        self.places: dict[str, tuple[int, int]] = {}
        self.anchors: list[tuple[str, Any]] = []

    def write(
        self, value: Any, pointer: str = "", key: int | None = None, indent: int = 0, *, flow: bool = False
    ) -> None:
        start = len(self.text)
        at = start if key is None else key
        for name, anchored in self.anchors:
            if json.dumps(anchored) == json.dumps(value) and self.random.random() < 0.7:
                self.text += f"*{name} "
                self.places |= {inner: (start, at) for inner, _ in pointers(value, pointer)}
                return
        anchor = f"a{len(self.places)}" if self.random.random() < 0.3 else ""
        self.text += f"&{anchor} " if anchor else ""
        block = bool(isinstance(value, dict | list) and value and not flow and self.random.random() < 0.7)
        if block:
            self.text += "\n" + " " * indent
            start = start if anchor else len(self.text)
        self.places[pointer] = (start, start if key is None else key)
        if block:
            self.write_block(value, pointer, indent)
        elif isinstance(value, dict | list):
            self.write_flow(value, pointer)
        else:
            self.text += self.scalar(value, indent, flow=flow)
        if anchor:
            self.anchors.append((anchor, value))

    def write_block(self, value: Any, pointer: str, indent: int) -> None:
        for number, (key, inner) in enumerate(value.items() if isinstance(value, dict) else enumerate(value)):
            self.text += "\n" + " " * indent if number else ""
            start = len(self.text)
            self.text += self.scalar(key, 0, flow=True) + ": " if isinstance(value, dict) else "- "
            self.write(inner, f"{pointer}/{escape(key)}", start if isinstance(value, dict) else None, indent + 2)

    def write_flow(self, value: Any, pointer: str) -> None:
        self.text += "{" if isinstance(value, dict) else "["
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            start = len(self.text)
            self.text += self.scalar(key, 0, flow=True) + " : " if isinstance(value, dict) else ""
            start = start if isinstance(value, dict) else len(self.text)
            self.write(inner, f"{pointer}/{escape(key)}", start if isinstance(value, dict) else None, flow=True)
            self.text += self.random.choice([",", " , ", ",\n      "])
        self.text += "}" if isinstance(value, dict) else "]"

    def scalar(self, value: Any, indent: int, *, flow: bool) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        styles = [
            '"'
            + "".join(f"\\U{ord(sign):08x}" if sign in '"\\' or not " " <= sign <= "~" else sign for sign in value)
            + '"'
        ]
        if value.isprintable() and value.strip() == value:
            styles.append("'" + value.replace("'", "''") + "'")
        if re.fullmatch("[a-z]{6,}", value):
            styles.append(value)
        if re.fullmatch(r"[a-z]+(\n[a-z]+)*", value) and not flow:
            styles.append("|-\n" + "\n".join(" " * (indent + 1) + line for line in value.split("\n")))
        return str(self.random.choice(styles))


def escape(key: Any) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


YAML_TEXTS = st.from_regex(r"[a-z]{1,8}(\n[a-z]{1,8}){0,2}", fullmatch=True) | st.text(max_size=10)
YAML_VALUES = st.recursive(
    SCALARS | YAML_TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(YAML_TEXTS, inner, max_size=4),
)


@given(YAML_VALUES, st.randoms(use_true_random=False))
def test_each_yaml_pointer_leads_to_its_value(value: Any, random: Any) -> None:
    writer = Writer(random)
    writer.write(value)
    (read_back,) = read_yaml(f"# A comment\n--- {writer.text}\n", "a.yaml")
    assert json.dumps(read_back.data) == json.dumps(value)
    before = len("# A comment\n--- ")
    for pointer, places in writer.places.items():
        found = [offset(read_back.source.text, read_back.position(pointer, key=key)) for key in (False, True)]
        assert found == [place + before for place in places], pointer


STRINGS = "16:9 1:30 yes off y 2026-04-27 2026-04-27T10:43:20.233Z 1_000 0b11 = 1.2.3 720P NaN"


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        *((text, text) for text in STRINGS.split()),
        ("'5'", "5"),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("+5", 5),
        ("-5", -5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("18446744073709551616", 2.0**64),
        ("True", True),
        ("FALSE", False),
        ("~", None),
        ("Null", None),
        ("", None),
    ],
)
def test_plain_scalars_mean_what_the_core_schema_says(scalar: str, value: Any) -> None:
    found = read_yaml(f"a: {scalar}\n", "a.yaml")[0].data
    assert repr(found) == repr({"a": value})


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("", None, "it is empty"),
        ("# Nothing\n---\n", None, "it holds no document"),
        ("a: 1\nb: 2\n'a': 3", (3, 1), "the key 'a' appears twice"),
        ("<<: {a: 1}\n<<: {b: 1}", (2, 1), "the key '<<' appears twice"),
        ("a:\n\tb: 1", (2, 1), "YAML is indented with spaces, not with tabs"),
        ("a: b: c", (1, 5), "it is not YAML: mapping values are not allowed"),
        ("a: [1", (1, 6), "it is not YAML: "),
        ("a: .nan", (1, 4), "this number is not finite"),
        ("a: -.Inf", (1, 4), "this number is not finite"),
        ("a: 1e999", (1, 4), "this number is not finite"),
        ("a:\n  1: x", (2, 3), "a key must be a string"),
        ("~: x", (1, 1), "a key must be a string"),
        ("true: x", (1, 1), "a key must be a string"),
        ("? [a]\n: b", (1, 3), "a key must be a string"),
        ("a: !!python/object/apply:os.system [ls]", (1, 4), "the tag 'tag:yaml.org,2002:python/object/apply:"),
        ("!!python/none", (1, 1), "the tag 'tag:yaml.org,2002:python/none' is not supported"),
        ("a: !mine {}", (1, 4), "the tag '!mine' is not supported"),
        ("a: *b", (1, 4), "*b stands for nothing"),
        ("a: &a [*a]", (1, 8), "*a stands for nothing"),
        ("a: &a 1\n---\nb: *a", (3, 4), "*a stands for nothing"),
        ("<<: 3", (1, 5), "<< takes a mapping"),
        ("<<: [{a: 1}, 3]", (1, 5), "<< takes a mapping"),
        ("a: é\nb: \x07", (2, 4), "YAML does not allow this character"),
        ('a: "\\ud800"', (1, 4), ""),
        ("[" * 10_000, (1, 101), "the nesting is deeper than 100 levels"),
        ("- " * 10_000, (1, 201), "the nesting is deeper than 100 levels"),
        ("{a: " * 10_000, (1, 401), "the nesting is deeper than 100 levels"),
        (
            "- &a0 [x]\n" + "".join(f"- &a{n} [&b [*a{n - 1}], &c 1]\n" for n in range(1, 200)),
            (51, 13),
            "the nesting is",
        ),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_yaml_that_is_no_json_is_refused(text: str, where: tuple[int, int] | None, message: str) -> None:
    error = refused(read_yaml, text, "a.yaml")
    assert error.message.startswith(message)
    if message:
        assert (error.position and (error.position.line, error.position.column)) == where


LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
MERGES = f"a: &a {{{', '.join(f'k{n}: 1' for n in range(1000))}}}\n" + "\n".join(
    f"b{n}: {{<<: *a}}" for n in range(300)
)


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize(
    "text",
    [LAUGHS, MERGES, f"- &a {'x' * 10**6}\n" + "- *a\n" * 1000],
    ids=["billion laughs", "merged mappings", "one long string"],
)
def test_a_bomb_of_aliases_does_not_go_off(text: str) -> None:
    assert refused(read_yaml, text, "a.yaml").message.startswith("it has more than 131,072 values")


@pytest.mark.usefixtures("_loader")
def test_yaml_has_a_limit_of_values_over_all_its_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_SIZE", 2**16)
    monkeypatch.setattr(document, "MAX_VALUES", 2**5)
    assert refused(read_yaml, "---\n" * 100, "a.yaml").message.startswith("it has more than 32 values")
    assert refused(read_yaml, "- a\n" * 100, "a.yaml").message.startswith("it has more than 32 values")


@pytest.mark.usefixtures("_loader")
def test_what_is_merged_stands_at_its_alias_and_yields_to_what_is_written() -> None:
    text = "x: &x {a: 1, b: [1]}\ny: &y {b: 2, c: 2}\nz:\n  c: 3\n  <<: [*x, *y]\n  '<': 4\n"
    (read_back,) = read_yaml(text, "a.yaml")
    assert read_back.data["z"] == {"a": 1, "b": [1], "c": 3, "<": 4}  # type: ignore[index]
    merged = [read_back.position(pointer) for pointer in ("/z/a", "/z/b", "/z/b/0")]
    assert [(position.line, position.column) for position in merged] == [(5, 7)] * 3
    assert read_back.position("/z/a", key=True).column == 3
    assert read_back.position("/z/c").line == 4


def test_a_merge_key_in_quotes_is_a_key() -> None:
    assert read_yaml("'<<': {a: 1}", "a.yaml")[0].data == {"<<": {"a": 1}}


@pytest.mark.usefixtures("_loader")
def test_a_file_holds_the_documents_between_its_lines_of_dashes() -> None:
    first, second = read_yaml("---\n# One\na: 1\n---\n---\n- b\n---\n", "a.yaml")
    assert (first.data, second.data) == ({"a": 1}, ["b"])
    assert (first.position("/a").line, second.position("/0").line) == (3, 6)


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
