"""A fuzzer that reads the OpenAPI document plays against the mock: whatever it gets must be documented.

It sends the documented examples, the borders of every schema, right and wrong data, methods and media types that nobody
documents, and follows the links from a submit to the polls.
"""

import json
from typing import NamedTuple

import pytest
import schemathesis
from schemathesis.engine import events, from_schema

from happyhorse_spec.answers import AnswerBook, UnknownAnswer
from happyhorse_spec.contract import Provider, load_provider, provider_names
from happyhorse_spec.openapi import describe

pytestmark = pytest.mark.usefixtures("unmeasured")

PROVIDERS = [load_provider(name) for name in provider_names()]
PROFILES = [
    pytest.param(provider, profile, id=f"{provider.name}-{profile}")
    for provider in PROVIDERS
    for profile in provider.data.get("profiles", ())
]
STREAMS = [
    pytest.param(provider, delivery["accept"], id=provider.name)
    for provider in PROVIDERS
    for delivery in provider.endpoints["submit"].data.get("delivery", ())
    if delivery["how"] == "stream"
]
CONFORMANCE = (
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
CONFIG = """
base-url = "{url}"
seed = 1
workers = 1
warnings = false
continue-on-failure = true
cache.enabled = false
generation = {{ deterministic = true, database = "none", no-shrink = true, max-examples = 10 }}
phases.coverage.enabled = {borders}
[checks]
enabled = false
{checks}
[headers]
{headers}
"""


class Exchange(NamedTuple):
    """One request and what came back; `operation` is the one it was made for, e.g. `POST /videos`."""

    operation: str
    method: str
    status: int
    media_type: str
    raw: bytes


class Play(NamedTuple):
    """All that was exchanged, and what the fuzzer finds wrong in it."""

    provider: Provider
    exchanges: list[Exchange]
    wrong: list[str]

    def answers(self, endpoint):
        """The names of the answers that an endpoint gave."""
        book, label = AnswerBook(self.provider, endpoint), f"{endpoint.method} {endpoint.path}"
        given = [exchange for exchange in self.exchanges if exchange.operation == label and exchange.status < 300]
        return {name for exchange in given if (name := recognised(book, exchange))}


def recognised(book, exchange):
    try:
        return book.recognise(exchange.status, json.loads(exchange.raw)).name
    except (UnknownAnswer, ValueError):
        return None


def play(provider, url, checks, *, borders=True, **headers):
    """A run of the fuzzer. Without `borders` it leaves out the borders of each schema, the longest part."""
    headers["Authorization"] = f"{provider.data['key']['scheme']} {provider.data['key']['example']}"
    config = CONFIG.format(
        url=url,
        borders=json.dumps(borders),
        checks="".join(f"{name}.enabled = true\n" for name in checks),
        headers="".join(f"{name} = {json.dumps(value)}\n" for name, value in headers.items()),
    )
    schema = schemathesis.openapi.from_dict(describe(provider, url), config=schemathesis.Config.from_str(config))
    exchanges, wrong = [], []
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            exchanges += exchanged(event.recorder)
            wrong += failed(event.recorder)
        elif isinstance(event, events.NonFatalError):
            wrong.append(f"{event.label}: {event.value!r}")
        elif isinstance(event, events.FatalError):
            raise event.exception
    return Play(provider, exchanges, wrong)


def exchanged(recorder):
    for case_id, interaction in recorder.interactions.items():
        case, response = recorder.cases[case_id].value, interaction.response
        media_type = response.headers.get("content-type", [""])[0].partition(";")[0]
        yield Exchange(case.operation.label, case.method, response.status_code, media_type, response.content)


def failed(recorder):
    for checks in recorder.checks.values():
        for check in checks:
            if check.failure_info:
                yield f"{check.name}: {check.failure_info.failure.message}\n{check.failure_info.code_sample}"


@pytest.fixture(scope="module", params=PROVIDERS, ids=[provider.name for provider in PROVIDERS])
def played(server, request):
    """A whole run in a session of its own, in which a poll moves time."""
    provider = request.param
    return play(provider, f"{server.url}/~fuzz-{provider.name}", (*CONFORMANCE, "negative_data_rejection"))


def test_gets_nothing_that_is_not_documented(played):
    assert played.wrong == []
    assert len(played.exchanges) > 400


def test_gets_every_endpoint_to_do_its_work(played):
    assert [name for name, endpoint in played.provider.endpoints.items() if not played.answers(endpoint)] == []


def test_follows_the_links_until_the_video_is_there(played):
    assert "succeeded" in played.answers(played.provider.endpoints["poll"])


def test_is_refused_in_the_words_of_the_provider_only(played):
    refused = [exchange for exchange in played.exchanges if exchange.status >= 400]
    assert {exchange.method for exchange in refused} >= {"DELETE", "PATCH", "PUT"}
    book = AnswerBook(played.provider, played.provider.endpoints["submit"])
    statuses = {error.status for error in played.provider.errors.values()}
    assert {exchange.status for exchange in refused} <= statuses
    assert [exchange for exchange in refused if not recognised(book, exchange)] == []


@pytest.mark.parametrize("provider", PROVIDERS, ids=[provider.name for provider in PROVIDERS])
def test_meets_limits_as_they_are_documented(server, provider):
    url = f"{server.url}/~fuzz-limits-{provider.name},limits=on,validation=observed"
    found = play(provider, url, CONFORMANCE, borders=False)
    assert found.wrong == []
    assert any(exchange.status == 429 for exchange in found.exchanges) or "submit" not in provider.data["limits"]


@pytest.mark.parametrize(("provider", "profile"), PROFILES)
def test_gets_what_is_documented_in_every_profile(server, provider, profile):
    found = play(provider, f"{server.url}/~fuzz-{profile},profile={profile}", CONFORMANCE, borders=False)
    assert found.wrong == []
    assert "succeeded" in found.answers(provider.endpoints["poll"])


@pytest.mark.parametrize(("provider", "media_type"), STREAMS)
def test_gets_streams_whose_every_line_is_documented(server, provider, media_type):
    schemathesis.deserializer(media_type)(lambda _, response: list(map(json.loads, response.content.splitlines())))
    found = play(provider, f"{server.url}/~fuzz-streams-{provider.name}", CONFORMANCE, Accept=media_type)
    assert found.wrong == []
    streams = [exchange for exchange in found.exchanges if exchange.media_type == media_type]
    assert any(len(exchange.raw.splitlines()) > 1 for exchange in streams)
