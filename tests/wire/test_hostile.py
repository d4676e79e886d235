"""Clients that mean harm or are broken: each gets its answer or its end, and the others notice nothing."""

import asyncio
import json
import resource
import socket
import struct
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from byhand import Line, at_work, chunked, eventually, head, submitting
from desk import ONE, Desk, example

from happyhorse_spec.contract import load_provider, provider_names
from mockserver import connection, delivery, downloads, intake
from mockserver import server as server_module
from mockserver.clock import ClockMode
from mockserver.settings import Settings

PROVIDERS = [load_provider(name) for name in provider_names()]
pytestmark = pytest.mark.usefixtures("quiet")
each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=[provider.name for provider in PROVIDERS])
ACE = load_provider("acedata")
POLL = ONE.endpoints["poll"].path
LIST = ONE.endpoints["list"].path
MEGABYTE = 1024 * 1024
#: A submit that waits for its end.
WAITING = json.dumps({"action": "generate", "prompt": "a horse"}).encode()


def refused(provider, noticed):
    """Status and message of the provider's refusal."""
    error = provider.errors[provider.data["refusals"][noticed]]
    return error.status, error.message.encode()


def says(answer, provider, noticed):
    status, message = refused(provider, noticed)
    return answer.status == status and message in answer.raw


def submit(url, provider=ONE, *lines, body):
    with Line(url, 30) as line:
        return line.send(*submitting(provider, *lines, body=body)).hear()


def with_member(provider, name, value):
    """The bytes of a submit with a member that no provider knows."""
    return json.dumps(example(provider))[:-1].encode() + b', "%s": %s}' % (name, value)


@contextmanager
def watching(wire, patience=5.0):
    """Somebody else polls all the while, and waits for no answer longer than that."""
    waits, over = [], threading.Event()

    def poll():
        while not over.is_set():
            start = time.perf_counter()
            assert wire.call(ONE, "poll", task_id="0").status == 200
            waits.append(time.perf_counter() - start)

    other = threading.Thread(target=poll)
    other.start()
    try:
        yield
    finally:
        over.set()
        other.join(30)
    assert waits
    assert max(waits) < patience


@contextmanager
def level(server):
    """No more is open and at work afterwards than was before."""

    def measure():
        return len(list(Path("/dev/fd").iterdir())), len(at_work(server))

    before = measure()
    yield
    assert eventually(lambda: all(now <= then for now, then in zip(measure(), before, strict=True)))


@contextmanager
def many(url, count, data):
    """So many connections over which the same has been sent."""
    with ExitStack() as stack:
        yield [stack.enter_context(Line(url)).send(data) for _ in range(count)]


class TestLargeBody:
    @each_provider
    def test_over_the_limit_is_refused_by_its_length(self, monkeypatch, server, provider):
        monkeypatch.setattr(intake, "MAX_BODY", 1000)
        with Line(server.url) as line:
            top, _ = submitting(provider, body=b" " * 1001)
            assert says(line.send(top).hear(), provider, "too_large")

    @each_provider
    def test_over_the_limit_is_refused_while_it_comes(self, monkeypatch, server, wire, provider):
        monkeypatch.setattr(intake, "MAX_BODY", MEGABYTE)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        part = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        with Line(server.url) as line, watching(wire):
            top, _ = submitting(provider, "Transfer-Encoding: chunked")
            line.send(top, *[part] * 20)
            for _ in range(800):
                line.send(part)
            assert says(line.send(b"0\r\n\r\n").hear(), provider, "too_large")
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024

    def test_takes_no_more_memory_than_all_bodies_may(self, monkeypatch, server):
        monkeypatch.setattr(intake, "MAX_TOTAL", 3 * MEGABYTE)
        top, _ = submitting(ONE, body=b" " * 2 * MEGABYTE)
        with many(server.url, 4, top + b" " * MEGABYTE) as lines:
            heard = [line for line in lines if eventually(line.pending, 0.2)]
            assert [says(line.hear(), ONE, "too_large") for line in heard] == [True]
        body = json.dumps(example(ONE)).encode() + b" " * 2 * MEGABYTE
        assert eventually(lambda: submit(server.url, body=body).status == 200)

    @each_provider
    def test_of_many_values_is_refused_before_they_are_judged(self, server, wire, provider):
        body = with_member(provider, b"x", b"[%s0]" % (b"[]," * 5 * MEGABYTE))
        with watching(wire):
            assert says(submit(server.url, provider, body=body), provider, "too_large")

    def test_of_one_long_text_stalls_nobody(self, server, wire):
        body = json.dumps(example(ONE, "PROMPT")).encode().replace(b"PROMPT", b"[[" * 5 * MEGABYTE)
        with watching(wire):
            assert submit(server.url, body=body).status == 200

    def test_of_which_too_much_would_be_kept_is_refused(self, server):
        body = with_member(ONE, b"x", b"[%s0]" % (b'"%s",' % (b"a" * 1000) * 1000))
        assert says(submit(server.url, body=body), ONE, "too_large")

    @pytest.mark.parametrize("text", [r"\"", r"\u00e9", "é", r"\\"], ids=str)
    def test_is_kept_so_that_it_can_be_read_again(self, wire, text):
        prompt = ";base64," + text * 40_000
        body = json.dumps(example(ONE, "PROMPT")).replace("PROMPT", prompt).encode()
        task_id = wire.call(ONE, "submit", body).body["output"]["task_id"]
        told = Desk(wire).until_done(task_id).body["output"]["orig_prompt"]
        assert len(told) < 100
        assert wire.send("GET", LIST, headers={"Authorization": "Bearer sk-mock"}).body["total"] == 1

    def test_makes_no_large_message(self, server):
        body = json.dumps({**example(ACE), "model": "a" * 5 * MEGABYTE}).encode()
        answer = submit(server.url, ACE, body=body)
        assert (answer.status, len(answer.raw) < 5_000) == (400, True)

    def test_that_asks_for_one_task_many_times_gets_it_once(self, wire):
        task_id = wire.call(ACE, "submit", {**example(ACE), "x": "a" * 60_000}).body["task_id"]
        answer = wire.call(ACE, "batch", {"ids": [task_id] * 4_000, "action": "retrieve_batch"})
        assert ([item["id"] for item in answer.body["items"]], answer.body["count"]) == ([task_id], 1)


class TestStrangeBody:
    @each_provider
    @pytest.mark.parametrize("depth", [1_000, 100_000])
    @pytest.mark.parametrize("opening", [b"[", b'{"a":'], ids=["lists", "objects"])
    def test_that_nests_too_deep_is_unreadable(self, server, provider, depth, opening):
        closing = {b"[": b"]"}.get(opening, b"1}")
        for body in (opening * depth, opening * depth + closing[:1] + closing[-1:] * depth):
            assert says(submit(server.url, provider, body=body), provider, "unreadable_body")

    @each_provider
    def test_that_nests_deep_comes_back_whole(self, server, provider):
        for depth in (200, 240, 254, 300, 1000):
            nested = b"[" * depth + b"]" * depth
            answer = submit(server.url, provider, body=with_member(provider, b"x", nested))
            assert answer.status == 200 or says(answer, provider, "unreadable_body")

    def test_that_is_echoed_nests_as_deep_as_an_answer_can(self, wire):
        nested = json.loads("[" * 240 + "]" * 240)
        task_id = wire.call(ACE, "submit", {**example(ACE), "async": True, "x": nested}).body["task_id"]
        echo = wire.call(ACE, "batch", {"ids": [task_id], "action": "retrieve_batch"}).body["items"][0]["request"]["x"]
        assert echo == nested

    @each_provider
    @pytest.mark.parametrize("number", [b"9" * 100_000, b"-" + b"9" * 100_000, b"1e999", b"1" + b"0" * 400, b"NaN"])
    def test_number_that_is_none_is_unreadable(self, server, provider, number):
        answer = submit(server.url, provider, body=with_member(provider, b"duration", number))
        assert says(answer, provider, "unreadable_body")

    @each_provider
    @pytest.mark.parametrize("number", [2**63, 2**64, -(2**64), 10**300, 1e300, 1e-300])
    def test_huge_number_is_out_of_range(self, wire, provider, number):
        body = example(provider)
        place = provider.data["request"]["duration"].split("/")[1:]
        (body if len(place) == 1 else body.setdefault(place[0], {}))[place[-1]] = number
        answer = wire.call(provider, "submit", body)
        assert answer.status == 400
        assert b"uration" in answer.raw or b"unmarshal" in answer.raw

    @each_provider
    @pytest.mark.parametrize(
        "data", [b"\xff\xfe", b'{"a": "\xff"}', b'"\xed\xa0\x80"', b'{"a": "\\ud800"}', b"\x00", b"{}\x00"]
    )
    def test_that_is_no_text_is_unreadable(self, server, provider, data):
        assert says(submit(server.url, provider, body=data), provider, "unreadable_body")

    @each_provider
    def test_nul_in_a_text_is_a_character(self, wire, provider):
        assert wire.call(provider, "submit", example(provider, "a\x00b\u2028\ufeff\U0001f40e")).status == 200

    @each_provider
    @pytest.mark.parametrize(
        "body", [b"[]", b'"a"', b"1", b"true", b"null", b"{}", b'{"input": [[]]}', b'{"model": {}}']
    )
    def test_of_another_kind_is_refused(self, server, provider, body):
        assert 400 <= submit(server.url, provider, body=body).status < 500


class TestSlowClient:
    def test_that_drips_its_headers_is_let_go(self, monkeypatch, play):
        monkeypatch.setattr(connection, "IDLE_SECONDS", 0.4)
        server = play().server
        with level(server), Line(server.url) as line:
            start = time.monotonic()
            drops = iter(head("GET", LIST, "X: " + "a" * 500))
            while not line.pending():
                line.send(bytes([next(drops)]))
                time.sleep(0.02)
            assert line.rest() == b""
            assert time.monotonic() - start < 8

    @pytest.mark.parametrize("before", [0, 1], ids=["first-request", "second-request"])
    def test_that_sends_nothing_more_is_let_go(self, monkeypatch, play, before):
        monkeypatch.setattr(connection, "IDLE_SECONDS", 0.3)
        server = play().server
        with level(server), Line(server.url) as line:
            for _ in range(before):
                assert line.send(head("GET", LIST)).hear("GET").status == 200
            assert line.send(b"GET ").rest() == b""

    @each_provider
    def test_that_drips_its_body_is_refused_and_let_go(self, monkeypatch, play, provider):
        monkeypatch.setattr(intake, "BODY_SECONDS", 0.2)
        monkeypatch.setattr(connection, "LINGER_SECONDS", 0.1)
        server = play().server
        with level(server), Line(server.url) as line:
            top, data = submitting(provider)
            assert says(line.send(top, data[:9]).hear(), provider, "unreadable_body")
            assert line.rest() == b""

    def test_that_does_not_read_its_answers_is_let_go(self, monkeypatch, play):
        monkeypatch.setattr(connection, "SEND_SECONDS", 0.3)
        wire = play()
        desk = Desk(wire)
        for _ in range(300):
            desk.task()
        asked = head("GET", f"{LIST}?page_size=300")
        with level(wire.server), watching(wire), Line(wire.url) as line:
            line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.send(asked * 200)
            assert eventually(lambda: not at_work(wire.server))


class TestManyConnections:
    def test_two_thousand_idle_ones_keep_nobody_waiting(self, play):
        wire = play()
        with level(wire.server), many(wire.url, 2000, b"GET /api"):
            assert eventually(lambda: len(at_work(wire.server)) >= 2000)
            with watching(wire, 1.0):
                time.sleep(0.2)

    def test_two_thousand_waiting_ones_keep_nobody_waiting(self, play):
        wire = play(Settings(clock=ClockMode.MANUAL))
        tasks = wire.server.sessions.get().table.tasks
        with level(wire.server), many(wire.url, 2000, b"".join(submitting(ACE, body=WAITING))):
            assert eventually(lambda: len(tasks) == 2000, 20)
            assert wire.call(ONE, "poll", task_id="0").status == 200
            with watching(wire, 1.0):
                for task_id in list(tasks)[:20]:
                    assert wire.call(ACE, "poll", {"id": task_id, "action": "retrieve"}).body["id"] == task_id


class TestGone:
    def test_clients_that_go_leave_nothing_behind(self, play):
        wire = play(Settings(clock=ClockMode.MANUAL))
        top, data = submitting(ACE, body=WAITING)
        begun = [
            *(b"", b"POST ", top[:40], top, top + data[:9], top + data),
            b"".join(submitting(ACE, "Accept: application/x-ndjson", body=WAITING)),
            head("POST", "/upload", "Content-Type: multipart/form-data; boundary=a", "Content-Length: 9") + b"--a\r\n",
            *(head("GET", LIST), chunked(b"a") + top),
        ]
        wire.send("GET", LIST)
        with level(wire.server), watching(wire):
            for way in ("close", "reset", "half"):
                lines = [Line(wire.url).send(*([data] if data else [])) for data in begun * 5]
                time.sleep(0.05)
                for line in lines:
                    if way == "reset":
                        line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    if way == "half":
                        line.socket.shutdown(socket.SHUT_WR)
                        line.rest()
                    line.socket.close()

    def test_server_stops_while_clients_wait(self, play):
        wire = play(Settings(clock=ClockMode.MANUAL))
        with many(wire.url, 20, b"".join(submitting(ACE, body=WAITING))) as lines:
            assert eventually(lambda: len(wire.server.sessions.get().table.tasks) == 20)
            asyncio.run_coroutine_threadsafe(wire.server.stop(), wire.server.loop).result(20)
            assert [line.rest() for line in lines] == [b""] * 20


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [("poll", {"action": "retrieve"}), ("batch", {"action": "retrieve_batch", "ids": "x"})],
    ids=["no id", "no list"],
)
def test_question_without_what_it_asks_for_is_refused(wire, endpoint, body):
    assert says(wire.call(ACE, endpoint, body), ACE, "query")


class TestLastResort:
    """What nobody foresaw, which is an error of ours: the provider's internal error outside, a traceback inside."""

    @pytest.fixture
    def quiet(self):
        """These tests read the log themselves."""

    @each_provider
    def test_is_the_providers_internal_error_and_one_entry_in_the_log(self, monkeypatch, caplog, wire, provider):
        monkeypatch.setattr(server_module, "admit", lambda _: 1 / 0)
        answer = wire.call(provider, "submit", example(provider))
        assert says(answer, provider, "internal")
        assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]
        monkeypatch.undo()
        assert wire.call(provider, "submit", example(provider)).status == 200

    def test_is_one_sentence_where_the_path_is_nobodys(self, monkeypatch, caplog, wire):
        monkeypatch.setattr(server_module.MockServer, "_operate", lambda *_: 1 / 0)
        answer = wire.send("GET", "/nobody")
        assert (answer.status, answer.body) == (500, {"error": "internal error; the log has the reason"})
        assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]

    def test_is_the_storages_internal_error_for_a_file(self, monkeypatch, caplog, wire):
        clip = Desk(wire).until_done(Desk(wire).task()).body["output"]["video_url"]
        monkeypatch.setattr(downloads, "serve", lambda *_: 1 / 0)
        answer = wire.send("GET", clip)
        assert (answer.status, b"<Code>InternalError</Code>" in answer.raw) == (500, True)
        assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]

    def test_breaks_off_an_answer_that_has_begun(self, monkeypatch, caplog, server):
        monkeypatch.setattr(delivery, "_result", lambda *_: 1 / 0)
        with Line(server.url) as line:
            line.send(*submitting(ACE, "Accept: application/x-ndjson", body=WAITING))
            heard = line.rest()
        assert (heard[:15], heard[-5:] == b"0\r\n\r\n") == (b"HTTP/1.1 200 OK", False)
        assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]
