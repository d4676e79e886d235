"""The journal: what is kept, for how long, and what is never shown."""

import json
import time

import pytest

from mockserver import journal as limits
from mockserver import session as sessions_of
from mockserver.journal import MAX_BODY, Exchange, Journal
from mockserver.redaction import redacted, redacted_header, without_files
from mockserver.session import Session, Sessions
from mockserver.settings import Settings

HEADERS = ((b"Authorization", b"Bearer sk-live-1234567890abcdef"), (b"User-Agent", b"test"))


def noted(journal, body=b"", answer=b"{}", path="/v1/videos", headers=HEADERS):
    entry = journal.open("POST", path, headers, 5.0)
    entry.body, entry.answer, entry.status = body, answer, 200
    journal.close(entry)
    return entry


@pytest.fixture
def spent():
    return []


@pytest.fixture
def journal(spent):
    return Journal(spent.append)


def test_numbers_requests_as_they_come(journal):
    first = journal.open("POST", "/a", (), 1.0)
    noted(journal)
    journal.close(first)
    assert [exchange.number for exchange in journal] == [1, 2]


def test_shows_an_exchange_that_goes_on(journal):
    journal.open("POST", "/a", (), 1.0)
    [exchange] = journal
    assert (exchange.status, exchange.seconds, exchange.at) == (None, None, 1.0)


def test_tells_what_came_and_what_was_answered(journal):
    noted(journal, b'{"prompt": "horse"}', b'{"id": 7}')
    [exchange] = journal
    assert exchange.as_dict() | {"seconds": 0} == {
        "number": 1,
        "at": 5.0,
        "seconds": 0,
        "method": "POST",
        "path": "/v1/videos",
        "provider": None,
        "operation": None,
        "headers": {"Authorization": "Bearer ***", "User-Agent": "test"},
        "body": {"prompt": "horse"},
        "status": 200,
        "answer": {"id": 7},
        "task_id": None,
        "state": None,
        "fault": None,
    }


def test_what_is_read_cannot_be_changed(journal):
    noted(journal)
    with pytest.raises(AttributeError):
        next(iter(journal)).status = 500
    assert not hasattr(next(iter(journal)), "__dict__")


def test_keeps_so_many_exchanges(journal, monkeypatch):
    monkeypatch.setattr(limits, "MAX_EXCHANGES", 3)
    for _ in range(5):
        noted(journal)
    assert [exchange.number for exchange in journal] == [3, 4, 5]


def test_keeps_so_many_bytes(journal, monkeypatch, spent):
    monkeypatch.setattr(limits, "MAX_BYTES", 50_000)
    for _ in range(5):
        noted(journal, b"x" * 20_000)
    assert [exchange.number for exchange in journal] == [4, 5]
    assert journal.bytes == sum(spent) <= 50_000


def test_an_exchange_that_was_let_go_before_it_ended_costs_nothing(journal, monkeypatch, spent):
    monkeypatch.setattr(limits, "MAX_EXCHANGES", 1)
    waiting = journal.open("POST", "/a", (), 1.0)
    noted(journal)
    before = journal.bytes
    waiting.body = b"x" * 1000
    journal.close(waiting)
    assert journal.bytes == before == sum(spent)


def test_forgets_everything_but_the_count(journal, spent):
    noted(journal)
    journal.clear()
    noted(journal)
    assert [exchange.number for exchange in journal] == [2]
    assert sum(spent) == journal.bytes > 0


def test_tells_the_newest(journal):
    for _ in range(5):
        noted(journal)
    assert [exchange.number for exchange in journal.last(2)] == [4, 5]
    assert [exchange.number for exchange in journal.last(3, after=4)] == [5]


def test_keeps_a_part_of_a_large_body(journal):
    entry = noted(journal, b'"' + b"x" * 200_000 + b'"')
    assert len(entry.body) == MAX_BODY
    assert next(iter(journal)).body.endswith("…(cut, 200002 bytes)")


def test_names_the_length_of_a_file_and_keeps_the_rest(journal):
    body = {"image": "data:image/png;base64," + "iVBOR" * 50_000, "prompt": "horse", "last": 1}
    entry = noted(journal, json.dumps(body).encode())
    assert len(entry.body) < 200
    shown = next(iter(journal)).json
    assert shown == {**body, "image": "data:image/png;base64,iVBORiVBORiVBORi…(250000 characters)"}


def test_shortens_a_file_in_a_small_body_when_it_is_read(journal):
    noted(journal, b'{"image": "data:image/png;base64,' + b"A" * 400 + b'"}')
    assert next(iter(journal)).json == {"image": "data:image/png;base64,AAAAAAAAAAAAAAAA…(400 characters)"}


def test_all_journals_of_a_server_have_a_bound_together(monkeypatch):
    monkeypatch.setattr(sessions_of, "MAX_TOTAL", 80_000)
    sessions = Sessions(Settings())
    for name in "abc":
        for _ in range(4):
            noted(sessions.get(name).journal, b"x" * 6000)
    kept = {session.name: len(session.journal) for session in sessions}
    assert kept == {"a": 0, "b": 4, "c": 4}


def test_a_session_that_goes_gives_its_share_back(monkeypatch):
    monkeypatch.setattr(sessions_of, "MAX_TOTAL", 80_000)
    sessions = Sessions(Settings())
    for name in "abc":
        for _ in range(9):
            noted(sessions.get(name).journal, b"x" * 6000)
        if name == "a":
            waiting = sessions.get("a").journal
            entry = waiting.open("POST", "/a", (), 0.0)
            sessions.drop("a")
            waiting.close(entry)
    assert (len(sessions.get("b").journal), len(sessions.get("c").journal)) == (0, 9)
    sessions.drop("b")
    sessions.drop("c")
    noted(sessions.get("d").journal, b"x" * 60_000)
    assert len(sessions.get("d").journal) == 1


@pytest.mark.parametrize(
    "text",
    [
        '{"api_key": "topsecret"}',
        '{"Authorization" : "topsecret"}',
        '{"access_token":"top\\"secret"}',
        "https://host/a.mp4?Expires=1&Signature=topsecret&x=1",
        '"https://host/a.mp4?Signature=topsecret"',
        "/path?token=topsecret",
        "/path?a=1&api_key=topsecret#part",
        "OSSAccessKeyId=1&x?OSSAccessKeyId=topsecret",
        "Authorization: Bearer topsecret",
        "bearer topsecret",
        "key sk-topsecret-0123456789",
    ],
)
def test_shows_no_secret(text):
    shown = redacted(text)
    assert "secret" not in shown.replace("***", "")
    assert redacted(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        '{"prompt": "a token of love, no secret"}',
        '{"max_tokens": 5, "token": null}',
        "/path?model=st-louis&q=tokens",
        "sk-mock",
        "data:text/plain;base64,short",
        "task-is-no-sk-key",
    ],
)
def test_leaves_other_text_alone(text):
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Bearer abc", "Bearer ***"),
        ("authorization", "abc", "***"),
        ("X-Api-Key", "abc", "***"),
        ("Cookie", "a=b", "***"),
        ("X-DashScope-Async", "enable", "enable"),
        ("Referer", "https://host/?token=abc", "https://host/?token=***"),
    ],
)
def test_hides_the_values_of_headers_that_are_secret(name, value, shown):
    assert redacted_header(name, value) == shown


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"plain", b"plain"),
        (b'{"a":"data:;base64,AAAA"}', b'{"a":"data:;base64,AAAA"}'),
        (b'["x;base64,' + b"A" * 20 + b'","y"]', '["x;base64,AAAAAAAAAAAAAAAA…(20 characters)","y"]'.encode()),
        (b"x;base64," + b"A" * 20, "x;base64,AAAAAAAAAAAAAAAA…(20 characters)".encode()),
        (b"x;base64,\xff\xfe" + b"A" * 20, "x;base64,\ufffd\ufffdAAAAAAAAAAAAAA…(22 characters)".encode()),
    ],
    ids=["plain", "short", "long", "unclosed", "binary"],
)
def test_shortens_files(body, kept):
    assert without_files(body) == kept


@pytest.mark.parametrize("text", ['"' * 60_000, "sk-" * 20_000, "?" * 60_000, "token" * 12_000, '"token":"' * 7_000])
def test_reads_hostile_text_in_no_time(text):
    began = time.perf_counter()
    redacted(text)
    assert time.perf_counter() - began < 10


def test_an_entry_does_not_print_what_it_holds():
    session = Session("a", Settings())
    assert "sk-live" not in repr(noted(session.journal))


def test_an_exchange_has_no_json_where_there_is_none():
    assert Exchange(1, 0, 0, "GET", "/", None, None, {}, "no json", 200, "").json is None
