"""HTTP libraries in place of an SDK: most people call the gateways with one of these, as their pages show.

Each follows a task of each provider as its pages say: submit, poll until it is over, fetch the file without the key.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import httpx
import pytest
import requests
from upstream import FILM, PICTURE, Upstream

NODE_FETCH = Path(__file__).with_name("node") / "fetch.mjs"
KEY = {"Authorization": "Bearer sk-mock"}


class Heard(NamedTuple):
    """What a library made of an answer; names of headers in small letters."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


Ask = Callable[[str, str, Mapping[str, str], bytes | None], Heard]


def by_curl(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Heard:
    command = ["curl", "-sS", "-i", "--compressed", "-X", method, url]
    command += [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    command += [] if body is None else ["--data-binary", "@-"]
    done = subprocess.run(command, input=body, capture_output=True, timeout=20, check=True)
    top, _, raw = done.stdout.partition(b"\r\n\r\n")
    first, *lines = top.decode().split("\r\n")
    fields = (line.split(": ", 1) for line in lines)
    return Heard(int(first.split()[1]), {name.lower(): value for name, value in fields}, raw)


def by_requests(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Heard:
    answer = requests.request(method, url, headers=dict(headers), data=body, timeout=20)
    return Heard(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content)


def by_httpx(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Heard:
    answer = httpx.request(method, url, headers=dict(headers), content=body, timeout=20)
    return Heard(answer.status_code, dict(answer.headers), answer.content)


def by_aiohttp(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Heard:
    async def ask() -> Heard:
        async with aiohttp.ClientSession() as client, client.request(method, url, headers=headers, data=body) as answer:
            return Heard(
                answer.status, {name.lower(): value for name, value in answer.headers.items()}, await answer.read()
            )

    return asyncio.run(ask())


def by_node(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Heard:
    request = {"url": url, "method": method, "headers": dict(headers), "body": body and body.decode()}
    command = ["node", str(NODE_FETCH), json.dumps(request)]
    told = json.loads(subprocess.run(command, capture_output=True, timeout=20, check=True).stdout)
    return Heard(told["status"], told["headers"], base64.b64decode(told["body"]))


LIBRARIES: dict[str, Ask] = {
    "curl": by_curl,
    "requests": by_requests,
    "httpx": by_httpx,
    "aiohttp": by_aiohttp,
    "node fetch": by_node,
}


@pytest.fixture(params=LIBRARIES)
def ask(request: pytest.FixtureRequest) -> Ask:
    program = {"curl": "curl", "node fetch": "node"}.get(request.param)
    if program and shutil.which(program) is None:
        pytest.skip(f"there is no {program} on this machine")
    return LIBRARIES[request.param]


def post(ask: Ask, url: str, body: object, **headers: str) -> Heard:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask("POST", url, {"Content-Type": "application/json", **KEY, **given}, json.dumps(body).encode())


def is_file(ask: Ask, url: str, kind: str, start: bytes) -> bool:
    """Whether the file behind a result URL is what it says, asked for without the key."""
    file = ask("GET", url, {}, None)
    return (file.status, file.headers["content-type"]) == (200, kind) and start in file.raw[:12]


APIYI_SUBMIT = "/wan/api/v1/services/aigc/video-generation/video-synthesis"
EDIT_MEDIA = [{"type": "video", "url": FILM}, {"type": "reference_image", "url": PICTURE}]


def test_apiyi_is_followed_through_its_four_words(ask: Ask, upstream: Upstream) -> None:
    base = upstream.base("apiyi")
    prompt = "a horse [[PENDING 1 polls, RUNNING 1 polls, SUCCEEDED]]"
    body = {"model": "happyhorse-1.0-video-edit", "input": {"prompt": prompt, "media": EDIT_MEDIA}}
    submitted = post(ask, base + APIYI_SUBMIT, body, X_DashScope_Async="enable").body
    assert submitted["output"]["task_status"] == "PENDING"
    task = submitted["output"]["task_id"]
    polls = [ask("GET", f"{base}/v1/tasks/{task}", KEY, None).body for _ in range(3)]
    assert [poll["status"] for poll in polls] == ["submitted", "in_progress", "completed"]
    assert [poll["progress"] for poll in polls] in ([0, 10, 100], [0, 30, 100])
    assert is_file(ask, polls[-1]["result_url"], "video/mp4", b"ftyp")


def test_apiyi_storage_refuses_the_key(ask: Ask, upstream: Upstream) -> None:
    base = upstream.base("apiyi")
    body = {"model": "happyhorse-1.1-t2v", "input": {"prompt": "[[SUCCEEDED]]"}}
    task = post(ask, base + APIYI_SUBMIT, body, X_DashScope_Async="enable").body["output"]["task_id"]
    url = ask("GET", f"{base}/v1/tasks/{task}", KEY, None).body["result_url"]
    refused = ask("GET", url, KEY, None)
    assert (refused.status, refused.headers["content-type"]) == (403, "application/xml")
    assert b"<Code>SignatureDoesNotMatch</Code>" in refused.raw


def test_apiyi_says_why_a_task_failed_in_both_members(ask: Ask, upstream: Upstream) -> None:
    base = upstream.base("apiyi")
    body = {"model": "happyhorse-1.1-t2v", "input": {"prompt": "[[FAILED DataInspectionFailed]]"}}
    task = post(ask, base + APIYI_SUBMIT, body, X_DashScope_Async="enable").body["output"]["task_id"]
    failed = ask("GET", f"{base}/v1/tasks/{task}", KEY, None).body
    assert failed["status"] == "failed"
    assert failed["error"]["message"] == failed["fail_reason"]
    assert failed["fail_reason"].startswith("[DataInspectionFailed] ")


def test_apiyi_can_say_gzip_of_a_plain_body_but_not_to_who_asks_for_identity(upstream: Upstream) -> None:
    """What the gateway's own script works around."""
    body = {"model": "happyhorse-1.1-t2v", "input": {"prompt": "a horse [[fault:false-gzip*2]]"}}
    url = upstream.base("apiyi") + APIYI_SUBMIT
    with pytest.raises(requests.exceptions.ContentDecodingError):
        post(by_requests, url, body, X_DashScope_Async="enable")
    told = post(by_requests, url, body, X_DashScope_Async="enable", Accept_Encoding="identity")
    assert told.body["output"]["task_status"] == "PENDING"


def test_imini_is_followed_through_its_four_words(ask: Ask, upstream: Upstream) -> None:
    base = upstream.base("imini")
    body = {
        "model": "dashscope/happyhorse-1.0",
        "prompt": "character1 rides [[PENDING 1 polls, RUNNING 1 polls, SUCCEEDED]]",
        "resolution": "720P",
        "aspect_ratio": "9:16",
        "reference_images": [{"url": PICTURE, "reference_type": "asset"}],
    }
    submitted = post(ask, f"{base}/v1/videos/generate", body).body
    assert list(submitted) == ["task_id", "model", "created_at", "request_id"]
    polls = [ask("GET", f"{base}/v1/videos/tasks/{submitted['task_id']}", KEY, None).body for _ in range(3)]
    assert [poll["status"] for poll in polls] == ["queued", "processing", "succeeded"]
    assert [poll["completed_at"] for poll in polls[:2]] == [None, None]
    (video,) = polls[-1]["videos"]
    assert (video["width"], video["height"], video["duration"]) == (720, 1280, 5)
    assert is_file(ask, video["url"], "video/mp4", b"ftyp")
    assert is_file(ask, video["cover_url"], "image/jpeg", b"\xff\xd8\xff")


#: What is asked of iMini -> HTTP status and code in the error object.
IMINI_REFUSALS: dict[str, tuple[dict[str, Any], int, str]] = {
    "a flagged prompt": ({"prompt": "[[refuse:INVALID_PROMPT]]"}, 400, "INVALID_PROMPT"),
    "a violation": ({"prompt": "a horse", "duration": 2}, 400, "INVALID_PARAMETER"),
    "no credits": ({"prompt": "[[refuse:INSUFFICIENT_CREDITS]]"}, 402, "INSUFFICIENT_CREDITS"),
    "too fast": ({"prompt": "[[refuse:RATE_LIMITED]]"}, 429, "RATE_LIMITED"),
}


@pytest.mark.parametrize("case", IMINI_REFUSALS)
def test_imini_refuses_with_its_error_object(ask: Ask, upstream: Upstream, case: str) -> None:
    request, status, code = IMINI_REFUSALS[case]
    url = f"{upstream.base('imini')}/v1/videos/generate"
    refused = post(ask, url, {"model": "dashscope/happyhorse-1.0", **request})
    error = refused.body["error"]
    assert (refused.status, error["status"], error["code"]) == (status, status, code)
    assert error["request_id"].startswith("req_")


def test_acedatacloud_holds_the_line_until_the_video_is_there(ask: Ask, upstream: Upstream) -> None:
    done = post(ask, f"{upstream.base('acedata')}/happyhorse/videos", {"prompt": "a horse"}, Accept="application/json")
    assert done.body["success"] is True
    assert done.headers["x-trace-id"] == done.body["trace_id"]
    assert is_file(ask, done.body["data"][0]["video_url"], "video/mp4", b"ftyp")


def test_acedatacloud_streams_progress_and_the_result_last(ask: Ask, upstream: Upstream) -> None:
    url = f"{upstream.base('acedata')}/happyhorse/videos"
    streamed = post(ask, url, {"prompt": "a horse"}, Accept="application/x-ndjson")
    assert streamed.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in streamed.raw.splitlines()]
    assert [line.get("progress") for line in lines] == [0, 35, 75, None]
    assert lines[-1]["data"][0]["state"] == "succeeded"
    assert len({(line["task_id"], line["trace_id"]) for line in lines}) == 1


def test_lines_of_a_stream_are_read_one_by_one(upstream: Upstream) -> None:
    """With the two libraries that hand out an answer line by line."""
    url = f"{upstream.base('acedata')}/happyhorse/videos"
    asked: dict[str, Any] = {"json": {"prompt": "a horse"}, "headers": {**KEY, "Accept": "application/x-ndjson"}}
    with httpx.stream("POST", url, timeout=20, **asked) as answer:
        by_httpx = [json.loads(line) for line in answer.iter_lines()]
    with requests.post(url, stream=True, timeout=20, **asked) as answer:
        by_requests = [json.loads(line) for line in answer.iter_lines()]
    assert [len(by_httpx), len(by_requests)] == [4, 4]


def test_acedatacloud_tells_tasks_one_by_one_and_in_a_batch(ask: Ask, upstream: Upstream) -> None:
    base = upstream.base("acedata")
    body = {"prompt": "[[SUCCEEDED]]", "async": True}
    tasks = [post(ask, f"{base}/happyhorse/videos", body).body["task_id"] for _ in range(2)]
    records = [post(ask, f"{base}/happyhorse/tasks", {"id": task, "action": "retrieve"}).body for task in tasks]
    assert [record["id"] for record in records] == tasks
    batch = post(ask, f"{base}/happyhorse/tasks", {"ids": [*tasks, "unknown"], "action": "retrieve_batch"}).body
    assert batch == {"items": records, "count": 2}
    assert post(ask, f"{base}/happyhorse/tasks", {"id": "unknown"}).body == {}


def test_an_unknown_path_is_told_as_json(ask: Ask, upstream: Upstream) -> None:
    told = [ask("GET", f"{upstream.base(name)}/nothing", KEY, None) for name in ("apiyi", "imini", "acedata")]
    assert all(re.match("application/json", answer.headers["content-type"]) for answer in told)
    assert [answer.status for answer in told] == [404, 404, 404]
