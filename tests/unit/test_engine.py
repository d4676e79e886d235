"""The two engines are one: the same breaches, by the same paths, for any schema of the law and any body."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from happyhorse_spec.contract import Law, Provider, load_provider, provider_names
from happyhorse_spec.engine import Breach, compile_schema, matcher, reference_validator, sieve

Schema = Mapping[str, Any]

VIDEO = {"properties": {"type": {"const": "video"}}, "required": ["type"]}
ONE_VIDEO = {"properties": {"media": {"contains": VIDEO, "maxContains": 1}}}
FEW_VIDEOS = {"allOf": [{"contains": VIDEO, "minContains": 0, "maxContains": 1}]}
CHOICE = {
    "if": {"properties": {"model": {"pattern": "-1\\.1-"}}},
    "then": {"properties": {"size": {"enum": ["S", "M"]}}},
    "else": {"properties": {"size": {"enum": ["M"]}}},
}

#: Schema, instance, breaches as (path, schema path, keyword).
BREACHES: dict[str, tuple[Schema, Any, list[tuple[Any, ...]]]] = {
    "type": ({"type": "object"}, [], [((), (), "type")]),
    "one of two types": ({"type": ["string", "null"]}, 1, [((), (), "type")]),
    "a bool is no integer": ({"type": "integer"}, True, [((), (), "type")]),
    "1.0 is an integer": ({"type": "integer"}, 1.0, []),
    "two missing members": ({"required": ["a", "b"]}, {}, [((), (), "required")] * 2),
    "required of no object": ({"required": ["a"]}, [], []),
    "two unknown members": (
        {"properties": {"a": {}}, "additionalProperties": False},
        {"b": 1, "c": 2},
        [((), (), "additionalProperties")],
    ),
    "only unknown members": ({"additionalProperties": False}, {"b": 1}, [((), (), "additionalProperties")]),
    "forbidden member": ({"properties": {"a": {"not": {}}}}, {"a": None}, [(("a",), ("properties", "a"), "not")]),
    "enum": ({"enum": ["a", 1]}, True, [((), (), "enum")]),
    "const": ({"const": 0}, False, [((), (), "const")]),
    "range": ({"minimum": 3, "maximum": 15}, 2, [((), (), "minimum")]),
    "open range": ({"exclusiveMinimum": 8, "exclusiveMaximum": 60}, 8, [((), (), "exclusiveMinimum")]),
    "a number beyond 64 bits": ({"type": "integer", "maximum": 5}, 10**40, [((), (), "maximum")]),
    "length counts characters": ({"minLength": 2}, "\U0001f40e", [((), (), "minLength")]),
    "each item": ({"items": {"type": "string"}}, [1, "a", 2], [((at,), ("items",), "type") for at in (0, 2)]),
    "too many items": ({"maxItems": 1}, [1, 2], [((), (), "maxItems")]),
    "then": (
        CHOICE,
        {"model": "x-1.1-y", "size": "L"},
        [(("size",), ("then", "properties", "size"), "enum")],
    ),
    "else": (CHOICE, {"model": "x-1.0-y", "size": "S"}, [(("size",), ("else", "properties", "size"), "enum")]),
    "allOf": ({"allOf": [{}, {"type": "string"}]}, 1, [((), ("allOf", 1), "type")]),
    "nothing contained": ({"contains": VIDEO}, [], [((), (), "contains")]),
    "nothing contained, with a maximum": (
        ONE_VIDEO,
        {"media": [{}]},
        [(("media",), ("properties", "media"), "contains")],
    ),
    "too many contained": (
        ONE_VIDEO,
        {"media": [{"type": "video"}] * 2},
        [(("media",), ("properties", "media"), "maxContains")],
    ),
    "nothing contained, none needed": (FEW_VIDEOS, [], []),
    "too many contained, none needed": (FEW_VIDEOS, [{"type": "video"}] * 2, [((), ("allOf", 0), "maxContains")]),
    "a long prompt": (
        {"properties": {"prompt": {"x-maxPromptUnits": {"limit": 3, "weights": {"han": 2}}}}},
        {"prompt": "马马"},
        [(("prompt",), ("properties", "prompt"), "x-maxPromptUnits")],
    ),
    "a dangling reference": (
        {"x-promptReferences": {"prompt": "/prompt", "images": "/images", "pattern": "\\[(\\d)\\]"}},
        {"prompt": "[2]", "images": [1]},
        [((), (), "x-promptReferences")],
    ),
}

#: Pattern, text that it finds, text that it does not find although Python's `re` or a careless reading would.
PATTERNS = {
    "looks ahead": (r"^(?!http:)", "https:", "http:"),
    "end is no newline": ("^a$", "a", "a\n"),
    "digits are ASCII": (r"^\d$", "7", "٣"),
    "no digit": (r"^\D$", "٣", "7"),
    "digits in a set": (r"^[\d.]$", "7", "٣"),
    "words are ASCII": (r"^\w$", "_", "é"),
    "spaces are Unicode's": (r"^\s$", "\ufeff", "\x1c"),
    "no space in a set": (r"^[^\s/]$", "\x1c", "\u3000"),
    "a dollar in a set": ("^[$]$", "$", "a"),
    "an escaped bracket": (r"^[\]$]$", "]", "]\n"),
    "an escaped dollar": (r"^\$", "$", "a"),
}

both_engines = pytest.mark.parametrize("reference", [False, True], ids=["fast", "reference"])


@both_engines
@pytest.mark.parametrize("case", BREACHES)
def test_names_the_broken_keyword_and_its_place(case: str, reference: bool) -> None:
    schema, instance, breaches = BREACHES[case]
    assert compile_schema(schema, reference=reference)(instance) == [Breach(*breach) for breach in breaches]


@both_engines
@pytest.mark.parametrize("case", PATTERNS)
def test_reads_a_pattern_as_json_schema_means_it(case: str, reference: bool) -> None:
    pattern, found, missed = PATTERNS[case]
    judge = compile_schema({"pattern": pattern}, reference=reference)
    assert [bool(judge(text)) for text in (found, missed)] == [False, True]


@pytest.mark.parametrize("case", PATTERNS)
def test_reasons_are_given_for_whatever_is_refused(case: str) -> None:
    pattern, found, missed = PATTERNS[case]
    reasons = reference_validator({"pattern": pattern}).iter_errors
    assert [len(list(reasons(text))) for text in (found, missed)] == [0, 1]
    assert len(list(reference_validator({"format": "regex"}).iter_errors("["))) == 1


def test_reference_engine_serves_where_the_fast_one_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    assert compile_schema({"type": "string"})(1) == [Breach((), (), "type")]
    assert not sieve([{"type": "string"}], [])("a")
    assert [matcher({"format": "regex"})(text) for text in ("[a]", "[a")] == [True, False]


def bodies(schema: Schema) -> st.SearchStrategy[Any]:
    """Values that come near to what `schema` wants, and now and then anything."""
    return st.one_of(*_near(schema), ANYTHING)


def _near(schema: Schema) -> Iterator[st.SearchStrategy[Any]]:
    parts = [schema, *schema.get("allOf", ()), *(schema[word] for word in ("then", "else") if word in schema)]
    members = {name: bodies(child) for part in parts for name, child in part.get("properties", {}).items()}
    if members:
        yield st.fixed_dictionaries({}, optional={**members, "unknown": ANYTHING})
    for part in parts:
        yield from (make(part[word]) for word, make in _NEAR.items() if word in part)


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_MEMBERS = st.fixed_dictionaries({"type": st.sampled_from(["video", "first_frame", "reference_image", "", 0])})


def _around(limit: float) -> st.SearchStrategy[Any]:
    return st.sampled_from([limit - 1, limit, limit + 0.5, limit + 1, str(limit)])


def _long(limit: Schema) -> st.SearchStrategy[Any]:
    return st.text("aé马ー ", max_size=3).map(lambda text: text * (limit["limit"] // 5))


_NEAR: dict[str, Callable[[Any], st.SearchStrategy[Any]]] = {
    "items": lambda schema: st.lists(bodies(schema), max_size=11),
    "enum": lambda options: st.sampled_from([*options, *(f"{option} ".lower() for option in options)]),
    "const": lambda value: st.sampled_from([value, f"{value}\n"]),
    "minimum": _around,
    "maximum": _around,
    "exclusiveMinimum": _around,
    "contains": lambda _: st.lists(_MEMBERS, max_size=7),
    "pattern": lambda _: st.sampled_from(
        ["https://a.b", "oss://a", "data:image/png;base64,AA", "http://\u3000", "a\n"]
    ),
    "x-maxPromptUnits": _long,
}


def laws(provider: Provider) -> list[Law]:
    modes = provider.modes.values()
    return [provider.any, *(law for mode in modes for law in (mode.request, mode.advice)), *provider.media.values()]


def kind(breach: Breach) -> str:
    return repr(breach)


@pytest.mark.parametrize("name", provider_names())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_engines_agree_on_any_body(name: str, data: st.DataObject) -> None:
    law = data.draw(st.sampled_from(laws(load_provider(name))))
    body = data.draw(bodies(law.book.schema))
    assert sorted(law.judge(body), key=kind) == sorted(law.reference_judge(body), key=kind)
