"""The strategies draw what they promise; `test_strategies_reach.py` shows that it is all of it."""

from __future__ import annotations

import sys
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from happyhorse_spec import strategies
from happyhorse_spec.answers import AnswerBook
from happyhorse_spec.check import check_body
from happyhorse_spec.contract import load_provider, provider_names
from happyhorse_spec.edits import apply_patch
from happyhorse_spec.strategies import FOLLOWING, Exchange
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


# The edges of the interface


@given(told=answers("dashscope", name="failed"))
def test_one_answer_can_be_asked_for(told: Exchange) -> None:
    assert told.name == "failed"


def test_an_effect_that_no_rule_has_is_named() -> None:
    with pytest.raises(ValueError, match="no rule of imini t2v has the effect explode"):
        strategies.broken_requests("imini", "t2v", effect="explode")


def test_the_extra_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "happyhorse_spec.strategies")
    with pytest.raises(ImportError, match=r"install happyhorse-spec\[hypothesis\]"):
        import happyhorse_spec.strategies  # noqa: F401
