"""Random interleavings of everything that can happen to tasks, in several sessions at once, against the model.

What is true of every answer is asked beside what the model expects of it: states move along edges, an end stays, ids
are given once, no more tasks run than may.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, cycle, islice, pairwise
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from lives import REACHED, START, WALKS, Life, Step, World, ordered, scripts
from stage import Reply, Stage, staged

from happyhorse_spec import pointer
from happyhorse_spec.answers import Answer, AnswerBook
from happyhorse_spec.contract import Mode, Provider, load_provider, provider_names
from mockserver.clock import ClockMode
from mockserver.lifecycle import EDGES, FINAL, State
from mockserver.settings import Settings

pytestmark = pytest.mark.usefixtures("unmeasured")

PROVIDERS = {name: load_provider(name) for name in provider_names()}
KEPT = [{name: kept["value"] for name, kept in p.data["retention"].items()} for p in PROVIDERS.values()]
#: How old a task may be where it is just kept, just forgotten, and just gone with all that belongs to it.
AGES = sorted({k["task_seconds"] + more for k in KEPT for more in (0, 1, k["result_seconds"] + 1)})
CROWDED = [name for name, provider in PROVIDERS.items() if "running" in provider.data["limits"]]
DAY = 86_400.0
#: Faults that stand in place of an answer -> the HTTP status.
REFUSING = {"503": 503, "429:retry-after=3": 429, "500": 500}
#: Sessions that are free, and those that have the limits of the providers.
FREE, LIMITED = "ab", "cd"

worlds = st.sampled_from(FREE + LIMITED)
names = st.sampled_from(list(PROVIDERS))

_RUNS = count()


def test_walks_take_every_edge() -> None:
    taken = {pair for way in WALKS for pair in pairwise(way)}
    assert taken == {(before, after) for (before, _), after in EDGES.items()}


class Lives(RuleBasedStateMachine):
    """Four sessions of one mock, whose clocks stand still until they are moved."""

    lives: Bundle[Life] = Bundle("lives")

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        run = next(_RUNS)
        self.stage = stage
        self.worlds = {name: World(f"{name}{run}", limits=name in LIMITED) for name in FREE + LIMITED}
        #: Every id that was given -> by which world.
        self.ids: dict[str, str] = {}

    @initialize(target=lives, names=st.lists(names, min_size=4, max_size=4), data=st.data())
    def begin(self, names: list[str], data: st.DataObject) -> Any:
        begun = [self.submit(world, name, data) for world, name in zip("aabc", names, strict=True)]
        return multiple(*(life for life in begun if isinstance(life, Life)))

    @rule(target=lives, world=worlds, name=names, data=st.data())
    def submit(self, world: str, name: str, data: st.DataObject) -> Any:
        mode = PROVIDERS[name].modes[data.draw(st.sampled_from(list(PROVIDERS[name].modes)))]
        life = self.submitted(self.worlds[world], PROVIDERS[name], mode, data.draw(scripts(PROVIDERS[name])))
        return life or multiple()

    @rule(target=lives, world=st.sampled_from(LIMITED), name=st.sampled_from(CROWDED), data=st.data())
    def crowd(self, world: str, name: str, data: st.DataObject) -> Any:
        """Submit more tasks of a model or two than may run, maybe too fast, and let something happen to them."""
        here, provider, begun = self.worlds[world], PROVIDERS[name], []
        steps = data.draw(scripts(provider))
        modes = data.draw(st.lists(st.sampled_from(list(provider.modes)), min_size=1, max_size=2))
        often = provider.data["limits"]["running"]["tasks"] + data.draw(st.integers(1, 4))
        pace = data.draw(st.sampled_from([0.125, 0.25]))
        for mode in islice(cycle(modes), often):
            begun.append(self.submitted(here, provider, provider.modes[mode], steps))
            self.advance(world, pace)
        self.advance(world, None)
        return multiple(*(life for life in begun if life))

    def submitted(self, here: World, provider: Provider, mode: Mode, steps: list[Step]) -> Life | None:
        body = ordered(provider, mode, steps)
        answer = self.ask(here, provider, "submit", body)
        if answer is None:
            return None
        assert answer.is_error is here.is_full(provider)
        if answer.is_error:
            return None
        life = here.submit(provider, mode, steps, body, str(answer.value("task_id")))
        assert life.id not in self.ids, "an id is given twice"
        self.ids[life.id] = here.name[0]
        return life

    @rule(life=lives, data=st.data())
    def poll(self, life: Life, data: st.DataObject) -> None:
        here = self.world_of(life)
        life = here.lives.get(life.id, life)
        polls = [e.name for e in life.provider.endpoints.values() if e.data.get("operation", e.name) == "poll"]
        answer = self.ask_about(here, life, data.draw(st.sampled_from(polls)))
        if answer is None:
            return
        if self.is_known(here, life):
            here.poll(life)
            self.look(life, answer)
        else:
            assert is_unknown(answer)

    @rule(life=lives, data=st.data(), times=st.integers(1, 3))
    def follow(self, life: Life, data: st.DataObject, times: int) -> None:
        """Poll whenever something has happened in the session."""
        for _ in range(times):
            self.poll(life, data)
            self.advance(life.world[0], None)
        self.poll(life, data)

    @rule(life=lives, world=worlds)
    def poll_elsewhere(self, life: Life, world: str) -> None:
        here = self.worlds[world]
        if here.name != life.world:
            answer = self.ask_about(here, life, "poll")
            assert answer is None or is_unknown(answer)

    @rule(world=worlds, name=st.sampled_from([p.name for p in PROVIDERS.values() if "batch" in p.endpoints]))
    def poll_all(self, world: str, name: str) -> None:
        """Ask about the tasks of every session at once, and twice; a session tells of its own, and once."""
        here, provider = self.worlds[world], PROVIDERS[name]
        asked = {life.id: life for there in self.worlds.values() for life in there.lives.values()}
        answer = self.ask(here, provider, "batch", {"action": "retrieve_batch", "ids": [*asked, *asked]})
        if answer is None:
            return
        own = [life for life in asked.values() if life.world == here.name and life.provider is provider]
        known = [life for life in own if self.is_known(here, life)]
        assert [item["id"] for item in answer.body["items"]] == [life.id for life in known]
        for life, item in zip(known, answer.body["items"], strict=True):
            here.poll(life)
            self.look(life, self.known(provider, "poll", Reply(200, item)))

    def cancelable(self) -> list[Life]:
        """Tasks of providers that can cancel, those that are alive where there are any."""
        lives = [life for here in self.worlds.values() for life in here.lives.values()]
        known = [life for life in lives if "cancel" in life.provider.endpoints]
        return [life for life in known if life.state not in FINAL] or known

    @rule(data=st.data())
    @precondition(cancelable)
    def cancel(self, data: st.DataObject) -> None:
        known = self.cancelable()
        life = known[data.draw(st.integers(0, len(known) - 1))]
        here = self.world_of(life)
        answer = self.ask(here, life.provider, "cancel", task_id=life.id)
        if answer is None:
            return
        assert answer.is_error is not (self.is_known(here, life) and life.state is State.PENDING)
        if not answer.is_error:
            here.cancel(life)

    @rule(world=worlds, name=st.sampled_from([p.name for p in PROVIDERS.values() if "list" in p.endpoints]))
    def list_all(self, world: str, name: str) -> None:
        here, provider = self.worlds[world], PROVIDERS[name]
        answer = self.ask(here, provider, "list", query="page_no=1&page_size=1000")
        if answer is None:
            return
        told = {item["task_id"]: item["status"] for item in answer.body["data"]}
        kept = [life for life in here.lives.values() if life.provider is provider and here.now - life.submitted <= DAY]
        assert told == {life.id: provider.data["states"][life.state] for life in kept}

    @rule(world=worlds, seconds=st.none() | st.sampled_from([0.0, 0.5, 1.0, 4000.0]))
    def advance(self, world: str, seconds: float | None) -> None:
        """Let some time pass, or (None) as much as there is until something happens."""
        here = self.worlds[world]
        reply = self.control(here, "POST", "clock/advance", {"next": True} if seconds is None else {"seconds": seconds})
        here.let_pass(seconds)
        assert reply.body["now"] == here.now
        self.compare(world)

    @rule(world=worlds, age=st.sampled_from(AGES))
    @precondition(lambda self: len(self.ids) > 8)
    def expire(self, world: str, age: float) -> None:
        """Let tasks grow as old as a provider keeps them, or older."""
        self.advance(world, age)

    @rule(world=worlds, endpoint=st.sampled_from(["submit", "poll", "cancel", "list"]), data=st.data())
    def order_a_fault(self, world: str, endpoint: str, data: st.DataObject) -> None:
        here = self.worlds[world]
        words = data.draw(st.lists(st.sampled_from([*REFUSING, "ok"]), min_size=1, max_size=2))
        self.control(here, "POST", "faults", {endpoint: words})
        here.faults.setdefault(endpoint, deque()).extend(words)

    @rule(world=worlds)
    @precondition(lambda self: len(self.ids) > 8)
    def reset(self, world: str) -> None:
        """Begin a session anew: its draws too, and so its ids."""
        here = self.worlds[world]
        self.control(here, "POST", "session/reset")
        self.ids = {given: by for given, by in self.ids.items() if by != world}
        self.worlds[world] = World(here.name, here.limits)
        self.compare(world)

    @rule(world=worlds)
    def compare(self, world: str) -> None:
        """Every task is as in the model, no more of them run than may, and the same faults are still to come."""
        here = self.worlds[world]
        planned = self.control(here, "GET", "faults").body["planned"]
        faults = [(line["endpoint"], line["word"]) for line in planned if not line["met"]]
        assert sorted(faults) == sorted((endpoint, word) for endpoint, words in here.faults.items() for word in words)
        told = {task["id"]: task["state"] for task in self.control(here, "GET", "tasks?limit=1000").body}
        assert told == {life.id: life.state for life in here.lives.values()}
        for name, counted in self.control(here, "GET", "limits").body["providers"].items():
            for model, running in counted["running"].items():
                own = [life for life in here.of(PROVIDERS[name]) if life.model == model]
                assert running == sum(life.state is State.RUNNING for life in own)
                assert counted["queued"][model] == sum(life.is_waiting for life in own)
        assert all(here.running(life.lane) <= here.places(life.provider) for life in here.lives.values())

    # How it is asked and looked at

    def look(self, life: Life, answer: Answer) -> None:
        """Compare an answer about a task with the model and with what was told before."""
        state = State(answer.name.removeprefix("upstream_"))
        assert state is life.state, (state, life)
        assert (life.seen, state) in REACHED, f"{life.seen} became {state}"
        if state in FINAL:
            told = {name: value for name, value in answer.body.items() if name not in ("request_id", "trace_id")}
            assert life.ends.setdefault(answer.name, told) == told
        life.seen = state

    def is_known(self, here: World, life: Life) -> bool:
        """Whether a session answers about a task; one that is asked about long after its end is forgotten."""
        if here.lives.get(life.id) is life and life.age(here.now, "task", "result") > 0:
            here.forget(life)
        return here.lives.get(life.id) is life and life.age(here.now, "task") <= 0

    def ask_about(self, here: World, life: Life, name: str) -> Answer | None:
        return self.let_in(
            here, life.provider, name, partial(self.stage.ask_about, life.provider, life.id, endpoint=name)
        )

    def ask(self, here: World, provider: Provider, name: str, body: Any = None, **params: str) -> Answer | None:
        model = pointer.follow(body, provider.data["request"]["model"], "")
        return self.let_in(here, provider, name, partial(self.stage.call, provider, name, body, **params), model)

    def let_in(
        self, here: World, provider: Provider, name: str, send: Callable[..., Reply], model: str = ""
    ) -> Answer | None:
        """The answer; None where a fault or the rate came before it, and nothing else has happened."""
        planned = here.faults.get("poll" if name in ("batch", "poll_upstream") else name)
        fault = planned.popleft() if planned else "ok"
        is_admitted = fault == "ok" and here.admits(provider, provider.endpoints[name], model)
        reply = send(session=here.address)
        if is_admitted:
            return self.known(provider, name, reply)
        assert reply.status == REFUSING.get(fault, 429)
        return None

    def known(self, provider: Provider, endpoint: str, reply: Reply) -> Answer:
        """The answer by its name; one that does not fit the contract is a defect."""
        return AnswerBook(provider, provider.endpoints[endpoint]).recognise(reply.status, reply.body)

    def control(self, here: World, method: str, path: str, body: Any = None) -> Reply:
        raw = b"" if body is None else json.dumps(body).encode()
        reply = self.stage.send(method, f"/~{here.address}/_happyhorse/{path}", {"Host": "127.0.0.1"}, raw)
        assert reply.status < 300, reply
        return reply

    def world_of(self, life: Life) -> World:
        return self.worlds[life.world[0]]


def is_unknown(answer: Answer) -> bool:
    return answer.is_error or answer.name.endswith("unknown")


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged(Settings(clock=ClockMode.MANUAL, start=START)) as running:
        yield running


def test_every_interleaving_holds_the_invariants(stage: Stage) -> None:
    run_state_machine_as_test(lambda: Lives(stage), settings=settings(stateful_step_count=40))
