"""States that are ordered, and the words that a provider has for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from lives import ordered
from stage import Reply, Stage, staged

from happyhorse_spec.answers import Answer, AnswerBook
from happyhorse_spec.contract import Provider, load_provider, provider_names
from mockserver.clock import ClockMode
from mockserver.settings import Settings

PROVIDERS = [load_provider(name) for name in provider_names()]
SPEECHLESS = [provider for provider in PROVIDERS if "canceled" not in provider.data["states"]]
STRANGE = ["PENDING 1s", "CANCELED"]

every_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
in_vain = pytest.mark.parametrize("provider", SPEECHLESS, ids=lambda provider: provider.name)

_RUNS = count()


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged(Settings(clock=ClockMode.MANUAL)) as running:
        yield running


@pytest.fixture
def session() -> str:
    return f"s{next(_RUNS)}"


def submitted(stage: Stage, provider: Provider, session: str, steps: list[str]) -> Answer:
    reply = stage.call(provider, "submit", ordered(provider, provider.modes["t2v"], steps), session=session)
    return known(provider, "submit", reply)


def known(provider: Provider, endpoint: str, reply: Reply) -> Answer:
    return AnswerBook(provider, provider.endpoints[endpoint]).recognise(reply.status, reply.body)


def controlled(stage: Stage, session: str, path: str, body: Any) -> Reply:
    return stage.send("PUT", f"/~{session}/_happyhorse/{path}", {"Host": "127.0.0.1"}, json.dumps(body).encode())


@every_provider
def test_task_that_fails_without_a_reason_fails_by_the_provider_s_own(
    provider: Provider, stage: Stage, session: str
) -> None:
    task = str(submitted(stage, provider, session, ["FAILED"]).value("task_id"))
    told = known(provider, "poll", stage.ask_about(provider, task, session=session))
    refusals = provider.data["refusals"]
    assert told.name == "failed"
    assert provider.errors[refusals.get("generation", refusals["internal"])].code in json.dumps(told.body)


@in_vain
def test_prompt_orders_no_state_that_the_provider_has_no_word_for(
    provider: Provider, stage: Stage, session: str
) -> None:
    assert submitted(stage, provider, session, STRANGE).is_error


@in_vain
def test_plan_gives_a_model_no_state_that_its_provider_has_no_word_for(
    provider: Provider, stage: Stage, session: str
) -> None:
    assert controlled(stage, session, "plans", {"plans": {"*": ", ".join(STRANGE)}}).status == 200
    assert submitted(stage, provider, session, ["A horse"]).is_error


@in_vain
def test_task_is_given_no_state_that_its_provider_has_no_word_for(
    provider: Provider, stage: Stage, session: str
) -> None:
    task = submitted(stage, provider, session, ["PENDING 9s", "RUNNING 9s", "SUCCEEDED"]).value("task_id")
    refusal = controlled(stage, session, f"tasks/{task}/plan", {"plan": ", ".join(STRANGE)})
    assert refusal == (400, {"error": f"no task of {provider.name} is ever CANCELED"})
