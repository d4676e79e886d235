"""Random interleavings of everything that can happen to tasks, in several sessions at once, against a model.

The lives are the walks through the table of edges; the model follows each by adding up seconds and counting polls. In
a session with limits a task may have to wait, so there only the invariants are asked: states move along edges, an end
stays, no more tasks run than may.
"""

from __future__ import annotations

import copy
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from stage import Reply, Stage, staged

from happyhorse_spec.answers import Answer, AnswerBook
from happyhorse_spec.contract import Mode, Provider, load_provider, provider_names
from happyhorse_spec.edits import apply_patch
from mockserver.clock import ClockMode
from mockserver.lifecycle import EDGES, FINAL, State
from mockserver.settings import Settings

PROVIDERS = [load_provider(name) for name in provider_names()]
NAMES = {provider.name: provider for provider in PROVIDERS}
START = 1_800_000_000.0
DAY = 86_400.0
#: Faults that stand in place of an answer -> the HTTP status.
REFUSING = {"503": 503, "429:retry-after=3": 429, "500": 500}

CONTROL = {"Host": "127.0.0.1"}

_RUNS = count()


def walks(state: State = State.PENDING) -> Iterator[tuple[State, ...]]:
    """Every way through the table of edges, from the first state to an end."""
    if state in FINAL:
        yield (state,)
    for (before, _), after in EDGES.items():
        if before is state:
            yield from ((state, *way) for way in walks(after))


WALKS = sorted(set(walks()))
REACHED = {
    (way[i], way[j]) for way in WALKS for i in range(len(way)) for j in range(i, len(way))
}  # what a later look may find after an earlier one


def test_walks_take_every_edge() -> None:
    taken = {pair for way in WALKS for pair in pairwise(way)}
    assert taken == {(before, after) for (before, _), after in EDGES.items()}


@dataclass
class Life:
    """What the model knows of a task. `steps` are (state, seconds or None, polls); `began` is when the step began."""

    session: str
    provider: Provider = field(repr=False)
    id: str
    steps: list[tuple[State, float, int]]
    submitted: float
    began: float
    step: int = 0
    polls: int = 0
    seen: State = State.PENDING
    last: Any = None
    is_gone: bool = False

    @property
    def state(self) -> State:
        return self.steps[self.step][0]

    def settle(self, now: float) -> None:
        """Let time alone do its work."""
        while self.state not in FINAL and not self.steps[self.step][2] and self.began + self.steps[self.step][1] <= now:
            self.leave(self.began + self.steps[self.step][1])

    def poll(self, now: float) -> None:
        """A step that lasts some polls ends with the one after them."""
        if self.steps[self.step][2] and self.polls >= self.steps[self.step][2]:
            self.leave(now)
        self.polls += 1

    def leave(self, now: float) -> None:
        self.step, self.polls, self.began = self.step + 1, 0, now

    def cancel(self, now: float) -> None:
        self.steps = [*self.steps[: self.step + 1], (State.CANCELED, 0.0, 0)]
        self.leave(now)


@dataclass
class World:
    """What the model knows of a session."""

    name: str
    limits: bool
    now: float = START
    lives: list[Life] = field(default_factory=list)
    faults: dict[str, deque[str]] = field(default_factory=dict)
    accepted: list[tuple[Provider, float]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{self.name},limits=on" if self.limits else self.name


#: How long the steps of a life last: some seconds, or some polls.
LASTING = st.tuples(st.sampled_from([1.0, 2.5, 40.0, 4000.0]), st.just(0)) | st.tuples(st.just(0.0), st.integers(1, 2))


@st.composite
def scripts(draw: st.DrawFn, provider: Provider) -> list[tuple[State, float, int]]:
    """Steps along a walk that the provider has words for; a state may be stretched over several."""
    known = [way for way in WALKS if all(state in provider.data["states"] for state in way)]
    steps: list[tuple[State, float, int]] = []
    for state in draw(st.sampled_from(known)):
        if state in FINAL:
            steps.append((state, 0.0, 0))
        else:
            steps += [(state, *lasting) for lasting in draw(st.lists(LASTING, min_size=1, max_size=2))]
    return steps


def spelled(steps: list[tuple[State, float, int]]) -> str:
    words = [f"{state.upper()} {f'{polls} polls' if polls else f'{seconds}s'}" for state, seconds, polls in steps]
    return f"[[{', '.join([*words[:-1], steps[-1][0].upper()])}]]"


def ordered(provider: Provider, mode: Mode, prompt: str) -> Any:
    """The example of a mode as a task that is not waited for, with that prompt."""
    body = copy.deepcopy(mode.request.book.schema["examples"][0])
    asynchronous = {"async": True} if "delivery" in provider.endpoints["submit"].data else {}
    place = provider.data["request"]["prompt"]
    return {**apply_patch(body, {"op": "add", "path": place, "value": prompt}), **asynchronous}


class Lives(RuleBasedStateMachine):
    """Three sessions of one mock: two that are free, one with the provider's limits."""

    lives = Bundle("lives")

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        run = next(_RUNS)
        self.stage = stage
        self.worlds = {name: World(f"{name}{run}", limits=name == "c") for name in "abc"}
        self.ids: set[str] = set()

    # What is done to one session

    @rule(target=lives, world=st.sampled_from("abc"), name=st.sampled_from(list(NAMES)), data=st.data())
    def submit(self, world: str, name: str, data: st.DataObject) -> Any:
        here, provider = self.worlds[world], NAMES[name]
        mode = provider.modes[data.draw(st.sampled_from(list(provider.modes)))]
        steps = data.draw(scripts(provider))
        reply = self.call(here, provider, "submit", ordered(provider, mode, spelled(steps)))
        if self.was_faulted(here, "submit", reply):
            return multiple()
        answer = self.known(provider, "submit", reply)
        if answer.is_error:
            assert here.limits
            assert self.may_refuse(here, provider)
            return multiple()
        life = Life(here.name, provider, str(answer.value("task_id")), steps, here.now, here.now)
        assert life.id not in self.ids, "an id is given twice"
        self.ids.add(life.id)
        here.lives.append(life)
        here.accepted.append((provider, here.now))
        return life

    def may_refuse(self, here: World, provider: Provider) -> bool:
        """Whether a limit of the provider is reached, as far as can be said from outside."""
        rate = provider.data["limits"].get("submit", {}).get("per_second")
        recent = [at for known, at in here.accepted if known is provider and here.now - at < 1.0]
        running = provider.data["limits"].get("running", {}).get("tasks")
        alive = [life for life in here.lives if life.provider is provider and life.seen not in FINAL]
        return (rate is not None and len(recent) >= rate) or (running is not None and len(alive) >= running)

    @rule(life=lives, data=st.data())
    def poll(self, life: Life, data: st.DataObject) -> None:
        here = self.world_of(life)
        polls = [e.name for e in life.provider.endpoints.values() if e.data.get("operation", e.name) == "poll"]
        endpoint = data.draw(st.sampled_from(polls))
        reply = self.ask(here, life, endpoint)
        if self.was_faulted(here, "poll", reply):
            return
        answer = self.known(life.provider, endpoint, reply)
        if life.is_gone or here.now - life.submitted > life.provider.data["retention"]["task_seconds"]["value"]:
            assert is_unknown(answer)
            return
        self.look(here, life, answer, polled=True)

    @rule(life=lives, world=st.sampled_from("abc"))
    def poll_elsewhere(self, life: Life, world: str) -> None:
        here = self.worlds[world]
        if here.name != life.session:
            reply = self.ask(here, life, "poll")
            assert self.was_faulted(here, "poll", reply) or is_unknown(self.known(life.provider, "poll", reply))

    def cancelable(self) -> list[Life]:
        return [life for here in self.worlds.values() for life in here.lives if "cancel" in life.provider.endpoints]

    @rule(data=st.data())
    @precondition(cancelable)
    def cancel(self, data: st.DataObject) -> None:
        life = data.draw(st.sampled_from(self.cancelable()))
        here = self.world_of(life)
        reply = self.call(here, life.provider, "cancel", task_id=life.id)
        if self.was_faulted(here, "cancel", reply):
            return
        answer = self.known(life.provider, "cancel", reply)
        life.settle(here.now)
        is_kept = here.now - life.submitted <= life.provider.data["retention"]["task_seconds"]["value"]
        if not here.limits:
            assert answer.is_error is not (life.state is State.PENDING and not life.is_gone and is_kept)
        if not answer.is_error:
            life.cancel(here.now)

    @rule(world=st.sampled_from("abc"), name=st.sampled_from([p.name for p in PROVIDERS if "list" in p.endpoints]))
    def list(self, world: str, name: str) -> None:
        here, provider = self.worlds[world], NAMES[name]
        reply = self.call(here, provider, "list", query="page_no=1&page_size=1000")
        if self.was_faulted(here, "list", reply):
            return
        answer = self.known(provider, "list", reply)
        if answer.is_error:
            assert here.limits
            return
        words = {item["task_id"]: item["status"] for item in answer.body["data"]}
        kept = [life for life in here.lives if life.provider is provider and here.now - life.submitted <= DAY]
        assert words.keys() == {life.id for life in kept}
        for life in kept:
            life.settle(here.now)
            if not here.limits:
                assert words[life.id] == provider.data["states"][life.state]

    @rule(world=st.sampled_from("abc"), seconds=st.sampled_from([0.0, 0.5, 1.0, 2.5, 37.5, 4000.0]))
    def advance(self, world: str, seconds: float) -> None:
        here = self.worlds[world]
        self.control(here, "POST", "clock/advance", {"seconds": seconds})
        here.now += seconds

    @rule(world=st.sampled_from("abc"))
    def expire(self, world: str) -> None:
        """Let everything grow older than any provider keeps it."""
        longest = max(p.data["retention"]["task_seconds"]["value"] for p in PROVIDERS)
        self.control(self.worlds[world], "POST", "clock/advance", {"seconds": longest + 1})
        self.worlds[world].now += longest + 1

    @rule(world=st.sampled_from("ab"), endpoint=st.sampled_from(["submit", "poll", "cancel", "list"]), data=st.data())
    def order_a_fault(self, world: str, endpoint: str, data: st.DataObject) -> None:
        here = self.worlds[world]
        words = data.draw(st.lists(st.sampled_from([*REFUSING, "ok"]), min_size=1, max_size=2))
        self.control(here, "POST", "faults", {endpoint: words})
        here.faults.setdefault(endpoint, deque()).extend(words)

    @rule(world=st.sampled_from("abc"))
    @precondition(lambda self: any(len(world.lives) > 3 for world in self.worlds.values()))
    def reset(self, world: str) -> None:
        here = self.worlds[world]
        self.control(here, "POST", "session/reset")
        for life in here.lives:
            life.is_gone = True
        # The session's draws begin anew with its clock, and so do its ids.
        self.ids -= {life.id for life in here.lives}
        here.now, here.lives, here.faults, here.accepted = START, [], {}, []

    @invariant()
    def no_more_run_than_may(self) -> None:
        limited = self.worlds["c"]
        if limited.lives:
            told = self.control(limited, "GET", "limits").body["providers"]
            for provider in PROVIDERS:
                places = provider.data["limits"].get("running", {}).get("tasks")
                assert places is None or 0 <= running(told[provider.name]) <= places

    # How it is looked at

    def look(self, here: World, life: Life, answer: Answer, *, polled: bool) -> None:
        """Compare an answer about a living task with the model, and keep what was seen."""
        state = State(answer.name.removeprefix("upstream_"))
        life.settle(here.now)
        if polled:
            life.poll(here.now)
        if not here.limits:
            assert state is life.state
        assert (life.seen, state) in REACHED, f"{life.seen} became {state}"
        if life.seen in FINAL:
            assert without_ids(answer.body) == life.last
        life.seen = state
        life.last = without_ids(answer.body) if answer.name == str(state) else life.last

    def ask(self, here: World, life: Life, endpoint: str) -> Reply:
        body = life.provider.endpoints[endpoint].data.get("body")
        filled = {key: life.id if text == "{task_id}" else text for key, text in body.items()} if body else None
        return self.call(here, life.provider, endpoint, filled, task_id=life.id)

    def was_faulted(self, here: World, endpoint: str, reply: Reply) -> bool:
        """Whether the request met the fault that was next in line; then nothing else has happened."""
        words = here.faults.get(endpoint)
        word = words.popleft() if words else "ok"
        assert word == "ok" or reply.status == REFUSING[word]
        return word != "ok"

    def call(self, here: World, provider: Provider, endpoint: str, body: Any = None, **params: str) -> Reply:
        return self.stage.call(provider, endpoint, body, session=here.address, **params)

    def control(self, here: World, method: str, path: str, body: Any = None) -> Reply:
        raw = b"" if body is None else json.dumps(body).encode()
        reply = self.stage.send(method, f"/~{here.address}/_happyhorse/{path}", CONTROL, raw)
        assert reply.status < 300, reply
        return reply

    def known(self, provider: Provider, endpoint: str, reply: Reply) -> Answer:
        """The answer by its name; one that does not fit the contract is a defect."""
        return AnswerBook(provider, provider.endpoints[endpoint]).recognise(reply.status, reply.body)

    def world_of(self, life: Life) -> World:
        return next(world for world in self.worlds.values() if world.name == life.session)


def is_unknown(answer: Answer) -> bool:
    return answer.is_error or answer.name.endswith("unknown")


def without_ids(body: Any) -> Any:
    """An answer without what differs between two polls: the ids of the requests."""
    return {name: value for name, value in body.items() if name not in ("request_id", "trace_id")}


def running(account: Any) -> int:
    """How many tasks of a provider run in the place that its limit counts: all together, or of one model."""
    counts = account["running"].values()
    return sum(counts) if account["limits"]["running"].get("per") == "token" else max(counts, default=0)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged(Settings(clock=ClockMode.MANUAL, start=START)) as running:
        yield running


def test_every_interleaving_holds_the_invariants(stage: Stage) -> None:
    run_state_machine_as_test(lambda: Lives(stage), settings=settings(stateful_step_count=40))


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_task_that_fails_without_a_reason_fails_by_the_provider_s_own(provider: Provider, stage: Stage) -> None:
    world = World(f"s{next(_RUNS)}", limits=False)
    answer = submitted(stage, provider, world.name, "[[FAILED]]")
    machine = Lives(stage)
    machine.worlds["a"] = world
    life = Life(world.name, provider, str(answer.value("task_id")), [], START, START)
    told = machine.known(provider, "poll", machine.ask(world, life, "poll"))
    refusals = provider.data["refusals"]
    assert told.name == "failed"
    assert provider.errors[refusals.get("generation", refusals["internal"])].code in json.dumps(told.body)


SPEECHLESS = [provider for provider in PROVIDERS if "canceled" not in provider.data["states"]]
STRANGE = "PENDING 1s, CANCELED"

in_vain = pytest.mark.parametrize("provider", SPEECHLESS, ids=lambda provider: provider.name)


def submitted(stage: Stage, provider: Provider, session: str, prompt: str) -> Answer:
    reply = stage.call(provider, "submit", ordered(provider, provider.modes["t2v"], prompt), session=session)
    return AnswerBook(provider, provider.endpoints["submit"]).recognise(reply.status, reply.body)


def controlled(stage: Stage, session: str, path: str, body: Any) -> Reply:
    return stage.send("PUT", f"/~{session}/_happyhorse/{path}", CONTROL, json.dumps(body).encode())


@in_vain
def test_prompt_orders_no_state_that_the_provider_has_no_word_for(provider: Provider, stage: Stage) -> None:
    assert submitted(stage, provider, f"s{next(_RUNS)}", f"[[{STRANGE}]]").is_error


@in_vain
def test_plan_gives_a_model_no_state_that_its_provider_has_no_word_for(provider: Provider, stage: Stage) -> None:
    session = f"s{next(_RUNS)}"
    assert controlled(stage, session, "plans", {"plans": {"*": STRANGE}}).status == 200
    assert submitted(stage, provider, session, "A horse").is_error


@in_vain
def test_task_is_given_no_state_that_its_provider_has_no_word_for(provider: Provider, stage: Stage) -> None:
    session = f"s{next(_RUNS)}"
    task = submitted(stage, provider, session, "[[PENDING 9s, RUNNING 9s, SUCCEEDED]]").value("task_id")
    refusal = controlled(stage, session, f"tasks/{task}/plan", {"plan": STRANGE})
    assert refusal == (400, {"error": f"no task of {provider.name} is ever CANCELED"})
