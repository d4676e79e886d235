"""The mock inside a program: a server in a thread of its own, and its sessions as synchronous code sees them.

    with Mock() as mock:
        testbed = mock.session()
        client = Client(testbed.base_urls[provider])
        testbed.fault("submit", 429)
        ...
        testbed.verify(operation="submit", times=2)

A `Testbed` is the control API without HTTP: its requests are judged by the same description and carried out by the same
functions, in the event loop of the server. So any thread may use it, and nothing needs a lock; what a call gives, where
no type says it, is what schemas/control.openapi.yaml says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from threading import Thread, current_thread
from typing import Any, TypeVar

import orjson

from happyhorse_spec.interpreter import loop_factory
from mockserver.clock import ClockMode
from mockserver.control import PREFIX
from mockserver.control_actions import ACTIONS, Ask
from mockserver.control_spec import find
from mockserver.journal import Exchange
from mockserver.scenario import Scenario, read_scenarios
from mockserver.server import MockServer
from mockserver.session import Session
from mockserver.settings import SettingError, Settings, read_name, read_settings

Result = TypeVar("Result")

#: What pytest shows of an error that is raised here is the line of the test.
__tracebackhide__ = True

_EMPTY = Scenario("", {}, {}, (), {}, (), ordered=False)


class Mock:
    """A server that runs as long as the block lasts; its clocks jump to the next event, unless `server` says otherwise.

    Entering raises OSError where the port is taken.
    """

    #: The event loop of the server.
    loop: asyncio.AbstractEventLoop

    def __init__(self, server: MockServer | None = None) -> None:
        self.server = server or MockServer(Settings(clock=ClockMode.JUMP))
        self._thread: Thread | None = None

    @property
    def url(self) -> str:
        """Where the server listens, without a trailing slash."""
        return self.server.url

    def session(self, name: str = "", /, *, scenario: str | Path | None = None, **settings: object) -> Testbed:
        """A new session, in the place of the one that has its name; without a name it gets one that is free.

        One of which nothing more is said begins when it is first asked for something, as it does for any client.
        `scenario` is a YAML file, whose `session` does not count; `settings` (see `settings.READERS`) stand above its
        own. Raises SettingError for a word that sets nothing, DocumentError for a file that is no scenario.
        """
        name, said = read_name(name) if name else ("", {})
        played = self._read(scenario) if scenario else _EMPTY
        played = replace(played, session=name, settings={**played.settings, **said, **read_settings(settings)})
        if name and not scenario and not played.settings and name not in self.server.sessions:
            self._running()
            return Testbed(self, played)
        return Testbed(self, self.call(lambda: _begin(self.server, played)))

    def call(self, work: Callable[[], Result]) -> Result:
        """What `work` gives in the server's event loop, where nothing else happens meanwhile.

        Raises RuntimeError where it would wait for ever: outside the block, or in the event loop itself.
        """
        future: Future[Result] = Future()
        self._running().call_soon_threadsafe(_fulfil, future, work)
        return future.result()

    def run(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """`call` for what takes its time."""
        loop = self._running()
        return asyncio.run_coroutine_threadsafe(work(), loop).result()

    def __enter__(self) -> Mock:
        if self._thread:
            raise RuntimeError("a mock runs once; make another one")
        started: Future[None] = Future()
        self._thread = Thread(target=self._play, args=(started,), name="happyhorse-mock", daemon=True)
        self._thread.start()
        started.result()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._thread
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()

    def _play(self, started: Future[None]) -> None:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            try:
                runner.run(self.server.start())
            except BaseException as error:
                started.set_exception(error)
                return
            self.loop = runner.get_loop()
            started.set_result(None)
            self.loop.run_forever()
            runner.run(self.server.stop())

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._thread is None or not self._thread.is_alive():
            raise RuntimeError("the mock does not run; use it inside its `with` block, in the process that opened it")
        if self._thread is current_thread():
            raise RuntimeError("the mock's own thread would wait for itself; ask from another one")
        return self.loop

    def _read(self, path: str | Path) -> Scenario:
        scenarios = read_scenarios(path, self.server.is_error)
        if len(scenarios) != 1:
            raise SettingError(f"{path} holds {len(scenarios)} scenarios; a session plays one")
        return scenarios[0]


class Testbed:
    """One session: where a client finds it, what is to happen in it, and what did.

    Words that mean nothing raise ValueError with one sentence, a task that is not there LookupError.
    """

    __test__ = False  # or pytest takes a class of that name for tests

    def __init__(self, mock: Mock, scenario: Scenario) -> None:
        self._mock = mock
        self._scenario = scenario
        self.name = scenario.session

    def __repr__(self) -> str:
        return f"<Testbed {self.url}>"

    @property
    def url(self) -> str:
        """The session's prefix: a provider's documented paths follow it."""
        return f"{self._mock.url}/~{self.name}"

    @property
    def base_urls(self) -> dict[str, str]:
        """What to configure a client with, by provider."""
        return self._mock.server.base_urls(self.name)

    @property
    def now(self) -> float:
        """The session's time in seconds since 1970."""
        return float(self.control("GET", "/clock")["now"])

    def advance(self, seconds: float | None = None) -> float:
        """Let time pass, without an argument to the next event; the time it is then.

        Returns when all that was due is done: callbacks sent, waiting requests answered. A receiver that lives in the
        event loop of the caller cannot answer meanwhile; there, await `asyncio.to_thread(testbed.advance, seconds)`.
        """
        step = {"next": True} if seconds is None else {"seconds": seconds}
        return float(self.control("POST", "/clock/advance", step)["now"])

    def switch_clock(self, clock: str, rate: float = 1.0) -> None:
        """Let time run otherwise from here on: real, scaled (`rate` times as fast), manual or jump."""
        self.control("PATCH", "/clock", {"clock": clock, "rate": rate})

    def script(self, plan: str, *, model: str | None = None, task: str | None = None) -> None:
        """Say how tasks live from here on: all, those of a model, or one by its id.

        A plan is a list of steps: `PENDING 2s, RUNNING 3 polls, FAILED code`.
        """
        if task is not None:
            self.control("PUT", f"/tasks/{task}/plan", {"plan": plan})
            return
        said = self.control("GET", "/plans")
        self.control("PUT", "/plans", {**said, "plans": {**said["plans"], model or "*": plan}})

    def fail(self, code: str) -> None:
        """Let the next task run and fail with this error: a code of its provider, or a key of the catalogue."""
        said = self.control("GET", "/plans")
        self.control("PUT", "/plans", {**said, "tasks": [*said["tasks"], f"PENDING 1s, RUNNING 3s, FAILED {code}"]})

    def refuse(self, code: str) -> None:
        """Let the next submit be refused with this error: a status, a code, or a key of the catalogue."""
        self.fault("submit", code)

    def fault(self, endpoint: str, *words: str | int, rate: float | None = None) -> None:
        """Let the next requests to an endpoint meet these faults (see `faults.WORDS`), one after another.

        With a rate (0-1) so many of all requests meet one of them, drawn from the seed.
        """
        self.control("POST", "/faults", {endpoint: words if rate is None else {"rate": rate, "words": words}})

    @property
    def faults(self) -> dict[str, Any]:
        """The account: for every fault whether it was met, when, and by which request."""
        return dict(self.control("GET", "/faults"))

    @property
    def journal(self) -> list[Exchange]:
        """Every request that came, and its answer, without secrets; oldest first."""
        return self._mock.call(lambda: list(self._session().journal))

    def verify(self, *expected: Mapping[str, Any], ordered: bool = False, **one: Any) -> None:
        """Raise AssertionError with the nearest request where the requests were not as expected.

        `verify(operation="submit", times=2)` expects one thing; several are mappings of the same words (those of a
        scenario's `expect`), with `ordered` in that order.
        """
        expect = [*expected, one] if one else list(expected)
        if not expect:
            raise ValueError("nothing is expected; say what, e.g. operation='submit'")
        verdicts = self.control("POST", "/verify", {"expect": expect, "ordered": ordered})["verdicts"]
        if wrong := [verdict["message"] for verdict in verdicts if not verdict["met"]]:
            raise AssertionError("\n".join(wrong))

    def open_ends(self) -> list[str]:
        """What was ordered and did not come about: faults that nobody met, expectations of the scenario."""
        return self._mock.call(lambda: list(self._scenario.open_ends(self._session())))

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The newest tasks, newest first."""
        return list(self.control("GET", "/tasks"))

    @property
    def deliveries(self) -> list[dict[str, Any]]:
        """What callbacks were sent, and how it went; oldest first."""
        return list(self.control("GET", "/deliveries"))

    def reset(self) -> None:
        """Begin anew, with the settings and the scenario of the first time."""
        self._mock.call(lambda: _begin(self._mock.server, self._scenario))

    def delete(self) -> None:
        """Forget the session; whoever waits in it is disconnected."""
        self._mock.call(lambda: self._mock.server.sessions.drop(self.name))

    def control(self, method: str, path: str, body: object = None, **query: int) -> Any:
        """What the control API answers to a request; `path` is what follows `/_happyhorse`."""
        plain = None if body is None else orjson.loads(orjson.dumps(body))
        try:
            return self._mock.run(lambda: self._act(method, path, plain, query))
        except (LookupError, ValueError) as error:
            raise error.with_traceback(None) from None  # a sentence about the caller's words, not about the server

    async def _act(self, method: str, path: str, body: Any, query: Mapping[str, int]) -> Any:
        found = find(PREFIX + path.lstrip("/"))
        route = found.routes.get(method)
        if route is None:
            raise LookupError(f"control has no {method} {path}")
        if route.body:
            route.body.check(body)
        asked = route.read_query({name: str(value) for name, value in query.items()})
        return await ACTIONS[route.operation](Ask(self._mock.server, self._session(), found.params, asked, body))

    def _session(self) -> Session:
        return self._mock.server.sessions.get(self.name, self._scenario.settings)


def _begin(server: MockServer, scenario: Scenario) -> Scenario:
    """Begin a session that plays the scenario; the scenario with the session's name."""
    named = scenario if scenario.session else replace(scenario, session=server.sessions.free_name())
    named.begin(server.sessions)
    return named


def _fulfil(future: Future[Result], work: Callable[[], Result]) -> None:
    try:
        future.set_result(work())
    except Exception as error:
        future.set_exception(error)
