"""The official `dashscope` Python SDK, its second interface: `dashscope.Client`, which raises instead of returning."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import dashscope
import pytest
from dashscope.v2 import errors
from refusals import REFUSALS
from upstream import AT_ONCE, Order, Upstream, is_film

T2V = "happyhorse-1.0-t2v"


@pytest.fixture
def client(upstream: Upstream) -> Iterator[dashscope.Client]:
    """Without retries, so that a refusal is seen at once."""
    with dashscope.Client(api_key="sk-mock", base_url=upstream.base("dashscope"), max_retries=0) as client:
        yield client


def test_generate_follows_a_task_to_its_video(client: dashscope.Client, upstream: Upstream) -> None:
    job = client.videos.generate(
        model=T2V, prompt="a horse", seed=42, duration=4, resolution="720P", poll_interval=0.01
    )
    assert (job.status, job.succeeded, job.is_error) == ("SUCCEEDED", True, False)
    assert job.submitted_at < job.scheduled_at < job.finished_at
    assert (job.usage.duration, job.usage.SR, job.usage.ratio) == (4, 720, "16:9")
    assert is_film(job.video_url)
    assert upstream.received() == {
        "model": T2V,
        "input": {"prompt": "a horse"},
        "parameters": {"seed": 42, "duration": 4, "resolution": "720P"},
    }


def test_every_model_yields_a_video(client: dashscope.Client, order: Order) -> None:
    job = client.videos.generate(model=order.model, prompt=AT_ONCE, media=order.media, poll_interval=0.01)
    assert job.succeeded, job
    assert job.usage.duration == order.seconds
    assert is_film(job.video_url)


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_submit_raises_what_its_code_means(client: dashscope.Client, case: str) -> None:
    arguments, status, code, message, raised = REFUSALS[case]
    with pytest.raises(getattr(errors, raised)) as caught:
        client.videos.jobs.create(**arguments)
    error = caught.value
    assert (error.status_code, error.code, error.message) == (status, code, message)
    assert error.request_id


def test_a_failed_task_raises_what_its_code_means(client: dashscope.Client) -> None:
    with pytest.raises(errors.ContentFilterError) as caught:
        client.videos.generate(model=T2V, prompt="[[fail:DataInspectionFailed]]", poll_interval=0.01)
    assert (caught.value.status_code, caught.value.code) == (200, "DataInspectionFailed")
    assert caught.value.message == "Input or output data may contain inappropriate content."


def test_a_canceled_task_raises_while_it_is_waited_for(client: dashscope.Client) -> None:
    job = client.videos.jobs.create(model=T2V, prompt="a horse")
    client.videos.jobs.cancel(job.task_id)
    with pytest.raises(errors.DashScopeError, match="was canceled while waiting"):
        client.videos.jobs.wait(job.task_id, poll_interval=0.01)


def test_a_second_cancel_raises(client: dashscope.Client) -> None:
    job = client.videos.jobs.create(model=T2V, prompt="a horse")
    client.videos.jobs.cancel(job.task_id)
    with pytest.raises(errors.BadRequestError, match="please confirm if the task is in PENDING status") as caught:
        client.videos.jobs.cancel(job.task_id)
    assert caught.value.code == "UnsupportedOperation"


def test_an_unknown_task_is_finished_without_success(client: dashscope.Client) -> None:
    job = client.videos.jobs.wait("00000000-0000-4000-8000-000000000000", poll_interval=0.01)
    assert (job.status, job.finished, job.succeeded) == ("UNKNOWN", True, False)


def test_list_reads_the_count_but_not_the_documented_tasks(client: dashscope.Client) -> None:
    """This interface looks for `tasks`; every page, and the first interface, has `data`."""
    client.videos.jobs.create(model=T2V, prompt="a horse")
    page = client.videos.jobs.list()
    assert (page.total, page.page_no, page.page_size, page.tasks) == (1, 1, 10, [])


def test_without_exceptions_an_error_is_an_envelope(upstream: Upstream) -> None:
    base = upstream.base("dashscope")
    with dashscope.Client(api_key="sk-invalid", base_url=base, max_retries=0, raise_on_error=False) as client:
        job = client.videos.jobs.create(model=T2V, prompt="a horse")
    assert (job.is_error, job.code, job.message) == (True, "InvalidApiKey", "Invalid API-key provided.")


def test_the_asyncio_client_follows_a_task_to_its_video(upstream: Upstream) -> None:
    async def scene() -> str:
        client = dashscope.AsyncClient(api_key="sk-mock", base_url=upstream.base("dashscope"))
        try:
            job = await client.videos.generate(model=T2V, prompt="a horse", poll_interval=0.01)
        finally:
            await client.aclose()
        return str(job.video_url)

    assert is_film(asyncio.run(scene()))
