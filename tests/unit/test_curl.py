"""Reading curl commands: what they would send, and where in the command its parts stand."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from happyhorse_spec.curl import MAX_CURL_SIZE, CurlRequest, read_curl
from happyhorse_spec.document import Document, DocumentError, read_json

FORM = ("Content-Type", "application/x-www-form-urlencoded")
JSON = ("Content-Type", "application/json")

# As three providers print them.
LOCATION = r"""
curl --location 'https://dashscope-intl.aliyuncs.com/api/v1/services/aigc/video-generation/video-synthesis' \
  -H 'X-DashScope-Async: enable' \
  -H "Authorization: Bearer $DASHSCOPE_API_KEY" \
  -H 'Content-Type: application/json' \
  -d '{
  "model": "happyhorse-1.0-r2v",
  "input": {
    "prompt": "The woman in the red qipao from [Image 1] unfolds the folding fan from [Image 2].",
    "media": [
      {
        "type": "reference_image",
        "url": "https://help-static-aliyun-doc.aliyuncs.com/file-manage-files/zh-CN/20260424/mvzfud/hh-v2v-girl.jpg"
      }
    ]
  },
  "parameters": {
    "resolution": "720P",
    "ratio": "16:9",
    "duration": 5
  }
}'""".lstrip()
REQUEST = r"""curl --request POST \
  --url https://api.apiyi.com/wan/api/v1/services/aigc/video-generation/video-synthesis \
  --header 'Authorization: Bearer <token>' \
  --header 'Content-Type: application/json' \
  --header 'X-DashScope-Async: <x-dashscope-async>' \
  --data '
{
  "model": "happyhorse-1.0-video-edit",
  "input": {
    "prompt": "Replace the clothes of the girl in the video with the clothes in the image",
    "media": [
      {
        "type": "video",
        "url": "https://your-cdn.com/source.mp4"
      }
    ]
  }
}
'"""
SHORT = r"""curl -X POST "https://api.apiyi.com/wan/api/v1/services/aigc/video-generation/video-synthesis" \
  -H "X-DashScope-Async: enable" \
  -H "Authorization: Bearer sk-your-api-key" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "happyhorse-1.0-video-edit",
    "input": {
      "prompt": "Replace the clothes of the girl in the video with the clothes in the image",
      "media": [
        {"type": "video",           "url": "https://your-cdn.com/source.mp4"},
        {"type": "reference_image", "url": "https://your-cdn.com/new-clothes.png"}
      ]
    },
    "parameters": {"resolution": "720P", "prompt_extend": true, "watermark": true}
  }'"""


def sent(document: Document) -> CurlRequest:
    assert document.curl
    return document.curl


def spot(document: Document, pointer: str = "", *, key: bool = False) -> tuple[int, int]:
    position = document.position(pointer, key=key)
    return position.line, position.column


def refused(text: str, folder: Path = Path()) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        read_curl(text, "a.sh", folder)
    return caught.value


@pytest.mark.parametrize(
    ("text", "host", "keys", "line", "column"),
    [
        (LOCATION, "dashscope-intl.aliyuncs.com", "X-DashScope-Async Authorization Content-Type", 12, 16),
        (REQUEST, "api.apiyi.com", "Authorization Content-Type X-DashScope-Async", 14, 16),
        (SHORT, "api.apiyi.com", "X-DashScope-Async Authorization Content-Type", 10, 44),
    ],
    ids=["--location", "--request", "-X"],
)
@pytest.mark.parametrize("prompt", ["", "$ "])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_documented_commands_are_read(
    text: str, host: str, keys: str, line: int, column: int, prompt: str, ending: str
) -> None:
    document = read_curl(prompt + text.replace("\n", ending) + ending, "a.sh")
    request = sent(document)
    assert request.method == "POST"
    assert request.url.startswith(f"https://{host}/")
    assert [name for name, _ in request.headers] == keys.split()
    assert spot(document, "/input/media/0/url") == (line, column)
    assert document.data["model"].startswith("happyhorse-1.0-")  # type: ignore[index]


def test_a_finding_in_the_body_is_shown_in_the_command() -> None:
    position = read_curl(LOCATION, "a.sh").position("/parameters/ratio", key=True)
    assert (position.line, position.excerpt, position.caret) == (18, '    "ratio": "16:9",', 4)


@pytest.mark.parametrize(
    ("text", "method", "headers"),
    [
        ("curl http://a", "GET", []),
        ("curl http://a -d 1", "POST", [FORM]),
        ("curl http://a --data-raw 1", "POST", [FORM]),
        ("curl http://a --json 1", "POST", [JSON, ("Accept", "application/json")]),
        ("curl -XPUT http://a -d1", "PUT", [FORM]),
        ("curl -sSLX DELETE --url http://a", "DELETE", []),
        ("curl -X GET -X PATCH http://a", "PATCH", []),
        ("curl http://a -HK:V -H 'K: W '", "GET", [("K", "V"), ("K", "W")]),
        ('curl http://a -H "K: $V ${W} $(w)"', "GET", [("K", "$V ${W} $(w)")]),
        ("curl http://a -H 'content-type: x' -d 1", "POST", [("content-type", "x")]),
        ("curl http://a -H Content-Type: -H 'Empty;' -d 1", "POST", [("Empty", "")]),
        ("curl -s -o a.json --max-time 5 -k http://a --compressed", "GET", []),
        ("curl http://a | jq '.output\n.task_id' > b\n\n# Done\n", "GET", []),
        ("curl http://a > b.json; echo '{}'", "GET", []),
        ("curl http://a && curl http://b", "GET", []),
        ("\n# First\n  curl \\\n http://a # last", "GET", []),
        ("curl http://a \\", "GET", []),
        ("curl http://a \\\n# last", "GET", []),
        ("curl -X 'A'#B\\ #C http://a", "A#B #C", []),
    ],
)
def test_options_say_what_is_sent(text: str, method: str, headers: list[tuple[str, str]]) -> None:
    request = sent(read_curl(text, "a.sh"))
    assert (request.method, request.url, list(request.headers)) == (method, "http://a", headers)


def test_a_command_without_a_body_stands_at_its_address() -> None:
    document = read_curl("curl -s \\\n  http://a", "a.sh")
    assert document.data is None
    assert spot(document) == (2, 3)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("curl http://a -d'[1, 2]'", (1, 22)),
        ("curl http://a -sSd'[1, 2]'", (1, 24)),
        ('curl http://a -d "[1, \\\n2]"', (2, 1)),
        ("curl http://a -d [1,\\\n2]", (2, 1)),
    ],
)
def test_a_body_may_be_attached_and_broken_into_lines(text: str, where: tuple[int, int]) -> None:
    document = read_curl(text, "a.sh")
    assert (document.data, spot(document, "/1")) == ([1, 2], where)


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("Example:\ncurl http://a", (1, 1), "the text has to begin with curl"),
        ("# Only this", (1, 1), "the text has to begin with curl"),
        ("curl -s", (1, 1), "the command has no address"),
        ("curl http://a http://b", (1, 15), "this is a second address"),
        ("curl http://a -d 1 --json 2", (1, 27), "this is a second body"),
        ("curl http://a?b=1&c=2", (1, 18), "the shell takes & for itself"),
        ("curl http://a -H K:<token>", (1, 20), "the shell takes < for itself"),
        ("curl http://a -F b=c", (1, 15), "the option -F is not understood"),
        ("curl http://a --data-urlencode b=c", (1, 15), "the option --data-urlencode is not understood"),
        ("curl http://a -H", (1, 15), "-H has no value"),
        ("curl http://a -H Key", (1, 18), "a header is a name, a colon and a value"),
        ("curl http://a \\ \n  -d 1", (1, 15), "a space after the backslash ends the command here"),
        ("curl http://a\n  -d 1", (2, 3), "the line above needs a \\ at its end"),
        ("curl http://a\ncurl http://b", (2, 1), "a file may have one command"),
        ("curl http://a -d '{", (1, 18), "this quote is not closed"),
        ('curl http://a -d "\\"', (1, 18), "this quote is not closed"),
        ("curl http://a -d $'\\'", (1, 18), "this quote is not closed"),
        ("curl http://a -d @-", (1, 18), "the body comes from standard input"),
        ("curl http://a -d ''", (1, 19), "it is not JSON: expecting value"),
        ('curl http://a -d ""', (1, 19), "it is not JSON: expecting value"),
        ("curl http://a -d b=c", (1, 18), "it is not JSON: expecting value"),
        ('curl http://a -d \'{\n  "b": 1,\n  "b": 2}\'', (3, 3), "the key 'b' appears twice"),
        ('curl http://a -d "{\\"b\\": nan}"', (1, 27), "it is not JSON: expecting value"),
        ('curl http://a -d "{\\"b\\": NaN}"', (1, 27), "this number is not finite"),
        ("curl http://a -d '[1, '\"'2'\"']'", (1, 25), "it is not JSON: expecting value"),
        ("curl http://a -d $'\"\\ud800\"'", (1, 20), "half a surrogate pair"),
    ],
)
def test_a_command_that_is_not_fully_understood_is_refused(text: str, where: tuple[int, int], message: str) -> None:
    error = refused(text)
    assert error.message.startswith(message)
    assert error.position
    assert (error.position.line, error.position.column) == where


def test_a_long_text_is_refused() -> None:
    assert refused("curl http://a " + " " * MAX_CURL_SIZE).message.startswith("a command is read up to 1 MB")


def test_a_body_in_a_file_is_sought_beside_the_command(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text('{\n "a": 1}')
    document = read_curl("curl http://a --data @b.json", "a.sh", tmp_path)
    assert (document.data, document.name, sent(document).method) == ({"a": 1}, str(tmp_path / "b.json"), "POST")
    assert spot(document, "/a") == (2, 7)


def test_a_missing_body_file_is_named(tmp_path: Path) -> None:
    error = refused("curl http://a -d @b.json", tmp_path)
    assert str(error) == f"{tmp_path / 'b.json'}: it cannot be opened: No such file or directory"


def test_raw_data_is_not_a_file() -> None:
    assert refused("curl http://a --data-raw @b.json").message.startswith("it is not JSON")


# --- Quoting


def single(sign: str) -> str:
    return "'\\''" if sign == "'" else sign


def double(sign: str) -> str:
    return "\\" + sign if sign in '$`"\\' else sign


def ansi(sign: str) -> str:
    return {"'": "\\'", '"': '\\"', "\\": "\\\\", "\n": "\\n", "!": "\\u0021"}.get(sign, sign)


def bare(sign: str) -> str:
    return f"'{sign}'" if sign in "\n\r" else sign if sign.isalnum() else "\\" + sign


TEXTS = st.text(max_size=6) | st.text("'\"\\$`! n\n\u2028", max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)


def pointers(value: Any, pointer: str = "") -> list[str]:
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = [(key.replace("~", "~0").replace("/", "~1"), inner) for key, inner in value.items()]
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [pointer] + [found for key, inner in items for found in pointers(inner, f"{pointer}/{key}")]


@given(
    VALUES,
    st.sampled_from([(single, "'", "'"), (double, '"', '"'), (ansi, "$'", "'"), (bare, "", "")]),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_each_pointer_leads_into_the_quoted_body(
    value: Any, quoting: tuple[Any, str, str], indent: int | None, ascii_only: bool
) -> None:
    quote, opening, closing = quoting
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    command = f"curl \\\n http://a -d {opening}"
    spots = []
    for sign in body:
        start = len(command) + (quote is bare and quote(sign) != sign)
        spots.append((command.count("\n") + 1, start - command.rfind("\n")))
        command += quote(sign)
    document = read_curl(f"{command}{closing} -s\n", "a.sh")
    plain = read_json(body, "a.json")
    assert document.data == value
    for pointer in pointers(value):
        for key in (False, True):
            line, column = spot(plain, pointer, key=key)
            offset = sum(len(text) + 1 for text in body.split("\n")[: line - 1]) + column - 1
            assert spot(document, pointer, key=key) == spots[offset]


@given(st.text("ab#- \t'\"\\\n", min_size=1, max_size=12))
def test_words_are_those_of_the_shell(text: str) -> None:
    try:
        (word,) = shlex.split(text)
    except ValueError:
        return
    assume(not {"\n", "\t", " "} & {text[0], text[-1]} and not text.startswith("#") and "\\\n" not in text)
    assert sent(read_curl(f"curl -X {text} http://a", "a.sh")).method == word


@given(st.binary(max_size=40) | st.text("curl -dHX@'\"\\$n\n{}[]:,1&|", max_size=40).map(str.encode))
def test_any_bytes_after_curl_are_read_or_refused_in_a_sentence(content: bytes) -> None:
    try:
        outcome = str(read_curl(b"curl http://a " + content, "a.sh").data)
    except DocumentError as error:
        outcome = str(error)
    assert "\n" not in outcome
