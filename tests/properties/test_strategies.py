"""The strategies draw what they promise, from all of what they promise, and shrink to little."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from happyhorse_spec import strategies
from happyhorse_spec.answers import AnswerBook
from happyhorse_spec.check import check_body
from happyhorse_spec.contract import SCHEMAS, load_provider, provider_names
from happyhorse_spec.edits import apply_patch
from happyhorse_spec.strategies import FOLLOWING, Life
from happyhorse_spec.twins import twins
from mockserver.lifecycle import EDGES, State

PROVIDERS = provider_names()
MODES = [(name, mode) for name in PROVIDERS for mode in load_provider(name).modes]
ENDPOINTS = [(name, endpoint) for name in PROVIDERS for endpoint in load_provider(name).endpoints]

every_mode = pytest.mark.parametrize(("name", "mode"), MODES)

# Made once: a strategy compiles the schemas of its provider.
requests = cache(strategies.requests)
broken_requests = cache(strategies.broken_requests)
answers = cache(strategies.answers)
lives = cache(strategies.lives)


@every_mode
@given(data=st.data())
def test_nothing_is_said_of_a_request(name: str, mode: str, data: st.DataObject) -> None:
    body = data.draw(requests(name, mode))
    provider = load_provider(name)
    assert check_body(body, provider) == []
    assert provider.mode_of(body) is provider.modes[mode]


@pytest.mark.parametrize("effect", ["reject", "truncate", "ignore", "advise"])
@pytest.mark.parametrize("name", PROVIDERS)
@given(data=st.data())
def test_broken_request_is_one_edit_from_a_fine_one(name: str, effect: str, data: st.DataObject) -> None:
    broken = data.draw(broken_requests(name, effect=effect))
    provider = load_provider(name)
    assert apply_patch(broken.fine, broken.patch) == broken.body
    assert broken.rule.effect == effect
    assert broken.rule.id in {found.rule.id for found in check_body(broken.body, provider)}
    assert broken.rule.id not in {found.rule.id for found in check_body(broken.fine, provider)}
    assert [found for found in check_body(broken.fine, provider) if found.effect == "reject"] == []


@pytest.mark.parametrize(("name", "endpoint"), ENDPOINTS)
@given(data=st.data())
def test_answer_is_known_by_its_name(name: str, endpoint: str, data: st.DataObject) -> None:
    told = data.draw(answers(name, endpoint))
    provider = load_provider(name)
    answer = AnswerBook(provider, provider.endpoints[endpoint]).recognise(told.status, told.body)
    assert answer.is_error == told.is_error
    if told.is_error:
        assert told.status in {provider.errors[key].status for key in provider.endpoints[endpoint].errors}
    else:
        assert (answer.name, told.status) == (told.name, provider.endpoints[endpoint].answers[told.name])


@every_mode
@given(data=st.data())
def test_life_goes_along_the_edges_and_speaks_of_one_task(name: str, mode: str, data: st.DataObject) -> None:
    life = data.draw(lives(name, mode))
    provider = load_provider(name)
    assert check_body(life.request, provider) == []
    submit = AnswerBook(provider, provider.endpoints["submit"]).recognise(life.submit.status, life.submit.body)
    told = [AnswerBook(provider, provider.endpoints["poll"]).recognise(p.status, p.body) for p in life.polls]
    ids = {answer.value("task_id") for answer in (submit, *told)} - {None}
    assert len(ids) == 1
    states = [answer.name for answer in told]
    assert follow_the_edges(states)
    assert (states or ["succeeded"])[-1] == life.state


def follow_the_edges(states: list[str]) -> bool:
    """Whether a poll could see these states in a row; one may go by unseen, and a day later all are forgotten."""
    reach = {state: {after for before, after in reachable() if before == state} for state in State}
    seen = [State(state) for state in states if state != "unknown"]
    forgotten = states[len(seen) :]
    return forgotten in ([], ["unknown"]) and all(b == a or b in reach[a] for a, b in pairwise(seen))


def reachable() -> set[tuple[State, State]]:
    pairs = {(before, after) for (before, _), after in EDGES.items()}
    return pairs | {(a, d) for a, b in pairs for c, d in pairs if b == c}


def test_states_follow_one_another_as_in_the_mock() -> None:
    edges = {(str(before), str(after)) for (before, _), after in EDGES.items()}
    assert edges == {(before, after) for before, afters in FOLLOWING.items() for after in afters}
    assert next(iter(FOLLOWING)) == State.PENDING


# What can be drawn at all. The seed is fixed: a rule that is never drawn is a defect of the strategy, not bad luck.


def drawn(strategy: st.SearchStrategy[Any], examples: int) -> list[Any]:
    found: list[Any] = []

    @settings(max_examples=examples, derandomize=True, database=None, deadline=None)
    @given(strategy)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found


@pytest.mark.parametrize(("name", "mode"), [("dashscope", "video-edit"), ("imini", "r2v")])
def test_every_rule_of_a_mode_is_broken_by_some_request(name: str, mode: str) -> None:
    provider = load_provider(name)
    rules = provider.modes[mode].request.book.rules
    told = {broken.rule.id for broken in drawn(broken_requests(name, mode), 1000)}
    found = {rule.id: twins(provider, rule) for rule in rules if rule.id not in told}
    assert [name for name, twin in found.items() if twin is None or twin.told == name] == []


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_end_and_every_state_is_seen(name: str) -> None:
    provider = load_provider(name)
    found: list[Life] = drawn(lives(name), 200)
    poll = provider.endpoints["poll"]
    assert {life.state for life in found} | {"pending", "running"} == set(poll.answers)
    assert {exchange.name for life in found for exchange in life.polls} == set(poll.answers)


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_error_of_an_endpoint_is_drawn(name: str) -> None:
    provider = load_provider(name)
    told = drawn(answers(name, "submit"), 500)
    statuses = {exchange.status for exchange in told}
    submit = provider.endpoints["submit"]
    assert statuses == {*submit.answers.values(), *(provider.errors[key].status for key in submit.errors)}


def test_a_request_varies() -> None:
    bodies = drawn(requests("dashscope", "t2v"), 300)
    parameters = [body.get("parameters", {}) for body in bodies]
    assert {entry.get("resolution") for entry in parameters} == {None, "1080P", "720P", "480P"}
    assert {entry.get("duration") for entry in parameters} >= {None, 3, 15}
    assert len({body["input"]["prompt"] for body in bodies}) > 50


# Failing examples


def test_a_broken_request_shrinks_to_its_fault() -> None:
    broken = minimal(strategies.broken_requests("dashscope", "t2v"), lambda b: b.rule.id.endswith("duration.maximum"))
    assert broken.body["parameters"] == {"duration": 16}


def test_a_life_shrinks_to_the_poll_that_matters() -> None:
    life = minimal(strategies.lives("dashscope", "t2v"), lambda life: life.state == "canceled")
    assert [exchange.name for exchange in life.polls] == ["canceled"]
    assert "parameters" not in life.request


def minimal(strategy: st.SearchStrategy[Any], fails: Callable[[Any], bool]) -> Any:
    last: list[Any] = []

    @settings(max_examples=1000, derandomize=True, database=None, deadline=None)
    @given(strategy)
    def check(value: Any) -> None:
        if fails(value):
            last[:] = [value]
            raise AssertionError

    with pytest.raises(AssertionError):
        check()
    return last[0]


# The edges of the interface


def test_one_answer_can_be_asked_for() -> None:
    names = {exchange.name for exchange in drawn(strategies.answers("dashscope", name="failed"), 30)}
    assert names == {"failed"}


def test_a_folder_gives_strategies_too(tmp_path: Path) -> None:
    folder = copytree(SCHEMAS / "imini", tmp_path / "gateway")
    assert all(
        check_body(body, load_provider(str(folder))) == [] for body in drawn(strategies.requests(str(folder)), 20)
    )


def test_an_effect_that_no_rule_has_is_named() -> None:
    with pytest.raises(ValueError, match="no rule of imini t2v has the effect explode"):
        strategies.broken_requests("imini", "t2v", effect="explode")


def test_the_extra_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "happyhorse_spec.strategies")
    with pytest.raises(ImportError, match=r"install happyhorse-spec\[hypothesis\]"):
        import happyhorse_spec.strategies  # noqa: F401
