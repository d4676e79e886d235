"""The description of the control API, read as what it is: routes, parameters and shapes.

schemas/control.openapi.yaml is the law here: a path that it does not have is not served, a body that it does not allow
is not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from happyhorse_spec.contract import SCHEMAS
from happyhorse_spec.document import read
from mockserver.scenario import scenario_schema
from mockserver.shape import Shape, ShapeError

_FILE = "scenario.schema.json"
_WHOLE, _PART = "#/components/schemas/Scenario", "#/components/schemas/Scenario."


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: its id, the status of its success, the shapes of its body and of its query's parameters."""

    operation: str
    status: int
    body: Shape | None
    body_required: bool
    query: Mapping[str, Mapping[str, Any]]

    def read_query(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The parameters with their defaults; raises ShapeError."""
        if unknown := next((name for name in given if name not in self.query), None):
            raise ShapeError(f"{unknown!r:.40} is no parameter; use one of {', '.join(self.query) or 'none'}")
        return {name: _read(name, given.get(name), schema) for name, schema in self.query.items()}


class Found(NamedTuple):
    """The routes at a path, by method, and what stands in the places of the path's names."""

    routes: Mapping[str, Route]
    params: Mapping[str, str]


@cache
def description() -> dict[str, Any]:
    """The OpenAPI document, complete in itself."""
    document: Any = read(SCHEMAS / "control.openapi.yaml")[0].data
    scenario = scenario_schema()
    whole = {name: value for name, value in scenario.items() if name[0] != "$"}
    parts = {f"Scenario.{name}": schema for name, schema in scenario["$defs"].items()}
    schemas = {**document["components"]["schemas"], "Scenario": whole, **parts}
    complete: dict[str, Any] = _own({**document, "components": {**document["components"], "schemas": schemas}})
    return complete


def find(path: str) -> Found:
    """The routes at a path of the API."""
    asked = path.strip("/").split("/")
    for named, routes in _routes():
        pairs = list(zip(named, asked, strict=False))
        if len(named) == len(asked) and all(name[0] == "{" or name == part for name, part in pairs):
            return Found(routes, {name[1:-1]: part for name, part in pairs if name[0] == "{"})
    return Found({}, {})


@cache
def _routes() -> list[tuple[list[str], dict[str, Route]]]:
    return [
        (path.strip("/").split("/"), {method.upper(): _route(entry) for method, entry in item.items()})
        for path, item in description()["paths"].items()
    ]


def _route(entry: Mapping[str, Any]) -> Route:
    parameters = [_followed(parameter) for parameter in entry.get("parameters", ())]
    body = entry.get("requestBody")
    return Route(
        operation=entry["operationId"],
        status=int(next(iter(entry["responses"]))),
        body=_shape(body["content"]["application/json"]["schema"]) if body else None,
        body_required=bool(body and body.get("required")),
        query={parameter["name"]: parameter["schema"] for parameter in parameters if parameter["in"] == "query"},
    )


def _shape(schema: Mapping[str, Any]) -> Shape:
    return Shape({**schema, "components": description()["components"]})


def _followed(parameter: Mapping[str, Any]) -> Any:
    if "$ref" not in parameter:
        return parameter
    return description()["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]


def _read(name: str, text: str | None, schema: Mapping[str, Any]) -> Any:
    if text is None:
        return schema.get("default")
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise ShapeError(f"{name} is {text!r:.40}; it must be a whole number")
    number, low, high = int(text), schema.get("minimum", 0), schema.get("maximum")
    if number < low or (high is not None and number > high):
        raise ShapeError(f"{name} is {number}; it must be {low}-{high}" if high else f"{name} must be at least {low}")
    return number


def _own(value: Any) -> Any:
    """The value with references into the scenario's schema turned into references into this document."""
    if isinstance(value, dict):
        return {key: _reference(inner) if key == "$ref" else _own(inner) for key, inner in value.items()}
    return [_own(item) for item in value] if isinstance(value, list) else value


def _reference(reference: str) -> str:
    if reference == _FILE:
        return _WHOLE
    return reference.removeprefix(_FILE).replace("#/$defs/", _PART)
