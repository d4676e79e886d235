"""The official `dashscope` Python SDK, its first interface: `VideoSynthesis`, synchronous.

The SDK knows a base address for the whole process only, so each test sets it to its own session.
"""

from __future__ import annotations

import dashscope
import pytest
from dashscope import VideoSynthesis
from dashscope.common.error import InvalidTask
from refusals import REFUSALS
from upstream import AT_ONCE, Order, Upstream, is_film

T2V = "happyhorse-1.0-t2v"


@pytest.fixture(autouse=True)
def _base(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashscope, "base_http_api_url", upstream.base("dashscope"))
    monkeypatch.setattr(dashscope, "api_key", "sk-mock")


def test_call_follows_a_task_to_its_video() -> None:
    answer = VideoSynthesis.call(T2V, "a horse", seed=42, duration=4, resolution="720P", ratio="9:16")
    assert (answer.status_code, answer.code, answer.message) == (200, None, "")
    assert answer.request_id
    assert answer.output.task_status == "SUCCEEDED"
    assert answer.output.submit_time < answer.output.scheduled_time < answer.output.end_time
    assert answer.output.orig_prompt == "a horse"
    assert answer.usage.video_count == 1
    assert (answer.usage.duration, answer.usage.SR, answer.usage.ratio) == (4, 720, "9:16")
    assert is_film(answer.output.video_url)


def test_every_model_yields_a_video(order: Order) -> None:
    answer = VideoSynthesis.call(order.model, AT_ONCE, media=order.media, resolution="720P", watermark=False)
    assert answer.output.task_status == "SUCCEEDED", answer
    assert is_film(answer.output.video_url)
    assert answer.usage.duration == order.seconds


def test_what_the_sdk_adds_to_the_documented_body_is_accepted(upstream: Upstream) -> None:
    answer = VideoSynthesis.async_call(
        "happyhorse-1.0-i2v", media=[{"type": "first_frame", "url": "https://a.b/c.png"}]
    )
    assert answer.status_code == 200
    sent = upstream.received()
    assert sent["input"]["prompt"] is None
    assert sent["input"]["extend_prompt"] is True
    assert sent["input"]["function"] == "video-synthesis"
    assert sent["parameters"] == {}


def test_async_call_fetch_and_wait_see_one_task() -> None:
    submitted = VideoSynthesis.async_call(T2V, "a horse")
    assert submitted.output.task_status == "PENDING"
    fetched = VideoSynthesis.fetch(submitted)
    assert fetched.output.task_status == "RUNNING"
    assert fetched.output.video_url == ""
    waited = VideoSynthesis.wait(submitted.output.task_id)
    assert waited.output.task_status == "SUCCEEDED"
    assert {answer.output.task_id for answer in (fetched, waited)} == {submitted.output.task_id}


def test_a_task_stays_what_it_is_after_its_end() -> None:
    submitted = VideoSynthesis.async_call(T2V, AT_ONCE)
    first, second = VideoSynthesis.fetch(submitted), VideoSynthesis.fetch(submitted)
    assert first.output == second.output
    assert first.usage == second.usage


def test_a_failed_task_is_returned_with_its_reason_in_the_output() -> None:
    answer = VideoSynthesis.call(T2V, "[[FAILED InternalError.Algo]]")
    assert (answer.status_code, answer.code) == (200, None)
    assert answer.output.task_status == "FAILED"
    assert answer.output.code == "InternalError.Algo"
    assert answer.output.message == "inference internal error."
    assert answer.output.video_url == ""
    assert answer.usage is None


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_submit_is_an_object_with_status_code_and_message(case: str) -> None:
    arguments, status, code, message, _ = REFUSALS[case]
    answer = VideoSynthesis.async_call(**arguments)
    assert (answer.status_code, answer.code, answer.message) == (status, code, message)
    assert answer.request_id
    assert answer.output is None


def test_call_raises_where_the_submit_is_refused() -> None:
    with pytest.raises(InvalidTask, match="Requests rate limit exceeded"):
        VideoSynthesis.call(T2V, "[[refuse:Throttling.RateQuota]]")


def test_an_unknown_task_has_the_state_unknown_and_ends_a_wait() -> None:
    answer = VideoSynthesis.wait("00000000-0000-4000-8000-000000000000")
    assert (answer.status_code, answer.output.task_status) == (200, "UNKNOWN")


def test_a_pending_task_is_canceled_once() -> None:
    submitted = VideoSynthesis.async_call(T2V, "a horse")
    canceled, again = VideoSynthesis.cancel(submitted), VideoSynthesis.cancel(submitted)
    assert (canceled.status_code, canceled.code) == (200, None)
    assert VideoSynthesis.wait(submitted).output.task_status == "CANCELED"
    assert (again.status_code, again.code) == (400, "UnsupportedOperation")
    assert again.message == "Failed to cancel the task, please confirm if the task is in PENDING status."


def test_a_running_task_is_not_canceled() -> None:
    submitted = VideoSynthesis.async_call(T2V, "a horse")
    assert VideoSynthesis.fetch(submitted).output.task_status == "RUNNING"
    assert VideoSynthesis.cancel(submitted).code == "UnsupportedOperation"


def test_list_pages_and_filters_the_tasks_newest_first() -> None:
    first = VideoSynthesis.async_call(T2V, "a horse").output.task_id
    second = VideoSynthesis.async_call("happyhorse-1.1-t2v", "[[CANCELED]]").output.task_id
    page = VideoSynthesis.list(page_size=1).output
    assert (page["total"], page["total_page"], page["page_no"], page["page_size"]) == (2, 2, 1, 1)
    assert [task["task_id"] for task in page["data"]] == [second]
    assert [task["task_id"] for task in VideoSynthesis.list(model_name=T2V).output["data"]] == [first]
    assert [task["task_id"] for task in VideoSynthesis.list(status="CANCELED").output["data"]] == [second]


def test_list_refuses_a_window_longer_than_a_day() -> None:
    answer = VideoSynthesis.list(start_time="20261101000000", end_time="20261103000000")
    assert (answer.status_code, answer.code) == (400, "InvalidParameter")


def test_a_key_can_name_the_session(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashscope, "base_http_api_url", f"{upstream.server.url}/api/v1")
    answer = VideoSynthesis.async_call(T2V, "a horse", api_key=f"sk-~{upstream.name}")
    assert answer.output.task_id in upstream.session.table.tasks


def test_the_sdk_drives_the_mount_of_a_reseller(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashscope, "base_http_api_url", f"{upstream.base('apiyi')}/wan/api/v1")
    answer = VideoSynthesis.call(T2V, AT_ONCE)
    assert answer.output.task_status == "SUCCEEDED"
    assert answer.output.task_id.startswith("hh-")
    assert is_film(answer.output.video_url)
