"""A provider made ready to be played: its templates compiled, its routes and words at hand. Built once per server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from multidict import istr

from happyhorse_spec import pointer
from happyhorse_spec.contract import Endpoint, Header, Provider
from happyhorse_spec.engine import matcher
from mockserver.answers import Template, compile_template
from mockserver.lifecycle import Plan, State
from mockserver.scripts import Spans, read_spans

Matches = Callable[[object], bool]

#: A pattern that says how a text begins, and no more.
_BEGINS = re.compile(r"\^([A-Za-z0-9:/_-]+)")


@dataclass(slots=True)
class Rate:
    """At most `most` requests in any `seconds`, of each model or of all; `window` names what is counted together."""

    window: tuple[str, str]
    most: int
    seconds: float
    of_model: bool


class Room(NamedTuple):
    """How many tasks may run, of each model or of the whole account, and wait; None for any number.

    `refuses`: a task more than may run is refused, where others let it wait.
    """

    running: int | None
    of_account: bool
    refuses: bool
    queued: int | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a submit answers: at once, after the task's end, or as a stream; the first that fits is taken."""

    how: str
    accept: str | None
    matches: Matches


@dataclass(slots=True)
class Demand:
    """A header with a value, demanded of the bodies that `applies` picks; `sign` is a text that all of those hold."""

    name: istr
    value: str
    error: str
    sign: bytes
    applies: Matches


@dataclass(frozen=True, slots=True)
class Operation:
    """An endpoint with what the engine asks of it on every request: looked up once, when it is made."""

    dialect: Dialect
    endpoint: Endpoint
    name: str
    data: Mapping[str, Any]
    rate: Rate | None
    matches: Matches
    demands: tuple[Demand, ...]
    deliveries: tuple[Delivery, ...]
    prefix: str
    query: Mapping[str, Mapping[str, Any]]
    takes_body: bool
    accepts: Matches | None


@dataclass(frozen=True, slots=True)
class Dialect:
    """One provider's words. `answers` are compiled templates by name; each gives the variant of the scene's profile.

    A key comes in the header `key_header`, behind a scheme; the URL of an uploaded file begins with `upload_start`, ""
    where the provider takes none. `spans` says by mode how long tasks live, `model_of` and `prompt_of`
    what a body says.
    """

    provider: Provider
    name: str
    data: Mapping[str, Any]
    key_header: istr
    scheme: str
    upload_start: str
    answers: Mapping[str, Template]
    headers: Template
    ids: Mapping[str, str]
    states: Mapping[str, str]
    spans: Mapping[str, Spans]
    room: Room
    model_of: Callable[[Any], Any]
    prompt_of: Callable[[Any], Any]
    operations: list[Operation] = field(default_factory=list)

    def unspoken(self, plan: Plan) -> State | None:
        """The first state of a plan that the provider has no word for: not every one can cancel."""
        return next((step.state for step in plan if step.state not in self.states), None)


def make_dialect(provider: Provider) -> Dialect:
    """Compile a provider."""
    answers = {name: compile_template(template) for name, template in provider.data["answers"].items()}
    answers |= {name: _by_profile(name, answers, provider) for name in answers}
    ids = {name: form for name, form in provider.data["ids"].items() if isinstance(form, str)}
    added = provider.data.get("response_headers", {}).items()
    dialect = Dialect(
        provider=provider,
        name=provider.name,
        data=provider.data,
        key_header=istr(provider.data["key"]["header"]),
        scheme=provider.data["key"]["scheme"].lower(),
        upload_start=ids.get("upload_url", "").partition("{key}")[0],
        answers=answers,
        headers=compile_template({name: entry["value"] for name, entry in added}),
        ids=ids,
        states=provider.data["states"],
        room=_room(provider.data),
        model_of=pointer.reader(provider.data["request"].get("model", "/model")),
        prompt_of=pointer.reader(provider.data["request"]["prompt"]),
        spans={mode: read_spans(provider.data["timing"], mode) for mode in provider.modes},
    )
    dialect.operations.extend(_operation(dialect, endpoint) for endpoint in provider.endpoints.values())
    return dialect


def _room(data: Mapping[str, Any]) -> Room:
    running, queued = data["limits"].get("running", {}), data["limits"].get("queued", {})
    refuses = bool(running) and "running_full" in data["refusals"]
    return Room(running.get("tasks"), running.get("per") == "token", refuses, queued.get("tasks"))


def _by_profile(name: str, answers: Mapping[str, Template], provider: Provider) -> Template:
    """An answer that gives way to the one by which the scene's profile replaces it."""
    usual, profiles = answers[name], provider.data.get("profiles", {}).items()
    others = {profile: answers[names[name]] for profile, names in profiles if name in names}
    return (lambda scene: others.get(scene.value("profile"), usual)(scene)) if others else usual


def _operation(dialect: Dialect, endpoint: Endpoint) -> Operation:
    data, name = endpoint.data, endpoint.data.get("operation", endpoint.name)
    deliveries = [
        Delivery(entry["how"], entry.get("accept"), _matches(entry.get("when"))) for entry in data.get("delivery", ())
    ]
    return Operation(
        dialect=dialect,
        endpoint=endpoint,
        name=name,
        data=data,
        rate=_rate(dialect, data.get("limit", "")),
        matches=_matches(data.get("when")),
        demands=tuple(_demand(header) for header in endpoint.headers),
        deliveries=(*deliveries, Delivery("answer", None, _matches(None))),
        prefix=data.get("answer_prefix", ""),
        query=data.get("query", {}),
        takes_body=name in ("submit", "batch") or "reads" in data,
        accepts=_matches(data["accepts"]) if "accepts" in data else None,
    )


def _rate(dialect: Dialect, limit: str) -> Rate | None:
    """The rate that one of the provider's limits sets, where it sets one."""
    entry = dialect.data["limits"].get(limit, {})
    rate = entry.get("per_second")
    if rate is None:
        return None
    most = max(1, int(rate))
    return Rate((dialect.name, limit), most, most / rate, entry.get("per") == "model")


def _demand(header: Header) -> Demand:
    sign = _sign(header.when or {}).encode()
    return Demand(istr(header.name), header.const.lower(), header.error, sign, _matches(header.when))


def _sign(schema: Mapping[str, Any]) -> str:
    """A text that every body of the schema holds: the start of a string that must be there; "" where none is known."""
    match schema:
        case {"type": "object", "required": [name], "properties": properties}:
            return _sign(properties.get(name, {}))
        case {"type": "array", "contains": item}:
            return _sign(item)
        case {"type": "string", "pattern": str(pattern)} if begun := _BEGINS.fullmatch(pattern):
            return begun[1]
    return ""


def _matches(schema: Mapping[str, Any] | None) -> Matches:
    return matcher(schema) if schema is not None else lambda _: True
