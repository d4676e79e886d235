"""Expectations of requests, and what is said where they are not met."""

import pytest

from mockserver.journal import Exchange
from mockserver.verify import ExpectationError, differences, read_expectation, verify


def exchange(number, operation="submit", body='{"model": "m", "parameters": {"duration": 4}}', **more):
    given = {
        "at": 0.0,
        "seconds": 0.001,
        "method": "POST",
        "path": "/v1/videos",
        "provider": "somebody",
        "headers": {"Content-Type": "application/json", "Authorization": "Bearer ***"},
        "status": 200,
        "answer": "{}",
    }
    return Exchange(number, operation=operation, body=body, **(given | more))


def judged(exchanges, *expectations, ordered=False):
    return verify(exchanges, [read_expectation(words) for words in expectations], ordered=ordered)


SENT = [exchange(1), exchange(2, "poll", "", method="GET", path="/v1/tasks/a"), exchange(3, body='{"model": "n"}')]


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ({"operation": "submit"}, (1, 3)),
        ({"method": "GET"}, (2,)),
        ({"path": "/v1/tasks/*"}, (2,)),
        ({"provider": "somebody", "status": 200}, (1, 2, 3)),
        ({"body": {"/model": "m"}}, (1,)),
        ({"body": {"/parameters/duration": 4}}, (1,)),
        ({"schema": {"required": ["parameters"]}}, (1,)),
        ({"headers": {"content-type": "application/json"}}, (1, 2, 3)),
        ({"headers": {"Authorization": True, "X-Other": False}}, (1, 2, 3)),
    ],
    ids=lambda value: str(value),
)
def test_finds_the_requests_that_are_as_expected(words, numbers):
    [verdict] = judged(SENT, words)
    assert verdict.met
    assert verdict.requests == numbers


@pytest.mark.parametrize(
    ("times", "met"),
    [(2, True), (1, False), (3, False), ({"at_least": 2}, True), ({"at_least": 3}, False), ({"at_most": 1}, False)],
    ids=str,
)
def test_counts(times, met):
    assert judged(SENT, {"operation": "submit", "times": times})[0].met is met


def test_shows_the_nearest_request_and_how_it_differs():
    [verdict] = judged(SENT, {"operation": "submit", "body": {"/parameters/duration": 5, "/model": "m"}, "times": 1})
    assert not verdict.met
    assert verdict.message == (
        'expected 1 request with operation submit, /parameters/duration = 5, /model = "m"; found 0 of 3. '
        "The nearest is request 1, POST /v1/videos: /parameters/duration is 4, not 5"
    )


def test_takes_a_request_of_another_kind_for_farther_away():
    bare = exchange(2, "poll", "", headers={}, status=404)
    [verdict] = judged([SENT[0], bare], {"operation": "poll", "status": 200, "headers": {"Content-Type": True}})
    assert "The nearest is request 2" in verdict.message


def test_says_how_many_there_were_where_there_are_too_many():
    [verdict] = judged(SENT, {"operation": "submit", "times": 1})
    assert verdict.message == "expected 1 request with operation submit; found 2 of 3"


def test_says_so_where_nothing_was_sent():
    [verdict] = judged([], {"operation": "submit"})
    assert verdict.message == "expected at least 1 request with operation submit; found 0 of 0"


@pytest.mark.parametrize(
    ("order", "met"),
    [
        (("submit", "poll", "submit"), [True, True, True]),
        (("poll", "submit"), [True, True]),
        (("submit", "submit", "poll"), [True, True, False]),
        (("poll", "poll"), [True, False]),
    ],
    ids=str,
)
def test_judges_the_order(order, met):
    verdicts = judged(SENT, *({"operation": name, "times": 1} for name in order), ordered=True)
    assert [verdict.met for verdict in verdicts] == met


def test_asks_for_none_after_what_came_before():
    verdicts = judged(SENT, {"operation": "poll"}, {"operation": "submit", "times": 0}, ordered=True)
    assert [verdict.met for verdict in verdicts] == [True, False]


@pytest.mark.parametrize(
    ("words", "difference"),
    [
        ({"body": {"/parameters/seed": 1}}, "/parameters/seed is missing"),
        ({"body": {"/parameters/duration": True}}, "/parameters/duration is 4, not true"),
        ({"headers": {"X-Other": "1"}}, "header X-Other is missing"),
        ({"headers": {"Content-Type": False}}, "header Content-Type is there"),
        ({"headers": {"Content-Type": "text/plain"}}, 'header Content-Type is "application/json", not "text/plain"'),
        ({"schema": {"properties": {"model": {"type": "null"}}}}, "/model breaks type"),
        ({"status": 429}, "status is 200, not 429"),
    ],
    ids=str,
)
def test_says_how_a_request_differs(words, difference):
    assert list(differences(read_expectation(words), SENT[0])) == [difference]


def test_says_so_where_there_is_no_json_to_look_into():
    expected = read_expectation({"body": {"/model": "m"}})
    assert list(differences(expected, SENT[1])) == ["the body is no JSON, or was cut"]


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"$ref": "http://127.0.0.1:1/x.json"}, "nothing outside itself"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "nothing outside itself"),
        ({"type": "horse"}, "cannot be used"),
        ({"pattern": "("}, "cannot be used"),
    ],
    ids=str,
)
def test_refuses_a_schema_that_cannot_judge(schema, complaint):
    with pytest.raises(ExpectationError, match=complaint):
        read_expectation({"schema": schema})


def test_compares_secrets_by_what_is_shown_of_them():
    sent = exchange(1, body='{"url": "https://host/a.mp4?Signature=***"}')
    assert judged([sent], {"body": {"/url": "https://host/a.mp4?Signature=abc"}})[0].met
