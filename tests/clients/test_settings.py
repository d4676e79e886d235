"""How the mock plays is said in the base URL, the one thing that every client lets be changed."""

from __future__ import annotations

import dashscope
import pytest
from acedatacloud import AceDataCloud
from dashscope import VideoSynthesis
from upstream import AT_ONCE, Upstream

T2V = "happyhorse-1.0-t2v"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashscope, "api_key", "sk-mock")


def test_a_violation_is_told_by_the_task_where_it_is_played_as_observed(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashscope, "base_http_api_url", upstream.playing("validation=observed").base("dashscope"))
    answer = VideoSynthesis.call(T2V, "a horse", duration=2)
    assert (answer.status_code, answer.output.task_status) == (200, "FAILED")
    assert (answer.output.code, answer.output.message) == ("InvalidParameter", "Duration should be between 3 and 15")


def test_the_sixth_submit_within_a_second_is_throttled_where_limits_are_on(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashscope, "base_http_api_url", upstream.playing("limits=on").base("dashscope"))
    answers = [VideoSynthesis.async_call(T2V, "a horse") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[5].code == "Throttling.RateQuota"


def test_a_task_is_unknown_after_a_day(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashscope, "base_http_api_url", upstream.base("dashscope"))
    submitted = VideoSynthesis.async_call(T2V, AT_ONCE)
    upstream.session.clock.advance(86_401)
    assert VideoSynthesis.fetch(submitted).output.task_status == "UNKNOWN"


def test_the_record_as_documented_is_enough_for_the_sdk(upstream: Upstream) -> None:
    client = AceDataCloud("token", base_url=upstream.playing("profile=documented").base("acedata"))
    record = client.happyhorse.generate(prompt=AT_ONCE).wait(poll_interval=0.01)
    client.close()
    assert "state" not in record
    assert record["response"]["data"][0]["state"] == "succeeded"
