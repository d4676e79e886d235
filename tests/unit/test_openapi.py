"""The OpenAPI document: valid for everybody's tools, complete, and true to the schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from happyhorse_spec import pointer
from happyhorse_spec.check import rejected
from happyhorse_spec.cli import main
from happyhorse_spec.contract import Endpoint, Provider, load_provider, provider_names
from happyhorse_spec.openapi import Document, describe
from happyhorse_spec.openapi_content import fill, operation_of

PROVIDERS = [load_provider(name) for name in provider_names()]
each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=[provider.name for provider in PROVIDERS])
each_endpoint = pytest.mark.parametrize(
    ("provider", "endpoint"),
    [
        pytest.param(provider, endpoint, id=f"{provider.name}-{endpoint.name}")
        for provider in PROVIDERS
        for endpoint in provider.endpoints.values()
    ],
)
each_mode = pytest.mark.parametrize(
    ("provider", "example"),
    [
        pytest.param(provider, example, id=f"{provider.name}-{mode.name}")
        for provider in PROVIDERS
        for mode in provider.modes.values()
        for example in mode.request.book.schema["examples"][:1]
    ],
)

#: What takes the place of each part of a body in turn; `...` stands for nothing at all.
WRONG: tuple[Any, ...] = (..., None, True, 0, -1, 2.5, 5.0, 10**12, "", "x", [], [{}], {}, {"x": 1})


@pytest.fixture
def gateway(edited: Callable[..., str]) -> str:
    """The folder of a provider that nobody has heard of: another header, a callback, a host per customer."""

    def edit(data: dict[str, Any]) -> None:
        data["key"] |= {"header": "X-Gateway-Key", "scheme": "Token"}
        data["servers"].append({"url": "https://{customer}.gateway.test", "source": "chosen", "why": "It is ours."})
        data["callback"] = {"url": "/notify", "succeeded": "succeeded", "failed": "failed", "source": "im-task"}

    return edited("imini", "provider.yaml", edit)


@pytest.fixture
def odd_gateway(edited: Callable[..., str]) -> Provider:
    """A provider whose modes overlap, and whose request schemas do not say what chooses them."""
    modes = {
        "t2v": {"properties": {"kind": {"const": "text"}}},
        "i2v": {"properties": {"kind": {"const": "image"}}},
        "r2v": {"properties": {"kind": {"type": "string"}}, "required": ["kind"]},
    }
    titled = {name: {"title": name, "when": when} for name, when in modes.items()}
    folder = Path(edited("imini", "provider.yaml", lambda data: data.update(modes=titled)))
    rules: dict[str, Any] = {
        "any": {"not": {"required": ["tenant"]}},
        **{name: {"required": [f"{name}_input"]} for name in modes},
    }
    for name, rule in rules.items():
        file = folder / f"{name}.request.schema.json"
        file.unlink()
        file.write_text(json.dumps({"type": "object", "x-source": "im-create", **rule}))
    return load_provider(str(folder))


def operations(document: Document) -> dict[str, Any]:
    return {entry["operationId"]: entry for path in document["paths"].values() for entry in path.values()}


def at(document: Document, endpoint: Endpoint) -> Any:
    return document["paths"][endpoint.path][endpoint.method.lower()]


def contents(document: Document) -> Iterator[tuple[str, Any]]:
    """(where, media type object) of every body that is sent or answered, callbacks too."""
    for name, operation in operations(document).items():
        calls = [entry["post"] for callback in operation.get("callbacks", {}).values() for entry in callback.values()]
        bodies = [entry["requestBody"] for entry in (operation, *calls) if "requestBody" in entry]
        for body in (*bodies, *operation["responses"].values()):
            for media_type, content in body["content"].items():
                yield f"{name} {media_type}", content


def satisfies(document: Document, schema: Mapping[str, Any], value: object) -> bool:
    whole = {**schema, "components": document["components"]}
    return jsonschema_rs.Draft202012Validator(whole).is_valid(value)


def examples(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: example["value"] for name, example in content.get("examples", {}).items()}


def variants(body: object) -> Iterator[object]:
    """The body, and bodies in which one part of it is wrong."""
    yield body
    yield from WRONG[1:]
    for place in places(body):
        for wrong in WRONG:
            yield changed(body, pointer.parts(place), wrong)


def places(value: object, at: str = "") -> Iterator[str]:
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        here = at + pointer.write((key,))
        yield here
        yield from places(inner, here)


def changed(value: object, path: list[str], wrong: object) -> object:
    copy: object = json.loads(json.dumps(value))
    holder = pointer.follow(copy, pointer.write(path[:-1]))
    key = int(path[-1]) if isinstance(holder, list) else path[-1]
    if wrong is ...:
        del holder[key]
    else:
        holder[key] = wrong
    return copy


@each_provider
def test_is_valid(provider: Provider) -> None:
    OpenAPIV31SpecValidator(describe(provider, "http://127.0.0.1:8080")).validate()


@each_endpoint
def test_has_the_endpoint_with_all_it_answers(provider: Provider, endpoint: Endpoint) -> None:
    operation = at(describe(provider), endpoint)
    statuses = {*endpoint.answers.values(), *(provider.errors[key].status for key in endpoint.errors)}
    assert set(operation["responses"]) >= {str(status) for status in statuses}
    for key in endpoint.errors:
        error = provider.errors[key]
        shown = examples(operation["responses"][str(error.status)]["content"]["application/json"])[key]
        assert "{" in error.message or json.dumps(error.message)[1:-1] in json.dumps(shown)
    parameters = (
        {(entry["in"], entry["name"]) for entry in operation["parameters"]} if "parameters" in operation else set()
    )
    assert parameters >= {("header", header.name) for header in endpoint.headers}
    assert parameters >= {("query", name) for name in endpoint.data.get("query", {})}
    assert parameters >= {("path", name) for name in re.findall(r"{(\w+)}", endpoint.path)}


@each_endpoint
def test_documents_every_status_that_the_engine_can_give(provider: Provider, endpoint: Endpoint) -> None:
    statuses = at(describe(provider), endpoint)["responses"]
    assert {str(provider.errors[key].status) for key in noticed(provider, endpoint)} <= set(statuses)


def noticed(provider: Provider, endpoint: Endpoint) -> Iterator[str]:
    """The errors with which the engine refuses a call of this endpoint by itself."""
    refusals, operation = provider.data["refusals"], operation_of(endpoint)
    words = {"no_key", "wrong_key"}
    words |= {"unreadable_body", "too_large"} if operation in ("submit", "batch") or "reads" in endpoint.data else set()
    words |= {"query"} if {"query", "accepts"} & endpoint.data.keys() else set()
    words |= {"timeout", "generation"} if "delivery" in endpoint.data else set()
    words |= {"cancel"} if operation == "cancel" else set()
    words |= {"submit_rate" if operation == "submit" else "query_rate"} if "limit" in endpoint.data else set()
    if operation == "poll" and not any(name.endswith("unknown") for name in endpoint.answers):
        words.add("unknown_task")
    if operation == "submit":
        words |= {"violation", "queue_full", "running_full", "moderation", "download"}
        yield from (rule.error for rule in provider.rules() if rule.error)
    yield from (header.error for header in endpoint.headers)
    yield from (refusals[word] for word in words if word in refusals)


@each_provider
def test_examples_satisfy_their_schemas(provider: Provider) -> None:
    document = describe(provider)
    shown = [
        (where, content, name, value)
        for where, content in contents(document)
        for name, value in examples(content).items()
    ]
    assert len(shown) > 20
    wrong = [
        f"{where} {name}" for where, content, name, value in shown if not satisfies(document, content["schema"], value)
    ]
    assert wrong == []


@each_mode
def test_takes_exactly_the_bodies_that_the_check_takes(provider: Provider, example: Any) -> None:
    others = [mode.request.book.schema["examples"][0] for mode in provider.modes.values()]
    mixed = [{**one, **two} for other in others for one, two in ((example, other), (other, example))]
    assert_same_verdicts(provider, [*variants(example), *mixed])


def test_takes_exactly_the_bodies_that_the_check_takes_where_modes_overlap(odd_gateway: Provider) -> None:
    members = ("tenant", *(f"{mode}_input" for mode in odd_gateway.modes))
    chosen = [set(names) for count in range(len(members) + 1) for names in combinations(members, count)]
    kinds: list[dict[str, Any]] = [{}, *({"kind": kind} for kind in ("text", "image", "other", 1))]
    assert_same_verdicts(odd_gateway, [{**kind, **dict.fromkeys(names, "x")} for kind in kinds for names in chosen])


def assert_same_verdicts(provider: Provider, bodies: list[Any]) -> None:
    document = describe(provider)
    schema = at(document, provider.endpoints["submit"])["requestBody"]["content"]["application/json"]["schema"]
    is_valid = jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]}).is_valid
    verdicts = [(body, provider.mode_of(body) is not None and not rejected(body, provider)) for body in bodies]
    assert {verdict for _, verdict in verdicts} == {True, False}
    assert [body for body, verdict in verdicts if is_valid(body) != verdict] == []


@each_provider
def test_links_lead_from_the_submit_to_every_endpoint_that_asks_for_a_task(provider: Provider) -> None:
    document = describe(provider)
    targets = operations(document)
    response = at(document, provider.endpoints["submit"])["responses"]["200"]
    submitted = examples(response["content"]["application/json"])["submitted"]
    assert response["links"].keys() >= {"poll"}
    for link in response["links"].values():
        target = targets[link["operationId"]]
        given = link.get("parameters", {})
        assert given.keys() == {entry["name"] for entry in target.get("parameters", ()) if entry["in"] == "path"}
        ids = [resolved(value, submitted) for value in given.values()]
        if "requestBody" in link:
            body = resolved(link["requestBody"], submitted)
            ids += [body.get("id") or body.get("ids")]
            assert satisfies(document, target["requestBody"]["content"]["application/json"]["schema"], body)
        assert ids
        assert all(ids)


def resolved(value: Any, body: object) -> Any:
    """A value of a link with its expressions worked out (OpenAPI 3.1, 4.8.20.4)."""
    if isinstance(value, dict):
        return {key: resolved(inner, body) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolved(inner, body) for inner in value]
    start = "$response.body#"
    return pointer.follow(body, value.removeprefix(start)) if value.startswith(start) else value


@each_provider
def test_makes_one_operation_of_endpoints_that_share_path_and_method(provider: Provider) -> None:
    found = operations(describe(provider))
    assert len(found) == len({(endpoint.path, endpoint.method) for endpoint in provider.endpoints.values()})
    assert sorted(name for joined in found for name in joined.split("_or_")) == sorted(provider.endpoints)


def test_a_merged_operation_takes_and_answers_what_its_endpoints_do() -> None:
    provider = load_provider("acedata")
    document = describe(provider)
    operation = operations(document)["poll_or_batch"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    for body, verdict in (
        ({"id": "a", "action": "retrieve"}, True),
        ({"id": "a"}, True),
        ({"ids": ["a"], "action": "retrieve_batch"}, True),
        ({"ids": ["a"]}, False),
        ({"id": "a", "action": "retrieve_batch"}, False),
        ({"id": "a", "action": "delete"}, False),
        ([], False),
    ):
        assert satisfies(document, schema, body) is verdict, body
    assert {"succeeded", "batch"} <= examples(operation["responses"]["200"]["content"]["application/json"]).keys()


def test_a_stream_is_documented_line_by_line() -> None:
    provider = load_provider("acedata")
    document = describe(provider)
    content = at(document, provider.endpoints["submit"])["responses"]["200"]["content"]
    shown = {
        name: provider.answer_schemas["$defs"][name]["examples"][0] for name in ("progress_line", "result", "error")
    }
    schema = content["application/x-ndjson"]["schema"]
    assert satisfies(document, schema, [shown["progress_line"], shown["result"]])
    assert satisfies(document, schema, [shown["progress_line"], shown["error"]])
    assert not satisfies(document, schema, [{"task_id": "a"}])
    assert not satisfies(document, content["application/json"]["schema"], shown["progress_line"])


def test_a_name_without_a_value_drops_its_key_unless_null_is_documented() -> None:
    known = {"a": 1}
    assert fill({"a": "{a}", "b": "{b}", "c": "{c:or_null}"}, known.get) == {"a": 1, "c": None}


@each_provider
def test_says_nothing_that_only_this_project_understands(provider: Provider) -> None:
    words = set(re.findall(r'"(x-[a-z-]+)":', json.dumps(describe(provider))))
    assert words <= {"x-when", *provider.data.get("response_headers", ())}


def test_describes_a_provider_that_nobody_has_heard_of(gateway: str) -> None:
    document = describe(load_provider(gateway))
    OpenAPIV31SpecValidator(document).validate()
    assert document["components"]["securitySchemes"]["key"]["name"] == "X-Gateway-Key"
    assert document["servers"][-1]["variables"].keys() == {"customer"}
    told = operations(document)["submit"]["callbacks"]["ended"]["{$request.body#/notify}"]["post"]
    assert examples(told["requestBody"]["content"]["application/json"]).keys() == {"succeeded", "failed"}


def test_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openapi", "dashscope"]) == 0
    assert json.loads(capsys.readouterr().out) == describe(load_provider("dashscope"))


def test_command_prints_yaml_with_the_server_that_is_asked_for_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openapi", "apiyi", "--yaml", "--url", "http://127.0.0.1:8080/"]) == 0
    document = yaml.safe_load(capsys.readouterr().out)
    assert document == describe(load_provider("apiyi"), "http://127.0.0.1:8080")
    assert document["servers"][0]["url"] == "http://127.0.0.1:8080"


def test_command_takes_a_folder(gateway: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openapi", gateway]) == 0
    assert "X-Gateway-Key" in capsys.readouterr().out


def test_command_names_the_providers_where_it_knows_no_such(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openapi", "nobody"]) == 2
    assert "acedata, apiyi, dashscope, imini, or a folder with a provider.yaml" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["ftp://host", "http://", "8080"])
def test_command_refuses_what_is_no_url(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openapi", "imini", "--url", url]) == 2
    assert f"{url} is no URL" in capsys.readouterr().err
