"""Faults as a client meets them: over a socket, byte by byte where it matters."""

import http.client
import json
import re
import time
from urllib.parse import urlsplit

import pytest
from byhand import submitting, until_the_end
from desk import ONE, Desk, example
from jsonschema import Draft202012Validator

from happyhorse_spec.contract import load_provider, provider_names
from mockserver.faults import ENDPOINTS, WORDS

PROVIDERS = [load_provider(name) for name in provider_names()]
each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=[provider.name for provider in PROVIDERS])


@pytest.fixture
def desk(wire):
    """A session with its controls."""
    return Desk(wire)


def raw(desk, provider=ONE, timeout=5.0):
    """One submit by hand: every byte that came, and how the connection ended."""
    target = urlsplit(desk.wire.url).path + provider.endpoints["submit"].path
    return until_the_end(desk.wire.url, b"".join(submitting(provider, "Connection: close", target=target)), timeout)


def split(got):
    """The status line, the length that was told, and the body that came."""
    head, _, body = got.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return head.split(b"\r\n")[0].decode(), int(length.group(1)) if length else None, body


@each_provider
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 502, 503, 599])
def test_answers_a_status_with_the_providers_own_body(desk, provider, status):
    desk.order(submit=[status])
    answer = desk.submit(provider)
    assert answer.status == status
    envelopes = {error.answer for error in provider.errors.values()}
    defs = provider.answer_schemas["$defs"]
    assert any(
        Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": defs}).is_valid(answer.body) for name in envelopes
    )
    assert desk.submit(provider).status == 200


@each_provider
def test_answers_any_error_of_the_catalogue_by_its_key(desk, provider):
    keys = [key for key in provider.errors if re.fullmatch("[a-z0-9_]+", key)]
    desk.order(submit=keys)
    told = [desk.submit(provider).status for _ in keys]
    assert told == [provider.errors[key].status for key in keys]


@pytest.mark.parametrize(
    ("endpoint", "status", "code"),
    [
        ("submit", 400, "InvalidParameter"),
        ("cancel", 400, "UnsupportedOperation"),
        ("submit", 401, "InvalidApiKey"),
        ("poll", 429, "Throttling.RateQuota"),
        ("poll", 503, "ModelServingError"),
        ("poll", 504, "InternalError"),
    ],
)
def test_takes_the_error_that_the_endpoint_most_likely_gives(desk, endpoint, status, code):
    desk.order(**{endpoint: [status]})
    answer = desk.wire.call(ONE, endpoint, task_id="x")
    assert (answer.status, answer.body["code"]) == (status, code)


def test_answers_an_error_by_its_code(desk):
    desk.order(submit=["Arrearage"])
    answer = desk.submit()
    assert (answer.status, answer.body["code"]) == (400, "Arrearage")


def test_says_when_to_try_again_where_that_is_ordered(desk):
    desk.order(submit=["429:retry-after=2-then-ok", "503"])
    first, second, third = (desk.submit() for _ in range(3))
    assert (first.status, first.headers["Retry-After"]) == (429, "2")
    assert (first.body["code"], second.status, third.status) == ("Throttling.RateQuota", 200, 503)
    assert "Retry-After" not in third.headers


def test_a_refused_submit_makes_no_task(desk):
    desk.order(submit=["429", "reset", "html"])
    desk.submit()
    raw(desk)
    desk.submit()
    assert desk.control("GET", "/tasks") == []


def test_the_nth_request_meets_the_nth_word_whatever_it_sends(desk):
    desk.order(submit=["503*2", "ok", "429"])
    told = [desk.wire.call(ONE, "submit", {"nonsense": True}).status for _ in range(4)]
    assert told == [503, 503, 400, 429]


def test_resets_the_connection_before_the_answer(desk):
    desk.order(submit=["reset"])
    assert raw(desk) == (b"", "reset")
    assert desk.control("GET", "/tasks") == []


def test_loses_the_answer_of_a_submit_that_was_carried_out(desk):
    desk.order(submit=["lost"])
    assert raw(desk) == (b"", "reset")
    assert len(desk.control("GET", "/tasks")) == 1


def test_resets_the_connection_after_the_headers(desk):
    desk.order(submit=["reset-after-headers"])
    got, ending = raw(desk)
    line, length, body = split(got)
    assert (line, body, ending) == ("HTTP/1.1 200 OK", b"", "reset")
    assert length > 0


def test_breaks_off_after_so_many_bytes(desk):
    desk.order(submit=["short-body-7"])
    got, ending = raw(desk)
    _, length, body = split(got)
    assert (len(body), ending) == (7, "end")
    assert length > 7


def test_always_keeps_a_byte_back_of_a_short_body(desk):
    desk.order(submit=["short-body"])
    _, length, body = split(raw(desk)[0])
    assert len(body) == length - 1


def test_tells_a_length_that_is_too_small(desk):
    desk.order(submit=["wrong-length"])
    got, ending = raw(desk)
    _, length, body = split(got)
    assert (length, ending) == (len(body) // 2, "end")
    assert json.loads(body)


def test_answers_without_a_body(desk):
    desk.order(submit=["empty"])
    answer = desk.submit()
    assert (answer.status, answer.raw, answer.headers["Content-Type"]) == (200, b"", "application/json")


def test_answers_with_what_is_no_json(desk):
    desk.order(submit=["not-json"])
    answer = desk.submit()
    assert answer.headers["Content-Type"].startswith("application/json")
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.raw)


def test_answers_under_another_type(desk):
    desk.order(submit=["wrong-type"])
    answer = desk.submit()
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.body["output"]["task_status"] == "PENDING"


def test_says_gzip_of_a_plain_body_to_who_takes_it(desk):
    desk.order(list=["false-gzip", "false-gzip"])
    asked = [
        desk.wire.call(ONE, "list", headers={"Accept-Encoding": coding}).headers["Content-Encoding"]
        for coding in ("gzip", "identity")
    ]
    assert asked == ["gzip", None]
    assert [word for word, _ in desk.met()] == ["false-gzip", "false-gzip"]


def test_answers_with_a_proxys_page(desk):
    desk.order(submit=["html"])
    answer = desk.submit()
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (502, "text/html")
    assert b"502 Bad Gateway" in answer.raw


def test_falls_silent_in_the_middle(desk):
    desk.order(submit=["stall-0.2s:after=5"])
    began = time.monotonic()
    got, ending = raw(desk)
    took = time.monotonic() - began
    _, length, body = split(got)
    assert (len(body), ending) == (length, "end")
    assert 0.2 <= took < 20


def test_a_client_that_does_not_wait_sees_only_the_first_bytes(desk):
    desk.order(submit=["stall-30s:after=5"])
    _, length, body = split(raw(desk, timeout=0.3)[0])
    assert (len(body), length > 5) == (5, True)


def test_takes_its_time_on_the_sessions_clock(desk):
    before = desk.control("GET", "/clock")["now"]
    desk.order(submit=["delay-3600s"])
    began = time.monotonic()
    assert desk.submit().status == 200
    assert time.monotonic() - began < 60
    assert desk.control("GET", "/clock")["now"] >= before + 3600


@pytest.mark.parametrize("word", ["503", "reset", "empty", "html", "not-json"])
def test_meets_faults_at_every_operation(desk, word):
    task_id = desk.task()
    desk.order(poll=[word], cancel=[word], list=[word], upload=[word])
    for endpoint, query in (("poll", ""), ("cancel", ""), ("list", ""), ("upload_policy", "?action=getPolicy&model=m")):
        try:
            desk.wire.call(ONE, endpoint, query=query, task_id=task_id)
        except ConnectionError:
            assert word == "reset"
    assert [met for met, _ in desk.met()] == [word] * 4


def test_tells_success_without_its_url_once(desk):
    task_id = desk.task()
    desk.order(poll=["no-url"])
    first = desk.until_done(task_id)
    assert "video_url" not in first.body["output"]
    assert desk.poll(task_id).body["output"]["video_url"]


def test_a_word_that_needs_a_success_waits_for_it_and_others_wait_behind_it(desk):
    desk.control("PUT", "/plans", {"plans": {"*": "PENDING 1 polls, RUNNING 2 polls, SUCCEEDED"}})
    task_id = desk.task()
    desk.order(poll=["no-url", "503"])
    told = [desk.poll(task_id) for _ in range(5)]
    assert [answer.status for answer in told] == [200, 200, 200, 200, 503]
    assert [answer.body["output"]["task_status"] for answer in told[:4]] == [
        "PENDING",
        "RUNNING",
        "RUNNING",
        "SUCCEEDED",
    ]


def test_says_running_after_success_was_told(desk):
    task_id = desk.task()
    desk.order(poll=["stale"])
    states = [desk.poll(task_id).body["output"]["task_status"] for _ in range(5)]
    assert states == ["RUNNING", "SUCCEEDED", "RUNNING", "SUCCEEDED", "SUCCEEDED"]
    assert desk.met() == [("stale", 4)]


@pytest.mark.parametrize(("word", "status"), [("url-403", 403), ("url-404", 404)])
def test_gives_a_url_that_fails_as_often_as_it_is_tried(desk, word, status):
    task_id = desk.task()
    desk.order(poll=[word])
    url = desk.until_done(task_id).body["output"]["video_url"]
    answers = [desk.wire.send("GET", url) for _ in range(2)]
    assert [answer.status for answer in answers] == [status, status]
    assert answers[0].raw.startswith(b"<?xml")


def test_gives_a_url_whose_file_breaks_off(desk):
    task_id = desk.task()
    desk.order(poll=["url-short"])
    url = desk.until_done(task_id).body["output"]["video_url"]
    with pytest.raises(http.client.IncompleteRead):
        desk.wire.send("GET", url)


def test_gives_a_url_whose_file_comes_slowly_but_whole(desk):
    task_id = desk.task()
    desk.order(poll=["url-slow-0.2s"])
    url = desk.until_done(task_id).body["output"]["video_url"]
    began = time.monotonic()
    slow = desk.wire.send("GET", url)
    assert time.monotonic() - began >= 0.2
    desk.order()
    assert desk.wire.send("GET", url).raw == slow.raw


def test_a_download_meets_its_own_words_once(desk):
    url = desk.until_done(desk.task()).body["output"]["video_url"]
    desk.order(download=["403", "503", "ok"])
    told = [desk.wire.send("GET", url) for _ in range(4)]
    assert [answer.status for answer in told] == [403, 503, 200, 200]
    assert b"<Code>AccessDenied</Code>" in told[0].raw
    assert b"<Code>InternalError</Code>" in told[1].raw


def test_an_upload_meets_its_words_in_the_storages_language(desk):
    desk.order(upload=["403", "html", "ok"])
    told = [desk.wire.send("POST", "/upload", b"") for _ in range(3)]
    assert [answer.status for answer in told] == [403, 502, 400]
    assert b"<Code>AccessDenied</Code>" in told[0].raw
    assert b"<Code>RequestIsNotMultiPartContent</Code>" in told[2].raw
    assert [line["operation"] for line in desk.control("GET", "/journal")] == ["upload"] * 3


def test_a_prompt_orders_faults_for_its_own_submits(desk):
    prompt = "a horse [[fault:429:retry-after=1, reset-then-503]]"
    assert desk.submit(prompt=prompt).status == 429
    with pytest.raises(ConnectionError):
        desk.submit(prompt=prompt)
    assert desk.submit(prompt="another horse").status == 200
    assert [desk.submit(prompt=prompt).status for _ in range(2)] == [503, 200]


def test_a_prompt_orders_faults_however_it_is_escaped(desk):
    data = json.dumps(example(ONE, "[[fault:503]]")).replace("[[fault", "\\u005b[fault").encode()
    target = urlsplit(desk.wire.url).path + ONE.endpoints["submit"].path
    got, _ = until_the_end(desk.wire.url, b"".join(submitting(ONE, "Connection: close", target=target, body=data)))
    assert got.startswith(b"HTTP/1.1 503 ")


def test_a_prompt_orders_faults_for_its_own_task(desk):
    other = desk.task()
    mine = desk.submit(prompt="[[fault:poll:503]] a horse [[SUCCEEDED]]").body["output"]["task_id"]
    assert desk.poll(other).status == 200
    assert [desk.poll(mine).status for _ in range(2)] == [503, 200]


def test_a_prompt_that_orders_what_does_not_exist_is_refused_by_name(desk):
    answer = desk.submit(prompt="[[fault:resett]]")
    assert answer.status == 400
    assert "'resett' is no fault; did you mean reset?" in answer.body["message"]


def test_draws_faults_from_the_seed(play):
    def statuses(seed):
        wire = play()
        wire.url += f"/~drawn,clock=jump,seed={seed}"
        desk = Desk(wire)
        desk.order(submit={"rate": 0.5, "words": [503, 429]})
        return [desk.submit().status for _ in range(40)], desk.control("GET", "/faults")

    first, account = statuses(1)
    assert first == statuses(1)[0] != statuses(2)[0]
    assert set(first) == {200, 429, 503}
    assert account["drawn_count"] == len(account["drawn"]) == sum(status != 200 for status in first)


def test_faults_change_no_id(play):
    def ids(*faults):
        wire = play()
        wire.url += "/~same,clock=jump,seed=3"
        desk = Desk(wire)
        desk.order(poll=list(faults), submit={"rate": 0.0, "words": [503]})
        task_id = desk.task()
        if faults:
            desk.wire.call(ONE, "poll", task_id=task_id)
        return task_id

    assert ids() == ids("not-json")


def test_accounts_for_every_word(desk):
    desk.order(submit=["503", "ok", "429"], poll=["reset"])
    desk.submit()
    task_id = desk.task()
    account = desk.control("GET", "/faults")
    assert [(line["endpoint"], line["word"], line["met"], line["request"]) for line in account["planned"]] == [
        ("submit", "503", True, 1),
        ("submit", "ok", True, 2),
        ("submit", "429", False, None),
        ("poll", "reset", False, None),
    ]
    assert account["not_met"] == 2
    with pytest.raises(ConnectionError):
        desk.poll(task_id)
    journal = desk.control("GET", "/journal")
    assert [(line["operation"], line["fault"], line["status"]) for line in journal] == [
        ("submit", "503", 503),
        ("submit", None, 200),
        ("poll", "reset", None),
    ]


@pytest.mark.parametrize("endpoint", [name for name in ENDPOINTS if name != "callback"])
def test_every_word_of_an_endpoint_can_be_ordered(desk, endpoint):
    words = [word.written for name, word in WORDS.items() if endpoint in word.endpoints]
    account = desk.order(**{endpoint: words})
    assert [line["word"] for line in account["planned"]] == words


def test_a_faulty_stream_comes_whole_and_breaks_off(desk):
    provider = next(provider for provider in PROVIDERS if "delivery" in provider.endpoints["submit"].data)
    body = {name: value for name, value in example(provider).items() if name not in ("async", "callback_url")}
    streamed = {"Accept": "application/x-ndjson"}
    desk.order(submit=["short-body-400", "no-url"])
    with pytest.raises(http.client.IncompleteRead) as broken:
        desk.wire.call(provider, "submit", body, headers=streamed)
    assert b'"progress"' in broken.value.partial
    last = desk.wire.call(provider, "submit", body, headers=streamed).raw.splitlines()[-1]
    assert json.loads(last)["success"] is True
    assert "video_url" not in json.loads(last)["data"][0]
