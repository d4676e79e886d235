"""Every provider in its own words: each mode from submit to the clip, and each documented refusal."""

import json
import re

import pytest
from jsonschema import Draft202012Validator

from happyhorse_spec.contract import load_provider, provider_names

PROVIDERS = [load_provider(name) for name in provider_names()]
EXAMPLES = [
    pytest.param(provider, mode, example, id=f"{provider.name}-{mode.name}-{number}")
    for provider in PROVIDERS
    for mode in provider.modes.values()
    for number, example in enumerate(mode.request.book.schema["examples"])
]
each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=[provider.name for provider in PROVIDERS])


def said(provider, endpoint, answer):
    """The names of the endpoint's answers whose schema the answer satisfies."""
    entry = provider.endpoints[endpoint]
    names = [name for name, status in entry.answers.items() if status == answer.status]
    names += ["error"] if answer.status >= 400 else []
    defs = provider.answer_schemas["$defs"]
    schema = lambda name: {"$ref": f"#/$defs/{name}", "$defs": defs}  # noqa: E731
    return [name for name in names if Draft202012Validator(schema(name)).is_valid(answer.body)]


def task_id_in(answer):
    body = answer.body
    return body.get("task_id") or body.get("output", {}).get("task_id")


def poll(wire, provider, task_id):
    template = provider.endpoints["poll"].data.get("body")
    body = {name: task_id if value == "{task_id}" else value for name, value in template.items()} if template else None
    return wire.call(provider, "poll", body, task_id=task_id)


def find(value, name):
    """The first value of a member called `name`, however deep."""
    if isinstance(value, dict):
        if isinstance(value.get(name), str):
            return value[name]
        value = list(value.values())
    return next((found for item in value if (found := find(item, name))), None) if isinstance(value, list) else None


def texts(value):
    """Every text in an answer."""
    if isinstance(value, dict):
        value = list(value.values())
    return (
        [value]
        if isinstance(value, str)
        else [text for item in value for text in texts(item)]
        if isinstance(value, list)
        else []
    )


def url_in(answer):
    """The result's URL, wherever the provider puts it; the request may be echoed beside it."""
    return re.search(rb'"(http://[^"]+/result/[^"]+)"', answer.raw).group(1).decode()


def is_clip(answer):
    return (answer.status, answer.headers["Content-Type"], answer.raw[4:8]) == (200, "video/mp4", b"ftyp")


@pytest.mark.parametrize(("provider", "mode", "example"), EXAMPLES)
def test_plays_a_task_from_submit_to_the_clip(wire, provider, mode, example):  # noqa: ARG001 - the mode names the case
    submitted = wire.call(provider, "submit", example)
    if said(provider, "submit", submitted) == ["result"]:  # it waited, so there is nothing to poll
        assert is_clip(wire.send("GET", url_in(submitted)))
        return
    assert said(provider, "submit", submitted) == ["submitted"], submitted.raw
    answers = [poll(wire, provider, task_id_in(submitted)) for _ in range(3)]
    told = [said(provider, "poll", answer) for answer in answers]
    calls_back = example.get("callback_url")  # who is to be called back waits, and that moves this clock too
    assert told[0] in ([["running"], ["succeeded"]] if calls_back else [["running"]]), answers[0].raw
    assert told[1:] == [["succeeded"]] * 2
    assert is_clip(wire.send("GET", url_in(answers[-1])))


@each_provider
def test_says_that_a_task_is_queued_before_it_runs(wire, provider):
    body = dict(next(iter(provider.modes.values())).request.book.schema["examples"][0])
    place = provider.data["request"]["prompt"].split("/")[1:]
    holder = body if len(place) == 1 else {**body[place[0]]}
    holder[place[-1]] = "a horse [[PENDING 1 polls, RUNNING 1 polls, FAILED DataInspectionFailed]]"
    body = holder if len(place) == 1 else {**body, place[0]: holder}
    task_id = task_id_in(wire.call(provider, "submit", body))
    told = [said(provider, "poll", poll(wire, provider, task_id)) for _ in range(4)]
    assert told == [["pending"], ["running"], ["failed"], ["failed"]]


@each_provider
@pytest.mark.parametrize(
    ("noticed", "change"),
    [
        ("no_key", {"without": ("Authorization",)}),
        ("wrong_key", {"headers": {"Authorization": "Bearer sk-invalid"}}),
        ("wrong_key", {"headers": {"Authorization": "Basic c2s6"}}),
        ("unreadable_body", {"body": b'{"model": '}),
        ("unreadable_body", {"body": b""}),
        ("unreadable_body", {"body": b"\xff\xfe"}),
        ("unreadable_body", {"body": b'{"a": NaN}'}),
    ],
    ids=["no-key", "wrong-key", "wrong-scheme", "cut-body", "empty-body", "not-utf-8", "nan"],
)
def test_refuses_as_documented(wire, provider, noticed, change):
    example = next(iter(provider.modes.values())).request.book.schema["examples"][0]
    answer = wire.call(provider, "submit", **{"body": example, **change})
    error = provider.errors[provider.data["refusals"][noticed]]
    assert answer.status == error.status
    assert find(answer.body, "message").startswith(error.message)
    assert answer.headers["Content-Type"].startswith("application/json")


@each_provider
def test_refuses_a_submit_without_its_required_headers(wire, provider):
    example = next(iter(provider.modes.values())).request.book.schema["examples"][0]
    for header in provider.endpoints["submit"].headers:
        if header.when is None:
            answer = wire.call(provider, "submit", example, without=(header.name,))
            error = provider.errors[header.error]
            assert (answer.status, find(answer.body, "message")) == (error.status, error.message)


@each_provider
def test_takes_header_names_and_media_types_in_any_spelling(wire, provider):
    example = next(iter(provider.modes.values())).request.book.schema["examples"][0]
    entry = provider.endpoints["submit"]
    headers = {
        "authorization": f"bearer {provider.data['key']['example']}",
        "content-type": "application/json; charset=utf-8",
    }
    headers |= {header.name.lower(): header.const for header in entry.headers if header.when is None}
    assert wire.send(entry.method, entry.path, json.dumps(example), headers).status == 200


@each_provider
def test_answers_an_unknown_task_as_documented(wire, provider):
    answer = poll(wire, provider, "00000000-0000-4000-8000-000000000000")
    if "unknown" in provider.data["answers"]:
        assert (answer.status, said(provider, "poll", answer)) == (200, ["unknown"])
    else:
        error = provider.errors[provider.data["refusals"]["unknown_task"]]
        assert (answer.status, find(answer.body, "message")) == (error.status, error.message)


@each_provider
def test_answers_an_unknown_path_and_a_wrong_method_in_the_providers_words(wire, provider):
    submit = provider.endpoints["submit"]
    for method, path, noticed in (
        ("POST", submit.path.rsplit("/", 1)[0] + "/nothing-here", "not_found"),
        ("DELETE", submit.path, "wrong_method"),
    ):
        error = provider.errors[provider.data["refusals"][noticed]]
        answer = wire.send(method, path, headers={"Authorization": "Bearer sk-mock"})
        assert answer.status == error.status
        assert find(answer.body, "message") == error.message.format(method=method)


@pytest.mark.parametrize(
    ("provider", "key"),
    [pytest.param(provider, key, id=f"{provider.name}-{key}") for provider in PROVIDERS for key in provider.errors],
)
def test_meets_every_error_of_the_catalogue_by_its_key(wire, provider, key):
    example = next(iter(provider.modes.values())).request.book.schema["examples"][0]
    error = provider.errors[key]
    answer = wire.call(provider, "submit", example, headers={"Authorization": f"Bearer fail-{key}"})
    assert answer.status == error.status
    if "{" not in error.message:
        assert any(text.startswith(error.message) for text in texts(answer.body))


@each_provider
def test_keeps_sessions_apart(server, wire, provider):
    example = next(iter(provider.modes.values())).request.book.schema["examples"][0]
    task_id = task_id_in(wire.call(provider, "submit", example))
    assert said(provider, "poll", poll(wire, provider, task_id)) == ["running"]
    other = type(wire)(f"{server.url}/~somebody-else")
    assert said(provider, "poll", poll(other, provider, task_id)) in (["unknown"], ["error"])
