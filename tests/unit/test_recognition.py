"""Which answer this is: named by its shape, or told apart from what it might have been."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest

from happyhorse_spec.answers import AnswerBook, UnknownAnswer
from happyhorse_spec.contract import load_provider

PENDING = {
    "request_id": "99243b47",
    "output": {"task_id": "4673458e", "task_status": "PENDING", "submit_time": "2026-04-20 17:55:17.075"},
}


@pytest.fixture(scope="module")
def polls() -> AnswerBook:
    provider = load_provider("dashscope")
    return AnswerBook(provider, provider.endpoints["poll"])


def output(**members: Any) -> dict[str, Any]:
    return {**PENDING, "output": {**PENDING["output"], **members}}


def test_names_the_answer_and_reads_it(polls: AnswerBook) -> None:
    answer = polls.recognise(200, output(added_later=[1]))
    assert (answer.name, answer.is_error, answer.value("task_id")) == ("pending", False, "4673458e")


#: Body of a poll's answer -> the place where it differs from the contract.
STRANGE: dict[str, tuple[Any, str]] = {
    "a state that nobody knows": (output(task_status="SUSPENDED"), 'output.task_status is "SUSPENDED"; it must be'),
    "a time of another form": (output(submit_time="yesterday"), 'output.submit_time is "yesterday"'),
    "a time with a line break": (output(submit_time="2026-04-20 17:55:17.075\n"), "output.submit_time is"),
    "a time in other digits": (output(submit_time="٢026-04-20 17:55:17.075"), "output.submit_time is"),
    "no object": ([], "the answer is []"),
}


@pytest.mark.parametrize("case", STRANGE)
def test_says_how_a_strange_answer_differs(case: str, polls: AnswerBook) -> None:
    body, difference = STRANGE[case]
    with pytest.raises(UnknownAnswer) as caught:
        polls.recognise(200, body)
    assert difference in str(caught.value)
    assert (caught.value.status, caught.value.body) == (200, body)


def test_says_that_a_status_is_not_documented(polls: AnswerBook) -> None:
    with pytest.raises(UnknownAnswer, match="HTTP 204 is not documented; 200 or an error is"):
        polls.recognise(204, None)


def test_tells_what_the_contract_does_not_know(polls: AnswerBook) -> None:
    answer = polls.recognise(200, output(added_later=[1]))
    assert (answer.status, answer.added) == (200, ("/output/added_later",))


def book(answers: dict[str, int], **schemas: Any) -> AnswerBook:
    """Answers of those statuses, all of whose schemas are these."""
    provider = load_provider("dashscope")
    endpoint = replace(provider.endpoints["poll"], answers=answers)
    return AnswerBook(replace(provider, answer_schemas={"$defs": schemas}), endpoint)


@pytest.mark.parametrize(
    ("answers", "schema", "body", "difference"),
    [
        ({"a": 200, "b": 200}, {}, {}, "the answer can be read as a and as b"),
        ({"a": 200}, {"type": "object"}, 5, "the answer is no a: the answer is 5; it must be a mapping"),
        ({"a": 200, "b": 200}, {"type": "object"}, 5, "the answer is no a (nearest of a, b): the answer is 5; *"),
        ({"a": 200}, {"required": ["k", "l", "m", "n"]}, {}, "the answer is no a: * no k; * no l; * no m; it must *"),
        ({"a": 200, "b": 202}, {}, {}, "HTTP 404 is *"),
    ],
    ids=["two", "one", "near", "three-differences", "status"],
)
def test_says_in_full_why_an_answer_is_unknown(
    answers: dict[str, int], schema: Any, body: Any, difference: str
) -> None:
    status = 203 if difference.startswith("HTTP") else 200
    with pytest.raises(UnknownAnswer) as caught:
        book(answers, **dict.fromkeys(answers, schema)).recognise(status, body)
    expected = "HTTP 203 is not documented; 200, 202 or an error is" if status == 203 else difference
    assert fnmatchcase(str(caught.value), expected)
    assert (caught.value.status, caught.value.body) == (status, body)
    assert "no n" not in str(caught.value)
