"""A provider's contract as an OpenAPI 3.1 document.

Here is the document and its operations: servers, parameters, responses, links, callbacks. What stands in bodies, with
examples, is `openapi_content.py`. All of it comes from the provider's folder; nothing here knows a provider.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from happyhorse_spec.contract import Endpoint, Header, Provider
from happyhorse_spec.openapi_content import (
    JSON,
    answers,
    components,
    errors,
    media,
    operation_of,
    plain,
    request_body,
    shown_task_id,
    some,
    task_place,
    task_query,
)

Document = dict[str, Any]

#: Operation -> its tag and what it does.
_OPERATIONS: Mapping[str, tuple[str, str]] = {
    "submit": ("Tasks", "Submit a video task"),
    "poll": ("Tasks", "Ask how a task is"),
    "batch": ("Tasks", "Ask how several tasks are"),
    "cancel": ("Tasks", "Cancel a task that waits"),
    "list": ("Tasks", "List the tasks"),
    "upload_policy": ("Files", "Get what a form upload of a temporary file needs"),
    "limits": ("Account", "List the limits of the models"),
    "token": ("Account", "Make a short-lived key"),
}
_TAGS: Mapping[str, str] = {
    "Tasks": "A video is made by a task: submit it, then ask how it is until it has ended.",
    "Files": "Temporary files that a request can name.",
    "Account": "What a key may do.",
}
_DELIVERIES: Mapping[str, str] = {
    "answer": "at once with the id of the task",
    "wait": "when the task has ended",
    "stream": "line by line until the task has ended",
}


def describe(provider: Provider, url: str | None = None) -> Document:
    """The OpenAPI document of a provider; `url`, e.g. that of a running mock, becomes the first server."""
    places = _places(provider)
    tags = dict.fromkeys(_OPERATIONS[operation_of(endpoint)][0] for endpoint in provider.endpoints.values())
    return {
        "openapi": "3.1.0",
        "info": _info(provider),
        "servers": list(_servers(provider, url)),
        "security": [{"key": []}],
        "tags": [{"name": tag, "description": _TAGS[tag]} for tag in tags],
        "paths": _paths(provider, places),
        "components": some(
            schemas=components(provider),
            headers=dict(_headers(provider)),
            securitySchemes={"key": _key(provider.data["key"])},
        ),
    }


def _info(provider: Provider) -> Document:
    """The version is the date of the page that was read last."""
    sources = [provider.sources[key] for key in provider.data["sources"]]
    listed = "\n".join(f"- [{source.title}]({source.url}), seen {source.seen}" for source in sources)
    return {
        "title": f"HappyHorse video generation: {provider.title}",
        "version": max(source.seen for source in sources),
        "description": f"What a client can see of this provider, gathered from its pages:\n\n{listed}\n",
    }


def _servers(provider: Provider, url: str | None) -> Iterator[Document]:
    if url:
        yield {"url": url, "description": "As asked for, e.g. a mock"}
    for server in provider.data["servers"]:
        names = re.findall(r"{(\w+)}", server["url"])
        variables = {name: {"default": name, "description": f"Your {name}"} for name in names}
        yield some(url=server["url"], description=server.get("region"), variables=variables)


def _key(key: Mapping[str, Any]) -> Document:
    described = f"An API key, e.g. `{key['header']}: {key['scheme']} {key['example']}`."
    if key["header"].lower() == "authorization":
        return {"type": "http", "scheme": key["scheme"].lower(), "description": described}
    return {"type": "apiKey", "in": "header", "name": key["header"], "description": described}


def _headers(provider: Provider) -> Iterator[tuple[str, Document]]:
    """What every answer carries."""
    for name in provider.data.get("response_headers", ()):
        yield name, {"required": True, "schema": {"type": "string"}}


Places = dict[tuple[str, str], list[Endpoint]]


def _places(provider: Provider) -> Places:
    """The endpoints by path and method: those that share both are one operation."""
    places: Places = {}
    for endpoint in provider.endpoints.values():
        places.setdefault((endpoint.path, endpoint.method.lower()), []).append(endpoint)
    return places


def _paths(provider: Provider, places: Places) -> Document:
    paths: Document = {}
    for (path, method), endpoints in places.items():
        paths.setdefault(path, {})[method] = _operation(provider, endpoints)
    return paths


def _operation(provider: Provider, endpoints: list[Endpoint]) -> Document:
    kinds = [_OPERATIONS[operation_of(endpoint)] for endpoint in endpoints]
    parameters = [entry for endpoint in endpoints for entry in _parameters(provider, endpoint)]
    return some(
        operationId=_operation_id(endpoints),
        summary=" / ".join(summary for _, summary in kinds),
        description="\n\n".join(text for endpoint in endpoints for text in _descriptions(provider, endpoint)),
        tags=list(dict.fromkeys(tag for tag, _ in kinds)),
        externalDocs=_page(provider, endpoints[0]),
        parameters=list({(entry["in"], entry["name"]): entry for entry in parameters}.values()),
        requestBody=request_body(provider, endpoints),
        responses=_responses(provider, endpoints),
        callbacks=_callbacks(provider, endpoints),
    )


def _operation_id(endpoints: list[Endpoint]) -> str:
    return "_or_".join(endpoint.name for endpoint in endpoints)


def _descriptions(provider: Provider, endpoint: Endpoint) -> Iterator[str]:
    if "why" in endpoint.data:
        yield endpoint.data["why"]
    for delivery in endpoint.data.get("delivery", ()):
        accepted = f" to a request that accepts `{delivery['accept']}`" if "accept" in delivery else ""
        asked = " where the body asks for it" if "when" in delivery else ""
        yield f"Answers {_DELIVERIES[delivery['how']]}{accepted}{asked}."
    rate = provider.data["limits"].get(endpoint.data.get("limit"), {}).get("per_second")
    if rate:
        yield f"At most {rate} requests per second."


def _page(provider: Provider, endpoint: Endpoint) -> Document:
    """The first source of an endpoint."""
    keys = endpoint.data["source"]
    source = provider.sources[keys if isinstance(keys, str) else keys[0]]
    return {"url": source.url, "description": source.title}


def _parameters(provider: Provider, endpoint: Endpoint) -> Iterator[Document]:
    for name in re.findall(r"{(\w+)}", endpoint.path):
        shown = {"example": shown_task_id(provider)} if name == "task_id" else {}
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, **shown}
    for name, schema in endpoint.data.get("query", {}).items():
        constraints = {keyword: value for keyword, value in schema.items() if keyword != "required"}
        yield {"name": name, "in": "query", "required": "required" in schema, "schema": constraints}
    yield from map(_header, endpoint.headers)


def _header(header: Header) -> Document:
    """A header that a body calls for only now and then can neither be required nor be held to its value."""
    shown = {"name": header.name, "in": "header"}
    if header.when is None:
        return {**shown, "required": True, "schema": {"const": header.const}}
    needed = f"Must be `{header.const}` where the body satisfies `x-when`."
    return {**shown, "description": needed, "schema": {"type": "string"}, "x-when": plain(header.when)}


def _responses(provider: Provider, endpoints: list[Endpoint]) -> Document:
    given = {status for endpoint in endpoints for status in endpoint.answers.values()}
    given |= {provider.errors[key].status for endpoint in endpoints for key in endpoint.errors}
    return {str(status): _response(provider, endpoints, status) for status in sorted(given)}


def _response(provider: Provider, endpoints: list[Endpoint], status: int) -> Document:
    """All that comes with one HTTP status; of one endpoint's answers exactly one is meant."""
    lines = {endpoint.data.get("progress_answer") for endpoint in endpoints}
    named = [name for endpoint in endpoints for name, at in endpoint.answers.items() if at == status]
    keys = dict.fromkeys(key for endpoint in endpoints for key in endpoint.errors)
    rows = [provider.errors[key] for key in keys if provider.errors[key].status == status]
    whole = [name for name in dict.fromkeys(named) if name not in lines]
    envelopes = list(dict.fromkeys(row.answer for row in rows))
    exactly_one = len(endpoints) == 1 and not rows
    examples = answers(provider, whole) | errors(provider, rows)
    return some(
        description=_meaning(provider, whole, [row.code or row.message for row in rows]),
        headers={name: {"$ref": f"#/components/headers/{name}"} for name, _ in _headers(provider)},
        content={JSON: media([*whole, *envelopes], examples, exactly_one=exactly_one)}
        | (_streams(provider, endpoints) if lines.intersection(named) else {}),
        links={name: link for endpoint in endpoints for name, link in _links(provider, endpoint, status)},
    )


def _meaning(provider: Provider, names: list[str], codes: list[str]) -> str:
    schemas = provider.answer_schemas["$defs"]
    return "; ".join(dict.fromkeys([*(schemas[name].get("title", name) for name in names), *codes]))


def _streams(provider: Provider, endpoints: list[Endpoint]) -> Document:
    """The media types of an answer that comes line by line; its last line is the result or an error."""
    streams: Document = {}
    for endpoint in endpoints:
        ends = dict.fromkeys(provider.errors[key].answer for key in endpoint.errors)
        for delivery in endpoint.data.get("delivery", ()):
            if delivery["how"] == "stream":
                lines = media([endpoint.data["progress_answer"], endpoint.data["result_answer"], *ends])
                streams[delivery["accept"]] = {"schema": {"title": "Lines", "type": "array", "items": lines["schema"]}}
    return streams


def _links(provider: Provider, endpoint: Endpoint, status: int) -> Iterator[tuple[str, Document]]:
    """From the answer to a submit to every endpoint that asks for the id in it."""
    if operation_of(endpoint) != "submit":
        return
    found = (task_place(provider, name) for name, at in endpoint.answers.items() if at == status)
    place = next(filter(None, found), None)
    if place is None:
        return
    task_id = f"$response.body#{place}"
    for endpoints in _places(provider).values():
        for target in endpoints:
            link = {"operationId": _operation_id(endpoints)}
            if "{task_id}" in target.path:
                yield target.name, {**link, "parameters": {"task_id": task_id}}
            elif "reads" in target.data:
                yield target.name, {**link, "requestBody": task_query(target, task_id)}


def _callbacks(provider: Provider, endpoints: list[Endpoint]) -> Document:
    """What the address is told that a submit names."""
    callback = provider.data.get("callback")
    if callback is None or not any(operation_of(endpoint) == "submit" for endpoint in endpoints):
        return {}
    names = [callback["succeeded"], callback["failed"]]
    told = {
        "summary": "Tell the end of the task",
        "requestBody": {"required": True, "content": {JSON: media(names, answers(provider, names), exactly_one=True)}},
        "responses": {"2XX": {"description": "Taken"}},
    }
    return {"ended": {f"{{$request.body#{callback['url']}}}": {"post": told}}}
