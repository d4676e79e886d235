"""A client in another language: the Vercel AI SDK with its Alibaba provider, from the npm registry, run by Node.

`node/generate.mjs` asks it for one video. Of the seven models it can word a valid request for text to video only.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upstream import PICTURE, Upstream, is_film

FOLDER = Path(__file__).with_name("node")

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="there is no node on this machine"),
    pytest.mark.skipif(
        not (FOLDER / "node_modules").is_dir(),
        reason="its packages are missing: npm ci --prefix tests/clients/node --ignore-scripts",
    ),
]

Ask = Callable[..., dict[str, Any]]

#: What is asked for -> HTTP status and message of the exception; the last two are what the SDK words wrongly.
REFUSALS: dict[str, tuple[dict[str, Any], int, str]] = {
    "wrong key": ({"key": "sk-invalid"}, 401, "Invalid API-key provided."),
    "unknown model": ({"model": "happyhorse-9-t2v"}, 400, "Model not exist."),
    "violation": ({"duration": 2}, 400, "Duration should be between 3 and 15"),
    "429": (
        {"prompt": "[[refuse:Throttling.RateQuota]]"},
        429,
        "Requests rate limit exceeded, please try again later.",
    ),
    "503": ({"prompt": "[[refuse:ModelUnavailable]]"}, 503, "Model is unavailable, please try again later."),
    "a picture as img_url": (
        {"model": "happyhorse-1.0-i2v", "prompt": {"text": "a horse", "image": PICTURE}},
        400,
        "Field required: input.media",
    ),
    "pictures as reference_urls": (
        {"model": "happyhorse-1.0-r2v", "inputReferences": [PICTURE]},
        400,
        "Field required: input.media",
    ),
}


@pytest.fixture
def ask(upstream: Upstream) -> Ask:
    """Ask the SDK for a video; what it returned or threw."""
    usual = {
        "base": upstream.base("dashscope").removesuffix("/api/v1"),
        "key": "sk-mock",
        "model": "happyhorse-1.1-t2v",
        "prompt": "a horse",
    }

    def ask(**request: Any) -> dict[str, Any]:
        words = ["node", str(FOLDER / "generate.mjs"), json.dumps({**usual, **request})]
        done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=True)
        return dict(json.loads(done.stdout))

    return ask


def test_the_sdk_follows_a_task_to_its_video(ask: Ask, upstream: Upstream) -> None:
    video = ask(duration=4, seed=42, providerOptions={"alibaba": {"watermark": False}})
    assert video["mediaType"] == "video/mp4", video
    assert video["bytes"] > 1000
    assert video["warnings"] == []
    assert video["taskId"] in upstream.session.table.tasks
    assert (video["usage"]["duration"], video["usage"]["resolution"], video["usage"]["ratio"]) == (4, 1080, "16:9")
    assert is_film(video["videoUrl"])


def test_the_sdk_drives_the_mount_of_a_reseller(ask: Ask, upstream: Upstream) -> None:
    video = ask(base=f"{upstream.base('apiyi')}/wan")
    assert video["mediaType"] == "video/mp4", video
    assert video["taskId"].startswith("hh-")


def test_a_size_in_pixels_is_ignored_as_no_parameter_of_these_models(ask: Ask, upstream: Upstream) -> None:
    video = ask(resolution="1280x720")
    assert upstream.received()["parameters"] == {"size": "1280*720"}
    assert video["usage"]["resolution"] == 1080


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_submit_throws_what_the_provider_says(ask: Ask, case: str) -> None:
    request, status, message = REFUSALS[case]
    error = ask(**request)
    assert error["name"] == "AI_APICallError", error
    assert (error["statusCode"], error["message"]) == (status, message)


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("[[fail:DataInspectionFailed]]", "Video generation failed."),
        ("[[CANCELED]]", "Video generation canceled."),
    ],
)
def test_a_task_without_a_video_throws(ask: Ask, prompt: str, told: str) -> None:
    assert ask(prompt=prompt)["message"].startswith(told)


def test_the_sdk_itself_refuses_to_download_from_loopback(ask: Ask) -> None:
    error = ask(loopback=False)
    assert error["name"] == "AI_DownloadError"
    assert "127.0.0.1 is not allowed" in error["message"]
