"""A provider made ready to be played: its templates compiled, its routes and words at hand. Built once per server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from happyhorse_spec.contract import Endpoint, Provider
from happyhorse_spec.engine import matcher
from mockserver.answers import Template, compile_template
from mockserver.lifecycle import Plan, State

Matches = Callable[[object], bool]


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a submit answers: at once, after the task's end, or as a stream; the first that fits is taken."""

    how: str
    accept: str | None
    matches: Matches


@dataclass(frozen=True, slots=True)
class Operation:
    """An endpoint with what the engine asks of it on every request."""

    dialect: Dialect
    endpoint: Endpoint
    name: str
    matches: Matches
    headers: tuple[tuple[str, str, str, Matches], ...]
    deliveries: tuple[Delivery, ...]
    prefix: str
    accepts: Matches | None

    @property
    def data(self) -> Mapping[str, Any]:
        return self.endpoint.data


@dataclass(frozen=True, slots=True)
class Dialect:
    """One provider's words. `answers` are compiled templates by name; each gives the variant of the scene's profile."""

    provider: Provider
    answers: Mapping[str, Template]
    headers: Template
    ids: Mapping[str, str]
    states: Mapping[str, str]
    operations: list[Operation] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.provider.name

    @property
    def data(self) -> Mapping[str, Any]:
        return self.provider.data

    def unspoken(self, plan: Plan) -> State | None:
        """The first state of a plan that the provider has no word for: not every one can cancel."""
        return next((step.state for step in plan if step.state not in self.states), None)


def make_dialect(provider: Provider) -> Dialect:
    """Compile a provider."""
    answers = {name: compile_template(template) for name, template in provider.data["answers"].items()}
    answers |= {name: _by_profile(name, answers, provider) for name in answers}
    ids = {name: form for name, form in provider.data["ids"].items() if isinstance(form, str)}
    added = provider.data.get("response_headers", {}).items()
    headers = compile_template({name: entry["value"] for name, entry in added})
    dialect = Dialect(provider, answers, headers, ids, provider.data["states"])
    dialect.operations.extend(_operation(dialect, endpoint) for endpoint in provider.endpoints.values())
    return dialect


def _by_profile(name: str, answers: Mapping[str, Template], provider: Provider) -> Template:
    """An answer that gives way to the one by which the scene's profile replaces it."""
    usual, profiles = answers[name], provider.data.get("profiles", {}).items()
    others = {profile: answers[names[name]] for profile, names in profiles if name in names}
    return (lambda scene: others.get(scene.value("profile"), usual)(scene)) if others else usual


def _operation(dialect: Dialect, endpoint: Endpoint) -> Operation:
    data = endpoint.data
    deliveries = [
        Delivery(entry["how"], entry.get("accept"), _matches(entry.get("when"))) for entry in data.get("delivery", ())
    ]
    return Operation(
        dialect=dialect,
        endpoint=endpoint,
        name=data.get("operation", endpoint.name),
        matches=_matches(data.get("when")),
        headers=tuple(
            (header.name, header.const.lower(), header.error, _matches(header.when)) for header in endpoint.headers
        ),
        deliveries=(*deliveries, Delivery("answer", None, _matches(None))),
        prefix=data.get("answer_prefix", ""),
        accepts=_matches(data["accepts"]) if "accepts" in data else None,
    )


def _matches(schema: Mapping[str, Any] | None) -> Matches:
    return matcher(schema) if schema is not None else lambda _: True
