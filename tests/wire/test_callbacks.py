"""What the provider sends by itself: callbacks on the session's clock and streams line by line; and who hinders it."""

import http.client
import json
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
from byhand import Line, advance, at_work, eventually, submitting
from desk import example
from receivers import receiving, talking

from happyhorse_spec.contract import load_provider
from mockserver import webhook
from mockserver.clock import ClockMode
from mockserver.settings import Settings

pytestmark = pytest.mark.usefixtures("quiet")
ACE = load_provider("acedata")
START = 1_790_000_000.0
#: How long a task takes at the desk: queued, and rendering.
QUEUED, RENDERING = 1.0, 3.0
WHOLE = QUEUED + RENDERING
#: What is noted of nonsense: it depends on whether the callback was out before it came.
BROKEN = ("ClientResponseError", "ClientOSError")
FAR = "not sent: the host is neither this machine nor on a private network"


@pytest.fixture
def wire(play):
    """A mock whose clock stands still."""
    return play(Settings(clock=ClockMode.MANUAL, start=START))


def submit(wire, url, prompt=None):
    """The id of a task that calls back."""
    body = {name: value for name, value in example(ACE, prompt).items() if name != "async"}
    answer = wire.call(ACE, "submit", {**body, "callback_url": url})
    assert (answer.status, answer.body.keys()) == (200, {"task_id"})
    return answer.body["task_id"]


def record(wire, task_id):
    return wire.call(ACE, "poll", {"id": task_id, "action": "retrieve"}).body


def delivered(wire, count=1):
    """The log of deliveries, once it has so many lines."""
    log = wire.server.sessions.get().deliveries
    assert eventually(lambda: len(log) >= count)
    return list(log)


def done(wire, url, prompt=None):
    """The one line of the log about a task that has ended."""
    submit(wire, url, prompt)
    advance(wire.server, WHOLE)
    (line,) = delivered(wire)
    return line


class TestCallback:
    def test_success_is_what_a_waiting_submit_would_have_got(self, wire):
        with receiving() as receiver:
            task_id = submit(wire, receiver.url)
            advance(wire.server, WHOLE)
            delivered(wire)
        (body,) = receiver.bodies
        assert body.keys() == {"success", "task_id", "trace_id", "data"}
        assert (body["success"], body["task_id"], body["data"][0]["state"]) == (True, task_id, "succeeded")
        assert body == record(wire, task_id)["response"]
        assert wire.send("GET", body["data"][0]["video_url"]).raw[4:8] == b"ftyp"

    def test_failure_has_its_code_and_message(self, wire):
        with receiving() as receiver:
            task_id = submit(wire, receiver.url, "a horse [[fail:used_up]]")
            advance(wire.server, WHOLE)
            delivered(wire)
        (body,) = receiver.bodies
        error = {"code": "used_up", "message": ACE.errors["used_up"].message}
        assert body == {"success": False, "task_id": task_id, "trace_id": body["trace_id"], "error": error}
        assert body["trace_id"] == record(wire, task_id)["trace_id"]

    def test_is_a_post_of_json_without_a_key(self, wire):
        with receiving() as receiver:
            done(wire, f"{receiver.url}?order=7&n=%2F")
        path, headers, _ = receiver.got[0]
        assert (path, headers["Content-Type"]) == ("/done?order=7&n=%2F", "application/json")
        assert "Authorization" not in headers

    def test_comes_when_the_task_has_ended_on_the_clock(self, wire):
        with receiving() as receiver:
            task_id = submit(wire, receiver.url)
            advance(wire.server, WHOLE - 0.001)
            record(wire, task_id)
            time.sleep(0.05)
            assert receiver.got == []
            advance(wire.server, 0.001)
            (line,) = delivered(wire)
        assert (line.task_id, line.url, line.attempt, line.outcome) == (task_id, receiver.url, 1, "200")
        assert (line.at, line.body) == (START + WHOLE, receiver.bodies[0])

    def test_comes_by_itself_on_a_jumping_clock(self, play):
        wire = play(Settings(clock=ClockMode.JUMP, start=START))
        with receiving() as receiver:
            submit(wire, receiver.url)
            assert delivered(wire)[0].at == START + WHOLE
            assert len(receiver.got) == 1

    def test_leaves_nothing_at_work(self, wire):
        with receiving() as receiver:
            submit(wire, receiver.url)
            assert eventually(lambda: len(at_work(wire.server)) == 1)
            advance(wire.server, WHOLE)
            delivered(wire)
            assert eventually(lambda: not at_work(wire.server))

    def test_that_is_outstanding_does_not_keep_the_server(self, play):
        wire = play(Settings(clock=ClockMode.MANUAL))
        for _ in range(50):
            submit(wire, "http://127.0.0.1:1/")
        assert len(at_work(wire.server)) >= 50


class TestReceiver:
    def test_that_refuses_is_asked_once_and_noted(self, wire):
        with receiving(500) as receiver:
            line = done(wire, receiver.url)
            time.sleep(0.05)
        assert (line.outcome, len(receiver.got)) == ("500", 1)
        assert record(wire, line.task_id)["state"] == "succeeded"

    def test_that_is_down_is_noted(self, wire):
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            port = nobody.getsockname()[1]
        line = done(wire, f"http://127.0.0.1:{port}/")
        assert line.outcome.startswith("ClientConnectorError")
        assert record(wire, line.task_id)["state"] == "succeeded"

    def test_that_is_slow_keeps_nobody_waiting(self, wire):
        with receiving() as slow, receiving() as quick:
            slow.patience.clear()
            for _ in range(120):
                submit(wire, slow.url)
            swift = submit(wire, quick.url)
            advance(wire.server, WHOLE)
            assert delivered(wire)[0].task_id == swift
            assert record(wire, swift)["state"] == "succeeded"
            slow.patience.set()
            assert {line.outcome for line in delivered(wire, 121)} == {"200"}

    def test_that_is_slow_is_given_up(self, monkeypatch, wire):
        monkeypatch.setattr(webhook.Errand, "patience", 0.2)
        with receiving() as slow:
            slow.patience.clear()
            assert done(wire, slow.url).outcome == "no answer within 0.2 s"

    @pytest.mark.parametrize(
        ("data", "outcome"),
        [
            (b"", "no answer"),
            (b"HTTP/1.1 200 OK\r\n", "no answer"),
            (b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 300_000, "200"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", "200"),
            (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 5000 + b"\r\n", BROKEN),
            (b"HTTP/1.1 100 Continue\r\n\r\n" * 5000, "no answer"),
            (b"SSH-2.0-OpenSSH_9.6\r\n", BROKEN),
            (b"\x00\xff" * 5000, BROKEN),
        ],
        ids=["silence", "cut", "endless", "long", "headers", "continue", "ssh", "noise"],
    )
    def test_that_is_broken_is_noted(self, monkeypatch, wire, data, outcome):
        monkeypatch.setattr(webhook.Errand, "patience", 0.3)
        with talking(data) as url:
            assert done(wire, url).outcome.startswith(outcome)
            assert eventually(lambda: not at_work(wire.server))

    def test_that_sends_elsewhere_is_not_followed(self, wire):
        with receiving() as elsewhere, receiving(302, Location=elsewhere.url) as receiver:
            assert done(wire, receiver.url).outcome == "302"
            assert elsewhere.got == []

    def test_of_a_name_of_this_machine_is_reached(self, wire):
        with receiving() as receiver:
            assert done(wire, receiver.url.replace("127.0.0.1", "localhost")).outcome == "200"

    @pytest.mark.parametrize(
        "url",
        ["http://8.8.8.8/", "https://1.1.1.1:8443/hook", "http://[2001:4860:4860::8888]/", "http://[::ffff:8.8.8.8]/",
         "https://api.public.test/health", "http://both.test/", "http://user:word@8.8.8.8:80/", "http://134744072/"],
    )  # fmt: skip
    def test_on_a_public_host_is_never_contacted(self, monkeypatch, wire, url):
        known = {"api.public.test": ["93.184.216.34"], "both.test": ["127.0.0.1", "93.184.216.34"]}
        look_up = socket.getaddrinfo

        def resolve(host, *args, **options):
            if host in known:
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in known[host]]
            return look_up(host, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        assert done(wire, url).outcome == FAR
        assert wire.server.courier._client is None

    @pytest.mark.parametrize(
        "url", ["http://nowhere.invalid/", "http://127.0.0.1:99999/", "http://[::1", "http://\x00/", "http://a b/"]
    )
    def test_whose_url_leads_nowhere_is_noted(self, monkeypatch, wire, url):
        look_up = socket.getaddrinfo

        def resolve(host, *args, **options):
            if host != "127.0.0.1":
                raise socket.gaierror("Name or service not known")
            return look_up(host, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        line = done(wire, url)
        assert not line.outcome.startswith("2")
        assert record(wire, line.task_id)["state"] == "succeeded"

    def test_name_that_takes_long_to_look_up_keeps_nobody_waiting(self, monkeypatch, wire):
        monkeypatch.setattr(webhook.Errand, "patience", 0.3)
        found, look_up = threading.Event(), socket.getaddrinfo

        def resolve(host, *args, **options):
            if host == "slow.test":
                found.wait(20)
            return look_up("127.0.0.1" if host == "slow.test" else host, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        for _ in range(40):
            submit(wire, "http://slow.test:1/")
        advance(wire.server, WHOLE)
        task_id = wire.call(ACE, "submit", {**example(ACE), "async": True}).body["task_id"]
        advance(wire.server, WHOLE)
        clip = record(wire, task_id)["response"]["data"][0]["video_url"]
        start = time.monotonic()
        assert wire.send("GET", clip).raw[4:8] == b"ftyp"
        assert time.monotonic() - start < 10
        assert {line.outcome for line in delivered(wire, 40)} == {"no answer within 0.3 s"}
        found.set()


class Stream:
    """A submit whose answer comes line by line."""

    def __init__(self, wire, prompt="a horse", version="1.1"):
        self.line = Line(wire.url)
        body = json.dumps({"action": "generate", "prompt": prompt}).encode()
        asked = ("Accept: Application/X-NDJSON, application/json;q=0.5", "Accept-Encoding: gzip")
        top, data = submitting(ACE, *asked, body=body, version=version)
        self.line.send(top.replace(b"mock", urlsplit(wire.url).netloc.encode(), 1), data)
        self.answer = http.client.HTTPResponse(self.line.stream, method="POST")
        self.answer.begin()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.line.socket.close()

    def next(self):
        return json.loads(self.answer.readline())

    def rests(self):
        """Whether nothing comes for a moment."""
        time.sleep(0.03)
        return not self.line.pending()


class TestStream:
    def test_has_a_line_whenever_there_is_something_to_tell(self, wire):
        with Stream(wire) as stream:
            first = stream.next()
            assert stream.answer.headers["Content-Type"] == "application/x-ndjson"
            assert stream.answer.headers["Content-Encoding"] is None
            assert stream.answer.headers["x-trace-id"] == first["trace_id"]
            assert (first["success"], first["progress"], first["data"][0]["state"]) == (True, 0, "pending")
            for seconds, progress in ((QUEUED + 0.35 * RENDERING, 35), (0.4 * RENDERING, 75)):
                advance(wire.server, seconds - 0.01)
                assert stream.rests()
                advance(wire.server, 0.01)
                assert stream.next()["progress"] == progress
            advance(wire.server, 0.25 * RENDERING)
            last = stream.next()
            assert last == record(wire, first["task_id"])["response"]
            assert stream.answer.readline() == b""

    def test_comes_at_once_on_a_jumping_clock(self, play):
        wire = play(Settings(clock=ClockMode.JUMP, start=START))
        with Stream(wire) as stream:
            lines = [json.loads(line) for line in stream.answer.read().splitlines()]
            assert [line.get("progress") for line in lines] == [0, 35, 75, None]
            assert lines[-1]["data"][0]["state"] == "succeeded"
            assert wire.server.sessions.get().clock.now() == START + WHOLE

    def test_ends_with_the_error_of_a_task_that_fails(self, play):
        with Stream(play(Settings(clock=ClockMode.JUMP)), "a horse [[fail:used_up]]") as stream:
            lines = [json.loads(line) for line in stream.answer.read().splitlines()]
            assert lines[-1]["error"] == {"code": "used_up", "message": ACE.errors["used_up"].message}
            assert (stream.answer.status, lines[0]["progress"]) == (200, 0)
            assert {line["trace_id"] for line in lines} == {stream.answer.headers["x-trace-id"]}

    def test_serves_http_1_0_without_chunks(self, play):
        with Stream(play(Settings(clock=ClockMode.JUMP)), version="1.0") as stream:
            assert stream.answer.headers["Transfer-Encoding"] is None
            assert len(stream.answer.read().splitlines()) == 4

    def test_leaves_the_connection_open_for_the_next_request(self, play):
        wire = play(Settings(clock=ClockMode.JUMP))
        with Stream(wire) as stream:
            stream.answer.read()
            assert stream.line.send(*submitting(ACE)).hear().status == 200


class TestGone:
    @pytest.mark.parametrize("accept", ["application/x-ndjson", "application/json"], ids=["stream", "wait"])
    @pytest.mark.parametrize("after", [0, 1.5, 3.5])
    def test_client_that_goes_leaves_its_task_to_live_and_nothing_at_work(self, wire, accept, after):
        tasks = wire.server.sessions.get().table.tasks
        with Line(wire.url) as line:
            line.send(*submitting(ACE, f"Accept: {accept}", body=b'{"prompt": "a horse"}'))
            assert eventually(lambda: tasks)
            advance(wire.server, after)
            assert at_work(wire.server)
        assert eventually(lambda: not at_work(wire.server))
        advance(wire.server, WHOLE)
        assert record(wire, next(iter(tasks)))["state"] == "succeeded"

    def test_wait_ends_in_the_providers_timeout(self, wire):
        with Line(wire.url) as line:
            line.send(*submitting(ACE, body=b'{"prompt": "[[PENDING 1s, RUNNING 9999s, SUCCEEDED]]"}'))
            assert eventually(lambda: wire.server.sessions.get().table.tasks)
            advance(wire.server, 1799)
            time.sleep(0.03)
            assert not line.pending()
            advance(wire.server, 1)
            answer = line.hear()
        assert (answer.status, answer.body["error"]["code"]) == (504, "timeout")
