"""Which answer this is: named by its shape, or told apart from what it might have been."""

from __future__ import annotations

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
