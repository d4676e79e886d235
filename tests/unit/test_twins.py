"""Every rule has a request that passes and an edit that breaks it alone, whichever engine judges."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from happyhorse_spec import pointer
from happyhorse_spec.check import check_body, judge_media, judged
from happyhorse_spec.commands.rules import all_rules
from happyhorse_spec.contract import Mode, Provider, load_provider, load_sources, provider_names
from happyhorse_spec.edits import apply_patch, edits
from happyhorse_spec.engine import matcher
from happyhorse_spec.growth import Barren, grow
from happyhorse_spec.headers import check_headers, header_rules
from happyhorse_spec.rules import Rule, rule_book
from happyhorse_spec.samples import sample
from happyhorse_spec.twins import LETTERS, MEASURED, Twin, boundaries, twins

RULES = [(provider, rule) for provider in map(load_provider, provider_names()) for rule in all_rules(provider)]
IDS = [rule.id for _, rule in RULES]


@cache
def twin_at(index: int) -> Twin:
    twin = twins(*RULES[index])
    assert twin is not None
    return twin


def twin_of(_provider: Provider, rule: Rule) -> Twin:
    return twin_at(IDS.index(rule.id))


def mode_of(provider: Provider, rule: Rule) -> Mode:
    return provider.modes[rule.id.removeprefix(f"{provider.name}.").split(".")[0]]


def told(provider: Provider, rule: Rule, twin: Twin, document: Any, *, reference: bool) -> list[Rule]:
    """The rules that a document breaks."""
    if twin.of == "headers":
        endpoint = next(e for e in provider.endpoints.values() if rule.id.startswith(f"{provider.name}.{e.name}."))
        return [found.rule for found in check_headers(document.items(), grow(rule.schema), endpoint, provider)]
    if twin.of == "media":
        law = next(law for law in provider.media.values() if rule in law.book.rules)
        assert [f.rule for f in judge_media(law, document, "")] == [f.rule for f in judged(law, document, reference)]
        return [found.rule for found in judged(law, document, reference)]
    return [found.rule for found in check_body(document, provider, reference=reference)]


@pytest.mark.parametrize("reference", [False, True], ids=["fast", "reference"])
@pytest.mark.parametrize(("provider", "rule"), RULES, ids=IDS)
def test_rule_has_a_twin_that_passes_and_one_that_breaks_it_alone(
    provider: Provider, rule: Rule, reference: bool
) -> None:
    twin = twin_of(provider, rule)
    before = told(provider, rule, twin, twin.passes, reference=reference)
    assert [known.id for known in before if known.effect == "reject" or known.id == rule.id] == []
    if twin.told is None:
        mode = mode_of(provider, rule)
        assert [found.rule.id for found in judged(mode.request, twin.breaks, reference)] == [rule.id]
    else:
        after = told(provider, rule, twin, twin.breaks, reference=reference)
        assert [known.id for known in after if known not in before] == [twin.told]


@pytest.mark.parametrize(("provider", "rule"), RULES, ids=IDS)
def test_twin_is_one_edit_and_told_as_the_rule_or_its_double(provider: Provider, rule: Rule) -> None:
    twin = twin_of(provider, rule)
    assert apply_patch(twin.passes, twin.patch) == twin.breaks != twin.passes
    assert json.loads(json.dumps(twin.passes)) == twin.passes
    tried = [] if twin.of == "headers" else edits(provider, rule, twin.passes)
    assert all(apply_patch(twin.passes, patch) != twin.passes for patch in tried)
    if twin.told not in (None, rule.id):
        double = next(known for known in provider.rules() if known.id == twin.told)
        assert (double.place, double.keyword) == (rule.place, rule.keyword)


def test_few_rules_are_hidden_behind_the_choice_of_the_mode() -> None:
    hidden = [rule.id for provider, rule in RULES if twin_of(provider, rule).told is None]
    assert len(hidden) <= len(RULES) // 40, hidden


LIMITS = [(provider, rule) for provider, rule in RULES if rule.keyword in MEASURED]

#: What a letter of each kind weighs where a Chinese one weighs 2, and how many code points it has.
WEIGHTS = {
    "ASCII characters": (1, 1),
    "Chinese ones": (2, 1),
    "Chinese ones beyond the basic plane": (2, 1),
    "Chinese ones of the third plane": (2, 1),
    "compatibility ideographs": (2, 1),
    "full-width commas": (1, 1),
    "ideographic full stops": (1, 1),
    "kana": (1, 1),
    "hangul": (1, 1),
    "letters with a combining mark": (2, 2),
    "emoji": (1, 1),
}


@pytest.mark.parametrize(("provider", "rule"), LIMITS, ids=[rule.id for _, rule in LIMITS])
def test_limit_itself_passes_and_one_beyond_is_told(provider: Provider, rule: Rule) -> None:
    found = boundaries(provider, rule)
    assert found
    for twin in found:
        before = told(provider, rule, twin, twin.passes, reference=False)
        assert [known.id for known in before if known.effect == "reject" or known.id == rule.id] == []
        assert measured(rule, twin) == MEASURES[rule.keyword](rule.limit, twin.counted)


def measured(rule: Rule, twin: Twin) -> tuple[Any, Any]:
    """What a rule counts or measures, at its limit and beyond it."""
    path = twin.patch["path"] if twin.patch["op"] == "replace" else twin.patch["path"].rpartition("/")[0]
    inside, beyond = (pointer.follow(document, path) for document in (twin.passes, twin.breaks))
    if rule.keyword in ("contains", "maxContains"):
        fits = matcher(rule.schema["contains"])
        return sum(map(fits, inside)), sum(map(fits, beyond))
    if isinstance(inside, str):
        return inside.count(LETTERS[twin.counted]), len(beyond) - len(inside)
    return (len(inside), len(beyond)) if isinstance(inside, list) else (inside, beyond)


def step(limit: float) -> float:
    return 0.001 if isinstance(limit, float) else 1


#: Keyword -> what is measured at the limit and beyond it; of texts the letters at the limit, and how many are added.
MEASURES: dict[str, Any] = {
    "minimum": lambda limit, _: (limit, pytest.approx(limit - step(limit))),
    "maximum": lambda limit, _: (limit, pytest.approx(limit + step(limit))),
    "exclusiveMinimum": lambda limit, _: (pytest.approx(limit + 0.001), limit),
    "minItems": lambda limit, _: (limit, limit - 1),
    "maxItems": lambda limit, _: (limit, limit + 1),
    "contains": lambda _limit, _counted: (1, 0),
    "maxContains": lambda limit, _: (limit, limit + 1),
    "minLength": lambda limit, counted: (limit // WEIGHTS[counted][1], -1),
    "maxLength": lambda limit, counted: (limit // WEIGHTS[counted][1], 1),
    "x-maxPromptUnits": lambda limit, counted: (limit["limit"] // WEIGHTS[counted][0], 1),
}


def test_text_is_counted_in_every_kind_of_letter() -> None:
    texts = [known for known in LIMITS if known[1].keyword in ("maxLength", "x-maxPromptUnits")]
    for keyword in ("maxLength", "x-maxPromptUnits"):
        provider, rule = next(known for known in texts if known[1].keyword == keyword)
        assert {twin.counted for twin in boundaries(provider, rule)} == WEIGHTS.keys() == LETTERS.keys()


@pytest.mark.parametrize(
    ("patch", "after"),
    [
        pytest.param({"op": "add", "path": "/b", "value": 1}, {"a": [1, 2], "b": 1}, id="add a member"),
        pytest.param({"op": "add", "path": "/a/-", "value": 3}, {"a": [1, 2, 3]}, id="add at the end"),
        pytest.param({"op": "add", "path": "/a/0", "value": 0}, {"a": [0, 1, 2]}, id="add before"),
        pytest.param({"op": "remove", "path": "/a/0"}, {"a": [2]}, id="remove an item"),
        pytest.param({"op": "remove", "path": "/a"}, {}, id="remove a member"),
        pytest.param({"op": "replace", "path": "/a/1", "value": 9}, {"a": [1, 9]}, id="replace an item"),
        pytest.param({"op": "replace", "path": "", "value": []}, [], id="replace the whole"),
    ],
)
def test_patch(patch: dict[str, Any], after: Any) -> None:
    document = {"a": [1, 2]}
    assert apply_patch(document, patch) == after
    assert document == {"a": [1, 2]}


def test_value_that_is_no_text_and_not_to_be_is_tried_too() -> None:
    schema = {"properties": {"a": {"not": {"const": 5}, "x-source": "absence"}}}
    (rule,) = rule_book(schema, "law", load_sources()).rules
    assert list(edits(RULES[0][0], rule, {"a": 1})) == [{"op": "replace", "path": "/a", "value": 5}]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^https?://[^/]", "http://a"),
        (r"\[Image (\d+)\]", "[Image 1]"),
        (r"^(jpe?g|png);[A-Z]{2}\.", "jpg;AA."),
        (r"\bcharacter\d|图\s*\d", "character1"),
        (r"[^a]\S.", "baa"),
        ("[x-z]", "x"),
    ],
)
def test_sample_is_found_by_its_pattern(pattern: str, text: str) -> None:
    assert sample(pattern) == text


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        pytest.param({}, None, id="anything"),
        pytest.param(
            {"type": "object", "required": ["a"], "properties": {"a": {"minimum": 3}}}, {"a": "text"}, id="text"
        ),
        pytest.param({"type": "integer", "exclusiveMinimum": 3}, 4, id="above"),
        pytest.param({"type": "array", "minItems": 2, "items": {"enum": ["x", "y"]}}, ["x", "x"], id="items"),
        pytest.param({"allOf": [{"const": 1}, {"type": "integer"}]}, 1, id="both"),
        pytest.param({"anyOf": [{"type": "string", "maxLength": 2}]}, "te", id="either"),
        pytest.param(
            {
                "type": "array",
                "items": {"type": "object"},
                "contains": {"properties": {"k": {"const": 1}}, "required": ["k"]},
            },
            [{"k": 1}],
            id="contains",
        ),
        pytest.param({"enum": ["a", "b"], "not": {"const": "a"}}, "b", id="not"),
    ],
)
def test_document_grows_until_it_satisfies(schema: dict[str, Any], document: Any) -> None:
    assert grow(schema) == document


def test_what_must_not_be_there_does_not_grow() -> None:
    schema = {"properties": {"a": {"properties": {"b": {"not": {}}}}}}
    assert grow(schema, {"a": {"b": 1, "c": 2}}) == {"a": {"c": 2}}


def test_items_of_a_grown_list_are_not_one_object() -> None:
    first, second = grow({"type": "array", "minItems": 2, "items": {"type": "object"}})
    assert first is not second


def test_header_that_two_rules_ask_for_has_no_twin(edited: Callable[..., str]) -> None:
    def twice(data: Any) -> None:
        headers = data["endpoints"]["submit"]["headers"]
        headers += headers[:1]

    gateway = load_provider(edited("apiyi", "provider.yaml", twice))
    *_, last = header_rules(gateway, gateway.endpoints["submit"])
    assert twins(gateway, last) is None


@pytest.mark.parametrize("schema", [{"not": {}}, {"allOf": [{"const": 1}, {"const": 2}]}, {"minimum": 1, "const": 0}])
def test_nothing_grows_where_nothing_can_satisfy(schema: dict[str, Any]) -> None:
    with pytest.raises(Barren):
        grow(schema)
