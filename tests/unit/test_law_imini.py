"""The law of the provider whose mode follows from the media: documented bodies pass, a breach names its rule.

What holds for the law of every provider is tested in test_law.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from happyhorse_spec.check import check_body
from happyhorse_spec.contract import Mode, load_provider
from happyhorse_spec.engine import Judge

Body = dict[str, Any]

IMINI = load_provider("imini")
MODEL = "dashscope/happyhorse-1.0"
PROMPT = (
    "A miniature city built from cardboard and bottle caps comes alive at night, with a cardboard train "
    "rolling past lit by tiny string lights."
)
FRAME = {"url": "https://example.com/frame.png", "reference_type": "first_frame"}
ASSET = {"url": "https://example.com/asset.webp", "reference_type": "asset"}
VIDEO = {"url": "https://example.com/source.mp4"}

T2V: Body = {"model": MODEL, "prompt": PROMPT, "resolution": "720P", "aspect_ratio": "16:9", "duration": 5}
I2V: Body = {
    "model": MODEL,
    "prompt": PROMPT,
    "resolution": "720P",
    "duration": 5,
    "reference_images": [FRAME],
}
R2V: Body = {
    **T2V,
    "prompt": "character1 rides a horse past character2",
    "reference_images": [ASSET, {**ASSET, "url": "data:image/png;base64,iVBORw0KGgo="}],
}
EDIT: Body = {
    "model": MODEL,
    "prompt": "Give the rider the scarf of character1",
    "resolution": "1080P",
    "reference_images": [ASSET],
    "reference_videos": [VIDEO],
    "extra_params": {"audio_setting": "origin"},
}
#: The vendor's own script asked for a video edit.
SKILL: Body = {"model": MODEL, "prompt": PROMPT, "reference_video": VIDEO["url"]}


def without(body: Body, name: str) -> Body:
    return {key: value for key, value in body.items() if key != name}


def rule_ids(judge: Judge, mode: Mode, body: Body) -> set[str]:
    """The rules of the mode's request schema that `judge` finds broken."""
    book, found = mode.request.book, set()
    for breach in judge(body):
        value: Any = body
        for part in breach.path:
            value = value[part]
        if breach.keyword == "required":
            found |= {
                rule.id
                for (spot, name), rule in book.required.items()
                if spot == breach.schema_path and name not in value
            }
        else:
            found.add(book.by_place[breach.schema_path, breach.keyword].id)
    return found


@pytest.mark.parametrize(
    ("body", "mode"),
    [
        pytest.param(T2V, "t2v", id="text"),
        pytest.param(T2V | {"reference_images": []}, "t2v", id="no-images-in-the-list"),
        pytest.param(I2V, "i2v", id="first-frame"),
        pytest.param(I2V | {"reference_images": [ASSET, FRAME]}, "i2v", id="first-frame-among-assets"),
        pytest.param(R2V, "r2v", id="assets"),
        pytest.param(R2V | {"reference_images": ASSET["url"]}, "r2v", id="images-as-text"),
        pytest.param(R2V | {"reference_images": [{"url": ASSET["url"]}]}, "r2v", id="image-without-type"),
        pytest.param(EDIT, "video-edit", id="video-and-asset"),
        pytest.param(without(EDIT, "reference_images"), "video-edit", id="video-alone"),
        pytest.param(EDIT | {"reference_images": [FRAME]}, "video-edit", id="video-and-first-frame"),
        pytest.param(EDIT | {"reference_videos": []}, "video-edit", id="no-video-in-the-list"),
        pytest.param(SKILL, "t2v", id="the-skills-video-string"),
    ],
)
def test_the_media_choose_the_mode(body: Body, mode: str) -> None:
    chosen = IMINI.mode_of(body)
    assert chosen is not None
    assert chosen.name == mode


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(T2V, id="text"),
        pytest.param({"model": MODEL, "prompt": "A horse"}, id="text-with-defaults"),
        pytest.param(I2V, id="first-frame"),
        pytest.param(without(I2V, "prompt"), id="first-frame-without-prompt"),
        pytest.param(R2V, id="assets"),
        pytest.param(R2V | {"reference_images": [ASSET] * 9}, id="nine-assets"),
        pytest.param(EDIT, id="video-and-asset"),
        pytest.param(EDIT | {"reference_images": [ASSET] * 5}, id="video-and-five-assets"),
        pytest.param(without(EDIT, "reference_images"), id="video-alone"),
        pytest.param(T2V | {"prompt": "x" * 5000}, id="longest-prompt"),
    ],
)
def test_documented_bodies_have_no_finding(body: Body) -> None:
    assert check_body(body, IMINI) == []


BROKEN = [
    ("t2v", T2V | {"model": "happyhorse-1.0-t2v"}, "model.enum"),
    ("t2v", without(T2V, "model"), "model.required"),
    ("t2v", without(T2V, "prompt"), "prompt.required"),
    ("t2v", T2V | {"prompt": None}, "prompt.type"),
    ("t2v", T2V | {"prompt": "x" * 5001}, "prompt.maxLength"),
    ("i2v", I2V | {"prompt": "馬" * 5001}, "prompt.maxLength"),
    ("t2v", T2V | {"resolution": "720p"}, "resolution.enum"),
    ("t2v", T2V | {"aspect_ratio": "21:9"}, "aspect_ratio.enum"),
    ("t2v", T2V | {"duration": "5"}, "duration.type"),
    ("t2v", T2V | {"duration": 2}, "duration.minimum"),
    ("r2v", R2V | {"duration": 16}, "duration.maximum"),
    ("t2v", T2V | {"extra_params": "auto"}, "extra_params.type"),
    ("i2v", I2V | {"aspect_ratio": "16:9"}, "aspect_ratio.not"),
    ("i2v", I2V | {"reference_images": [FRAME, FRAME]}, "reference_images.maxItems"),
    (
        "i2v",
        I2V | {"reference_images": [{"reference_type": "first_frame"}]},
        "reference_images.items.url.required",
    ),
    ("r2v", R2V | {"reference_images": ASSET["url"]}, "reference_images.type"),
    ("r2v", R2V | {"reference_images": [ASSET["url"]]}, "reference_images.items.type"),
    ("r2v", R2V | {"reference_images": [ASSET] * 10}, "reference_images.maxItems"),
    (
        "r2v",
        R2V | {"reference_images": [{"url": ASSET["url"]}]},
        "reference_images.items.reference_type.required",
    ),
    (
        "r2v",
        R2V | {"reference_images": [ASSET | {"reference_type": "style"}]},
        "reference_images.items.reference_type.enum",
    ),
    ("r2v", R2V | {"reference_images": [ASSET | {"url": "./a.png"}]}, "reference_images.items.url.pattern"),
    (
        "r2v",
        R2V | {"reference_images": [ASSET | {"url": "data:image/gif;base64,R0lGOD"}]},
        "reference_images.items.url.pattern",
    ),
    ("video-edit", EDIT | {"aspect_ratio": "16:9"}, "aspect_ratio.not"),
    ("video-edit", EDIT | {"duration": 5}, "duration.not"),
    ("video-edit", EDIT | {"reference_images": [ASSET] * 6}, "reference_images.maxItems"),
    ("video-edit", EDIT | {"reference_images": [FRAME]}, "reference_images.items.reference_type.enum"),
    ("video-edit", EDIT | {"reference_videos": []}, "reference_videos.minItems"),
    ("video-edit", EDIT | {"reference_videos": [VIDEO, VIDEO]}, "reference_videos.maxItems"),
    ("video-edit", EDIT | {"reference_videos": [VIDEO["url"]]}, "reference_videos.items.type"),
    (
        "video-edit",
        EDIT | {"reference_videos": [{"url": "data:video/mp4;base64,AAAA"}]},
        "reference_videos.items.url.pattern",
    ),
    ("video-edit", EDIT | {"extra_params": {"audio_setting": "original"}}, "extra_params.audio_setting.enum"),
]


@pytest.mark.parametrize(("mode", "body", "rule"), BROKEN, ids=[f"{mode}-{rule}" for mode, _, rule in BROKEN])
def test_a_broken_body_names_its_rule_in_both_engines(mode: str, body: Body, rule: str) -> None:
    law = IMINI.modes[mode]
    assert rule_ids(law.request.judge, law, body) == {f"imini.{mode}.{rule}"}
    assert rule_ids(law.request.reference_judge, law, body) == {f"imini.{mode}.{rule}"}


def test_a_first_frame_among_assets_is_refused_twice() -> None:
    law = IMINI.modes["i2v"]
    found = rule_ids(law.request.judge, law, I2V | {"reference_images": [FRAME, ASSET]})
    assert found == {
        "imini.i2v.reference_images.maxItems",
        "imini.i2v.reference_images.items.reference_type.enum",
    }


@pytest.mark.parametrize(
    ("body", "rule", "effect", "suggestion"),
    [
        pytest.param(SKILL, "t2v.additionalProperties", "ignore", "reference_videos", id="the-skills-video-string"),
        pytest.param(T2V | {"seed": 7}, "t2v.additionalProperties", "ignore", None, id="seed"),
        pytest.param(T2V | {"ratio": "1:1"}, "t2v.additionalProperties", "ignore", "aspect_ratio", id="ratio"),
        pytest.param(
            I2V | {"extra_params": {"audio_setting": "auto"}},
            "i2v.extra_params.audio_setting.not",
            "ignore",
            None,
            id="audio-setting-outside-an-edit",
        ),
        pytest.param(T2V | {"prompt": ""}, "t2v.prompt.minLength", "advise", None, id="empty-prompt"),
        pytest.param(T2V | {"prompt": "馬" * 2501}, "t2v.prompt.maxPromptUnits", "truncate", None, id="cut-upstream"),
        pytest.param(R2V | {"prompt": "让character3走"}, "r2v.promptReferences", "advise", None, id="third-of-two"),
        pytest.param(R2V | {"prompt": "[Image 1] runs"}, "r2v.prompt.not", "advise", None, id="other-reference-form"),
    ],
)
def test_what_is_not_refused_is_advised(body: Body, rule: str, effect: str, suggestion: str | None) -> None:
    findings = [(found.rule.id, found.effect, found.suggestion) for found in check_body(body, IMINI)]
    assert findings == [(f"imini.{rule}", effect, suggestion)]


@pytest.mark.parametrize(
    ("endpoint", "name", "index"),
    [
        pytest.param(endpoint.name, name, index, id=f"{endpoint.name}-{name}-{index}")
        for endpoint in IMINI.endpoints.values()
        for name in (*endpoint.answers, "error")
        for index in range(len(IMINI.answer_schemas["$defs"][name]["examples"]))
    ],
)
def test_an_answer_example_satisfies_its_own_schema_alone(endpoint: str, name: str, index: int) -> None:
    schemas = IMINI.answer_schemas["$defs"]
    example = schemas[name]["examples"][index]
    possible = (*IMINI.endpoints[endpoint].answers, "error")
    assert [other for other in possible if Draft202012Validator(schemas[other]).is_valid(example)] == [name]
