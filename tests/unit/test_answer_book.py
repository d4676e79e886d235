"""Answers recognised by their schema and read through their template."""

import pytest

from happyhorse_spec.answers import AnswerBook, UnknownAnswer, places
from happyhorse_spec.contract import load_provider, provider_names

CASES = [
    pytest.param(provider, endpoint.name, name, status, example, id=f"{name_of}.{endpoint.name}.{name}.{number}")
    for name_of in provider_names()
    for provider in [load_provider(name_of)]
    for endpoint in provider.endpoints.values()
    for name, status in endpoint.answers.items()
    for number, example in enumerate(provider.answer_schemas["$defs"][name].get("examples", ()))
]


@pytest.mark.parametrize(("provider", "endpoint", "name", "status", "example"), CASES)
def test_every_documented_answer_is_recognised(provider, endpoint, name, status, example):
    answer = AnswerBook(provider, provider.endpoints[endpoint]).recognise(status, example)
    assert (answer.name, answer.is_error) == (name, False)


@pytest.mark.parametrize("name", provider_names())
def test_what_a_run_needs_can_be_read(name):
    provider = load_provider(name)
    submitted = provider.data["answers"]["submitted"]
    succeeded = provider.data["answers"]["succeeded"]
    failed = provider.data["answers"]["failed"]
    assert list(places(submitted, "task_id"))
    assert list(places(succeeded, "video_url"))
    assert list(places(failed, "code"))
    assert list(places(failed, "message"))


@pytest.mark.parametrize("name", provider_names())
def test_every_error_of_the_catalogue_is_recognised(name):
    provider = load_provider(name)
    book = AnswerBook(provider, provider.endpoints["submit"])
    for envelope in book.envelopes:
        for example in provider.answer_schemas["$defs"][envelope].get("examples", ()):
            answer = book.recognise(400, example)
            assert answer.is_error
            assert answer.value("message") is not None


def test_text_around_a_value_is_taken_off():
    provider = load_provider("apiyi")
    book = AnswerBook(provider, provider.endpoints["poll"])
    error = {"message": "[InvalidParameter] Field required: [input.media]"}
    answer = book.recognise(200, {"status": "failed", "progress": 100, "task_id": "t", "error": error})
    assert (answer.value("code"), answer.value("message")) == ("InvalidParameter", "Field required: [input.media]")
    assert answer.value("video_url") is None


def test_text_of_another_form_is_not_guessed_at():
    provider = load_provider("apiyi")
    book = AnswerBook(provider, provider.endpoints["poll"])
    error = {"message": "no brackets here"}
    answer = book.recognise(200, {"status": "failed", "progress": 100, "task_id": "t", "error": error})
    assert answer.value("code") is None


def test_a_value_keeps_its_type():
    provider = load_provider("imini")
    error = {"code": "X", "message": "y", "status": 400, "request_id": "req_z"}
    answer = AnswerBook(provider, provider.endpoints["submit"]).recognise(400, {"error": error})
    assert (answer.value("status"), answer.value("request_id")) == (400, "z")


SUCCEEDED = {"task_id": "t", "task_status": "SUCCEEDED", "video_url": "https://example.com/a.mp4"}
POLL = [
    pytest.param(
        {"request_id": "r", "output": {"task_id": "t", "task_status": "SUSPENDED"}},
        'output.task_status is "SUSPENDED"; it must be "PENDING", "RUNNING", "CANCELED" or "UNKNOWN"',
        id="state",
    ),
    pytest.param(
        {"request_id": "r", "output": {"task_id": "t", "task_status": "SUCCEEDED", "video_url": 5}},
        "the answer is no succeeded (nearest of pending, running, succeeded, failed, canceled, unknown): "
        "the answer has no usage; it must have one; output.video_url is 5; it must be a string",
        id="members",
    ),
    pytest.param(
        {"code": "X", "message": "y", "request_id": "r"}, "the answer has no output; it must have one", id="error"
    ),
    pytest.param(
        {"request_id": "r", "output": SUCCEEDED, "usage": {"duration": 3, "video_count": 1, "SR": 4}},
        "usage.SR is 4; it must be 480, 720 or 1080",
        id="value",
    ),
    pytest.param(None, "the answer is null; it must be a mapping", id="null"),
]


@pytest.mark.parametrize(("body", "difference"), POLL)
def test_an_unknown_answer_is_told_with_the_difference(body, difference):
    provider = load_provider("dashscope")
    with pytest.raises(UnknownAnswer) as caught:
        AnswerBook(provider, provider.endpoints["poll"]).recognise(200, body)
    assert caught.value.difference.endswith(difference)


@pytest.mark.parametrize("status", [201, 204, 302])
def test_a_status_that_no_page_lists_is_unknown(status):
    provider = load_provider("dashscope")
    with pytest.raises(UnknownAnswer, match=f"HTTP {status} is not documented; 200 or an error is"):
        AnswerBook(provider, provider.endpoints["poll"]).recognise(status, {})


def test_a_value_inside_a_list_and_one_that_stands_twice_are_read():
    assert [at for at, _ in places({"a": ["x", {"b": "{n}"}]}, "n")] == ["/a/1/b"]
    ((_, words),) = places("{n}-{n}", "n")
    assert words.fullmatch("1\n2-1\n2")["n"] == "1\n2"
    assert words.fullmatch("1-2") is None


def test_a_longer_name_is_another_name():
    assert list(places({"id": "{task_id}"}, "task")) == []
