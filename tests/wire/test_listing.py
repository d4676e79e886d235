"""The list of tasks as the page on asynchronous tasks has it: members, filters, window, pages; and temporary keys."""

import pytest
from byhand import advance
from desk import ONE, example

from mockserver.clock import ClockMode
from mockserver.settings import Settings

#: 21 September 2026, 22:13:20 in China.
START = 1_790_000_000.0
#: The row that the page prints for a task that is over.
MEMBERS = {
    *("api_key_id", "caller_parent_id", "caller_uid", "end_time", "gmt_create", "model_name", "region", "request_id"),
    *("start_time", "status", "task_id", "user_api_unique_key"),
}


@pytest.fixture
def wire(play):
    """A client of a mock whose clock stands still."""
    return play(Settings(clock=ClockMode.MANUAL, start=START))


def submit(wire, model="happyhorse-1.0-t2v", prompt="A horse."):
    answer = wire.call(ONE, "submit", example(ONE, prompt) | {"model": model})
    return answer.body["output"]["task_id"]


def listed(wire, query=""):
    answer = wire.call(ONE, "list", query=query)
    assert answer.status == 200, answer.raw
    return [row["task_id"] for row in answer.body["data"]]


def test_row_has_the_members_of_the_page(wire):
    task_id = submit(wire)
    advance(wire.server, 10.0)
    wire.call(ONE, "poll", task_id=task_id)
    (row,) = wire.call(ONE, "list").body["data"]
    assert row.keys() == MEMBERS
    assert (row["status"], row["gmt_create"]) == ("SUCCEEDED", round(START * 1000))
    assert row["user_api_unique_key"] == "apikey:v1:aigc:video-generation:video-synthesis:happyhorse-1.0-t2v"
    assert all(row[name].isdecimal() for name in ("api_key_id", "caller_parent_id", "caller_uid"))


def test_row_names_the_request_that_submitted_the_task(wire):
    submitted = wire.call(ONE, "submit", example(ONE)).body
    (row,) = wire.call(ONE, "list").body["data"]
    assert row["request_id"] == submitted["request_id"]


def test_waiting_task_has_not_started_or_ended(wire):
    submit(wire)
    (row,) = wire.call(ONE, "list").body["data"]
    assert row.keys() == MEMBERS - {"start_time", "end_time"}


def test_rows_are_of_one_account(wire):
    submit(wire)
    submit(wire, "happyhorse-1.1-t2v")
    rows = wire.call(ONE, "list").body["data"]
    assert len({(row["api_key_id"], row["caller_uid"], row["caller_parent_id"]) for row in rows}) == 1


def test_filters_by_what_a_row_says(wire):
    submit(wire)
    second = submit(wire, "happyhorse-1.1-t2v", "[[CANCELED]]")
    (row,) = [row for row in wire.call(ONE, "list").body["data"] if row["task_id"] == second]
    for name in ("task_id", "model_name", "status"):
        assert listed(wire, f"?{name}={row[name]}") == [second]
    for name in ("region", "api_key_id"):
        assert len(listed(wire, f"?{name}={row[name]}")) == 2
        assert listed(wire, f"?{name}=1") == []
    assert listed(wire, f"?status=PENDING&task_id={second}") == []


@pytest.mark.parametrize(
    ("query", "hours"),
    [
        ("", [1, 13, 25]),
        ("?end_time=20260922221320", [1, 13]),
        ("?start_time=20260921221320", [1, 13]),
        ("?start_time=20260922110000&end_time=20260922111400", [13]),
        ("?start_time=20260922110000&end_time=20260922111259", []),
        ("?start_time=20260922231320", [25]),
    ],
)
def test_window_is_the_day_that_is_asked_for(wire, query, hours):
    """Tasks of 1, 13 and 25 hours after the start, looked at an hour after the last."""
    made = {}
    for hour, wait in ((1, 1), (13, 12), (25, 12)):
        advance(wire.server, wait * 3600.0)
        made[hour] = submit(wire)
    assert listed(wire, query) == [made[hour] for hour in reversed(hours)]


@pytest.mark.parametrize(
    "query",
    [
        "?start_time=20260921221320&end_time=20260922221321",
        "?start_time=20260922000000&end_time=20260921000000",
        "?start_time=2026-09-21",
        "?end_time=20260931000000",
        "?status=DONE",
        "?page_no=0",
        "?page_size=x",
    ],
)
def test_query_that_the_page_does_not_allow_is_refused(wire, query):
    answer = wire.call(ONE, "list", query=query)
    assert (answer.status, answer.body["code"]) == (400, "InvalidParameter")


def test_window_of_exactly_a_day_is_none_too_long(wire):
    assert listed(wire, "?start_time=20260920221320&end_time=20260921221320") == []


def test_pages(wire):
    made = [submit(wire) for _ in range(5)]
    page = wire.call(ONE, "list", query="?page_no=2&page_size=2").body
    assert [row["task_id"] for row in page["data"]] == [made[2], made[1]]
    assert (page["total"], page["total_page"], page["page_no"], page["page_size"]) == (5, 3, 2, 2)
    assert listed(wire, "?page_no=4&page_size=2") == []


def test_path_may_end_with_a_slash(wire):
    submit(wire)
    answer = wire.send("GET", "/api/v1/tasks/?page_size=1", headers={"Authorization": "Bearer sk-mock"})
    assert (answer.status, answer.body["total"], answer.body["page_size"]) == (200, 1, 1)


@pytest.mark.parametrize(("query", "seconds"), [("", 60), ("?expire_in_seconds=1800", 1800)])
def test_temporary_key_ends_at_a_whole_second(play, query, seconds):
    wire = play(Settings(clock=ClockMode.MANUAL, start=START + 0.5))
    answer = wire.call(ONE, "token", query=query).body
    assert answer["expires_at"] == START + seconds
    assert isinstance(answer["expires_at"], int)
