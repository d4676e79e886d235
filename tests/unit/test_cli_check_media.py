"""`happyhorse-spec check` on the media that a request names: local files, data URLs, http when asked."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from checking import Check, Write, column
from PIL import Image

from happyhorse_spec import fetch

FIRST_FRAME = {"model": "happyhorse-1.0-i2v", "input": {"media": [{"type": "first_frame", "url": "pic.png"}]}}


def picture(width: int = 512, height: int = 512, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, kind)
    return file.getvalue()


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
    name = write("specs/a.yaml", f"provider: dashscope\nrequest: {json.dumps(FIRST_FRAME)}\nname: a\n")
    write("specs/pic.png", picture())
    assert check(name).out == "specs/a.yaml: ok (dashscope, i2v)\n"
    write("specs/pic.png", picture(kind="GIF"))
    assert 'the file\'s format is "gif"; it must be jpeg, png or webp' in check(name).lines[0]


def test_file_that_a_spec_names_must_be_there(write: Write, check: Check) -> None:
    shown = check(write("a.yaml", f"provider: dashscope\nrequest: {json.dumps(FIRST_FRAME)}\nname: a\n"))
    assert shown.code == 1
    assert shown.lines[0].endswith("reject: input.media[0].url: the file cannot be read")
    assert "No such file" in shown.lines[-1]


def test_name_that_no_file_can_have_is_no_file_in_a_body(write: Write, check: Check) -> None:
    name = write("a.json", first_frame("p" * 5000 + ".png"))
    (record,) = check(name, "--provider", "dashscope", "--format", "json").records
    assert record["message"].endswith("which is not in an accepted form")


def test_file_of_a_role_without_limits_is_not_opened(write: Write, check: Check, edited: Callable[..., str]) -> None:
    gateway = edited("dashscope", "media.schema.json", lambda schema: schema["$defs"].pop("first_frame"))
    spec = f"provider: {gateway}\nrequest: {json.dumps(FIRST_FRAME)}\nname: a\n"
    assert check(write("a.yaml", spec)).out == "a.yaml: ok (dashscope, i2v)\n"


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
            with suppress(ConnectionError):  # who has read enough hangs up
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
    monkeypatch.setattr(fetch, "MAX_SECONDS", 0.2 if path == "/slow" else 20)
    monkeypatch.setattr(fetch, "MAX_BYTES", 100)
    body = first_frame(host + path)
    shown = check(write("a.json", body), "--provider", "dashscope", "--media")
    assert shown.code == 3
    assert shown.err == f'a.json:1:{column(body, host + path)}: "{host}{path}" could not be fetched: {reason}\n'
