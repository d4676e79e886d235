"""What clients do when the provider fails them: who asks again, who submits twice, who gives up, and in which words.

A prompt orders the fault, so that nothing but the prompt is special.
"""

from __future__ import annotations

from collections.abc import Iterator

import dashscope
import pytest
import requests
from acedatacloud import AceDataCloud
from acedatacloud._runtime import errors
from dashscope import VideoSynthesis
from dashscope.common.error import InvalidTask
from upstream import AT_ONCE, Upstream, is_film

T2V = "happyhorse-1.0-t2v"


@pytest.fixture(autouse=True)
def _base(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashscope, "base_http_api_url", upstream.base("dashscope"))
    monkeypatch.setattr(dashscope, "api_key", "sk-mock")


@pytest.fixture
def client(upstream: Upstream) -> Iterator[dashscope.Client]:
    """The second interface of the DashScope SDK, with the retries that it has by itself."""
    with dashscope.Client(api_key="sk-mock", base_url=upstream.base("dashscope")) as client:
        yield client


@pytest.fixture
def ace(upstream: Upstream) -> Iterator[AceDataCloud]:
    client = AceDataCloud("token", base_url=upstream.base("acedata"))
    yield client
    client.close()


@pytest.mark.parametrize("fault", ["429", "500", "503"])
def test_videosynthesis_does_not_repeat_a_refused_submit(upstream: Upstream, fault: str) -> None:
    assert VideoSynthesis.async_call(T2V, f"a horse [[fault:{fault}]]").status_code == int(fault)
    assert upstream.submits() == [int(fault)]


def test_videosynthesis_tells_the_page_of_a_proxy() -> None:
    with pytest.raises(InvalidTask, match="502 Bad Gateway"):
        VideoSynthesis.call(T2V, "a horse [[fault:html]]")


def test_videosynthesis_submits_twice_where_the_answer_is_lost(upstream: Upstream) -> None:
    answer = VideoSynthesis.async_call(T2V, "a horse [[fault:lost]]")
    assert answer.output.task_status == "PENDING"
    assert upstream.submits() == [None, 200]
    assert len(upstream.session.table.tasks) == 2


def test_videosynthesis_polls_again_after_503() -> None:
    answer = VideoSynthesis.call(T2V, f"{AT_ONCE} [[fault:poll:503]]")
    assert answer.output.task_status == "SUCCEEDED"


@pytest.mark.parametrize("fault", ["404", "429", "500"])
def test_videosynthesis_gives_up_where_a_poll_gets_another_status(fault: str) -> None:
    answer = VideoSynthesis.call(T2V, f"{AT_ONCE} [[fault:poll:{fault}]]")
    assert answer.status_code == int(fault)
    assert answer.code
    assert answer.output is None


def test_videosynthesis_reads_no_url_as_an_empty_one() -> None:
    answer = VideoSynthesis.call(T2V, f"{AT_ONCE} [[fault:poll:no-url]]")
    assert (answer.output.task_status, answer.output.video_url) == ("SUCCEEDED", "")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("not-json", requests.exceptions.JSONDecodeError),
        ("empty", requests.exceptions.JSONDecodeError),
        ("short-body-20", requests.exceptions.ChunkedEncodingError),
    ],
)
def test_videosynthesis_raises_what_its_http_library_does(fault: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        VideoSynthesis.async_call(T2V, f"a horse [[fault:{fault}]]")


@pytest.mark.parametrize(
    ("faults", "statuses"),
    [
        ("429:retry-after=0, 503:retry-after=0", [429, 503, 200]),
        ("reset", [None, 200]),
        ("html", [502, 200]),
        ("lost", [None, 200]),
    ],
)
def test_the_second_interface_repeats_a_submit(
    client: dashscope.Client, upstream: Upstream, faults: str, statuses: list[int | None]
) -> None:
    job = client.videos.generate(model=T2V, prompt=f"{AT_ONCE} [[fault:{faults}]]", poll_interval=0.01)
    assert is_film(job.video_url)
    assert upstream.submits() == statuses


def test_the_second_interface_polls_again_when_it_may(client: dashscope.Client) -> None:
    job = client.videos.generate(
        model=T2V, prompt=f"{AT_ONCE} [[fault:poll:429:retry-after=0, 500:retry-after=0]]", poll_interval=0.01
    )
    assert job.succeeded


def test_the_second_interface_reads_no_url_as_none(client: dashscope.Client) -> None:
    job = client.videos.generate(model=T2V, prompt=f"{AT_ONCE} [[fault:poll:no-url]]", poll_interval=0.01)
    assert (job.succeeded, job.video_url) == (True, None)


@pytest.mark.parametrize(("fault", "status", "tasks"), [("429", 429, 1), ("503", 503, 1), ("lost", None, 2)])
def test_the_acedatacloud_sdk_repeats_a_submit(
    ace: AceDataCloud, upstream: Upstream, fault: str, status: int | None, tasks: int
) -> None:
    handle = ace.happyhorse.generate(prompt=f"{AT_ONCE} [[fault:{fault}]]")
    assert is_film(handle.wait(poll_interval=0.01)["response"]["data"][0]["video_url"])
    assert upstream.submits() == [status, 200]
    assert len(upstream.session.table.tasks) == tasks


def test_the_acedatacloud_sdk_polls_again_when_it_may(ace: AceDataCloud) -> None:
    handle = ace.happyhorse.generate(prompt=f"{AT_ONCE} [[fault:poll:503]]")
    assert handle.wait(poll_interval=0.01)["state"] == "succeeded"


def test_the_acedatacloud_sdk_does_not_repeat_what_is_wrong(ace: AceDataCloud, upstream: Upstream) -> None:
    with pytest.raises(errors.ValidationError):
        ace.happyhorse.generate(prompt="a horse", duration=2)
    assert upstream.submits() == [400]
