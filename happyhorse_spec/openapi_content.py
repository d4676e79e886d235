"""What stands in the bodies of an OpenAPI document: schemas, media types, examples.

The schemas are those of the provider's folder in plain JSON Schema: without our annotations, with the repair of a rule
as its description. The examples are the documented ones; an error is its documented envelope with the row's own words.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from happyhorse_spec.answers import Answer, places
from happyhorse_spec.contract import Endpoint, Mode, Provider, ProviderError
from happyhorse_spec.engine import KEYWORDS
from happyhorse_spec.rules import Schema

Content = dict[str, Any]

JSON = "application/json"

#: Keywords whose value is data, and keywords whose value names schemas.
_DATA = frozenset({"const", "enum", "default"})
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})


def components(provider: Provider) -> Content:
    """Every schema by name: `t2v.request` and the like for bodies, an answer's own name for an answer."""
    laws = {"any": provider.any, **{name: mode.request for name, mode in provider.modes.items()}}
    bodies = {f"{name}.request": plain(law.book.schema) for name, law in laws.items()}
    return bodies | {name: plain(schema) for name, schema in provider.answer_schemas["$defs"].items()}


def plain(schema: Any) -> Any:
    """A schema without annotations and examples; a reference to an answer points into the components."""
    if isinstance(schema, list):
        return [plain(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept = {key: _plain_value(key, value) for key, value in schema.items() if _says(key)}
    repair = {} if "description" in kept else {"description": _repair(schema.get("x-fix"))}
    return kept | {key: text for key, text in repair.items() if text}


def _says(key: str) -> bool:
    return key not in ("$schema", "$id", "$defs", "examples") and (not key.startswith("x-") or key in KEYWORDS)


def _plain_value(key: str, value: Any) -> Any:
    if key == "$ref":
        return value.replace("#/$defs/", "#/components/schemas/")
    if key in _NAMED:
        return {name: plain(schema) for name, schema in value.items()}
    return value if key in _DATA or key in KEYWORDS else plain(value)


def _repair(fix: str | Mapping[str, str] | None) -> str:
    return " ".join(dict.fromkeys(fix.values())) if isinstance(fix, Mapping) else fix or ""


def operation_of(endpoint: Endpoint) -> str:
    """What the endpoint does, where its name does not say it."""
    operation: str = endpoint.data.get("operation", endpoint.name)
    return operation


def request_body(provider: Provider, endpoints: Iterable[Endpoint]) -> Content:
    """The body that endpoints of one path and method take; nothing where they take none."""
    schemas, examples = [], Content()
    for endpoint in endpoints:
        if operation_of(endpoint) == "submit":
            schemas.append(_video_request(provider))
            examples |= _video_examples(provider)
        elif "reads" in endpoint.data:
            schemas.append(_query(endpoint))
            examples |= named(endpoint.name, "", [task_query(endpoint, shown_task_id(provider))])
    if not schemas:
        return {}
    return {"required": True, "content": {JSON: {"schema": _either("anyOf", schemas), "examples": examples}}}


def _video_request(provider: Provider) -> Content:
    """What holds for any body, and one of the modes."""
    modes = list(provider.modes.values())
    branches = [_branch(mode, modes[:index]) for index, mode in enumerate(modes)]
    return {"title": "A request for a video", "allOf": [_ref("any.request")], "anyOf": branches}


def _branch(mode: Mode, earlier: list[Mode]) -> Content:
    """A mode's request, where the mode is the one that is chosen: the first whose condition holds."""
    before = [plain(other.when) for other in earlier if not _apart(other.when, mode.when)]
    conditions = [] if _says_all(mode.request.book.schema, mode.when) else [plain(mode.when)]
    conditions += [{"not": _either("anyOf", before)}] if before else []
    request = _ref(f"{mode.name}.request")
    return {"title": mode.title, "allOf": [request, *conditions]} if conditions else request


def _says_all(schema: Schema, condition: Schema) -> bool:
    """Whether what satisfies a schema satisfies a condition, as far as its members and their presence tell."""
    members, demanded = schema.get("properties", {}), schema.get("required", ())
    return (
        condition.keys() <= {"properties", "required"}
        and all(members.get(name) == wanted for name, wanted in condition.get("properties", {}).items())
        and all(name in demanded for name in condition.get("required", ()))
    )


def _apart(one: Schema, other: Schema) -> bool:
    """Whether no body can satisfy both: of a member that one of them demands they name different values."""
    demanded = {*one.get("required", ()), *other.get("required", ())}
    return any(
        not any(value in _values(other["properties"][name]) for value in _values(schema))
        for name, schema in one.get("properties", {}).items()
        if name in demanded and all(map(_values, (schema, other.get("properties", {}).get(name, {}))))
    )


def _values(schema: Schema) -> list[Any]:
    """The values that a schema names; none where it names none."""
    return [schema["const"]] if "const" in schema else schema.get("enum", [])


def _video_examples(provider: Provider) -> Content:
    modes = provider.modes.values()
    return {
        name: example
        for mode in modes
        for name, example in named(mode.name, mode.title, mode.request.book.schema.get("examples", ())).items()
    }


def _query(endpoint: Endpoint) -> Content:
    """A body that is no request for a video, such as the question how a task is."""
    data = endpoint.data
    conditions = [plain(data[key]) for key in ("accepts", "when") if key in data]
    return some(title=endpoint.name, type="object", allOf=conditions)


def task_query(endpoint: Endpoint, task_id: Any) -> Any:
    """The body that asks an endpoint about one task."""
    return fill(endpoint.data["body"], {"task_id": task_id, "task_ids": [task_id]}.get)


def task_place(provider: Provider, answer: str) -> str | None:
    """The JSON pointer of the task's id in an answer."""
    found = places(provider.data["answers"].get(answer), "task_id")
    return next((place for place, words in found if words is None), None)


def shown_task_id(provider: Provider) -> Any:
    """The task's id in the documented answer to a submit."""
    return _shown(provider, "submitted").value("task_id")


def answers(provider: Provider, names: Iterable[str]) -> Content:
    """The documented examples of some answers."""
    schemas = provider.answer_schemas["$defs"]
    found = ((name, schemas[name]) for name in names)
    return {
        key: example
        for name, schema in found
        for key, example in named(name, schema.get("title", ""), schema.get("examples", ())).items()
    }


def errors(provider: Provider, rows: Iterable[ProviderError]) -> Content:
    """Rows of the catalogue, each in its envelope."""
    return {
        key: example
        for row in rows
        for key, example in named(row.key, row.code or "", [_worded(provider, row)]).items()
    }


def media(names: Iterable[str], examples: Content | None = None, *, exactly_one: bool = False) -> Content:
    """A media type whose bodies satisfy one of the named schemas."""
    schema = _either("oneOf" if exactly_one else "anyOf", [_ref(name) for name in names])
    return some(schema=schema, examples=examples)


def named(name: str, summary: str, values: Iterable[Any]) -> Content:
    """Example objects: `name`, `name-2` and so on."""
    numbered = enumerate(values, 1)
    return {name if at == 1 else f"{name}-{at}": some(summary=summary) | {"value": value} for at, value in numbered}


def _worded(provider: Provider, error: ProviderError) -> Any:
    """An error as the provider words it; what the row does not say is taken from the documented example."""
    message = error.message.format_map(_Unsaid(provider, error.data))
    words = {**error.data, "code": error.code, "message": message, "status": error.status}
    shown = _shown(provider, error.answer)
    return fill(shown.template, lambda name: words[name] if name in words else shown.value(name))


def _shown(provider: Provider, name: str) -> Answer:
    """The documented example of an answer, to be read through its template."""
    examples = provider.answer_schemas["$defs"].get(name, {}).get("examples", ())
    return Answer(name, 0, next(iter(examples), None), False, provider.data["answers"].get(name))


class _Unsaid(dict[str, Any]):
    """The values of a message. One that only a request can give reads as it does in documentation: `xxx`."""

    def __init__(self, provider: Provider, row: Mapping[str, Any]) -> None:
        super().__init__(row)
        self._grammar = provider.data["grammar"]

    def __missing__(self, name: str) -> str:
        return self._grammar["otherwise"].format_map(self) if name == "detail" else "xxx"


def fill(template: Any, value: Callable[[str], Any]) -> Any:
    """A template with values for its names; a name without a value drops its key."""
    if isinstance(template, Mapping):
        filled = {key: fill(inner, value) for key, inner in template.items()}
        return {key: inner for key, inner in filled.items() if inner is not None or not _may_drop(template[key])}
    if isinstance(template, list):
        return [fill(item, value) for item in template]
    return _filled(template, value) if isinstance(template, str) else template


def _may_drop(template: Any) -> bool:
    return isinstance(template, str) and not template.endswith(":or_null}")


def _filled(template: str, value: Callable[[str], Any]) -> Any:
    parts = [(text, name) for text, name, _, _ in string.Formatter().parse(template)]
    if len(parts) == 1 and not parts[0][0] and parts[0][1]:
        return value(parts[0][1])
    return "".join(f"{text}{value(name) if name else ''}" for text, name in parts)


def _either(keyword: str, schemas: list[Any]) -> Any:
    return schemas[0] if len(schemas) == 1 else {keyword: schemas}


def _ref(name: str) -> Content:
    return {"$ref": f"#/components/schemas/{name}"}


def some(**members: Any) -> Content:
    """The members that hold something."""
    return {name: value for name, value in members.items() if value}
