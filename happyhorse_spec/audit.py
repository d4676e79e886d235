"""Audit: what must hold between the files of a provider, and JSON Schema cannot say.

Names that exist, defaults that are allowed, repairs that help. Each check is a generator of sentences for whoever
writes the law; a clean law yields none. What one file may say on its own is the metaschemas' work (see contract.py),
and whether a fact is true is nobody's but its source's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from happyhorse_spec import pointer
from happyhorse_spec.answers import places
from happyhorse_spec.contract import Endpoint, Law, Provider, load_sources
from happyhorse_spec.disputes import disputes
from happyhorse_spec.engine import compile_schema, matcher
from happyhorse_spec.headers import all_rules
from happyhorse_spec.rules import CONSTRAINTS, Rule, Schema, walk
from happyhorse_spec.twins import twins

Sentences = Iterator[str]


def audit(provider: Provider) -> Sentences:
    """What is wrong with the law of one provider, one sentence each."""
    for check in CHECKS:
        for sentence in check(provider):
            yield f"{provider.name}: {sentence}"


def unused_sources(providers: Iterable[Provider]) -> Sentences:
    """The sources that no provider cites."""
    cited = {key for provider in providers for _, key in citations(provider)}
    for key in sorted(load_sources().keys() - cited):
        yield f"sources.yaml: {key} is cited by nobody; cite it or remove it"


def unproved_rules(provider: Provider) -> Sentences:
    """The rules that no request breaks alone, other than those that `untwinned` names with a reason.

    Apart from `audit`, since finding the twins of a provider takes a second.
    """
    excused = {entry["rule"] for entry in provider.data.get("untwinned", ())}
    rules = {rule.id.removeprefix(f"{provider.name}."): rule for rule in all_rules(provider)}
    for name, rule in rules.items():
        if (twins(provider, rule) is None) is not (name in excused):
            told = "has a twin" if name in excused else "is broken by no request alone; give a reason"
            yield f"{provider.name}: rule {name} {told} (untwinned in provider.yaml)"
    yield from (f"{provider.name}: untwinned names {name}, which is no rule" for name in sorted(excused - rules.keys()))


def citations(provider: Provider) -> Iterator[tuple[str, str]]:
    """(place, key) of every source that the provider's files cite."""
    facts = {name: value for name, value in provider.data.items() if name != "answers"}
    yield from ((f"provider.yaml{place}", key) for place, key in _cited(facts))
    yield from ((f"answers.schema.json{place}", key) for place, key in _cited(provider.answer_schemas))
    for file, law in _laws(provider):
        yield from ((f"{file}{place}", key) for place, key in _cited(law.book.schema))


def _cited(value: Any, place: str = "", *, citing: bool = False) -> Iterator[tuple[str, str]]:
    """Every text that stands under `source`, `sources` or `x-source`."""
    if isinstance(value, str) and citing:
        yield place, value
    elif isinstance(value, list):
        for item in value:
            yield from _cited(item, place, citing=citing)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in ("examples", "body"):
                yield from _cited(inner, f"{place}/{name}", citing=citing or name in ("source", "sources", "x-source"))


def _laws(provider: Provider) -> Iterator[tuple[str, Law]]:
    """Every schema of the provider, with the file that it stands in."""
    yield "any.request.schema.json", provider.any
    for mode in provider.modes.values():
        yield f"{mode.name}.request.schema.json", mode.request
        yield f"{mode.name}.advice.schema.json", mode.advice
    for role, law in provider.media.items():
        yield f"media.schema.json/$defs/{role}", law


def _sources_exist(provider: Provider) -> Sentences:
    for place, key in citations(provider):
        if key not in provider.sources:
            yield f"{place} cites {key}, which sources.yaml does not have"


def _errors_exist(provider: Provider) -> Sentences:
    for place, key in _named_errors(provider):
        if key not in provider.errors:
            yield f"{place} names the error {key}, which errors does not have"


def _named_errors(provider: Provider) -> Iterator[tuple[str, str]]:
    yield from ((f"refusals.{notice}", key) for notice, key in provider.data["refusals"].items())
    for endpoint in provider.endpoints.values():
        yield from ((f"endpoints.{endpoint.name}.errors", key) for key in endpoint.errors)
        yield from ((f"endpoints.{endpoint.name}.headers.{header.name}", header.error) for header in endpoint.headers)
    yield from ((f"rule {rule.id}", rule.error) for rule in provider.rules() if rule.error)


def _refusals_are_answered(provider: Provider) -> Sentences:
    """What an operation or a limit can refuse has an error."""
    operations = {endpoint.data.get("operation", name) for name, endpoint in provider.endpoints.items()}
    for names, notices in ((operations, _REFUSES), (provider.data["limits"].keys(), _LIMITS)):
        for name in sorted(names & notices.keys()):
            if notices[name] not in provider.data["refusals"]:
                yield f"{name} can be refused, and refusals does not have {notices[name]}"


_REFUSES = dict.fromkeys(("batch", "list", "limits", "token", "upload_policy"), "query") | {"cancel": "cancel"}
_LIMITS = {"submit": "submit_rate", "query": "query_rate", "queued": "queue_full"}


def _answers_exist(provider: Provider) -> Sentences:
    for place, name in _named_answers(provider):
        if name not in provider.data["answers"]:
            yield f"{place} names the answer {name}, which answers does not have"


def _uploads_can_be_made(provider: Provider) -> Sentences:
    """A client finds in the answer with the policy what the form needs, and in the request what the policy needs."""
    if "form" not in provider.data.get("upload", {}):
        return
    template = provider.data["answers"].get("upload_policy", {})
    for name in ("upload_host", "upload_dir"):
        if not any(places(template, name)):
            yield f"answers.upload_policy does not have {{{name}}}, which the form of an upload needs"
    for name, text in provider.data["upload"]["form"]["fields"].items():
        if text.startswith("/") and pointer.follow(template, text) is None:
            yield f"upload.form.fields.{name} names {text}, which answers.upload_policy does not have"
    for name, rule in provider.endpoints["upload_policy"].data.get("query", {}).items():
        if rule.get("required") and name not in provider.data["request"] and "enum" not in rule:
            yield f"endpoints.upload_policy.query.{name} is required, and neither an enum nor request says its value"


def _named_answers(provider: Provider) -> Iterator[tuple[str, str]]:
    for name, endpoint in provider.endpoints.items():
        yield from ((f"endpoints.{name}.answers", answer) for answer in endpoint.answers)
        for role in ("result_answer", "progress_answer"):
            if role in endpoint.data:
                yield f"endpoints.{name}.{role}", endpoint.data[role]
    for state in ("succeeded", "failed"):
        if "callback" in provider.data:
            yield f"callback.{state}", provider.data["callback"][state]
    for profile, entry in provider.data.get("profiles", {}).items():
        swaps = {answer: other for answer, other in entry.items() if answer not in ("title", "source", "why")}
        yield from ((f"profiles.{profile}", answer) for swap in swaps.items() for answer in swap)
    yield from ((f"errors.{error.key}", error.answer) for error in provider.errors.values())


def _answers_are_described(provider: Provider) -> Sentences:
    schemas = provider.answer_schemas["$defs"]
    for name in provider.data["answers"]:
        for needed in ("x-source", "examples"):
            if needed not in schemas.get(name, {}):
                yield f"answers.{name} has no {needed} in answers.schema.json"
    for name, schema in schemas.items():
        kinds = {provider.sources[key].kind for _, key in _cited(schema) if key in provider.sources}
        if "chosen" in kinds and "x-why" not in schema:
            yield f"answers.schema.json: {name} is chosen and gives no reason; add x-why"


def _states_are_answered(provider: Provider) -> Sentences:
    poll = provider.endpoints["poll"]
    for state in provider.data["states"]:
        if poll.data.get("answer_prefix", "") + state not in poll.answers:
            yield f"states has {state}, which endpoints.poll does not answer"


def _paths_share_the_base(provider: Provider) -> Sentences:
    base = provider.data["base_path"]
    for endpoint in provider.endpoints.values():
        if not endpoint.path.startswith(f"{base}/") and "why" not in endpoint.data:
            yield f"endpoints.{endpoint.name}: {endpoint.path} does not begin with {base}; say why"


def _roles_exist(provider: Provider) -> Sentences:
    used = {media.role for mode in provider.modes.values() for media in mode.media}
    for role in sorted(used - provider.media.keys()):
        yield f"a mode has media of the role {role}, which media.schema.json does not have"
    for role in sorted(provider.media.keys() - used):
        yield f"media.schema.json has the role {role}, which no mode has"


def _defaults_are_allowed(provider: Provider) -> Sentences:
    for mode in provider.modes.values():
        named = [{provider.data["request"]["model"]: model} for model in sorted(provider.models_of(mode))]
        for model in named or [{}]:
            body = _body_of({**mode.defaults, **model})
            for breach in mode.request.judge(body):
                if pointer.write(breach.path) in mode.defaults:
                    yield f"{mode.name}: the default at {pointer.write(breach.path)} breaks {breach.keyword}"


def _body_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The smallest body that has these values at these pointers."""
    body: dict[str, Any] = {}
    for place, value in values.items():
        *parents, name = pointer.parts(place)
        target = body
        for parent in parents:
            target = target.setdefault(parent, {})
        target[name] = value
    return body


def _near_is_right(provider: Provider) -> Sentences:
    """A hint may lead into another mode: it is right where any mode takes it at the same place."""
    spots = list(_spots(provider))
    members = {(*spot.place, name) for spot in spots for name in spot.schema.get("properties", {})}
    for spot in spots:
        for wrong, hint in spot.schema.get("x-near", {}).items():
            if "use" in hint and not _is_taken(hint["use"], spot, spots, members):
                yield f"{spot.name}: x-near gives {hint['use']} for {wrong}, and no mode takes that"


def _is_taken(use: str, spot: _Spot, spots: list[_Spot], members: set[tuple[str, ...]]) -> bool:
    """Whether some mode knows this member, here or by its path from the top, or allows this value."""
    if "additionalProperties" in spot.schema:
        return (*spot.place, use) in members or tuple(use.split(".")) in members
    return any(matcher(peer.schema)(use) for peer in spots if peer.limits_what(spot))


def _annotations_speak_of_something(provider: Provider) -> Sentences:
    """A shared piece may annotate a keyword that only some of those who share it have."""
    spots = list(_spots(provider))
    standing = {(spot.place, keyword) for spot in spots for keyword in spot.schema}
    standing |= {((*spot.place, name), "required") for spot in spots for name in spot.schema.get("required", ())}
    for spot in spots:
        for annotation, keyword in _annotated(spot.schema):
            if (spot.place, keyword) not in standing:
                yield f"{spot.name}: {annotation} speaks of {keyword}, which does not stand there"


class _Spot(NamedTuple):
    """A subschema, where it is written, and what place of a request (or fact of a file) it judges."""

    name: str
    place: tuple[str, ...]
    schema: Schema

    def limits_what(self, other: _Spot) -> bool:
        """Whether this subschema constrains what the other judges."""
        return self.place == other.place and not CONSTRAINTS.isdisjoint(self.schema)


def _spots(provider: Provider) -> Iterator[_Spot]:
    for file, law in _laws(provider):
        for spot, schema in walk(law.book.schema):
            yield _Spot(file + pointer.write(spot.path), spot.place, schema)


def _annotated(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(annotation, keyword) wherever an annotation is given by keyword."""
    for name in ("x-source", "x-why", "x-fix", "x-message", "x-error", "x-effect"):
        if isinstance(schema.get(name), Mapping):
            yield from ((name, keyword) for keyword in schema[name])
    yield from (("x-conflict", conflict["keyword"]) for conflict in schema.get("x-conflict", ()))


def _rules_are_repaired(provider: Provider) -> Sentences:
    yield from (f"rule {rule.id} has no x-fix" for rule in provider.rules() if not rule.fix)


def _prices_have_models(provider: Provider) -> Sentences:
    tiers = {tier for rule in _resolutions(provider) for tier in rule.limit}
    for price in provider.data.get("prices", ()):
        if not any(re.search(price["models"], model) for model in provider.models):
            yield f"prices: {price['models']} matches no model"
        for tier in sorted(price["per_second"].keys() - tiers):
            yield f"prices: {tier} is no resolution of any mode"


def _resolutions(provider: Provider) -> Iterator[Rule]:
    place = tuple(pointer.parts(provider.data["request"].get("resolution", "")))
    for mode in provider.modes.values():
        yield from (rule for rule in mode.request.book.rules if rule.place == place and rule.keyword == "enum")


def _conflicts_have_sides(provider: Provider) -> Sentences:
    """A fact that no source states has one side: its only source is that of absence."""
    for conflict in provider.data.get("conflicts", ()):
        if len(conflict["values"]) < 2 and conflict["values"][0]["source"] != "absence":
            yield f"conflicts: {conflict['topic']} has one value; name the other, or the absence"


def _conflicts_are_some(provider: Provider) -> Sentences:
    """A claim that is the law's own limit is none against it, and a fact beyond the limits is decided once."""
    topics: set[str] = set()
    if any(_sources_exist(provider)):
        return
    for dispute in disputes(provider):
        if any(dispute.modes and claim.value == dispute.choice for claim in dispute.claims):
            yield f"x-conflict of {dispute.topic} claims what the law says"
        if isinstance(dispute.choice, dict) and "limit" not in dispute.choice:
            yield f"x-conflict of {dispute.topic} has a schema for its choice; say it in words with `choice`"
        if not dispute.modes and dispute.topic in topics:
            yield f"conflicts: {dispute.topic} is decided twice"
        topics.add(dispute.topic)


def _examples_are_told_apart(provider: Provider) -> Sentences:
    """An example satisfies its own schema, and none that means something else at the same endpoint."""
    schemas = provider.answer_schemas["$defs"]
    judges = {name: compile_schema({**schema, "$defs": schemas}) for name, schema in schemas.items()}
    for endpoint in provider.endpoints.values():
        meanings = {name: meaning for name, meaning in _meanings(provider, endpoint).items() if name in schemas}
        for name, meaning in meanings.items():
            for example in schemas[name].get("examples", ()):
                fits = [other for other in meanings if not judges[other](example)]
                if name not in fits or {meanings[other] for other in fits} != {meaning}:
                    taken = ", ".join(fits) or "nothing"
                    yield f"endpoints.{endpoint.name}: an example of {name} is taken for {taken}"


def _meanings(provider: Provider, endpoint: Endpoint) -> dict[str, str]:
    """Answer -> what it means: all envelopes mean an error, an answer of a profile what it stands for."""
    profiles = provider.data.get("profiles", {}).values()
    stand_ins = {other: name for entry in profiles for name, other in entry.items() if name in endpoint.answers}
    errors = [provider.errors[key] for key in endpoint.errors if key in provider.errors]
    envelopes = dict.fromkeys((error.answer for error in errors), "error")
    return {name: name for name in endpoint.answers} | stand_ins | envelopes


#: In the order in which they are told.
CHECKS: tuple[Callable[[Provider], Sentences], ...] = (
    _sources_exist,
    _errors_exist,
    _refusals_are_answered,
    _answers_exist,
    _uploads_can_be_made,
    _answers_are_described,
    _states_are_answered,
    _examples_are_told_apart,
    _paths_share_the_base,
    _roles_exist,
    _defaults_are_allowed,
    _near_is_right,
    _annotations_speak_of_something,
    _rules_are_repaired,
    _prices_have_models,
    _conflicts_have_sides,
    _conflicts_are_some,
)
