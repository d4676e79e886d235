"""The line that an exchange leaves on the terminal."""

import pytest

from mockserver.exchange_log import line
from mockserver.journal import Exchange
from mockserver.session import Session
from mockserver.settings import Settings


def exchange(**more):
    given = {"number": 1, "at": 1769860800.2, "seconds": 0.1, "method": "GET", "path": "/v1/tasks/x", "headers": {}}
    empty = {"provider": None, "operation": None, "body": "", "status": 200, "answer": ""}
    return Exchange(**(given | empty | more))


@pytest.mark.parametrize(
    ("name", "more", "printed"),
    [
        (
            "checkout",
            {"provider": "somebody", "operation": "poll", "task_id": "0-0000-1a2b3c4d", "state": "running"},
            "2026-01-31T12:00:00.200Z checkout somebody poll 200 1a2b3c4d running",
        ),
        (
            "",
            {"provider": "somebody", "operation": "submit", "status": 429, "fault": "429:retry-after=2"},
            "2026-01-31T12:00:00.200Z somebody submit 429 fault 429:retry-after=2",
        ),
        (
            "",
            {"provider": "somebody", "operation": "poll", "status": None},
            "2026-01-31T12:00:00.200Z somebody poll cut",
        ),
        ("", {"status": 404, "path": "/nowhere"}, "2026-01-31T12:00:00.200Z GET /nowhere 404"),
        ("", {"status": 404, "path": "/\x1b[2J\n"}, "2026-01-31T12:00:00.200Z GET /?[2J? 404"),
        ("", {"status": 404, "path": "/" + "x" * 500}, f"2026-01-31T12:00:00.200Z GET /{'x' * 59} 404"),
    ],
    ids=["poll", "fault", "cut", "nowhere", "terminal", "long"],
)
def test_says_who_what_and_how_it_went(name, more, printed):
    assert line(Session(name, Settings()), exchange(**more)) == printed
