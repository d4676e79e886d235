"""Twins: for a rule, a small request that passes and the one edit after which it breaks that rule and no other.

Nothing is known here about any provider. The passing request is grown from the schemas (see `growth.py`) with the wish
that the rule's place is there, at its very limit where the rule measures or counts; the edits to try follow from the
rule's keyword (see `edits.py`); whether an edit breaks exactly the rule is asked of `check.py`. A rule for which
nothing was found has no twin, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal

from happyhorse_spec import pointer
from happyhorse_spec.check import check_body, judge_media, judged
from happyhorse_spec.contract import Endpoint, Law, Mode, Provider
from happyhorse_spec.edits import STEP, Patch, apply_patch, edits, is_absence
from happyhorse_spec.growth import Barren, Schema, grow
from happyhorse_spec.headers import KEYWORD as HEADER
from happyhorse_spec.headers import check_headers, header_rules
from happyhorse_spec.prompt import prompt_units
from happyhorse_spec.rules import Rule, SchemaPath

Wishes = Iterator[tuple[str, Schema]]

#: What a text may be made of, where its length is counted: a character of each kind that somebody counts otherwise.
LETTERS: Mapping[str, str] = {
    "ASCII characters": "a",
    "Chinese ones": "\u99ac",
    "Chinese ones beyond the basic plane": "\U00020000",
    "Chinese ones of the third plane": "\U00031350",
    "compatibility ideographs": "\uf900",
    "full-width commas": "\uff0c",
    "ideographic full stops": "\u3002",
    "kana": "\u3072",
    "hangul": "\ud55c",
    "letters with a combining mark": "e\u0301",
    "emoji": "\U0001f40e",
}


@dataclass(frozen=True, slots=True)
class Twin:
    """A document that passes, one JSON Patch operation (RFC 6902), and the document after it.

    `of` says what the documents are: a request body, the facts of a media file, the headers of a request. Where advice
    cannot be had alone (a field that is advised against, and its values), the document that passes may carry the other
    advice. `told` is the id of the rule that `check` reports: the rule itself; its double in the schema for any mode or
    of another mode; or None, where the edit makes the request one of another mode and only the schema of the rule's own
    mode objects. `counted` names the kind of character that a text is made of.
    """

    of: Literal["request", "media", "headers"]
    passes: Any
    breaks: Any
    patch: Patch
    told: str | None
    counted: str = ""


def twins(provider: Provider, rule: Rule) -> Twin | None:
    """The twin of a rule, or None. Where the rule measures or counts, its limit itself passes."""
    return next(_twins(provider, rule), None)


def boundaries(provider: Provider, rule: Rule) -> list[Twin]:
    """The twins of a rule that measures or counts: what meets its limit exactly passes, one beyond it is told.

    One for each kind of character where a text is counted, one for any other limit; none for other rules.
    """
    return list(_twins(provider, rule)) if rule.keyword in MEASURED else []


def _twins(provider: Provider, rule: Rule) -> Iterator[Twin]:
    """The clearest twin for each wish that one was found for."""
    for counted, wish in wishes(rule):
        found: list[Twin] = []
        for twin in _attempts(provider, rule, wish):
            found.append(twin)
            if twin.told == rule.id:
                break
        if found:
            clearest = min(found, key=lambda twin: (twin.told != rule.id, twin.told is None))
            yield replace(clearest, counted=counted)


def _attempts(provider: Provider, rule: Rule, wish: Schema) -> Iterator[Twin]:
    for endpoint in provider.endpoints.values():
        if rule.keyword == HEADER and rule in header_rules(provider, endpoint):
            yield from _header_twins(provider, rule, endpoint)
    for law in provider.media.values():
        if rule in law.book.rules:
            yield from _media_twins(provider, rule, law, wish)
    for mode in provider.modes.values():
        for law in (provider.any, mode.request, mode.advice):
            if rule in law.book.rules:
                yield from _request_twins(provider, rule, law, mode, wish)


def _header_twins(provider: Provider, rule: Rule, endpoint: Endpoint) -> Iterator[Twin]:
    body = grow(rule.schema)  # the rule may hold for some requests only
    passes = {known.place[0]: known.limit for known in header_rules(provider, endpoint)}
    patch = {"op": "remove", "path": pointer.write(rule.place)}
    breaks = apply_patch(passes, patch)
    if [finding.rule.id for finding in check_headers(breaks.items(), body, endpoint, provider)] == [rule.id]:
        yield Twin("headers", passes, breaks, patch, rule.id)


def _media_twins(provider: Provider, rule: Rule, law: Law, wish: Schema) -> Iterator[Twin]:
    for facts, patch in _tries(provider, rule, law, wish, law.book.schema):
        broken = apply_patch(facts, patch)
        if [finding.rule.id for finding in judge_media(law, broken, "")] == [rule.id]:
            yield Twin("media", facts, broken, patch, rule.id)


def _request_twins(provider: Provider, rule: Rule, law: Law, mode: Mode, wish: Schema) -> Iterator[Twin]:
    for passes, patch in _tries(provider, rule, law, wish, *frames(provider, mode)):
        breaks = apply_patch(passes, patch)
        before = {finding.rule.id for finding in check_body(passes, provider)}
        told = [finding.rule for finding in check_body(breaks, provider) if finding.rule.id not in before]
        if len(told) == 1 and (told[0].place, told[0].keyword) == (rule.place, rule.keyword):
            yield Twin("request", passes, breaks, patch, told[0].id)
        elif _broken_alone(mode, breaks) == [rule.id]:
            yield Twin("request", passes, breaks, patch, None)


def _broken_alone(mode: Mode, body: Any) -> list[str]:
    return [finding.rule.id for law in (mode.request, mode.advice) for finding in judged(law, body)]


def frames(provider: Provider, mode: Mode) -> Iterator[Schema]:
    """What a passing request satisfies: it is of the mode, and nothing at all is said about it; else only advice."""
    earlier = list(provider.modes.values())[: list(provider.modes).index(mode.name)]
    refused = [provider.any.book.schema, mode.request.book.schema]
    of_mode = [mode.when, *({"not": other.when} for other in earlier)]
    yield {"allOf": [*refused, mode.advice.book.schema, *of_mode]}
    yield {"allOf": [*refused, *of_mode]}


def _tries(provider: Provider, rule: Rule, law: Law, wish: Schema, *frames: Schema) -> Iterator[tuple[Any, Patch]]:
    """A passing document and an edit that may break the rule."""
    for frame, items in product(frames, (1, 2, 3)):
        try:
            passes = grow({"allOf": [frame, wanted(law, rule, wish, items)]})
        except Barren:
            continue
        yield from ((passes, patch) for patch in edits(provider, rule, passes))


def wanted(law: Law, rule: Rule, wish: Schema, items: int = 1) -> Schema:
    """A schema of a law's documents that have the place of its rule, and there what the wish says.

    The parent of the place is meant where the rule wants the place absent. `items` says in how many items of an array:
    the first may be needed for another rule.
    """
    return _along(law.book.schema, _path_of(law, rule), wish, items)


def _path_of(law: Law, rule: Rule) -> SchemaPath:
    if rule.keyword == "required":
        return next(path for (path, _), known in law.book.required.items() if known is rule)
    path = next(path for (path, _), known in law.book.by_place.items() if known is rule)
    return path[:-2] if is_absence(rule) else path


def _along(schema: Any, path: SchemaPath, wish: Schema, items: int) -> Schema:
    """A schema that asks for the place at `path`, with every condition on the way to it, and there for the wish."""
    if not path:
        return wish
    word, *rest = path
    if word in ("items", "then", "else"):
        inner = _along(schema[word], tuple(rest), wish, items)
        condition = schema.get("if", {})
        if word == "items":
            return {"contains": inner, "minContains": items}
        return {"allOf": [condition if word == "then" else {"not": condition}, inner]}
    name, *beyond = rest
    inner = _along(schema[word][name], tuple(beyond), wish, items)
    return {"required": [name], "properties": {name: inner}} if word == "properties" else inner


def wishes(rule: Rule) -> Wishes:
    """What the place should be before the edit: at its limit where there is one, else as the rule wants it."""
    if rule.keyword in MEASURED:
        yield from MEASURED[rule.keyword](rule.limit, rule.schema)
    elif is_absence(rule):
        yield "", {}
    elif rule.keyword == "required":
        yield "", {"required": [rule.limit]}
    else:
        yield "", {word: rule.schema[word] for word in (rule.keyword, "properties") if word in rule.schema}


def _exactly(limit: Any, _schema: Schema) -> Wishes:
    yield "", {"const": limit}


def _texts(limit: int, weights: Mapping[str, int]) -> Wishes:
    for name, letter in LETTERS.items():
        count, rest = divmod(limit, prompt_units(letter, weights))
        if count:
            yield name, {"const": letter * count + "a" * rest}


def _many(limit: int, _schema: Schema) -> Wishes:
    yield "", {"minItems": limit, "maxItems": limit}


def _one_fitting(_limit: Schema, schema: Schema) -> Wishes:
    yield "", {"contains": schema["contains"], "maxContains": 1}


def _many_fitting(limit: int, schema: Schema) -> Wishes:
    yield "", {"contains": schema["contains"], "minContains": limit}


#: The keywords that measure or count -> what meets their limit exactly, by what is counted.
MEASURED: Mapping[str, Callable[[Any, Schema], Wishes]] = {
    "minimum": _exactly,
    "maximum": _exactly,
    "exclusiveMinimum": lambda limit, _: _exactly(limit + STEP, {}),
    "exclusiveMaximum": lambda limit, _: _exactly(limit - STEP, {}),
    "minLength": lambda limit, _: _texts(limit, {}),
    "maxLength": lambda limit, _: _texts(limit, {}),
    "minItems": _many,
    "maxItems": _many,
    "contains": _one_fitting,
    "maxContains": _many_fitting,
    "x-maxPromptUnits": lambda limit, _: _texts(limit["limit"], limit.get("weights", {})),
}
