"""Time as a client meets it: a day in milliseconds, two hundred dates at once, waits that end when they should."""

import asyncio
import http.server
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree

import aiohttp
import pytest
from desk import ONE, Desk, example

from happyhorse_spec.contract import SCHEMAS, load_provider
from mockserver.clock import ClockMode
from mockserver.server import MockServer
from mockserver.settings import Settings

MANUAL = Settings(clock=ClockMode.MANUAL, start=1_800_000_000.0)
FIVE_MINUTES = "PENDING 2s, RUNNING 300s, SUCCEEDED"


class Receiver:
    """Somebody who gets callbacks; `answers` are the statuses that it gives, then 200."""

    def __init__(self, *answers):
        self.got, self.answers = [], list(answers)
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                receiver.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/done"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receive():
    """`receive(503, 503)` starts a receiver that refuses twice."""
    started = []

    def start(*answers):
        started.append(Receiver(*answers))
        return started[-1]

    yield start
    for receiver in started:
        receiver.stop()


@pytest.fixture(scope="session")
def persistent(tmp_path_factory):
    """A provider that tries a callback four times, a minute apart."""
    folder = Path(copytree(SCHEMAS / "acedata", tmp_path_factory.mktemp("providers") / "persistent"))
    text = (folder / "provider.yaml").read_text("utf-8")
    once, again = "  attempts: {value: 1,", "  attempts: {value: 4,"
    why = "why: The longest that a test wants to see."
    assert once in text
    text = text.replace(once, f"  retry_seconds: {{value: 60, source: chosen, {why}}}\n{again}")
    (folder / "provider.yaml").write_text(text, "utf-8")
    return folder


def state(answer):
    return answer.body["output"]["task_status"]


def called_back(provider, url):
    return {**example(provider), "async": True, "callback_url": url}


@pytest.fixture
def back(play, persistent):
    """A session with a provider that calls back, on a clock that stands still."""
    wire = play(MANUAL, providers=[str(persistent), ONE.name])
    return Desk(wire), load_provider(str(persistent))


def test_a_render_its_retries_and_a_day_pass_in_a_tenth_of_a_second(back, receive):
    """The quickest of ten lives counts: what more the others take is somebody else's."""
    assert min(seconds_of_a_life(*back, receive(503, 503, 503)) for _ in range(10)) < 0.1


def seconds_of_a_life(desk, provider, receiver):
    """How long the client of a task waits from its submit until its clip has expired."""
    desk.control("POST", "/session/reset")
    desk.control("PUT", "/plans", {"plans": {"*": FIVE_MINUTES}})
    desk.wire.call(provider, "submit", called_back(provider, receiver.url))
    began = time.perf_counter()
    task_id = desk.task()
    states = [state(desk.poll(task_id))]
    desk.control("POST", "/clock/advance", {"seconds": 302})
    done = desk.poll(task_id)
    states.append(state(done))
    desk.control("POST", "/clock/advance", {"seconds": 86401})
    states.append(state(desk.poll(task_id)))
    expired = desk.wire.send("GET", done.body["output"]["video_url"])
    took = time.perf_counter() - began
    assert states == ["PENDING", "SUCCEEDED", "UNKNOWN"]
    assert (expired.status, b"Request has expired." in expired.raw) == (403, True)
    deliveries = desk.control("GET", "/deliveries")
    assert [delivery["outcome"] for delivery in deliveries] == ["503", "503", "503", "200"]
    assert [delivery["at"] - 1_800_000_000 for delivery in deliveries] == [302, 362, 422, 482]
    assert len(receiver.got) == 4
    return took


def test_a_signed_url_expires(play):
    desk = Desk(play(MANUAL))
    desk.control("PUT", "/plans", {"plans": {"*": FIVE_MINUTES}})
    task_id = desk.task()
    desk.control("POST", "/clock/advance", {"seconds": 302})
    url = desk.poll(task_id).body["output"]["video_url"]
    told = []
    for seconds in (0, 86399, 2):
        desk.control("POST", "/clock/advance", {"seconds": seconds})
        told.append(desk.wire.send("GET", url).status)
    assert told == [200, 200, 403]


@pytest.mark.parametrize(
    ("words", "outcomes", "received"),
    [
        (["ok"], ["200"], 1),
        (["lost"], ["lost on the way"], 0),
        (["duplicate"], ["200", "200"], 2),
        (["slow-ack", "slow-ack"], ["the receiver's answer came too late"] * 2 + ["200"], 3),
        (["late-5s"], ["200"], 1),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_callback_meets_its_faults(back, receive, words, outcomes, received):
    desk, provider = back
    receiver = receive()
    desk.order(callback=words)
    desk.control("PUT", "/plans", {"plans": {"*": FIVE_MINUTES}})
    desk.wire.call(provider, "submit", called_back(provider, receiver.url))
    desk.control("POST", "/clock/advance", {"seconds": 1000})
    deliveries = desk.control("GET", "/deliveries")
    assert [delivery["outcome"] for delivery in deliveries] == outcomes
    assert len(receiver.got) == received
    assert all(line["met"] for line in desk.control("GET", "/faults")["planned"])


def test_a_late_callback_comes_on_the_sessions_clock(back, receive):
    desk, provider = back
    desk.order(callback=["late-5s"])
    desk.control("PUT", "/plans", {"plans": {"*": FIVE_MINUTES}})
    desk.wire.call(provider, "submit", called_back(provider, receive().url))
    desk.control("POST", "/clock/advance", {"seconds": 306})
    assert desk.control("GET", "/deliveries") == []
    desk.control("POST", "/clock/advance", {"seconds": 1})
    [delivery] = desk.control("GET", "/deliveries")
    assert (delivery["at"] - 1_800_000_000, delivery["fault"]) == (307, "late-5s")


def test_a_reordered_callback_comes_after_the_next_one(back, receive):
    desk, provider = back
    receiver = receive()
    desk.order(callback=["reordered"])
    ids = [desk.wire.call(provider, "submit", called_back(provider, receiver.url)).body["task_id"] for _ in range(2)]
    for _ in range(2):
        desk.control("POST", "/clock/advance", {"seconds": 10})
    assert [delivery["task_id"] for delivery in desk.control("GET", "/deliveries")] == ids[::-1]


def test_a_task_that_ends_by_polls_calls_back(back, receive):
    desk, provider = back
    receiver = receive()
    desk.control("PUT", "/plans", {"tasks": ["RUNNING 1 polls, SUCCEEDED"]})
    task_id = desk.wire.call(provider, "submit", called_back(provider, receiver.url)).body["task_id"]
    for _ in range(2):
        desk.wire.call(provider, "poll", {"id": task_id, "action": "retrieve"})
    assert any(desk.control("GET", "/deliveries") for _ in range(200))
    assert [body["task_id"] for body in receiver.got] == [task_id]


def test_a_stale_state_comes_after_a_callback_told_success(back, receive):
    desk, provider = back
    desk.order(poll=["stale"])
    task_id = desk.wire.call(provider, "submit", called_back(provider, receive().url)).body["task_id"]
    desk.control("POST", "/clock/advance", {"seconds": 10})
    poll = {"id": task_id, "action": "retrieve"}
    first, second = (desk.wire.call(provider, "poll", poll).body for _ in range(2))
    assert "state" not in first
    assert second["state"] == "succeeded"


def test_a_waiting_submit_ends_when_time_is_moved(back):
    desk, provider = back
    body = {name: value for name, value in example(provider).items() if name not in ("async", "callback_url")}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(desk.wire.call, provider, "submit", body)
        while desk.control("GET", "/session")["waiting"] == 0:
            pass
        assert not waiting.done()
        desk.control("POST", "/clock/advance", {"seconds": 600})
        assert waiting.result(5).body["success"] is True


@pytest.mark.parametrize("ending", [("DELETE", "/session"), ("POST", "/session/reset")], ids=str)
def test_who_waits_in_a_session_that_is_gone_is_let_go(back, ending):
    desk, provider = back
    body = {name: value for name, value in example(provider).items() if name not in ("async", "callback_url")}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(desk.wire.call, provider, "submit", body)
        while desk.control("GET", "/session")["waiting"] == 0:
            pass
        desk.control(*ending)
        with pytest.raises(ConnectionError):
            waiting.result(5)


def test_a_jumping_clock_takes_every_step_of_a_stream(play, persistent):
    provider = load_provider(str(persistent))
    wire = play(Settings(clock=ClockMode.JUMP, start=0.0), providers=[str(persistent)])
    body = {name: value for name, value in example(provider).items() if name not in ("async", "callback_url")}
    answer = wire.call(provider, "submit", body, headers={"Accept": "application/x-ndjson"})
    assert [json.loads(line).get("progress") for line in answer.raw.splitlines()] == [0, 35, 75, None]


def test_two_hundred_sessions_live_on_different_dates():
    async def life(client, server, number):
        start = f"{1970 + number % 100}-{1 + number % 12:02}-{1 + number % 28:02}T00:00:00Z"
        base = f"{server.url}/~day{number},clock=jump,start={start},seed={number}"
        submit, poll = ONE.endpoints["submit"], ONE.endpoints["poll"]
        headers = {"Authorization": "Bearer sk-mock", **{header.name: header.const for header in submit.headers[:1]}}
        async with client.post(base + submit.path, json=example(ONE), headers=headers) as answer:
            task_id = (await answer.json())["output"]["task_id"]
        output = {}
        while output.get("task_status") != "SUCCEEDED":
            async with client.get(base + poll.path.format(task_id=task_id), headers=headers) as answer:
                output = (await answer.json())["output"]
        return task_id, start, output["submit_time"]

    async def lives():
        async with MockServer(providers=[ONE.name]) as server, aiohttp.ClientSession() as client:
            return await asyncio.gather(*(life(client, server, number) for number in range(200)))

    lived = asyncio.run(lives())
    assert len({task_id for task_id, _, _ in lived}) == 200
    assert all(shown == start[:10] + " 08:00:00.000" for _, start, shown in lived)


SNAPSHOT = Path(__file__).parent / "snapshots" / "session.json"


def test_the_same_seed_and_calls_give_the_same_bytes(play):
    """The file is what the first run saw; a change of it is a change for everybody who keeps snapshots of their own."""
    desk = Desk(play(providers=[ONE.name]))
    desk.wire.url += "/~snapshot,clock=jump,seed=42,start=2026-01-31T12:00:00Z"
    desk.order(submit=["429", "ok"], poll={"rate": 0.6, "words": [503, 500]})
    answers = [desk.submit() for _ in range(2)]
    task_id = answers[1].body["output"]["task_id"]
    answers += [desk.poll(task_id) for _ in range(6)]
    port = desk.wire.url.split(":")[2].partition("/")[0]
    seen = [[answer.status, answer.raw.decode().replace(port, "PORT")] for answer in answers]
    assert seen == json.loads(SNAPSHOT.read_text("utf-8"))
