"""The law of AceDataCloud: its documented requests pass, a broken one breaks the rule it means to, its answers tell
themselves apart. What holds for every provider alike is tested in test_law.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from happyhorse_spec.check import check, rejected
from happyhorse_spec.contract import Endpoint, load_provider, load_sources
from happyhorse_spec.engine import matcher
from mockserver.answers import compile_template

LAW = load_provider("acedata")
IMAGE = "https://cdn.acedata.cloud/a.png"
VIDEO = "https://cdn.acedata.cloud/a.mp4"

TEXT = {"action": "generate", "model": "happyhorse-1.1-t2v", "prompt": "...", "resolution": "720P", "duration": 5}
FRAME = {"action": "image_to_video", "model": "happyhorse-1.1-i2v", "image_url": IMAGE}
REFERENCES = {"action": "reference_to_video", "prompt": "character1 rides", "image_urls": [IMAGE]}
EDIT = {"action": "video_edit", "prompt": "Make it snow", "video_url": VIDEO}

#: What the Python SDK and the command send with every action, whether it applies or not.
STRAY: dict[str, Any] = {
    "ratio": "16:9",
    "duration": 5,
    "watermark": False,
    "resolution": "1080P",
    "audio_setting": "auto",
}

ACCEPTED = {
    "the documented task": ("t2v", TEXT),
    "a prompt alone": ("t2v", {"prompt": "a horse"}),
    "the SDK's generate": ("t2v", {**TEXT, **STRAY, "image_url": IMAGE, "video_url": VIDEO, "async": True}),
    "the older text model": ("t2v", {"model": "happyhorse-1.0-t2v", "prompt": "a horse", "seed": 0}),
    "a frame without a prompt": ("i2v", FRAME),
    "the SDK's image_to_video": ("i2v", {**FRAME, **STRAY, "prompt": "a horse", "seed": 42, "async": True}),
    "the command beside a callback": ("i2v", {**FRAME, "async": False, "callback_url": "https://a.example/done"}),
    "nine references": ("r2v", {**REFERENCES, "image_urls": [IMAGE] * 9}),
    "an edit without references": ("video-edit", EDIT),
    "an edit with five references": ("video-edit", {**EDIT, "image_urls": [IMAGE] * 5, "audio_setting": "origin"}),
    "stray fields of an edit, whatever they hold": ("video-edit", {**EDIT, "ratio": "2:1", "duration": 99}),
}

REJECTED: dict[str, Any] = {
    "any.type": [],
    "any.action.enum": {"action": "text_to_video", "prompt": "a horse"},
    "t2v.prompt.required": {"action": "generate"},
    "t2v.prompt.type": {"prompt": None},
    "t2v.model.enum": {"model": "happyhorse-1.1-i2v", "prompt": "a horse", "image_url": IMAGE},
    "t2v.resolution.enum": {**TEXT, "resolution": "720p"},
    "t2v.ratio.enum": {**TEXT, "ratio": "21:9"},
    "t2v.duration.minimum": {**TEXT, "duration": 2},
    "t2v.duration.maximum": {**TEXT, "duration": 16},
    "t2v.duration.type": {**TEXT, "duration": "5"},
    "t2v.watermark.type": {**TEXT, "watermark": "true"},
    "t2v.seed.minimum": {**TEXT, "seed": -1},
    "t2v.seed.maximum": {**TEXT, "seed": 2147483648},
    "t2v.callback_url.pattern": {**TEXT, "callback_url": "a.example/done"},
    "t2v.async.type": {**TEXT, "async": 1},
    "i2v.image_url.required": {"action": "image_to_video", "prompt": "a horse"},
    "i2v.image_url.type": {"action": "image_to_video", "image_url": [IMAGE]},
    "i2v.image_url.pattern": {"action": "image_to_video", "image_url": "data:image/png;base64,AAAA"},
    "i2v.model.enum": {**FRAME, "model": "happyhorse-1.1-t2v"},
    "r2v.prompt.required": {"action": "reference_to_video", "image_urls": [IMAGE]},
    "r2v.image_urls.required": {"action": "reference_to_video", "prompt": "a horse"},
    "r2v.image_urls.minItems": {**REFERENCES, "image_urls": []},
    "r2v.image_urls.maxItems": {**REFERENCES, "image_urls": [IMAGE] * 10},
    "r2v.image_urls.items.pattern": {**REFERENCES, "image_urls": [IMAGE, "a.png"]},
    "r2v.image_urls.items.type": {**REFERENCES, "image_urls": [{"url": IMAGE}]},
    "video-edit.prompt.required": {"action": "video_edit", "video_url": VIDEO},
    "video-edit.video_url.required": {"action": "video_edit", "prompt": "a horse"},
    "video-edit.image_urls.maxItems": {**EDIT, "image_urls": [IMAGE] * 6},
    "video-edit.audio_setting.enum": {**EDIT, "audio_setting": "original"},
    "video-edit.model.enum": {**EDIT, "model": "happyhorse-1.1-video-edit"},
}

ADVISED: dict[str, Any] = {
    "t2v.image_url.not": {**TEXT, "image_url": IMAGE},
    "t2v.image_urls.not": {**TEXT, "image_urls": []},
    "t2v.video_url.not": {**TEXT, "video_url": VIDEO},
    "t2v.audio_setting.not": {**TEXT, "audio_setting": "auto"},
    "t2v.additionalProperties": {**TEXT, "aspect_ratio": "16:9"},
    "t2v.prompt.minLength": {**TEXT, "prompt": ""},
    "t2v.prompt.maxPromptUnits": {**TEXT, "prompt": "马" * 2501},
    "i2v.ratio.not": {**FRAME, "ratio": "16:9"},
    "i2v.image_url.pattern@https": {**FRAME, "image_url": "http://a.example/a.png"},
    "i2v.async.const@callback": {**FRAME, "async": False, "callback_url": "https://a.example/done"},
    "r2v.prompt.not": {**REFERENCES, "prompt": "[Image 1] rides"},
    "r2v.promptReferences": {**REFERENCES, "prompt": "character2 rides"},
    "video-edit.ratio.not": {**EDIT, "ratio": "16:9"},
    "video-edit.duration.not": {**EDIT, "duration": 5},
}

MESSAGES = {
    "t2v": "prompt is required for text-to-video.",
    "r2v": "prompt is required for reference-to-video.",
    "video-edit": "prompt is required for video-edit.",
}


def cases(table: Mapping[str, object]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("name", "case"), table.items(), ids=table.keys())


@pytest.mark.parametrize(("mode", "body"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepts(mode: str, body: dict[str, Any]) -> None:
    assert LAW.mode_of(body) is LAW.modes[mode]
    assert rejected(body, LAW) == []


@cases(REJECTED)
def test_a_broken_body_breaks_one_rule(name: str, case: Any) -> None:
    assert {found.rule.id for found in rejected(case, LAW)} == {f"acedata.{name}"}


@cases(ADVISED)
def test_an_unwise_body_is_accepted_with_one_advice(name: str, case: dict[str, Any]) -> None:
    assert [found.rule.id for found in check(case, LAW)] == [f"acedata.{name}"]


@pytest.mark.parametrize("reference", [False, True], ids=["fast", "reference"])
@cases(REJECTED)
def test_both_engines_name_the_same_rules(name: str, case: Any, reference: bool) -> None:
    assert f"acedata.{name}" in {found.rule.id for found in check(case, LAW, reference=reference)}


@cases(MESSAGES)
def test_a_missing_prompt_has_the_documented_words(name: str, case: str) -> None:
    required = LAW.modes[name].request.book.required
    assert required[(), "prompt"].message == case


@pytest.mark.parametrize(
    ("mode", "model"),
    [
        ("t2v", "happyhorse-1.1-t2v"),
        ("i2v", "happyhorse-1.1-i2v"),
        ("r2v", "happyhorse-1.1-r2v"),
        ("video-edit", "happyhorse-1.0-video-edit"),
    ],
)
def test_each_action_has_its_default_model(mode: str, model: str) -> None:
    assert LAW.modes[mode].defaults["/model"] == model


def answers_of(endpoint: Endpoint) -> set[str]:
    """The answers that may come from an endpoint, errors included."""
    return {*endpoint.answers, "error"}


def satisfied(answer: object, names: set[str]) -> set[str]:
    defs = LAW.answer_schemas["$defs"]
    return {name for name in names if matcher({"$ref": f"#/$defs/{name}", "$defs": defs})(answer)}


@pytest.mark.parametrize("endpoint", LAW.endpoints.values(), ids=LAW.endpoints.keys())
def test_an_answer_is_one_of_those_its_endpoint_may_give(endpoint: Endpoint) -> None:
    names = answers_of(endpoint)
    for name in names:
        for example in LAW.answer_schemas["$defs"][name]["examples"]:
            assert satisfied(example, names) == {name}


MEANINGS: Mapping[str, Any] = {
    **dict.fromkeys(["submitted", "started", "ended", "elapsed", "billed_seconds"], 1769262721.823),
    "progress": 35,
    "ratio": None,
    "request": TEXT,
    "items": [],
    "count": 0,
}


class Scene:
    """One in which every name has a value of its type; a text is the name itself."""

    def value(self, name: str) -> Any:
        return MEANINGS.get(name, name)


def render(answer: str) -> Any:
    return compile_template(LAW.data["answers"][answer])(Scene())


@pytest.mark.parametrize("name", LAW.data["answers"])
def test_an_answer_template_satisfies_its_schema(name: str) -> None:
    assert satisfied(render(name), {name}) == {name}


@pytest.mark.parametrize("name", ["pending", "running", "succeeded", "failed"])
@pytest.mark.parametrize("profile", LAW.data["profiles"])
def test_a_profile_gives_records_that_are_recognised_by_the_same_state(profile: str, name: str) -> None:
    answer = LAW.data["profiles"][profile].get(name, name)
    record = render(answer)
    assert satisfied(record, answers_of(LAW.endpoints["poll"])) == {name}


@pytest.mark.parametrize("name", ["pending", "running"])
def test_an_unfinished_record_says_so_where_the_clients_look(name: str) -> None:
    record = render(name)
    assert record["response"]["data"][0]["state"] == "pending"
    assert not {"state", "finished_at"} & record.keys()


@pytest.mark.parametrize(
    ("name", "state", "inner"), [("succeeded", "succeeded", "succeeded"), ("failed", "failed", "error")]
)
def test_a_finished_record_says_so_where_the_clients_look(name: str, state: str, inner: str) -> None:
    record = render(name)
    assert (record["state"], record["response"]["data"][0]["state"]) == (state, inner)


def cited(value: object) -> set[str]:
    """Every key that stands beside a `source` or `sources`, however deep."""
    if isinstance(value, list):
        return set().union(*map(cited, value))
    if not isinstance(value, dict):
        return set()
    keys = [value[name] for name in ("source", "sources") if name in value]
    own = {key for entry in keys for key in ([entry] if isinstance(entry, str) else entry)}
    return own.union(*map(cited, value.values()))


def test_cites_only_known_sources() -> None:
    assert cited(dict(LAW.data)) <= load_sources().keys()
    entries = LAW.answer_schemas["$defs"].values()
    assert cited([{"source": entry["x-source"]} for entry in entries]) <= load_sources().keys()
