"""One verdict, whoever is asked: both engines, the mock at either moment, and a validator that nobody here wrote.

For generated bodies of every provider and mode, fine, broken by an edit, nearly right and plain wrong. The independent
validator gets the dereferenced schemas; it knows none of our keywords, and needs to know none, since what a provider
rejects is said in plain JSON Schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jschon import JSON, JSONSchema, create_catalog
from stage import Reply, Stage, staged

from happyhorse_spec import strategies
from happyhorse_spec.answers import Answer, AnswerBook
from happyhorse_spec.candidates import ANYTHING, candidates
from happyhorse_spec.check import check_body, media_urls
from happyhorse_spec.contract import Law, Provider, load_provider, provider_names
from mockserver.clock import ClockMode
from mockserver.settings import Settings

pytestmark = pytest.mark.usefixtures("unmeasured")

MODES = [(name, mode) for name in provider_names() for mode in load_provider(name).modes]
#: What Python and ECMA 262 do not both call a space: the independent validator reads patterns as Python does.
SPACE_TO_SOME = re.compile("[\x1c-\x1f\x85\ufeff]")
#: A task of which more is not known after so many polls does not end.
PATIENCE = 10


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged(Settings(clock=ClockMode.JUMP)) as running:
        yield running


@cache
def bodies(name: str, mode: str) -> st.SearchStrategy[Any]:
    """Bodies that are fine, broken in one place, taken but not as meant, nearly right, or anything at all."""
    provider = load_provider(name)
    laws = [provider.any.book.schema, provider.modes[mode].request.book.schema]
    effects = {rule.effect for rule in provider.modes[mode].advice.book.rules}
    broken = [strategies.broken_requests(name, mode, effect=effect) for effect in ("reject", *sorted(effects))]
    return st.one_of(
        strategies.requests(name, mode),
        *(strategy.map(lambda broken: broken.body) for strategy in broken),
        candidates({"allOf": laws}),
        ANYTHING,
    )


@pytest.mark.parametrize(("name", "mode"), MODES)
@given(data=st.data())
def test_engines_tell_the_same(name: str, mode: str, data: st.DataObject) -> None:
    body, provider = data.draw(bodies(name, mode)), load_provider(name)
    assert told(body, provider, reference=False) == told(body, provider, reference=True)


def told(body: Any, provider: Provider, *, reference: bool) -> list[tuple[str, str]]:
    return [(found.rule.id, found.pointer) for found in check_body(body, provider, reference=reference)]


def is_rejected(body: Any, provider: Provider) -> bool:
    return any(found.effect == "reject" for found in check_body(body, provider))


@pytest.mark.filterwarnings("ignore:Please use rfc3986:DeprecationWarning")  # in the validator's own imports
@pytest.mark.parametrize(("name", "mode"), MODES)
@given(data=st.data())
def test_another_validator_gives_the_verdict(name: str, mode: str, data: st.DataObject) -> None:
    body, provider = data.draw(bodies(name, mode).filter(means_one_thing)), load_provider(name)
    judging = provider.mode_of(body)
    fits = [independent(name, law)(body) for law in ("any", judging.name if judging else "any")]
    assert is_rejected(body, provider) is not all(fits)


def means_one_thing(body: Any) -> bool:
    return not any(SPACE_TO_SOME.search(text) for text in texts(body))


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for member in (*value, *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(member)


@cache
def catalog() -> Any:
    return create_catalog("2020-12")


@cache
def independent(name: str, law: str) -> Callable[[Any], bool]:
    provider = load_provider(name)
    chosen: Law = provider.any if law == "any" else provider.modes[law].request
    schema = JSONSchema({**chosen.book.schema, "$id": f"https://law.invalid/{name}/{law}"}, catalog=catalog())
    return lambda body: bool(schema.evaluate(JSON(body)).valid)


_SESSIONS = count()


@pytest.mark.parametrize(("name", "mode"), MODES)
@given(data=st.data())
def test_mock_refuses_at_submit_what_is_rejected(name: str, mode: str, data: st.DataObject, stage: Stage) -> None:
    body, provider = data.draw(bodies(name, mode)), load_provider(name)
    reply = stage.call(provider, "submit", body, session=f"s{next(_SESSIONS)},validation=documented")
    answer = known(provider, "submit", reply)
    if is_rejected(body, provider):
        assert answer.is_error
    elif not is_looked_at(body, provider):
        assert answer.name in ("submitted", "result")


@pytest.mark.parametrize(("name", "mode"), MODES)
@given(data=st.data())
def test_mock_lets_the_task_fail_by_what_is_rejected(name: str, mode: str, data: st.DataObject, stage: Stage) -> None:
    body, provider = data.draw(bodies(name, mode)), load_provider(name)
    session = f"s{next(_SESSIONS)},validation=observed"
    answer = known(provider, "submit", stage.call(provider, "submit", body, session=session))
    if answer.name == "submitted":
        answer = ended(stage, provider, str(answer.value("task_id")), session)
    if is_rejected(body, provider):
        assert answer.is_error or answer.name == "failed"
    elif not is_looked_at(body, provider):
        assert answer.name in ("succeeded", "result")


def ended(stage: Stage, provider: Provider, task_id: str, session: str) -> Answer:
    """The last answer about a task."""
    for _ in range(PATIENCE):
        reply = stage.ask_about(provider, task_id, session=session)
        answer = known(provider, "poll", reply)
        if answer.name not in ("pending", "running"):
            return answer
    raise AssertionError(f"the task does not end: {reply}")


def known(provider: Provider, endpoint: str, reply: Reply) -> Answer:
    """The answer by its name in the contract; the mock gives no other."""
    return AnswerBook(provider, provider.endpoints[endpoint]).recognise(reply.status, reply.body)


def is_looked_at(body: Any, provider: Provider) -> bool:
    """Whether the mock opens a file that the body names: then the file decides."""
    mode = provider.mode_of(body)
    urls = [url for _, _, url in media_urls(body, mode)] if mode else []
    return any(url.lower().startswith(("data:", "oss:")) for url in urls)
