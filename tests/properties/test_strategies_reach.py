"""Strategies reach all of what they promise, and shrink to little.

The seed is fixed: a rule that is never drawn is a defect of the strategy, not bad luck.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from happyhorse_spec import strategies
from happyhorse_spec.check import check_body
from happyhorse_spec.contract import SCHEMAS, load_provider, provider_names
from happyhorse_spec.strategies import Life
from happyhorse_spec.twins import twins

pytestmark = pytest.mark.usefixtures("unmeasured")

PROVIDERS = provider_names()


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
    told = {broken.rule.id for broken in drawn(strategies.broken_requests(name, mode), 1000)}
    found = {rule.id: twins(provider, rule) for rule in rules if rule.id not in told}
    assert [name for name, twin in found.items() if twin is None or twin.told == name] == []


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_end_and_every_state_is_seen(name: str) -> None:
    provider = load_provider(name)
    found: list[Life] = drawn(strategies.lives(name), 200)
    poll = provider.endpoints["poll"]
    assert {life.state for life in found} | {"pending", "running"} == set(poll.answers)
    assert {exchange.name for life in found for exchange in life.polls} == set(poll.answers)


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_error_of_an_endpoint_is_drawn(name: str) -> None:
    provider = load_provider(name)
    told = drawn(strategies.answers(name, "submit"), 500)
    statuses = {exchange.status for exchange in told}
    submit = provider.endpoints["submit"]
    assert statuses == {*submit.answers.values(), *(provider.errors[key].status for key in submit.errors)}


def test_a_request_varies() -> None:
    bodies = drawn(strategies.requests("dashscope", "t2v"), 300)
    parameters = [body.get("parameters", {}) for body in bodies]
    assert {entry.get("resolution") for entry in parameters} == {None, "1080P", "720P", "480P"}
    assert {entry.get("duration") for entry in parameters} >= {None, 3, 15}
    assert len({body["input"]["prompt"] for body in bodies}) > 50


def test_a_folder_gives_strategies_too(tmp_path: Path) -> None:
    folder = copytree(SCHEMAS / "imini", tmp_path / "gateway")
    assert all(
        check_body(body, load_provider(str(folder))) == [] for body in drawn(strategies.requests(str(folder)), 20)
    )


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
