"""Reading YAML: what comes out, where it stands, and what is refused."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from reading import SCALARS, offset, pointers, refused

from happyhorse_spec import document
from happyhorse_spec.document import read_yaml


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
