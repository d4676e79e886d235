"""The official `dashscope` Python SDK under asyncio: `AioVideoSynthesis`, whose task paths end with a slash."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import dashscope
import pytest
from dashscope import close_shared_aio_session
from dashscope.aigc.video_synthesis import AioVideoSynthesis
from dashscope.common.error import InvalidTask
from refusals import REFUSALS
from upstream import AT_ONCE, Order, Upstream, is_film

T2V = "happyhorse-1.0-t2v"


@pytest.fixture(autouse=True)
def _base(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashscope, "base_http_api_url", upstream.base("dashscope"))
    monkeypatch.setattr(dashscope, "api_key", "sk-mock")


def play(scene: Callable[[], Awaitable[Any]]) -> Any:
    """Run a scene, and close what the SDK keeps open for its loop."""

    async def run() -> Any:
        try:
            return await scene()
        finally:
            await close_shared_aio_session()

    return asyncio.run(run())


def test_call_follows_a_task_to_its_video() -> None:
    answer = play(lambda: AioVideoSynthesis.call(T2V, "a horse", duration=4, resolution="720P", ratio="9:16"))
    assert answer.status_code == 200
    assert answer.output.task_status == "SUCCEEDED"
    assert answer.output.submit_time < answer.output.scheduled_time < answer.output.end_time
    assert (answer.usage.duration, answer.usage.SR, answer.usage.ratio) == (4, 720, "9:16")
    assert is_film(answer.output.video_url)


def test_every_model_yields_a_video(order: Order) -> None:
    answer = play(lambda: AioVideoSynthesis.call(order.model, AT_ONCE, media=order.media))
    assert answer.output.task_status == "SUCCEEDED", answer
    assert answer.usage.duration == order.seconds
    assert is_film(answer.output.video_url)


def test_submit_fetch_wait_and_list_see_one_task() -> None:
    async def scene() -> None:
        submitted = await AioVideoSynthesis.async_call(T2V, "a horse")
        fetched = await AioVideoSynthesis.fetch(submitted)
        waited = await AioVideoSynthesis.wait(submitted)
        listed = (await AioVideoSynthesis.list(status="SUCCEEDED")).output["data"]
        states = [answer.output.task_status for answer in (submitted, fetched, waited)]
        assert states == ["PENDING", "RUNNING", "SUCCEEDED"]
        assert [task["task_id"] for task in listed] == [submitted.output.task_id] == [waited.output.task_id]

    play(scene)


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_submit_is_an_object_with_status_code_and_message(case: str) -> None:
    arguments, status, code, message, _ = REFUSALS[case]
    answer = play(lambda: AioVideoSynthesis.async_call(**arguments))
    assert (answer.status_code, answer.code, answer.message) == (status, code, message)
    assert answer.output is None


def test_call_raises_where_the_submit_is_refused() -> None:
    with pytest.raises(InvalidTask, match="Model is unavailable"):
        play(lambda: AioVideoSynthesis.call(T2V, "[[refuse:ModelUnavailable]]"))


def test_a_failed_task_is_returned_with_its_reason_in_the_output() -> None:
    answer = play(lambda: AioVideoSynthesis.call(T2V, "[[FAILED InternalError.Algo]]"))
    assert answer.status_code == 200
    assert answer.output.task_status == "FAILED"
    assert (answer.output.code, answer.output.message) == ("InternalError.Algo", "inference internal error.")


def test_an_unknown_task_has_the_state_unknown_and_ends_a_wait() -> None:
    answer = play(lambda: AioVideoSynthesis.wait("00000000-0000-4000-8000-000000000000"))
    assert (answer.status_code, answer.output.task_status) == (200, "UNKNOWN")


def test_a_pending_task_is_canceled_once() -> None:
    async def scene() -> None:
        submitted = await AioVideoSynthesis.async_call(T2V, "a horse")
        canceled, again = await AioVideoSynthesis.cancel(submitted), await AioVideoSynthesis.cancel(submitted)
        assert canceled.status_code == 200
        assert (again.status_code, again.code) == (400, "UnsupportedOperation")
        assert (await AioVideoSynthesis.wait(submitted)).output.task_status == "CANCELED"

    play(scene)
