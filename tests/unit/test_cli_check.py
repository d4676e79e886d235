"""`happyhorse-spec check`: what people and programs see for good, wrong and unreadable files."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from PIL import Image

from happyhorse_spec import fetch
from happyhorse_spec.cli import main
from happyhorse_spec.contract import SCHEMAS

T2V = {"model": "happyhorse-1.0-t2v", "input": {"prompt": "A horse runs."}, "parameters": {"duration": 5}}
FIRST_FRAME = {"model": "happyhorse-1.0-i2v", "input": {"media": [{"type": "first_frame", "url": "pic.png"}]}}
SUBMIT = "https://dashscope-intl.aliyuncs.com/api/v1/services/aigc/video-generation/video-synthesis"
CURL = f"""curl --location '{SUBMIT}' \\
  -H 'X-DashScope-Async: enable' \\
  -H "Authorization: Bearer $DASHSCOPE_API_KEY" \\
  -H 'Content-Type: application/json' \\
  -d '{{
  "model": "happyhorse-1.0-t2v",
  "input": {{"prompt": "A horse runs."}},
  "parameters": {{"resolution": "720P"}}
}}'
"""

Write = Callable[[str, object], str]


def column(body: object, word: str) -> int:
    """Where a quoted word, or a number, stands in the one line of a body."""
    text = json.dumps(body)
    return (text.index(f'"{word}"') if f'"{word}"' in text else text.rindex(word)) + 1


class Shown:
    """What one call of the command left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err
        self.lines = out.splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write() -> Write:
    """A function that writes a file (what is no text or bytes as JSON) and gives its name."""

    def written(name: str, content: object) -> str:
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content)
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    return written


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Callable[..., Shown]:
    def run(*arguments: str) -> Shown:
        capsys.readouterr()
        code = main(["check", *arguments])
        return Shown(code, *capsys.readouterr())

    return run


Check = Callable[..., Shown]


def picture(width: int = 512, height: int = 512, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, kind)
    return file.getvalue()


# What is fine


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        pytest.param("a.json", T2V, "dashscope, t2v", id="JSON"),
        pytest.param(
            "a.yaml", "model: happyhorse-1.0-t2v\ninput: {prompt: A horse runs.}\n", "dashscope, t2v", id="YAML"
        ),
        pytest.param("a.yaml", f"provider: apiyi\nrequest: {json.dumps(T2V)}\n", "apiyi, t2v", id="spec"),
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
    spec = "provider: ./gateway\nrequest: {model: dashscope/happyhorse-1.0, prompt: x}\n"
    assert check(write("specs/a.yaml", spec)).out == "specs/a.yaml: ok (gateway, t2v)\n"


# Curl commands


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            CURL.replace("  -H 'X-DashScope-Async: enable' \\\n", ""),
            '1:18: reject: the header X-DashScope-Async is missing; it must be "enable"',
            id="missing",
        ),
        pytest.param(
            CURL.replace("enable", "disable"),
            '2:7: reject: the header X-DashScope-Async is "disable"; it must be "enable"',
            id="wrong",
        ),
        pytest.param(
            CURL.replace("Bearer $", "$"),
            '3:7: reject: the header Authorization is "***"; it must be "Bearer $DASHSCOPE_API_KEY"',
            id="key without its scheme",
        ),
    ],
)
def test_header_is_judged(write: Write, check: Check, text: str, message: str) -> None:
    shown = check(write("a.sh", text))
    assert (shown.code, shown.lines[0]) == (1, f"a.sh:{message}")


def test_header_finding_has_rule_source_and_fix(write: Write, check: Check) -> None:
    name = write("a.sh", CURL.replace("  -H 'X-DashScope-Async: enable' \\\n", ""))
    (record,) = check(name, "--format", "json").records
    assert record["rule"] == "dashscope.submit.header.X-DashScope-Async"
    assert record["source"][0]["kind"] == "documented"
    assert record["fix"] == 'Send the header "X-DashScope-Async: enable".'


def test_finding_in_a_command_points_into_it(write: Write, check: Check) -> None:
    shown = check(write("a.sh", CURL.replace("720P", "720p")))
    assert shown.lines[0].startswith("a.sh:8:32: reject: parameters.resolution is")
    assert shown.lines[1] == '    8 |   "parameters": {"resolution": "720p"}'


def test_finding_in_a_file_that_a_command_sends_names_that_file(write: Write, check: Check) -> None:
    body = {**T2V, "parameters": {"duration": 2}}
    write("body.json", body)
    name = write("a.sh", f"curl {SUBMIT} -H 'Authorization: Bearer k' -H 'X-DashScope-Async: enable' -d @body.json")
    assert check(name).lines[0].startswith(f"body.json:1:{column(body, '2')}: reject: parameters.duration")


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (
            "https://ws-1.cn-beijing.maas.aliyuncs.com/api/v1/services/aigc/video-generation/video-synthesis",
            "dashscope",
        ),
        ("https://api.apiyi.com/wan/api/v1/services/aigc/video-generation/video-synthesis", "apiyi"),
        ("http://localhost:8080/~s1/wan/api/v1/services/aigc/video-generation/video-synthesis", "apiyi"),
        ("$BASE_URL/api/v1/services/aigc/video-generation/video-synthesis", "dashscope"),
    ],
)
def test_address_tells_the_provider(write: Write, check: Check, url: str, kind: str) -> None:
    name = write("a.sh", CURL.replace(f"'{SUBMIT}'", f'"{url}"'))
    assert check(name).lines[-1] == f"a.sh: ok ({kind}, t2v)"


def test_address_that_is_unknown_leaves_the_body_to_tell(write: Write, check: Check) -> None:
    name = write("a.sh", CURL.replace(SUBMIT, "https://example.com/videos"))
    assert "could be a request for apiyi or dashscope" in check(name).err
    assert check(name, "--provider", "dashscope").out == "a.sh: ok (dashscope, t2v)\n"


def test_wrong_method(write: Write, check: Check) -> None:
    shown = check(write("a.sh", "curl -X DELETE https://dashscope.aliyuncs.com/api/v1/tasks/1"))
    assert (shown.code, shown.err) == (1, "a.sh: dashscope takes GET at this address, not DELETE\n")


# Request specs


def test_every_document_of_a_file_is_judged(write: Write, check: Check) -> None:
    good, bad = json.dumps(T2V), json.dumps({**T2V, "parameters": {"duration": 2}})
    text = f"provider: dashscope\nrequest: {good}\n---\nprovider: dashscope\nrequest: {bad}\n---\nrequest: 5\n"
    shown = check(write("a.yaml", text), "--format", "text")
    assert shown.lines[0] == "a.yaml:1:1: ok (dashscope, t2v)"
    assert shown.lines[1].startswith("a.yaml:5:")
    assert shown.err.startswith("a.yaml:7:1: this is not like a request")
    assert shown.code == 2


def test_variants_of_a_matrix_are_judged_and_their_findings_told_once(write: Write, check: Check) -> None:
    text = """provider: dashscope
matrix: {seconds: [3, 15, 16], tier: [720P, 1080P]}
request:
  model: happyhorse-1.0-t2v
  input: {prompt: "${matrix.seconds} s"}
  parameters: {duration: "${matrix.seconds}", resolution: "${matrix.tier}"}
"""
    records = check(write("a.yaml", text), "--format", "json").records
    assert [(record["message"], record["line"], record["column"]) for record in records] == [
        ("parameters.duration is 16; it must be 3-15", 6, 26)
    ]
    shown = check(write("b.yaml", text.replace(", 16", "")))
    assert shown.out == "b.yaml: ok (dashscope, t2v, 4 variants)\n"


def test_finding_in_the_defaults_of_a_file_points_there(write: Write, check: Check) -> None:
    text = """defaults:
  provider: dashscope
  request: {model: happyhorse-1.0-t2v, parameters: {duration: 2}}
---
request: {input: {prompt: x}}
"""
    assert check(write("a.yaml", text)).lines[0].startswith("a.yaml:3:63: reject: parameters.duration is 2")


def test_value_that_is_not_there_is_told(write: Write, check: Check) -> None:
    shown = check(write("a.yaml", 'provider: dashscope\nrequest: {model: "${matrix.nothing}"}\n'))
    assert (shown.code, shown.err.partition(": ")[0]) == (1, "a.yaml:2:18")


@pytest.mark.parametrize(
    ("rejected", "code"),
    [
        ("{}", 0),
        ("{rule: dashscope.t2v.parameters.duration.minimum}", 0),
        ("{rule: dashscope.t2v.parameters.duration.maximum}", 1),
    ],
)
def test_rejection_that_a_spec_expects_is_fine(write: Write, check: Check, rejected: str, code: int) -> None:
    bad = json.dumps({**T2V, "parameters": {"duration": 2}})
    text = f"provider: dashscope\nrequest: {bad}\nexpect: {{rejected: {rejected}}}\n"
    assert check(write("a.yaml", text)).code == code


# Media


def test_local_file_in_a_body_is_no_url_and_is_judged(write: Write, check: Check) -> None:
    write("pic.png", picture(200, 512))
    messages = [
        r["message"] for r in check(write("a.json", FIRST_FRAME), "--provider", "dashscope", "--format", "json").records
    ]
    assert messages == [
        'input.media[0].url is "pic.png", which is not in an accepted form',
        "input.media[0].url: the file's width is 200 pixels; it must be at least 300",
        "input.media[0].url: the file's aspect ratio is 0.390625; it must be 0.4-2.5",
    ]


def test_local_file_in_a_spec_is_only_judged(write: Write, check: Check, tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    name = write("specs/a.yaml", f"provider: dashscope\nrequest: {json.dumps(FIRST_FRAME)}\n")
    write("specs/pic.png", picture())
    assert check(name).out == "specs/a.yaml: ok (dashscope, i2v)\n"
    write("specs/pic.png", picture(kind="GIF"))
    assert 'the file\'s format is "gif"; it must be jpeg, png or webp' in check(name).lines[0]


def test_file_that_a_spec_names_must_be_there(write: Write, check: Check) -> None:
    shown = check(write("a.yaml", f"provider: dashscope\nrequest: {json.dumps(FIRST_FRAME)}\n"))
    assert shown.code == 1
    assert shown.lines[0].endswith("reject: input.media[0].url: the file cannot be read")
    assert "No such file" in shown.lines[-1]


def test_file_url_is_a_local_file(write: Write, check: Check, tmp_path: Path) -> None:
    write("a b.png", picture(200, 200))
    body = {"model": "happyhorse-1.0-i2v", "input": {"media": [{"type": "first_frame", "url": ""}]}}
    body["input"]["media"][0]["url"] = (tmp_path / "a b.png").as_uri()  # type: ignore[index]
    shown = check(write("a.json", body), "--provider", "dashscope")
    assert any("the file's width is 200 pixels" in line for line in shown.lines)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (base64.b64encode(picture()).decode(), None),
        (base64.b64encode(picture(10, 10)).decode(), "the file's width is 10 pixels; it must be at least 300"),
        ("AAAAA", "the file cannot be read"),
    ],
    ids=["good", "small", "broken"],
)
def test_data_url_is_judged(write: Write, check: Check, data: str, message: str | None) -> None:
    media = [{"type": "first_frame", "url": f"data:image/png;base64,{data}"}]
    shown = check(
        write("a.json", {"model": "happyhorse-1.0-i2v", "input": {"media": media}}), "--provider", "dashscope"
    )
    assert (message is None) == (shown.code == 0)
    assert message is None or message in shown.lines[0]


@pytest.fixture
def host() -> Iterator[str]:
    """A server on this machine: /pic.png, /hops/N (N redirects before it), /slow, /missing."""
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hops = int(self.path.rpartition("/")[2]) if self.path.startswith("/hops/") else 0
            if self.path == "/slow":
                stop.wait(10)
            self.send_response(302 if hops else 200 if self.path in ("/pic.png", "/hops/0") else 404)
            if hops:
                self.send_header("Location", f"/hops/{hops - 1}")
            self.end_headers()
            self.wfile.write(b"" if hops else picture(200, 512))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        stop.set()
        server.shutdown()


def first_frame(url: str) -> dict[str, Any]:
    return {"model": "happyhorse-1.0-i2v", "input": {"media": [{"type": "first_frame", "url": url}]}}


@pytest.mark.parametrize("path", ["/pic.png", "/hops/3"])
def test_http_media_are_judged_when_asked(write: Write, check: Check, host: str, path: str) -> None:
    name = write("a.json", first_frame(host + path))
    assert check(name, "--provider", "dashscope").code == 0
    shown = check(name, "--provider", "dashscope", "--media")
    assert (shown.code, shown.err) == (1, "")
    assert shown.lines[0].endswith("the file's width is 200 pixels; it must be at least 300")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/missing", "HTTP 404"),
        ("/hops/4", "more than 3 redirects"),
        ("/slow", "no answer within 0.2 seconds"),
        ("/pic.png", "more than 0 MB"),
    ],
)
def test_media_that_cannot_be_fetched_are_not_looked_at(
    write: Write, check: Check, host: str, monkeypatch: pytest.MonkeyPatch, path: str, reason: str
) -> None:
    monkeypatch.setattr(fetch, "MAX_SECONDS", 0.2)
    monkeypatch.setattr(fetch, "MAX_BYTES", 100)
    body = first_frame(host + path)
    shown = check(write("a.json", body), "--provider", "dashscope", "--media")
    assert shown.code == 3
    assert shown.err == f'a.json:1:{column(body, host + path)}: "{host}{path}" could not be fetched: {reason}\n'


# Files that are no requests


def bomb() -> str:
    levels = [
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in zip("abcdefghij", "bcdefghijk", strict=True)
    ]
    return "\n".join(["a: &a [x, x, x, x, x, x, x, x, x]", *levels])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("a.json", b"", "a.json: it is empty", id="empty"),
        pytest.param("a.json", b" \n\n", "a.json: it is empty", id="blank"),
        pytest.param("a.json", b"\x89PNG\r\n\x1a\n" + bytes(256), "a.json:1:1: it is not text in UTF-8", id="binary"),
        pytest.param("a.json", b'{"a": "\xe9"}', "a.json:1:8: it is not text in UTF-8", id="Latin 1"),
        pytest.param("a.json", b'{"a": 1, "a": 2}', "a.json:1:10: the key 'a' appears twice", id="key twice"),
        pytest.param("a.yaml", b"a: 1\na: 2", "a.yaml:2:1: the key 'a' appears twice", id="key twice in YAML"),
        pytest.param("a.json", b'{"a": NaN}', "a.json:1:7: this number is not finite", id="NaN"),
        pytest.param("a.json", b'{"a": 1e999}', "a.json:1:7: this number is not finite", id="endless number"),
        pytest.param("a.json", b'{"a": 1,}', "a.json:1:9: it is not JSON", id="broken JSON"),
        pytest.param("a.yaml", b"a: [1", "a.yaml:1:", id="broken YAML"),
        pytest.param("a.json", b"[" * 10_000 + b"]" * 10_000, "a.json:1:101: the nesting is deeper", id="deep JSON"),
        pytest.param("a.yaml", b"[" * 10_000 + b"]" * 10_000, "a.yaml:1:101: the nesting is deeper", id="deep YAML"),
        pytest.param("a.yaml", bomb().encode(), "a.yaml:", id="alias bomb"),
        pytest.param("a.json", b"[" + b"1," * 40_000_000 + b"1]", "a.json: it has more than", id="80 MB of numbers"),
        pytest.param("a.json", b"\0" * 100_000_000, "a.json:1:1: a NUL character", id="100 MB of zeros"),
        pytest.param("a.sh", b"curl 'http://x", "a.sh:1:6: this quote is not closed", id="broken command"),
        pytest.param("a.sh", b"curl x -F a=b", "a.sh:1:8: the option -F is not understood", id="form"),
    ],
)
def test_unreadable_file_gets_one_line(write: Write, check: Check, name: str, content: bytes, message: str) -> None:
    started = time.process_time()
    shown = check(write(name, content), "--provider", "dashscope")
    assert time.process_time() - started < 2
    assert (shown.code, shown.out) == (1, "")
    assert shown.err.startswith(message)
    assert shown.err.count("\n") == 1


def test_body_of_100_mb_is_judged_in_time(write: Write, check: Check) -> None:
    name = write("a.json", b'{"model": "happyhorse-1.0-t2v", "input": {"prompt": "' + b"a" * 100_000_000 + b'"}}')
    started = time.process_time()
    shown = check(name, "--provider", "dashscope")
    assert time.process_time() - started < 2
    assert (shown.code, len(shown.out) < 1000) == (0, True)
    assert "is 100000000 characters long" in shown.lines[0]


@pytest.mark.parametrize(("name", "reason"), [("missing.json", "No such file or directory"), (".", "Is a directory")])
def test_what_cannot_be_opened_is_wrong_usage(check: Check, name: str, reason: str) -> None:
    shown = check(name)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith(f"{name}: it cannot be opened: {reason}")
    assert shown.err.count("\n") == 1


def test_file_without_permission(write: Write, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write("a.json", T2V)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    shown = check(name)
    assert (shown.code, shown.err) == (2, "a.json: it cannot be opened: Permission denied\n")


def test_unreadable_file_in_other_formats(write: Write, check: Check) -> None:
    name = write("a.json", b'{"a": 1, "a": 2}')
    (record,) = check(name, "--format", "json").records
    assert (record["effect"], record["rule"], record["line"], record["column"]) == ("unread", None, 1, 10)
    (line,) = check(name, "--format", "github").lines
    assert line == "::error file=a.json,line=1,col=10::the key 'a' appears twice"


def test_all_files_are_looked_at_and_the_worst_counts(write: Write, check: Check) -> None:
    names = [write("a.json", b""), "missing", write("b.json", {"model": 5}), write("c.json", T2V)]
    shown = check(*names, "--provider", "dashscope")
    assert shown.code == 2
    assert shown.err.count("\n") == 2
    assert shown.lines[0].startswith("b.json:1:1: reject")
    assert shown.lines[-1] == "c.json: ok (dashscope, t2v)"
    assert check(names[0], names[3], "--provider", "dashscope").code == 1


# The command itself


def command(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    code = "import sys; from happyhorse_spec.cli import main; sys.exit(main())"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, **options)


def test_check_loads_nothing_heavy(write: Write) -> None:
    write("pic.sh", CURL)
    code = "import sys; from happyhorse_spec.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    names = [write("a.json", T2V), write("b.yaml", f"provider: imini\nrequest: {json.dumps(T2V)}\n"), "pic.sh"]
    ran = subprocess.run([sys.executable, "-c", code, "check", *names], capture_output=True, text=True, check=True)
    loaded = set(ran.stderr.split())
    heavy = {"aiohttp", "rich", "jinja2", "jsonschema", "PIL", "pymediainfo", "asyncio", "mockserver", "uvloop"}
    assert heavy & loaded == set()
    assert "happyhorse_spec.commands.check" in loaded
    assert "happyhorse_spec.commands.rules" not in loaded


def test_text_that_the_terminal_cannot_show_is_no_failure(write: Write) -> None:
    name = write("a.json", {**T2V, "图": 1})
    ran = command("check", "--provider", "dashscope", name, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "\\u56fe is not a known field" in ran.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes on Windows")
def test_reader_that_goes_away_ends_the_command(write: Write) -> None:
    name = write("a.json", {"model": "happyhorse-1.0-r2v", "input": {"media": [{"a" * 1000: 1}] * 200}})
    code = "import sys; from happyhorse_spec.cli import main; sys.exit(main())"
    arguments = [sys.executable, "-c", code, "check", *[name] * 20, "--provider", "dashscope"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_interrupt_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("happyhorse_spec.commands.check.run", interrupt)
    assert main(["check", "a.json"]) == 130


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^  check +judge request files by what the provider documents$", shown, re.MULTILINE)
    assert re.search(r"^  rules +list the rules, or explain one$", shown, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([], "name a command: check", id="none"),
        pytest.param(["chekc"], "there is no command chekc; did you mean check?", id="mistyped"),
        pytest.param(["--nope"], "unrecognized arguments: --nope", id="option"),
        pytest.param(["check"], "the following arguments are required: FILE", id="no file"),
        pytest.param(["check", "--format", "xml", "a"], "invalid choice: 'xml'", id="format"),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("happyhorse-spec 0.")


def test_error_of_the_project_itself_is_not_hidden(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("happyhorse_spec.commands.check.check_body", fail)
    with pytest.raises(ZeroDivisionError):
        main(["check", write("a.json", T2V), "--provider", "dashscope"])
