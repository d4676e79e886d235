"""Local files through the official `dashscope` SDK: it fetches a policy, posts a form, and names the file by `oss://`."""

from __future__ import annotations

import asyncio
import io
import urllib.request
from pathlib import Path

import dashscope
import pytest
from dashscope import VideoSynthesis, close_shared_aio_session
from dashscope.aigc.video_synthesis import AioVideoSynthesis
from dashscope.common.error import UploadFileException
from PIL import Image
from upstream import AT_ONCE, Upstream, is_film

from happyhorse_spec.media import probe_stream
from mockserver.clip import Clip, render


def png(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, "PNG")
    return file.getvalue()


I2V, EDIT = "happyhorse-1.0-i2v", "happyhorse-1.0-video-edit"


@pytest.fixture(autouse=True)
def _base(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashscope, "base_http_api_url", upstream.base("dashscope"))
    monkeypatch.setattr(dashscope, "api_key", "sk-mock")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A portrait, so that a film that follows it is upright."""
    path = tmp_path / "Träne 1.png"
    path.write_bytes(png(480, 640))
    return path


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "source.mp4"
    path.write_bytes(render(Clip(width=1280, height=720, frames=96, fps=24, seed="x", label="x", watermark=None)))
    return path


def shape(url: str) -> float:
    """Width over height of the film behind a result URL."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        body = answer.read()
    return float(probe_stream(io.BytesIO(body), len(body))["aspect_ratio"])


def test_a_picture_on_disk_becomes_the_first_frame(upstream: Upstream, picture: Path) -> None:
    answer = VideoSynthesis.call(I2V, AT_ONCE, media=[{"type": "first_frame", "url": str(picture)}], resolution="720P")
    assert answer.output.task_status == "SUCCEEDED", answer
    assert upstream.received()["input"]["media"][0]["url"].startswith("oss://")
    assert shape(answer.output.video_url) == pytest.approx(480 / 640, rel=0.02)


def test_a_file_uri_is_uploaded_too(upstream: Upstream, picture: Path) -> None:
    answer = VideoSynthesis.call(I2V, AT_ONCE, media=[{"type": "first_frame", "url": picture.as_uri()}])
    assert answer.output.task_status == "SUCCEEDED", answer
    assert upstream.received()["input"]["media"][0]["url"].endswith(picture.name)


def test_a_film_on_disk_is_edited_and_billed_at_its_length(picture: Path, film: Path) -> None:
    media = [{"type": "video", "url": str(film)}, {"type": "reference_image", "url": str(picture)}]
    answer = VideoSynthesis.call(EDIT, AT_ONCE, media=media, resolution="720P")
    assert answer.output.task_status == "SUCCEEDED", answer
    assert answer.usage.duration == 8.0


def test_asyncio_uploads_as_well(picture: Path) -> None:
    async def scene() -> str:
        media = [{"type": "first_frame", "url": str(picture)}]
        try:
            answer = await AioVideoSynthesis.call(I2V, AT_ONCE, media=media)
        finally:
            await close_shared_aio_session()
        return str(answer.output.video_url)

    assert is_film(asyncio.run(scene()))


def test_the_second_interface_uploads_as_well(upstream: Upstream, picture: Path) -> None:
    with dashscope.Client(api_key="sk-mock", base_url=upstream.base("dashscope"), max_retries=0) as client:
        media = [{"type": "first_frame", "url": str(picture)}]
        job = client.videos.generate(model=I2V, prompt=AT_ONCE, media=media, poll_interval=0.01)
    assert job.succeeded
    assert is_film(job.video_url)


def test_a_wrong_key_gets_no_policy(picture: Path) -> None:
    with pytest.raises(UploadFileException, match="code: InvalidApiKey, message: Invalid API-key provided"):
        VideoSynthesis.call(I2V, media=[{"type": "first_frame", "url": str(picture)}], api_key="sk-invalid")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("small.png", png(64, 64), "InvalidImageResolution"),
        ("notes.png", b"not a picture", "InvalidImageFormat"),
    ],
)
def test_a_file_that_cannot_be_a_first_frame_is_refused(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    answer = VideoSynthesis.async_call(I2V, "a horse", media=[{"type": "first_frame", "url": str(path)}])
    assert (answer.status_code, answer.code) == (400, code)
    assert answer.output is None


def test_an_uploaded_file_of_another_session_is_not_found(
    upstream: Upstream, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    VideoSynthesis.async_call(I2V, "a horse", media=[{"type": "first_frame", "url": str(picture)}])
    url = upstream.received()["input"]["media"][0]["url"]
    monkeypatch.setattr(dashscope, "base_http_api_url", f"{upstream.server.url}/~other/api/v1")
    answer = VideoSynthesis.async_call(I2V, "a horse", media=[{"type": "first_frame", "url": url}])
    assert answer.status_code == 400
    assert "download" in answer.message
