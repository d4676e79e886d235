"""The pytest plugin, as a project that has installed it meets it: its own test files, run by a pytest of their own."""

import subprocess
import sys
from textwrap import dedent

import pytest

import mockserver.embedded  # noqa: F401  (the runs below find it loaded, or each would load it anew)

pytest_plugins = ["pytester"]

#: What a project's tests need of a client: one call.
CLIENT = """
import json, urllib.error, urllib.request

KEY = "sk-canary-2f7c9be1a04d"

def call(testbed, path, body=None):
    headers = {"Authorization": f"Bearer {KEY}", "X-DashScope-Async": "enable", "Content-Type": "application/json"}
    data = body and json.dumps(body).encode()
    request = urllib.request.Request(testbed.base_urls["dashscope"] + path, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)["output"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)

def submit(testbed, prompt="a horse"):
    body = {"model": "happyhorse-1.0-t2v", "input": {"prompt": prompt}}
    return call(testbed, "/services/aigc/video-generation/video-synthesis", body)

def poll(testbed, task):
    return call(testbed, "/tasks/" + task["task_id"])[1]["task_status"]
"""


@pytest.fixture
def project(pytester):
    """`project(tests, ...)` writes test files beside the client and runs them; warnings are errors."""
    pytester.makepyfile(client=CLIENT)

    def run(*options, **tests):
        pytester.makepyfile(**{name: f"from client import *\n{dedent(text)}" for name, text in tests.items()})
        return pytester.runpytest("-p", "no:schemathesis", "-p", "no:cacheprovider", "-Werror", *options)

    return run


def test_a_synchronous_test(project):
    done = project(
        test_it="""
        def test_it(happyhorse):
            happyhorse.fault("submit", 503)
            assert submit(happyhorse)[0] == 503
            _, task = submit(happyhorse)
            assert [poll(happyhorse, task) for _ in range(2)] == ["RUNNING", "SUCCEEDED"]
            happyhorse.verify(operation="submit", times=2)
        """
    )
    done.assert_outcomes(passed=1)


ASYNCHRONOUS = """
import asyncio, aiohttp, pytest

async def states(testbed):
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer sk-1", "X-DashScope-Async": "enable"}) as client:
        base = testbed.base_urls["dashscope"]
        body = {"model": "happyhorse-1.0-t2v", "input": {"prompt": "a horse"}}
        async with client.post(f"{base}/services/aigc/video-generation/video-synthesis", json=body) as answer:
            task = (await answer.json())["output"]["task_id"]
        for _ in range(2):
            async with client.get(f"{base}/tasks/{task}") as answer:
                yield (await answer.json())["output"]["task_status"]

async def play(testbed):
    assert [state async for state in states(testbed)] == ["RUNNING", "SUCCEEDED"]
    testbed.verify(operation="poll", times=2)
"""


def test_an_asynchronous_test_without_a_plugin(project):
    done = project(test_it=f"{ASYNCHRONOUS}\ndef test_it(happyhorse):\n    asyncio.run(play(happyhorse))")
    done.assert_outcomes(passed=1)


def test_an_asynchronous_test_with_anyio(project):
    pytest.importorskip("anyio")
    marked = "@pytest.mark.anyio\n@pytest.mark.parametrize('anyio_backend', ['asyncio'])"
    done = project(test_it=f"{ASYNCHRONOUS}\n{marked}\nasync def test_it(happyhorse):\n    await play(happyhorse)")
    done.assert_outcomes(passed=1)


def test_each_test_has_a_session_of_one_server(project):
    test = """
        import pytest

        @pytest.mark.parametrize("word", ["a b", "a/b", "x" * 200])
        def test_it(happyhorse, happyhorse_mock, word):
            submit(happyhorse)
            assert len(happyhorse.tasks) == 1
            assert [session["name"] for session in happyhorse.control("GET", "/sessions")] == [happyhorse.name]
            print("port", happyhorse_mock.server.port, happyhorse.name)
        """
    done = project("-s", test_one=test, test_two=test)
    done.assert_outcomes(passed=6)
    told = [line.partition("port ")[2].split() for line in done.outlines if "port " in line]
    assert len({port for port, _ in told}) == 1
    assert len({name for _, name in told}) == 6


def test_session_goes_with_its_test(project):
    test = """
    def test_it(happyhorse): ...

    def test_after(happyhorse_mock):
        assert happyhorse_mock.call(lambda: len(happyhorse_mock.server.sessions)) == 0
    """
    project(test_it=test).assert_outcomes(passed=2)


def test_same_test_meets_the_same_ids_whoever_runs_before_it(project):
    tests = """
        import pytest

        @pytest.mark.happyhorse(start=0)
        class TestIds:
            def test_first(self, happyhorse):
                submit(happyhorse)

            def test_second(self, happyhorse):
                print("\\nid", submit(happyhorse)[1]["task_id"])
        """
    runs = [project("-s", test_it=tests), project("-s", "-k", "second", test_it=tests)]
    ids = [line for done in runs for line in done.outlines if line.startswith("id ")]
    assert len(ids) == 2
    assert ids[0] == ids[1]


def test_a_test_that_goes_wrong_shows_what_was_said_and_no_key(project):
    done = project(
        test_it="""
        import pytest

        def test_it(happyhorse):
            happyhorse.fault("poll", 503)
            happyhorse.fault("cancel", 500)
            _, task = submit(happyhorse)
            call(happyhorse, "/tasks/" + task["task_id"])
            happyhorse.verify(operation="submit", times=2)

        @pytest.fixture
        def task(happyhorse):
            return submit(happyhorse, "[[refuse:Arrearage]]")[1]["task_id"]

        def test_setup(task): ...

        def test_without(): assert False
        """,
    )
    done.assert_outcomes(failed=2, errors=1)
    done.stdout.fnmatch_lines_random(
        [
            '>*happyhorse.verify(operation="submit", times=2)',
            "E*expected 2 requests with operation submit; found 1 of 2. The nearest is request 2, GET *",
            "*HappyHorse mock, session test_it-*",
            "1. +0.000 s POST /api/v1/services/aigc/video-generation/video-synthesis",
            '   > {"model": "happyhorse-1.0-t2v", "input": {"prompt": "a horse"}}',
            '   < 200 (dashscope submit pending) {"output":*',
            "2. +0.000 s GET /api/v1/tasks/*",
            "   < 503 (dashscope poll, fault 503) {*",
            "/~test_it-*: no cancel met 500",
            "*HappyHorse mock, session test_setup-*",
            "   < 400 (dashscope submit) {*Arrearage*",
        ]
    )
    assert done.stdout.str().count("HappyHorse mock, session") == 2
    assert "canary" not in done.stdout.str().replace("KEY", "")


def test_marker_gives_settings_and_the_nearest_counts(project):
    done = project(
        "--strict-markers",
        test_it="""
        import pytest

        pytestmark = pytest.mark.happyhorse(clock="manual", start="2026-01-31T12:00:00Z")

        def test_far(happyhorse):
            _, task = submit(happyhorse)
            assert [poll(happyhorse, task) for _ in range(2)] == ["PENDING", "PENDING"]
            assert happyhorse.advance(60) == 1769860860.0
            assert poll(happyhorse, task) == "SUCCEEDED"

        @pytest.mark.happyhorse(clock="jump", limits=True)
        def test_near(happyhorse):
            settings = happyhorse.control("GET", "/session")["settings"]
            assert (settings["clock"], settings["limits"], happyhorse.now) == ("jump", True, 1769860800.0)
        """,
    )
    done.assert_outcomes(passed=2)


def test_marker_plays_a_scenario_to_its_end(project, pytester):
    pytester.makefile(
        ".yaml", busy="settings: {seed: 7}\nfaults: {submit: [429]}\nexpect: [{operation: submit, times: 2}]"
    )
    done = project(
        test_it="""
        import pytest

        pytestmark = pytest.mark.happyhorse(scenario="busy.yaml")

        def test_to_its_end(happyhorse):
            assert [submit(happyhorse)[0] for _ in range(2)] == [429, 200]

        def test_not_to_its_end(happyhorse): ...

        def test_wrong_anyway(happyhorse): assert False
        """
    )
    done.assert_outcomes(passed=1, failed=2)
    done.stdout.fnmatch_lines(
        ["/~test_not_to_its_end-*: no submit met 429", "/~*: expected 2 requests with operation submit; found 0 of 0"]
    )


@pytest.mark.parametrize(("marked", "configured"), [(", strict=True", "false"), ("", "true")], ids=["marker", "ini"])
def test_strict_test_proves_that_its_faults_were_met(project, pytester, marked, configured):
    pytester.makeini(f"[pytest]\nhappyhorse_strict = {configured}\n")
    done = project(
        test_it=f"""
        import pytest

        @pytest.mark.happyhorse(seed=1{marked})
        def test_meets_it(happyhorse):
            happyhorse.fault("submit", 429)
            assert submit(happyhorse)[0] == 429

        @pytest.mark.happyhorse(seed=1{marked})
        def test_does_not(happyhorse):
            happyhorse.fault("submit", 429)
            happyhorse.fail("InternalError")

        @pytest.mark.happyhorse(strict=False)
        def test_need_not(happyhorse):
            happyhorse.fault("submit", 429)
        """
    )
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines(
        ["/~test_does_not-*: no submit met 429", "/~*: no task lived PENDING 1s, RUNNING 3s, FAILED InternalError"]
    )


WRONG = {
    "setting": ("clok='jump'", "'clok' is no setting; use one of clock, *"),
    "file": ("scenario='none.yaml'", "*none.yaml*"),
    "fault": ("scenario='odd.yaml'", "*odd.yaml*'teapot' is no fault*"),
    "position": ("'odd.yaml'", "takes names only, e.g. scenario='busy.yaml'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_marker_that_cannot_be_played_is_told_in_one_line(project, pytester, what):
    words, says = WRONG[what]
    pytester.makefile(".yaml", odd="faults: {submit: [teapot]}")
    test = f"import pytest\n@pytest.mark.happyhorse({words})\ndef test_it(happyhorse): ..."
    done = project("--tb=short", test_it=test)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([f"@pytest.mark.happyhorse*{says}"])
    done.stdout.no_fnmatch_line("*Traceback*")
    done.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_collector_passes_over_the_server_and_not_over_garbage_from_before(project):
    test = """
    import gc, weakref

    class Ring: ...

    def test_before():
        gc.disable()
        global gone
        ring = Ring()
        ring.itself = ring
        gone = weakref.ref(ring)

    def test_it(happyhorse_mock):
        assert gone() is None
        assert gc.get_freeze_count() > 10_000
        gc.enable()

    def test_after(happyhorse):
        assert gc.isenabled()
    """
    project(test_it=test).assert_outcomes(passed=3)


def test_workers_have_a_server_each(project):
    done = project(
        *("-n", "2", "--dist=each"),
        test_it="""
        def test_it(happyhorse, happyhorse_mock):
            submit(happyhorse)
            assert len(happyhorse.tasks) == 1
            assert False, f"port {happyhorse_mock.server.port}"
        """,
    )
    done.assert_outcomes(failed=2)
    ports = {
        line.partition("port ")[2].split()[0] for line in done.outlines if line.startswith("E") and "port " in line
    }
    assert len(ports) == 2
    assert done.stdout.str().count("HappyHorse mock, session test_it-") == 2


def test_providers_of_ones_own_are_played_by_a_server_of_ones_own(project, pytester):
    pytester.makeconftest(
        """
        import pytest
        from mockserver.embedded import Mock
        from mockserver.server import MockServer

        @pytest.fixture(scope="session")
        def happyhorse_mock():
            with Mock(MockServer(providers=["imini"])) as mock:
                yield mock
        """
    )
    project(test_it="def test_it(happyhorse):\n    assert list(happyhorse.base_urls) == ['imini']").assert_outcomes(
        passed=1
    )


def test_is_told_by_pytest(project):
    done = project("--fixtures", "--markers", test_it="def test_it(): ...")
    done.stdout.fnmatch_lines(
        ["@pytest.mark.happyhorse(scenario=None, strict=False, [*][*]settings): how the session of the fixture*"]
    )
    done = project("--fixtures", test_it="def test_it(): ...")
    done.stdout.fnmatch_lines(["happyhorse -- *", "*A session of the HappyHorse mock for this test alone: *"])


def test_loads_nothing_before_it_is_asked_for():
    code = "import sys, pytest; old = {*sys.modules}; import mockserver.pytest_plugin; print(*{*sys.modules} - old)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {*loaded} <= {"mockserver", "mockserver.pytest_plugin", "zlib"}
