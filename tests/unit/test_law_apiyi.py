"""The law of APIYI: its documented requests pass, a broken one breaks the rule it means to, its answers tell
themselves apart. What holds for every provider alike is tested in test_law.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from happyhorse_spec.check import check, rejected
from happyhorse_spec.contract import load_provider, load_sources
from happyhorse_spec.engine import matcher
from mockserver.answers import compile_template
from mockserver.grammar import refusal

LAW = load_provider("apiyi")
DEFS = LAW.answer_schemas["$defs"]

IMAGE = "https://your-cdn.com/cat.png"
FRAME = {"type": "first_frame", "url": IMAGE}
REFERENCE = {"type": "reference_image", "url": IMAGE}
VIDEO = {"type": "video", "url": "https://your-cdn.com/source.mp4"}
MODELS = {
    "t2v": "happyhorse-1.1-t2v",
    "i2v": "happyhorse-1.1-i2v",
    "r2v": "happyhorse-1.1-r2v",
    "video-edit": "happyhorse-1.0-video-edit",
}
MEDIA: dict[str, list[Any]] = {"i2v": [FRAME], "r2v": [REFERENCE], "video-edit": [VIDEO, REFERENCE]}


def body(mode: str, parameters: object = None, **given: Any) -> dict[str, Any]:
    """The shortest request of a mode, with other members of `input` (None: without it) and parameters."""
    media = {"media": MEDIA[mode]} if mode in MEDIA else {}
    members = {"prompt": "A cat running across a meadow", **media, **given}
    told = {} if parameters is None else {"parameters": parameters}
    return {"model": MODELS[mode], "input": {k: v for k, v in members.items() if v is not None}, **told}


EXAMPLES = {
    f"{mode.name} {number}": (mode.name, example)
    for mode in LAW.modes.values()
    for number, example in enumerate(mode.request.book.schema["examples"], 1)
}

#: Bodies beyond the examples that pass, with the advice they get; what the vendor's script and DashScope's SDK send.
PASSED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "the older models": ({**body("r2v"), "model": "happyhorse-1.0-r2v"}, set()),
    "the SDK's own members": (body("t2v", {}, extend_prompt=True, function="video-synthesis"), set()),
    "two seconds": (body("t2v", {"duration": 2}), {"t2v.parameters.duration.minimum@upstream"}),
    "the script's ratio": (body("t2v", {"ratio": "16:9"}), {"t2v.parameters.ratio.not"}),
    "a ratio upstream does not know": (body("r2v", {"ratio": "adaptive"}), {"r2v.parameters.ratio.not"}),
    "the script's ratio beside a frame": (body("i2v", {"ratio": "16:9"}), {"i2v.parameters.ratio.not"}),
    "the script's negative prompt": (body("t2v", negative_prompt="rain"), {"t2v.input.negative_prompt.not"}),
    "the script's duration of an edit": (body("video-edit", {"duration": 5}), {"video-edit.parameters.duration.not"}),
    "the sound of an edit": (
        body("video-edit", {"audio_setting": "origin"}),
        {"video-edit.parameters.audio_setting.not"},
    ),
    "the script's Base64 image": (
        body("i2v", media=[{**FRAME, "url": "data:image/png;base64,iVBORw0KGgo="}]),
        {"i2v.input.media.items.url.pattern@https"},
    ),
    "media of another mode": (body("t2v", media=[FRAME]), {"t2v.input.media.not"}),
    "an unknown parameter": (body("t2v", {"size": "1280*720"}), {"t2v.parameters.additionalProperties"}),
    "an unknown member of input": (body("i2v", img_url=IMAGE), {"i2v.input.additionalProperties"}),
    "the flat form": ({**body("t2v"), "resolution": "720P"}, {"t2v.additionalProperties"}),
    "an image that is not there": (body("r2v", prompt="图2 runs"), {"r2v.input.promptReferences"}),
    "a prompt upstream cuts": (body("t2v", prompt="马" * 2501), {"t2v.input.prompt.maxPromptUnits"}),
}

#: Rule -> a body that breaks it alone.
REJECTED: dict[str, Any] = {
    "any.type": [],
    "any.model.required": {"input": {"prompt": "a cat"}},
    "any.model.enum": {**body("t2v"), "model": "sora-2"},
    "any.input.required": {"model": "happyhorse-1.1-t2v"},
    "any.input.type": {"model": "happyhorse-1.1-t2v", "input": "a cat"},
    "t2v.input.prompt.required": body("t2v", prompt=None),
    "t2v.input.prompt.type": body("t2v", prompt=["a cat"]),
    "t2v.parameters.type": body("t2v", []),
    "t2v.parameters.resolution.enum": body("t2v", {"resolution": "480P"}),
    "t2v.parameters.duration.type": body("t2v", {"duration": "5"}),
    "t2v.parameters.duration.minimum": body("t2v", {"duration": 1}),
    "t2v.parameters.duration.maximum": body("t2v", {"duration": 16}),
    "t2v.parameters.prompt_extend.type": body("t2v", {"prompt_extend": "true"}),
    "t2v.parameters.watermark.type": body("t2v", {"watermark": 1}),
    "t2v.parameters.seed.type": body("t2v", {"seed": "1"}),
    "t2v.parameters.seed.minimum": body("t2v", {"seed": -1}),
    "t2v.parameters.seed.maximum": body("t2v", {"seed": 2147483648}),
    "i2v.input.prompt.required": body("i2v", prompt=None),
    "i2v.input.media.required": body("i2v", media=None),
    "i2v.input.media.type": body("i2v", media=FRAME),
    "i2v.input.media.minItems": body("i2v", media=[]),
    "i2v.input.media.maxItems": body("i2v", media=[FRAME, FRAME]),
    "i2v.input.media.items.type": body("i2v", media=[IMAGE]),
    "i2v.input.media.items.type.required": body("i2v", media=[{"url": IMAGE}]),
    "i2v.input.media.items.url.required": body("i2v", media=[{"type": "first_frame"}]),
    "i2v.input.media.items.type.enum": body("i2v", media=[{**FRAME, "type": "driving_audio"}]),
    "i2v.input.media.items.url.type": body("i2v", media=[{**FRAME, "url": None}]),
    "i2v.input.media.items.url.pattern": body("i2v", media=[{**FRAME, "url": "cat.png"}]),
    "r2v.input.media.required": body("r2v", media=None),
    "r2v.input.media.minItems": body("r2v", media=[]),
    "r2v.input.media.maxItems": body("r2v", media=[REFERENCE] * 10),
    "r2v.input.media.items.type.enum": body("r2v", media=[REFERENCE, FRAME]),
    "video-edit.input.media.required": body("video-edit", media=None),
    "video-edit.input.media.contains": body("video-edit", media=[REFERENCE]),
    "video-edit.input.media.maxContains": body("video-edit", media=[VIDEO, VIDEO, REFERENCE]),
    "video-edit.input.media.contains@images": body("video-edit", media=[VIDEO]),
    "video-edit.input.media.maxContains@images": body("video-edit", media=[VIDEO, *[REFERENCE] * 6]),
    "video-edit.input.media.items.type.enum": body("video-edit", media=[VIDEO, FRAME]),
    "video-edit.input.media.items.type.required": body("video-edit", media=[VIDEO, {"url": IMAGE}]),
    "video-edit.input.media.items.url.pattern@video": body("video-edit", media=[{**VIDEO, "url": "a.mp4"}, REFERENCE]),
    "video-edit.input.media.items.url.pattern@image": body("video-edit", media=[VIDEO, {**REFERENCE, "url": "a.png"}]),
}

#: What a broken body is told: HTTP status, the documented word of `type`, the message.
REFUSALS: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "a frame that is missing": (body("i2v", media=None), 500, "build_request_failed", "图生视频模型 ... 必须提供图片"),
    "no frame at all": (body("i2v", media=[]), 500, "build_request_failed", "图生视频模型 ... 必须提供图片"),
    "references that are missing": (
        body("r2v", media=None),
        500,
        "build_request_failed",
        "Field required: input.media",
    ),
    "an edit without an image": (
        body("video-edit", media=[VIDEO]),
        500,
        "build_request_failed",
        "Field required: input.media.reference_image",
    ),
    "ten references": (
        body("r2v", media=[REFERENCE] * 10),
        400,
        "task_error",
        "List should have at most 9 items after validation, not 10: input.media",
    ),
    "a quoted duration": (
        body("t2v", {"duration": "5"}),
        400,
        "parse_request_failed",
        "cannot unmarshal string into Go struct field ... of type int",
    ),
    "a small p": (
        body("t2v", {"resolution": "720p"}),
        400,
        "task_error",
        "Input should be '1080P' or '720P': parameters.resolution",
    ),
    "an unknown model": (
        {**body("t2v"), "model": "sora-2"},
        404,
        "shell_api_error",
        "no available channel for this model",
    ),
}


def cases(table: Mapping[str, object]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("name", "case"), table.items(), ids=table.keys())


@cases(EXAMPLES)
def test_a_documented_body_passes_without_a_word(name: str, case: tuple[str, Any]) -> None:
    mode, example = case
    assert LAW.mode_of(example) is LAW.modes[mode], name
    assert check(example, LAW) == []


@cases(PASSED)
def test_what_the_gateway_passes_on_is_only_advised_upon(name: str, case: tuple[Any, set[str]]) -> None:
    request, advice = case
    assert rejected(request, LAW) == [], name
    assert {found.rule.id for found in check(request, LAW)} == {f"apiyi.{rule}" for rule in advice}


@cases(REJECTED)
def test_a_broken_body_breaks_one_rule(name: str, case: Any) -> None:
    assert {found.rule.id for found in rejected(case, LAW)} == {f"apiyi.{name}"}


@cases(REJECTED)
def test_the_reference_engine_names_the_same_rule(name: str, case: Any) -> None:
    found = {found.rule.id for found in check(case, LAW, reference=True) if found.effect == "reject"}
    assert found == {f"apiyi.{name}"}


@pytest.mark.parametrize("model", ["happyhorse-1.0-videoedit", "happyhorse-1.1-video-edit", "wan2.7-videoedit"])
def test_a_misspelt_edit_model_is_put_right(model: str) -> None:
    found = check({**body("video-edit"), "model": model}, LAW)
    assert [finding.suggestion for finding in found] == ["happyhorse-1.0-video-edit"]


@cases(REFUSALS)
def test_a_refusal_has_the_documented_status_and_words(name: str, case: tuple[Any, int, str, str]) -> None:
    request, status, kind, words = case
    told = refusal(rejected(request, LAW), LAW)
    error = LAW.errors[told.error]
    envelope = LAW.data["answers"][error.answer]["error"]
    said = error.message.format(**told.values)
    assert (error.status, envelope["type"], said) == (status, kind, words), name


def answers_of(endpoint: str) -> set[str]:
    """The answers that may come from an endpoint, the envelopes of its errors included."""
    entry = LAW.endpoints[endpoint]
    return {*entry.answers, *(LAW.errors[key].answer for key in entry.errors)}


def satisfied(answer: object, names: set[str]) -> set[str]:
    return {name for name in names if matcher({"$ref": f"#/$defs/{name}", "$defs": DEFS})(answer)}


@pytest.mark.parametrize("endpoint", LAW.endpoints)
def test_an_answer_is_exactly_one_of_those_its_endpoint_may_give(endpoint: str) -> None:
    names = answers_of(endpoint)
    told = {name: [satisfied(example, names) for example in DEFS[name]["examples"]] for name in names}
    assert told == {name: [{name}] * len(DEFS[name]["examples"]) for name in names}


class Scene:
    """One in which every name has a value of its type; a text is the name itself."""

    numbers: Mapping[str, Any] = {
        **dict.fromkeys(["submitted", "started", "ended"], 1776678917.075),
        **dict.fromkeys(["billed_seconds", "input_seconds", "output_seconds"], 5),
        "progress": 30,
        "tier": 720,
        "video_url": "https://mock.invalid/result/a.mp4?Expires=1&Signature=a",
    }

    def value(self, name: str) -> Any:
        return self.numbers.get(name, name)


def render(answer: str) -> Any:
    return compile_template(LAW.data["answers"][answer])(Scene())


@pytest.mark.parametrize("name", LAW.data["answers"])
def test_an_answer_template_satisfies_its_schema(name: str) -> None:
    assert satisfied(render(name), {name}) == {name}


def test_a_failed_poll_says_why_in_both_members() -> None:
    failed = render("failed")
    assert failed["error"]["message"] == failed["fail_reason"] == "[code] message"


@pytest.mark.parametrize("code", ["InvalidParameter", "InvalidImageUrl", "DataInspectionFailed"])
def test_a_documented_code_of_a_failed_task_is_found_with_words_of_its_own(code: str) -> None:
    error = LAW.error(code)
    assert error is not None
    assert error.code == code
    assert "{detail}" not in error.message


def cited(value: object) -> set[str]:
    """Every key that stands beside a `source` or `sources`, however deep."""
    if isinstance(value, list):
        return set().union(*map(cited, value))
    if not isinstance(value, dict):
        return set()
    keys = [value[name] for name in ("source", "sources", "x-source") if name in value]
    own = {key for entry in keys for key in ([entry] if isinstance(entry, str) else entry)}
    return own.union(*map(cited, value.values()))


def test_cites_only_known_sources() -> None:
    assert cited(dict(LAW.data)) | cited(dict(DEFS)) <= load_sources().keys()
