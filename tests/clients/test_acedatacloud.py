"""The official AceDataCloud Python SDK: `client.happyhorse.generate` and the task handle that it returns."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from acedatacloud import AceDataCloud, AsyncAceDataCloud
from acedatacloud._runtime import errors
from acedatacloud._runtime.tasks import failure_reason
from upstream import AT_ONCE, FILM, PICTURE, Order, Upstream, is_film

#: What each kind of model is called with besides the prompt.
CALLS: dict[str, dict[str, Any]] = {
    "t2v": {"action": "generate"},
    "i2v": {"action": "image_to_video", "image_url": PICTURE},
    "r2v": {"action": "reference_to_video", "image_urls": [PICTURE, PICTURE]},
    "video-edit": {"action": "video_edit", "video_url": FILM, "image_urls": [PICTURE]},
}

#: Error code -> HTTP status, exception class, message.
REFUSALS = {
    "bad_request": (400, errors.ValidationError, "duration must be between 3 and 15."),
    "invalid_token": (401, errors.AuthenticationError, "The specified token is invalid or wrong."),
    "token_expired": (401, errors.AuthenticationError, "token expired."),
    "token_mismatched": (401, errors.TokenMismatchError, "token and api does not match."),
    "used_up": (
        403,
        errors.InsufficientBalanceError,
        "Your balance is not sufficient for current request, please buy more in Ace Data Cloud.",
    ),
    "disabled": (
        403,
        errors.ResourceDisabledError,
        "Your application has been disabled by Ace Data Cloud due to abnormal usage behavior, "
        "please contact our support to get more information.",
    ),
    "forbidden": (403, errors.ModerationError, "The request was rejected by content moderation."),
    "too_many_requests": (429, errors.RateLimitError, "Too many requests, please try again later."),
    "api_error": (500, errors.APIError, "Internal server error."),
}


@pytest.fixture
def client(upstream: Upstream) -> Iterator[AceDataCloud]:
    """Without retries, so that a refusal is seen at once."""
    client = AceDataCloud("token", base_url=upstream.base("acedata"), max_retries=0)
    yield client
    client.close()


@pytest.fixture
def letters() -> Iterator[tuple[str, queue.Queue[Any]]]:
    """A receiver of callbacks: its URL, and what it was sent."""
    received: queue.Queue[Any] = queue.Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{receiver.server_port}/done", received
        receiver.shutdown()
        thread.join()


def test_generate_and_wait_follow_a_task_to_its_video(client: AceDataCloud) -> None:
    handle = client.happyhorse.generate(prompt="a horse", duration=4, resolution="720P", ratio="9:16", seed=42)
    assert not handle.done
    assert handle.get()["response"]["data"][0]["state"] == "pending"
    record = handle.wait(poll_interval=0.01)
    assert (record["id"], record["state"]) == (handle.id, "succeeded")
    video = record["response"]["data"][0]
    assert (video["duration"], video["resolution"], video["ratio"]) == (4, "720P", "9:16")
    assert handle.urls() == [video["video_url"]]
    assert is_film(video["video_url"])


def test_every_action_and_model_yields_a_video(client: AceDataCloud, order: Order) -> None:
    """The SDK sends `ratio`, `duration` and `audio_setting` with every action, whether it takes them or not."""
    handle = client.happyhorse.generate(model=order.model, prompt=AT_ONCE, **CALLS[order.kind])
    record = handle.wait(poll_interval=0.01)
    assert record["response"]["data"][0]["duration"] == order.seconds
    assert len(handle.urls()) == 1
    assert is_film(handle.urls()[0])


def test_a_handle_is_not_done_while_the_record_echoes_the_picture(client: AceDataCloud) -> None:
    """The SDK takes every URL in a record for the result, unless the record has a `response`."""
    prompt = "[[PENDING 1 polls, RUNNING 1 polls, SUCCEEDED]]"
    handle = client.happyhorse.generate(model="happyhorse-1.1-i2v", prompt=prompt, **CALLS["i2v"])
    for _ in ("pending", "running"):
        assert handle.get()["request"]["image_url"] == PICTURE
        assert not handle.done
    assert handle.is_completed()


def test_a_synchronous_submit_is_born_done(client: AceDataCloud) -> None:
    handle = client.happyhorse.generate(prompt="a horse", async_=False)
    assert handle.done
    assert is_film(handle.urls()[0])
    assert handle.wait()["response"]["success"] is True


def test_a_task_of_another_process_is_followed_by_its_id(client: AceDataCloud) -> None:
    task = client.happyhorse.generate(prompt="a horse").id
    assert client.tasks.get(task, service="happyhorse")["id"] == task
    record = client.tasks.wait(task, service="happyhorse", poll_interval=0.01)
    assert is_film(record["response"]["data"][0]["video_url"])
    assert client.tasks.get("unknown", service="happyhorse") == {}


def test_asyncio_follows_a_task_to_its_video(upstream: Upstream) -> None:
    async def scene() -> list[str]:
        client = AsyncAceDataCloud("token", base_url=upstream.base("acedata"))
        try:
            handle = await client.happyhorse.generate(prompt="a horse", wait=True, poll_interval=0.01)
        finally:
            await client.close()
        return list(handle.urls())

    assert is_film(asyncio.run(scene())[0])


def test_a_failed_task_is_returned_with_its_reason(client: AceDataCloud) -> None:
    handle = client.happyhorse.generate(prompt="[[fail:api_error]]")
    record = handle.wait(poll_interval=0.01)
    assert (handle.done, handle.urls(), record["state"]) == (True, [], "failed")
    assert failure_reason(record) == "Internal server error."


def test_a_synchronous_submit_raises_where_its_task_fails(client: AceDataCloud) -> None:
    with pytest.raises(errors.APIError, match="Internal server error") as caught:
        client.happyhorse.generate(prompt="[[fail:api_error]]", async_=False)
    assert (caught.value.status_code, caught.value.code) == (500, "api_error")


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refused_submit_raises_what_its_code_means(upstream: Upstream, code: str) -> None:
    status, raised, message = REFUSALS[code]
    key = "invalid" if code == "invalid_token" else "token"
    client = AceDataCloud(key, base_url=upstream.base("acedata"), max_retries=0)
    with pytest.raises(raised) as caught:
        client.happyhorse.generate(prompt=f"[[refuse:{code}]]", duration=2 if code == "bad_request" else 5)
    client.close()
    assert type(caught.value) is raised
    assert (caught.value.status_code, caught.value.code, caught.value.message) == (status, code, message)
    assert caught.value.trace_id


def test_a_call_that_has_to_be_paid_is_paid_and_asked_again(upstream: Upstream) -> None:
    paid: list[Any] = []

    def pay(context: dict[str, Any]) -> dict[str, Any]:
        paid.append(context["accepts"])
        return {"headers": {"PAYMENT-SIGNATURE": "signed"}}

    client = AceDataCloud("token", base_url=upstream.base("acedata"), max_retries=0, payment_handler=pay)
    handle = client.happyhorse.generate(prompt=f"{AT_ONCE} [[fault:payment_required]]")
    client.close()
    assert handle.id in upstream.session.table.tasks
    assert upstream.submits() == [402, 200]
    assert [accepted["scheme"] for accepted in paid[0]] == ["exact"]


def test_a_callback_brings_the_result(client: AceDataCloud, letters: tuple[str, queue.Queue[Any]]) -> None:
    url, received = letters
    handle = client.happyhorse.generate(prompt="a horse", callback_url=url)
    letter = received.get(timeout=5)
    assert (letter["success"], letter["task_id"]) == (True, handle.id)
    assert letter["data"] == handle.wait(poll_interval=0.01)["response"]["data"]


def test_a_callback_brings_the_failure(client: AceDataCloud, letters: tuple[str, queue.Queue[Any]]) -> None:
    url, received = letters
    handle = client.happyhorse.generate(prompt="[[fail:api_error]]", callback_url=url)
    letter = received.get(timeout=5)
    assert (letter["success"], letter["task_id"]) == (False, handle.id)
    assert letter["error"] == {"code": "api_error", "message": "Internal server error."}
