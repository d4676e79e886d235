"""The mock inside a program: its thread, and a session as synchronous and asynchronous code see it."""

import asyncio
import json
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import pytest
from aiohttp import web
from byhand import eventually
from desk import ONE, example
from plain_client import Wire

from happyhorse_spec.contract import load_provider
from happyhorse_spec.document import DocumentError
from mockserver.embedded import Mock, Testbed
from mockserver.server import MockServer
from mockserver.settings import SettingError

CALLING_BACK = load_provider("acedata")


@pytest.fixture(scope="module")
def mock():
    with Mock() as running:
        yield running


@pytest.fixture
def testbed(mock):
    testbed = mock.session()
    yield testbed
    testbed.delete()


def submit(testbed, prompt=None, **headers):
    return Wire(testbed.url).call(ONE, "submit", example(ONE, prompt), headers=headers)


def poll(testbed, task_id):
    return Wire(testbed.url).call(ONE, "poll", task_id=task_id).body["output"]


def begin_task(testbed, prompt=None):
    return submit(testbed, prompt).body["output"]["task_id"]


def states(testbed, task_id, count):
    return [poll(testbed, task_id)["task_status"] for _ in range(count)]


def test_server_that_never_started_can_be_stopped():
    asyncio.run(MockServer().stop())


class TestThread:
    def test_ends_with_the_block(self):
        before = threading.active_count()
        with Mock() as mock:
            port = mock.server.port
            assert threading.active_count() == before + 1
        assert threading.active_count() == before
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))

    def test_ends_while_a_client_waits(self):
        with ThreadPoolExecutor(1) as pool:
            with Mock() as mock:
                testbed = mock.session(clock="manual")
                testbed.fault("poll", "delay-60s")
                asked = pool.submit(poll, testbed, begin_task(testbed))
                assert eventually(lambda: len(testbed.journal) == 2)
            with pytest.raises(ConnectionError):
                asked.result(5)

    def test_taken_port_is_told_to_who_starts(self):
        with Mock() as first, pytest.raises(OSError, match="in use"), Mock(MockServer(port=first.server.port)):
            pass

    @pytest.mark.parametrize("name", ["", "late"])
    def test_before_the_block_there_is_nobody_to_ask(self, name):
        with pytest.raises(RuntimeError, match="inside its `with` block"):
            Mock().session(name)

    def test_session_of_an_ended_mock_says_so(self):
        with Mock() as mock:
            testbed = mock.session()
        with pytest.raises(RuntimeError, match="the mock does not run"):
            testbed.advance(1)

    def test_runs_once(self):
        with Mock() as mock, pytest.raises(RuntimeError, match="make another one"), mock:
            pass

    def test_own_thread_does_not_wait_for_itself(self, mock, testbed):
        with pytest.raises(RuntimeError, match="own thread"):
            mock.call(lambda: testbed.now)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_forked_process_is_told_that_the_mock_stayed_behind(self, testbed):
        read, write = os.pipe()
        if os.fork() == 0:
            try:
                testbed.advance(1)
            except RuntimeError as error:
                os.write(write, str(error).encode())
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read) as told:
            assert told.read().startswith("the mock does not run")
        os.wait()


UNSETTING = {
    "setting": ("", {"clok": "jump"}, "'clok' is no setting"),
    "clock": ("", {"clock": "still"}, "clock is 'still'; it must be real, scaled, manual or jump"),
    "profile": ("", {"profile": "none"}, "the profiles here are"),
    "name as a setting": ("", {"name": "x"}, "'name' is no setting"),
    "name": ("no name", {}, "a name has 1-64 letters"),
}


class TestSession:
    def test_is_found_by_its_name(self, mock):
        testbed = mock.session("checkout")
        assert (testbed.name, testbed.url) == ("checkout", f"{mock.url}/~checkout")
        assert testbed.base_urls["dashscope"] == f"{mock.url}/~checkout/api/v1"
        assert repr(testbed) == f"<Testbed {mock.url}/~checkout>"

    def test_without_a_name_is_one_of_its_own(self, mock):
        with ThreadPoolExecutor(8) as pool:
            names = {testbed.name for testbed in pool.map(lambda _: mock.session(), range(200))}
        assert len(names) == 200

    def test_takes_the_place_of_the_one_of_its_name(self, mock):
        submit(mock.session("again"))
        assert mock.session("again").tasks == []

    def test_begins_when_it_is_first_asked(self, mock):
        testbed = mock.session("late")
        assert "late" not in mock.server.sessions
        submit(testbed)
        assert len(testbed.tasks) == 1
        testbed.delete()
        assert "late" not in mock.server.sessions

    def test_time_stands_still_but_for_polls(self, mock):
        testbed = mock.session(start="2026-01-31T12:00:00Z")
        task_id = begin_task(testbed)
        assert testbed.now == 1769860800.0
        assert states(testbed, task_id, 2) == ["RUNNING", "SUCCEEDED"]

    def test_plays_as_its_settings_say(self, mock):
        testbed = mock.session(clock="manual", start=1_800_000_000, limits=True)
        assert states(testbed, begin_task(testbed), 2) == ["PENDING", "PENDING"]
        assert testbed.control("GET", "/session")["settings"]["limits"] is True
        assert testbed.now == 1_800_000_000.0

    def test_same_name_gives_the_same_ids(self, mock):
        ids = [submit(mock.session("same", seed=7, start=0)).raw for _ in range(2)]
        assert ids[0] == ids[1]

    @pytest.mark.parametrize("what", UNSETTING)
    def test_words_that_set_nothing_are_refused(self, mock, what):
        name, settings, says = UNSETTING[what]
        with pytest.raises(SettingError, match=says):
            mock.session(name, **settings)

    def test_is_forgotten(self, mock, testbed):
        mock.session("gone").delete()
        assert "gone" not in [session["name"] for session in testbed.control("GET", "/sessions")]

    def test_begins_anew_as_it_began(self, mock, tmp_path):
        (tmp_path / "busy.yaml").write_text("{settings: {seed: 3}, faults: {submit: [429]}, tasks: [SUCCEEDED]}")
        testbed = mock.session(scenario=tmp_path / "busy.yaml", start=0)
        for _ in range(2):
            assert [submit(testbed).status for _ in range(2)] == [429, 200]
            assert testbed.tasks[0]["state"] == "succeeded"
            testbed.advance(60)
            testbed.reset()
            assert (testbed.now, testbed.tasks, testbed.journal) == (0.0, [], [])


UNPLAYABLE = {
    "fault": ("faults: {submit: [teapot]}", "/faults/submit/0: 'teapot' is no fault"),
    "two": ("session: a\n---\nsession: b", "holds 2 scenarios; a session plays one"),
    "clock": ("settings: {clock: still}", "'still' is none of real"),
}


class TestScenario:
    def test_is_played_under_the_sessions_name_and_settings(self, mock, tmp_path):
        file = tmp_path / "one.yaml"
        file.write_text("session: other\nsettings: {clock: manual, seed: 7}\nfaults: {submit: [503]}\n")
        testbed = mock.session("mine", scenario=str(file), clock="jump")
        settings = testbed.control("GET", "/session")["settings"]
        assert (settings["clock"], settings["seed"], submit(testbed).status) == ("jump", 7, 503)
        assert testbed.name == "mine"

    def test_tells_what_did_not_come_about(self, mock, tmp_path):
        file = tmp_path / "one.yaml"
        file.write_text("faults: {submit: [503]}\nexpect: [{operation: cancel}]\n")
        testbed = mock.session("open", scenario=file)
        unmet = "/~open: expected at least 1 request with operation cancel; found 0 of"
        assert testbed.open_ends() == ["/~open: no submit met 503", f"{unmet} 0"]
        submit(testbed)
        (left,) = testbed.open_ends()
        assert left.startswith(f"{unmet} 1. The nearest is request 1, POST")

    @pytest.mark.parametrize("what", UNPLAYABLE)
    def test_that_cannot_be_played_is_refused(self, mock, tmp_path, what):
        text, says = UNPLAYABLE[what]
        (tmp_path / "odd.yaml").write_text(text)
        with pytest.raises((DocumentError, SettingError), match=says):
            mock.session(scenario=tmp_path / "odd.yaml")


NONSENSE = {
    "nothing expected": (lambda testbed: testbed.verify(), "nothing is expected"),
    "expectation": (lambda testbed: testbed.verify(opration="submit"), "opration"),
    "fault": (lambda testbed: testbed.fault("submit", "resett"), "did you mean reset"),
    "endpoint": (lambda testbed: testbed.fault("sumbit", 503), "sumbit"),
    "error": (lambda testbed: testbed.refuse("Arrears"), "'Arrears' is no fault"),
    "step": (lambda testbed: testbed.script("RUNING 2s"), "'RUNING 2s' is no step"),
    "task": (lambda testbed: testbed.script("SUCCEEDED", task="t-0"), "no task t-0"),
    "operation": (lambda testbed: testbed.verify(operation="sumbit", times=0), "did you mean submit?"),
    "misspelt": (lambda testbed: testbed.verify(operaton="submit"), "did you mean operation?"),
    "clock": (lambda testbed: testbed.switch_clock("fast"), "fast"),
    "seconds": (lambda testbed: testbed.advance(-1), "-1 is less than the minimum"),
    "path": (lambda testbed: testbed.control("GET", "/nothing"), "no GET /nothing"),
    "body": (lambda testbed: testbed.control("PATCH", "/clock"), "None is not of type"),
}


class TestTestbed:
    def test_moves_time(self, mock):
        testbed = mock.session(clock="manual", start=0)
        testbed.script("PENDING 2s, RUNNING 300s, SUCCEEDED")
        task_id = begin_task(testbed)
        assert (testbed.advance(2), *states(testbed, task_id, 1)) == (2.0, "RUNNING")
        assert (testbed.advance(), *states(testbed, task_id, 1)) == (302.0, "SUCCEEDED")

    def test_switches_the_clock(self, testbed):
        testbed.switch_clock("manual")
        assert states(testbed, begin_task(testbed), 2) == ["PENDING", "PENDING"]
        testbed.switch_clock("scaled", 1_000_000)
        assert testbed.now < testbed.now

    def test_scripts_all_tasks_those_of_a_model_and_one(self, testbed):
        testbed.script("PENDING 1s, CANCELED")
        testbed.script("FAILED InternalError", model="happyhorse-1.1-t2v")
        assert states(testbed, begin_task(testbed), 1) == ["CANCELED"]
        body = {**example(ONE), "model": "happyhorse-1.1-t2v"}
        task_id = Wire(testbed.url).call(ONE, "submit", body).body["output"]["task_id"]
        assert poll(testbed, task_id)["code"] == "InternalError"
        third = begin_task(testbed, "[[PENDING 5s, RUNNING 5s, SUCCEEDED]]")
        testbed.script("RUNNING 1s, FAILED InternalError", task=third)
        assert [task["state"] for task in testbed.tasks] == ["running", "failed", "canceled"]

    def test_lets_the_next_task_fail_and_no_other(self, testbed):
        testbed.fail("DataInspectionFailed")
        failed, other = begin_task(testbed), begin_task(testbed)
        assert states(testbed, failed, 2) == ["RUNNING", "FAILED"]
        assert poll(testbed, failed)["code"] == "DataInspectionFailed"
        assert states(testbed, other, 1) == ["SUCCEEDED"]

    def test_lets_the_next_submit_be_refused(self, testbed):
        testbed.refuse("Arrearage")
        answers = [submit(testbed) for _ in range(2)]
        assert [answer.status for answer in answers] == [400, 200]
        assert answers[0].body["code"] == "Arrearage"

    def test_orders_faults_and_accounts_for_them(self, testbed):
        testbed.fault("submit", 429, "ok", "503*2")
        assert testbed.faults["not_met"] == 3
        assert [submit(testbed).status for _ in range(4)] == [429, 200, 503, 503]
        account = testbed.faults
        assert [(line["word"], line["request"]) for line in account["planned"]] == [
            *(("429", 1), ("ok", 2), ("503", 3), ("503", 4))
        ]
        assert (account["not_met"], testbed.open_ends()) == (0, [])

    def test_draws_faults_by_rate(self, testbed):
        testbed.fault("submit", 503, 429, rate=1)
        assert {submit(testbed).status for _ in range(12)} == {503, 429}
        assert testbed.faults["rates"] == {"submit": {"rate": 1, "words": ["503", "429"]}}

    def test_shows_what_came_without_secrets(self, testbed):
        submit(testbed, "a horse", Authorization="Bearer sk-canary-2f7c9be1a04d")
        (exchange,) = testbed.journal
        assert (exchange.provider, exchange.operation, exchange.status) == ("dashscope", "submit", 200)
        assert exchange.json["input"]["prompt"] == "a horse"
        assert exchange.headers["Authorization"] == "Bearer ***"
        assert "canary" not in str(exchange)

    def test_verifies_one_thing(self, testbed):
        submit(testbed, "a horse")
        testbed.verify(operation="submit", body={"/input/prompt": "a horse"}, times=1)
        with pytest.raises(AssertionError) as told:
            testbed.verify(operation="submit", body={"/input/prompt": "a cow"})
        assert str(told.value) == (
            'expected at least 1 request with operation submit, /input/prompt = "a cow"; found 0 of 1. '
            f'The nearest is request 1, POST {ONE.endpoints["submit"].path}: /input/prompt is "a horse", not "a cow"'
        )

    def test_verifies_an_order(self, testbed):
        poll(testbed, begin_task(testbed))
        first, second = {"operation": "submit"}, {"operation": "poll"}
        testbed.verify(first, second, ordered=True)
        testbed.verify(second, first)
        with pytest.raises(AssertionError, match="after what came before"):
            testbed.verify(second, first, ordered=True)

    @pytest.mark.parametrize("use", NONSENSE)
    def test_words_that_mean_nothing_are_refused(self, testbed, use):
        do, says = NONSENSE[use]
        with pytest.raises((LookupError, ValueError), match=says):
            do(testbed)

    def test_reaches_everything_that_control_does(self, testbed):
        testbed.control("PUT", "/faults", {"poll": {"rate": 1, "words": [503]}})
        assert Wire(testbed.url).call(ONE, "poll", task_id="t").status == 503
        assert testbed.control("GET", "/journal", limit=1, after=1) == []
        assert testbed.control("GET", "/limits")["enforced"] is False

    def test_is_no_test_for_pytest(self):
        assert Testbed.__test__ is False


def test_callbacks_reach_a_receiver_in_the_loop_of_an_asynchronous_test(mock):
    """The test's own loop must run while time passes, so it waits for the mock in another thread."""
    got = []

    async def receive(request):
        got.append(await request.json())
        return web.Response()

    async def scene():
        runner = web.ServerRunner(web.Server(receive))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        testbed = mock.session(clock="manual")
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/done"
        body = {**example(CALLING_BACK), "async": True, "callback_url": url}
        key = {"Authorization": "Bearer token", "Content-Type": "application/json"}
        async with aiohttp.ClientSession(headers=key) as client:
            endpoint = CALLING_BACK.endpoints["submit"]
            async with client.post(testbed.url + endpoint.path, data=json.dumps(body)) as answer:
                assert answer.status == 200, await answer.text()
        await asyncio.to_thread(testbed.advance, 3600)
        await runner.cleanup()
        return testbed.deliveries

    deliveries = asyncio.run(scene())
    assert [delivery["outcome"] for delivery in deliveries] == ["200"]
    assert len(got) == 1
