"""Every rule has a request that passes and an edit that breaks it alone, whichever engine judges."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from happyhorse_spec.check import check_body, judge_media, judged
from happyhorse_spec.commands.rules import all_rules
from happyhorse_spec.contract import Mode, Provider, load_provider, provider_names
from happyhorse_spec.growth import Barren, grow
from happyhorse_spec.headers import check_headers
from happyhorse_spec.rules import Rule
from happyhorse_spec.samples import sample
from happyhorse_spec.twins import Twin, apply_patch, twins

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
    if twin.told not in (None, rule.id):
        double = next(known for known in provider.rules() if known.id == twin.told)
        assert (double.place, double.keyword) == (rule.place, rule.keyword)


def test_few_rules_are_hidden_behind_the_choice_of_the_mode() -> None:
    hidden = [rule.id for provider, rule in RULES if twin_of(provider, rule).told is None]
    assert len(hidden) <= len(RULES) // 40, hidden


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


@pytest.mark.parametrize("schema", [{"not": {}}, {"allOf": [{"const": 1}, {"const": 2}]}, {"minimum": 1, "const": 0}])
def test_nothing_grows_where_nothing_can_satisfy(schema: dict[str, Any]) -> None:
    with pytest.raises(Barren):
        grow(schema)
