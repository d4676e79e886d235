"""`happyhorse-spec check`: what people and programs see of good and of wrong requests."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from checking import CURL, T2V, Check, Write, column

from happyhorse_spec.contract import SCHEMAS, load_provider
from happyhorse_spec.detect import call_of
from happyhorse_spec.failures import Failure

# What is fine


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        pytest.param("a.json", T2V, "dashscope, t2v", id="JSON"),
        pytest.param(
            "a.yaml", "model: happyhorse-1.0-t2v\ninput: {prompt: A horse runs.}\n", "dashscope, t2v", id="YAML"
        ),
        pytest.param("a.yaml", f"provider: apiyi\nrequest: {json.dumps(T2V)}\nname: a\n", "apiyi, t2v", id="spec"),
        pytest.param("a.sh", CURL, "dashscope, t2v", id="curl"),
        pytest.param("a", "$ " + CURL, "dashscope, t2v", id="curl after a prompt"),
        pytest.param(
            "a.sh",
            "curl https://api.apiyi.com/v1/tasks/1 -H 'Authorization: Bearer sk-1'",
            "apiyi, poll",
            id="curl without a body",
        ),
    ],
)
def test_good_file_gets_one_line(write: Write, check: Check, name: str, content: object, kind: str) -> None:
    named = (
        () if isinstance(content, str) and ("curl" in content or "provider" in content) else ("--provider", "dashscope")
    )
    shown = check(write(name, content), *named)
    assert (shown.code, shown.out, shown.err) == (0, f"{name}: ok ({kind})\n", "")


def test_standard_input(monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(T2V).encode())))
    assert check("-", "--provider", "dashscope").out == "<stdin>: ok (dashscope, t2v)\n"


def test_advice_alone_is_fine_unless_strict(write: Write, check: Check) -> None:
    body = {**T2V, "stray": 1}
    name = write("a.json", body)
    assert check(name, "--provider", "dashscope").code == 0
    shown = check(name, "--provider", "dashscope", "--strict")
    assert shown.code == 1
    assert shown.lines[0] == f"a.json:1:{column(body, 'stray')}: ignore: stray is not a known field; it is ignored"


def test_other_formats_say_nothing_about_good_files(write: Write, check: Check) -> None:
    name = write("a.json", T2V)
    assert check(name, "--provider", "dashscope", "--format", "json").out == ""
    assert check(name, "--provider", "dashscope", "--format", "github").out == ""


# Findings


def test_finding_reads_like_a_compilers(write: Write, check: Check) -> None:
    name = write(
        "a.json", '{"model": "happyhorse-1.0-t2v",\n "input": {"prompt": "x"},\n "parameters": {"duration": 2}}'
    )
    shown = check(name, "--provider", "dashscope")
    assert shown.code == 1
    assert shown.lines == [
        "a.json:3:29: reject: parameters.duration is 2; it must be 3-15",
        '    3 |  "parameters": {"duration": 2}}',
        "                                    ^",
        "  rule:   dashscope.t2v.parameters.duration.minimum",
        "  source: HappyHorse text-to-video API reference (Model Studio) "
        "https://help.aliyun.com/zh/model-studio/happyhorse-text-to-video-api-reference",
        "  fix:    Give a whole number of seconds from 3 to 15.",
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("model: happyhorse-1.0-t2v\ninput: {prompt: x}\nparameters:\n  duration: 2\n", "4:13", id="block"),
        pytest.param("{model: happyhorse-1.0-t2v, input: {prompt: x},\n parameters: {duration: 2}}", "2:25", id="flow"),
        pytest.param(
            "model: happyhorse-1.0-t2v\ninput:\n  prompt: |\n    one\n    two\nparameters: {duration: 2}\n",
            "6:24",
            id="after a multi-line text",
        ),
        pytest.param(
            "model: happyhorse-1.0-t2v\ninput: {prompt: x}\nparameters: {duration: &two 2, seed: *two}\n",
            "3:24",
            id="anchor",
        ),
        pytest.param(
            '{"model": "happyhorse-1.0-t2v", "input": {"prompt": "中文提示"}, "parameters": {"duration": 2}}',
            "1:89",
            id="after wide characters",
        ),
    ],
)
def test_finding_has_line_and_column(write: Write, check: Check, text: str, place: str) -> None:
    shown = check(write("a.yaml", text), "--provider", "dashscope")
    assert f"a.yaml:{place}: reject: parameters.duration is 2; it must be 3-15" in shown.lines
    excerpt = next(line for line in shown.lines if line.endswith(("2", "}", "*two}")))
    caret = shown.lines[shown.lines.index(excerpt) + 1].index("^")
    wide = sum(1 for letter in excerpt if letter > "\u2e7f")
    assert excerpt[caret - wide] in "2&"


VIDEO = {"type": "video", "url": "https://example.com/a.mp4"}
IMAGE = {"type": "reference_image", "url": "https://example.com/a.png"}

#: What a body with that prompt and those media is told.
SENTENCES = {
    "too many videos": ("video-edit", "x", [VIDEO] * 2, 'input.media has 2 items with type "video"; it must have at'),
    "too many others": ("video-edit", "x", [VIDEO, *[IMAGE] * 6], 'input.media has 6 items without type "video"; it'),
    "missing image": ("r2v", "[Image 2]", [IMAGE], "input.prompt refers to image 2; 1 is given"),
    "unwanted word": ("r2v", "character1", [IMAGE], 'input.prompt contains "character1", which is not advised'),
    "unwanted member": ("t2v", "x", [IMAGE], "input.media is not used in this mode"),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_finding_says_what_was_found_and_what_is_asked_for(write: Write, check: Check, case: str) -> None:
    mode, prompt, media, sentence = SENTENCES[case]
    name = write("a.json", {"model": f"happyhorse-1.0-{mode}", "input": {"prompt": prompt, "media": media}})
    shown = check(name, "--provider", "dashscope")
    assert f": {sentence}" in shown.lines[0]


def test_rule_without_a_repair_ends_with_its_source(write: Write, check: Check, edited: Callable[..., str]) -> None:
    def lengthen(schema: Any) -> None:
        schema["properties"]["prompt"] = {"minLength": 9, "x-source": "im-create"}

    folder = edited("imini", "t2v.request.schema.json", lengthen)
    shown = check(write("a.json", {"model": "dashscope/happyhorse-1.0", "prompt": "xx"}), "--provider", folder)
    assert shown.lines[0].endswith("reject: prompt is 2 characters long; it must have at least 9 characters")
    assert shown.lines[-1].startswith("  source: ")


def test_quoted_value_of_another_type_gets_its_repair(write: Write, check: Check) -> None:
    shown = check(write("a.json", {**T2V, "parameters": {"watermark": "True"}}), "--provider", "dashscope")
    assert 'parameters.watermark is "True"; it must be a boolean' in shown.lines[0]
    assert shown.lines[-1].startswith("  fix:    Did you mean true?")


def test_findings_stand_in_the_order_of_the_file_rejections_first(write: Write, check: Check) -> None:
    body = '{"a": 1, "parameters": {"seed": -1, "duration": 2}, "input": {"prompt": 5}, "model": "happyhorse-1.0-t2v"}'
    shown = check(write("a.json", body), "--provider", "dashscope", "--format", "json")
    assert [record["effect"] for record in shown.records] == ["reject", "reject", "reject", "ignore"]
    assert [record["pointer"] for record in shown.records] == [
        "/parameters/seed",
        "/parameters/duration",
        "/input/prompt",
        "/a",
    ]


def test_json_has_one_object_per_finding(write: Write, check: Check) -> None:
    body = {**T2V, "parameters": {"resolution": "720p"}}
    name = write("a.json", body)
    (record,) = check(name, "--provider", "dashscope", "--format", "json").records
    assert record == {
        "rule": "dashscope.t2v.parameters.resolution.enum@1.0",
        "pointer": "/parameters/resolution",
        "line": 1,
        "column": column(body, "720p"),
        "message": 'parameters.resolution is "720p"; it must be 1080P or 720P',
        "effect": "reject",
        "source": record["source"],
        "fix": 'Did you mean "720P"? Write 720P or 1080P, with a capital P.',
        "file": "a.json",
    }
    assert record["source"][0].keys() == {"title", "url", "kind"}


def test_github_gets_annotations(write: Write, check: Check) -> None:
    body = {**T2V, "50%": 1, "parameters": {"duration": 2}}
    name = write("a,b.json", body)
    shown = check(name, "--provider", "dashscope", "--format", "github")
    assert shown.lines == [
        f"::error file=a%2Cb.json,line=1,col={column(body, '2')}::parameters.duration is 2; it must be 3-15. "
        "Give a whole number of seconds from 3 to 15. (dashscope.t2v.parameters.duration.minimum)",
        f"::warning file=a%2Cb.json,line=1,col={column(body, '50%')}::50%25 is not a known field; it is ignored. "
        "Remove it; a request has `model`, `input` and `parameters`. (dashscope.t2v.additionalProperties)",
    ]


def test_line_ends_in_names_do_not_end_an_annotation(write: Write, check: Check) -> None:
    shown = check(write("a\n%.json", {**T2V, "b\nc": 1}), "--provider", "dashscope", "--format", "github")
    (line,) = shown.lines
    assert line.startswith("::warning file=a%0A%25.json,line=1,col=")
    assert "::b\\u000ac is not a known field" in line


def test_names_and_values_cannot_steer_the_terminal(write: Write, check: Check) -> None:
    body = {
        "model": "happyhorse-1.0-t2v",
        "input": {"prompt": "x", "\x1b[2J\u202e": 1},
        "parameters": {"duration": "\x9b2J"},
    }
    shown = check(write("a.json", json.dumps(body, ensure_ascii=False)), "--provider", "dashscope")
    assert "input.\\u001b[2J\\u202e is not a known field; it is ignored" in shown.out
    assert 'parameters.duration is "\\u009b2J"; it must be an integer' in shown.out
    assert "".join(shown.lines).isprintable()


def test_long_names_and_values_are_cut(write: Write, check: Check) -> None:
    body = {**T2V, "n" * 100_000: 1, "parameters": {"duration": "v" * 100_000}}
    shown = check(write("a.json", body), "--provider", "dashscope")
    assert max(map(len, shown.lines)) < 300


def test_findings_without_end_are_cut(write: Write, check: Check) -> None:
    items = [{"type": "reference_image", "url": "ftp://x"}] * 1000
    body = {"model": "happyhorse-1.0-r2v", "input": {"prompt": "x", "media": items}}
    shown = check(write("a.json", body), "--provider", "dashscope")
    assert sum(": reject: " in line for line in shown.lines) == 100
    assert shown.err == "a.json: 901 more findings are not shown; mend these first\n"


# Colours


@pytest.mark.parametrize(("no_color", "is_painted"), [("", True), ("1", False)])
def test_colours_are_for_terminals_that_want_them(
    write: Write, check: Check, monkeypatch: pytest.MonkeyPatch, no_color: str, is_painted: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True)
    shown = check(write("a.json", T2V), "--provider", "dashscope")
    assert ("\033[" in shown.out) == is_painted


def test_no_colour_in_a_pipe(write: Write, check: Check) -> None:
    assert "\033" not in check(write("a.json", {"model": 5}), "--provider", "dashscope").out


# Whose request it is


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param({"model": "dashscope/happyhorse-1.0", "prompt": "x"}, "imini, t2v", id="by its model"),
        pytest.param({"action": "generate", "prompt": "x"}, "acedata, t2v", id="by a field of its own"),
        pytest.param(
            {
                "model": "dashscope/happyhorse-1.0",
                "prompt": "x",
                "reference_images": [{"url": IMAGE["url"], "reference_type": "asset"}],
            },
            "imini, r2v",
            id="by what is in a list",
        ),
        pytest.param(
            {**T2V, "parameters": {"prompt_extend": True}}, "apiyi, t2v", id="by a parameter that one alone documents"
        ),
    ],
)
def test_provider_is_told_by_the_body(write: Write, check: Check, body: object, kind: str) -> None:
    assert check(write("a.json", body)).out == f"a.json: ok ({kind})\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(T2V, "this could be a request for apiyi or dashscope", id="two"),
        pytest.param({"q": 1}, "this is not like a request for acedata, apiyi, dashscope or imini", id="none"),
        pytest.param([], "this is not like a request for acedata, apiyi, dashscope or imini", id="no mapping"),
        pytest.param(
            {"model": "gpt-9", "messages": []},
            "this is not like a request for acedata, apiyi, dashscope or imini",
            id="another kind of model",
        ),
    ],
)
def test_provider_in_doubt_is_asked_for(write: Write, check: Check, body: object, message: str) -> None:
    shown = check(write("a.json", body))
    assert (shown.code, shown.out) == (2, "")
    assert shown.err == f"a.json: {message}; say which it is for with --provider\n"


def test_address_that_fits_two_providers_is_asked_about(tmp_path: Path) -> None:
    both = [load_provider("imini"), load_provider(str(copytree(SCHEMAS / "imini", tmp_path / "gateway")))]
    path = both[0].endpoints["submit"].path
    with pytest.raises(Failure, match=r"leads to gateway or imini; say which it is for with --provider"):
        call_of("POST", f"http://localhost:8080{path}", {}, both)


def test_unknown_provider(write: Write, check: Check) -> None:
    shown = check(write("a.json", T2V), "--provider", "nobody")
    assert shown.code == 2
    assert shown.err.startswith("a.json: there is no provider nobody; use one of acedata, apiyi, dashscope, imini")


def test_provider_can_be_a_folder(write: Write, check: Check, tmp_path: Path) -> None:
    copytree(SCHEMAS / "imini", tmp_path / "gateway")
    name = write("a.json", {"model": "dashscope/happyhorse-1.0", "prompt": "x", "duration": 2})
    shown = check(name, "--provider", "gateway")
    assert "  rule:   gateway.t2v.duration.minimum" in shown.lines


def test_spec_names_a_folder_beside_it(write: Write, check: Check, tmp_path: Path) -> None:
    copytree(SCHEMAS / "imini", tmp_path / "specs" / "gateway")
    spec = "provider: ./gateway\nrequest: {model: dashscope/happyhorse-1.0, prompt: x}\nname: a\n"
    assert check(write("specs/a.yaml", spec)).out == "specs/a.yaml: ok (gateway, t2v)\n"
