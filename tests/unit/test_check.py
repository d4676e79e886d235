"""The validator as a function: bodies, text with positions, documents, media; both engines."""

from __future__ import annotations

import copy
import enum
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from happyhorse_spec.check import (
    check,
    check_body,
    check_document,
    check_media,
    judge_media,
    judged,
    media_urls,
    place,
    rejected,
    verdict,
)
from happyhorse_spec.contract import Law, load_provider, load_sources, provider_names
from happyhorse_spec.document import DocumentError, read_json
from happyhorse_spec.rules import rule_book

ONE = load_provider("dashscope")
FLAT = load_provider("imini")
T2V = {"model": "happyhorse-1.0-t2v", "input": {"prompt": "A horse."}, "parameters": {"duration": 5}}
EDIT = {
    "model": "happyhorse-1.0-video-edit",
    "input": {
        "prompt": "A red coat.",
        "media": [
            {"type": "reference_image", "url": "https://example.com/a.png"},
            {"type": "video", "url": "https://example.com/b.mp4"},
            {"type": "reference_image", "url": 5},
            "text",
        ],
    },
}


def told(findings: Any) -> list[tuple[str, str]]:
    return [(found.rule.id, found.pointer) for found in findings]


def with_member(body: Any, **members: Any) -> Any:
    return {**copy.deepcopy(body), **members}


def test_takes_a_provider_by_its_name_or_as_it_is() -> None:
    body = with_member(T2V, parameters={"duration": 2})
    assert told(check(body, "dashscope")) == told(check(body, ONE))
    assert told(check(body, ONE)) == [("dashscope.t2v.parameters.duration.minimum", "/parameters/duration")]


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("spell", [json.dumps, lambda body: json.dumps(body).encode()], ids=["text", "bytes"])
def test_text_gives_findings_their_line_and_column(spell: Any, reference: bool) -> None:
    (found,) = check(spell(with_member(T2V, parameters={"duration": 2})), ONE, reference=reference)
    assert (found.line, found.column) == (1, 93)
    assert json.dumps(with_member(T2V, parameters={"duration": 2}))[92] == "2"
    assert check(spell(T2V), ONE, reference=reference) == []


def test_text_that_is_no_json_says_where_it_breaks() -> None:
    with pytest.raises(DocumentError, match="<body>:1:11"):
        check('{"model": }', ONE)


def test_an_unknown_member_is_marked_at_its_name() -> None:
    (found,) = check('{"model": "happyhorse-1.0-t2v", "input": {"prompt": "A."}, "odd": 1}', ONE)
    assert (found.rule.id, found.column) == ("dashscope.t2v.additionalProperties", 60)


def test_a_part_of_a_document_keeps_the_places_of_the_whole() -> None:
    document = read_json('{"request":\n {"model": "happyhorse-1.0-t2v", "input": {"prompt": 5}}}', "a.json")
    (found,) = check_document(document, ONE, base="/request")
    assert (found.pointer, found.line, found.column) == ("/input/prompt", 2, 54)
    assert [found.pointer for found in check_document(document, ONE)][:2] == ["/model", "/input"]


@pytest.mark.parametrize("reference", [False, True])
def test_rejections_come_before_advice(reference: bool) -> None:
    body = with_member(T2V, odd=1, parameters={"duration": 2})
    assert [found.effect for found in check_body(body, ONE, reference=reference)] == ["reject", "ignore"]


@pytest.mark.parametrize("reference", [False, True])
def test_a_rule_of_all_modes_is_told_once(reference: bool) -> None:
    found = check_body({"model": "happyhorse-1.0-t2v"}, ONE, reference=reference)
    assert [(one.pointer, one.rule.keyword) for one in found] == [("/input", "required")]


def test_there_is_no_advice_on_a_value_that_is_refused() -> None:
    body = {"model": "dashscope/happyhorse-1.0", "prompt": "马" * 5001}
    assert told(check_body(body, FLAT)) == [("imini.t2v.prompt.maxLength", "/prompt")]
    media = [{"type": "first_frame", "url": "ftp://example.com/a.png"}]
    body = {"model": "happyhorse-1.0-i2v", "input": {"prompt": "A horse.", "media": media}}
    assert told(check_body(body, load_provider("apiyi"))) == [
        ("apiyi.i2v.input.media.items.url.pattern", "/input/media/0/url")
    ]


def test_a_misspelt_model_hides_nothing_else() -> None:
    body = with_member(T2V, model="happyhorse-1.0-t2w", parameters={"duration": 2})
    assert [pointer for _, pointer in told(check_body(body, ONE))] == ["/model", "/parameters/duration"]


def test_of_a_body_without_a_mode_only_the_general_rules_speak() -> None:
    body = {"model": "another", "input": {"prompt": 5}}
    assert [pointer for _, pointer in told(check_body(body, ONE))] == ["/model"]
    assert [pointer for _, pointer in told(check_body([], ONE))] == [""]


class Word(enum.StrEnum):
    T2V = "happyhorse-1.0-t2v"


class Body(dict[str, Any]):
    """What some client makes of a dict."""


ODD_WORDS = [5, 1.0, True, None, [], {}, "", "another", "t2v", "Generate", "generate", "video_edit", Word.T2V]


@pytest.mark.parametrize("name", provider_names())
def test_the_mode_is_the_first_whose_condition_is_satisfied(name: str) -> None:
    provider = load_provider(name)
    words = [*ODD_WORDS, *provider.models]
    bodies: list[Any] = [[], "model", None, 5, {}, {"action": []}, Body(model="happyhorse-1.0-r2v")]
    bodies += [{member: word, **more} for member in ("model", "action") for word in words for more in ({}, {"odd": 1})]
    for body in bodies:
        first = next((mode for mode in provider.modes.values() if mode.matches(body)), None)
        assert provider.mode_of(body) is first, body


#: Conditions of the first mode; the second takes whatever is left.
CONDITIONS = {
    "another member is asked for too": {"properties": {"model": True}, "required": ["odd"]},
    "members are counted too": {"properties": {"model": {"pattern": "t2v"}}, "minProperties": 2},
    "the word is ruled out": {"properties": {"model": {"not": {"const": "happyhorse-1.0-t2v"}}}},
    "the word is none of the listed": {"properties": {"model": {"enum": ["another"]}}, "required": ["model"]},
    "any word will do": {"properties": {"model": True}},
}


@pytest.mark.parametrize("case", CONDITIONS)
def test_a_word_tells_the_mode_only_where_nothing_else_does(case: str) -> None:
    first, second, *_ = ONE.modes.values()
    modes = {"first": replace(first, when=CONDITIONS[case]), "second": replace(second, when={})}
    provider = replace(ONE, modes=modes)
    for body in (T2V, {**T2V, "odd": 1}, {"model": "happyhorse-1.0-t2v"}, {"model": "another"}, {}):
        assert provider.mode_of(body) is modes["first" if modes["first"].matches(body) else "second"]


def test_a_verdict_is_the_mode_and_what_is_rejected() -> None:
    mode, findings = verdict(with_member(T2V, odd=1), ONE)
    assert (mode and mode.name, findings) == ("t2v", [])
    mode, findings = verdict(with_member(T2V, parameters={"duration": 2}), ONE)
    assert (mode and mode.name, [found.pointer for found in findings]) == ("t2v", ["/parameters/duration"])
    mode, findings = verdict({}, ONE)
    assert (mode, [found.pointer for found in findings]) == (None, ["/model", "/input"])
    assert [found.pointer for found in rejected({"model": "happyhorse-1.0-t2v"}, ONE)] == ["/input"]


def test_a_value_of_a_wrong_type_breaks_that_rule_alone() -> None:
    body = with_member(T2V, parameters={"duration": "99"})
    assert [found.rule.keyword for found in judged(ONE.modes["t2v"].request, body)] == ["type"]


def test_findings_stand_in_the_order_of_their_rules() -> None:
    body = with_member(T2V, input={}, parameters={"seed": -1, "duration": 2, "ratio": "x"})
    for reference in (False, True):
        found = list(judged(ONE.modes["t2v"].request, body, reference))
        order = [ONE.modes["t2v"].request.book.order[one.rule.id] for one in found]
        assert len(found) == 4
        assert order == sorted(order)


def test_each_missing_and_each_unknown_member_is_a_finding_of_its_own() -> None:
    assert [found.pointer for found in judged(ONE.any, {})] == ["/model", "/input"]
    unknown = judged(ONE.modes["t2v"].advice, with_member(T2V, b=1, a=2))
    assert [(found.pointer, found.value) for found in unknown] == [("/a", 2), ("/b", 1)]


def test_a_dangling_reference_is_told_at_the_prompt() -> None:
    body = {
        "model": "happyhorse-1.0-r2v",
        "input": {"prompt": "[Image 2]", "media": [{"type": "reference_image", "url": "https://a/b.png"}]},
    }
    assert [found.pointer for found in check_body(body, ONE)] == ["/input/prompt"]


def test_media_are_named_with_their_roles_and_places() -> None:
    assert list(media_urls(EDIT, ONE.modes["video-edit"])) == [
        ("video", "/input/media/1/url", "https://example.com/b.mp4"),
        ("edit_image", "/input/media/0/url", "https://example.com/a.png"),
    ]


def test_media_that_can_be_looked_at_are_judged_at_their_url() -> None:
    facts = {"https://example.com/a.png": {"format": "png", "bytes": 9, "width": 299, "height": 400}}
    findings = list(check_media(EDIT, ONE.modes["video-edit"], ONE, facts.get))
    assert told(findings) == [("dashscope.media.edit_image.width.minimum", "/input/media/0/url")]
    assert (findings[0].value, findings[0].aspect) == (299, "width")


def test_a_file_that_cannot_be_read_breaks_the_type() -> None:
    assert told(judge_media(ONE.media["video"], None, "/url")) == [("dashscope.media.video.type", "/url")]


def test_an_aspect_of_a_file_is_named_in_words() -> None:
    (found,) = judge_media(ONE.media["video"], {"format": "mp4", "short_side": 100}, "/url")
    assert found.aspect == "short_side"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_text_that_begins_with_its_byte_order_is_judged_too(encoding: str) -> None:
    text = json.dumps(with_member(T2V, parameters={"duration": 2})).encode(encoding)
    assert [found.pointer for found in check(text, ONE)] == ["/parameters/duration"]


def test_a_document_that_is_a_body_has_its_own_places() -> None:
    document = read_json('{"model": "happyhorse-1.0-t2v",\n "input": {"prompt": 5}}', "a.json")
    (found,) = check_document(document, ONE)
    assert (found.pointer, found.line, found.column) == ("/input/prompt", 2, 22)
    assert place(found, document) == found


def law_of(**schema: Any) -> Law:
    return Law(rule_book({**schema, "x-source": "absence"}, "law", load_sources()))


def test_a_wrong_type_hides_what_else_is_wrong_with_a_value() -> None:
    law = law_of(type="string", enum=["a"])
    assert [found.rule.keyword for found in judged(law, 5)] == ["type"]
    assert [found.rule.keyword for found in judged(law, "b")] == ["enum"]


def test_items_of_a_list_are_counted_by_a_keyword_of_ours(edited: Callable[..., str]) -> None:
    """No sieve takes it aside there; the judge finds it all the same."""
    words = {"items": {"x-maxPromptUnits": {"limit": 3}, "x-effect": "advise", "x-source": "chosen", "x-why": "Short."}}
    folder = edited("imini", "t2v.advice.schema.json", lambda schema: schema["properties"].update(words=words))
    body = {"model": "dashscope/happyhorse-1.0", "prompt": "A horse.", "words": ["a", "long"]}
    assert [found.pointer for found in check_body(body, load_provider(folder))] == ["/words/1"]


def test_where_nothing_is_known_everything_is_unknown() -> None:
    assert [found.pointer for found in judged(law_of(additionalProperties=False), {"a": 1})] == ["/a"]
