"""Twins: for a rule, a small request that passes and the one edit after which it breaks that rule and no other.

Nothing is known here about any provider. The passing request is grown from the schemas (see `growth.py`) with the wish
that the rule's place is there, at its limit where it has one; the edits to try follow from the rule's keyword; whether
an edit breaks exactly the rule is asked of `check.py`. A rule for which nothing was found has no twin, and says so.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, product
from typing import Any, Literal

from happyhorse_spec import pointer
from happyhorse_spec.check import check_body, judge_media, judged
from happyhorse_spec.contract import Endpoint, Law, Mode, Provider
from happyhorse_spec.growth import TEXT, Barren, Schema, grow
from happyhorse_spec.headers import KEYWORD as HEADER
from happyhorse_spec.headers import check_headers, header_rules
from happyhorse_spec.rules import Rule, SchemaPath, walk
from happyhorse_spec.samples import sample

Patch = Mapping[str, Any]
#: A character that belongs to every script that may weigh more than 1.
_HAN = "\u99ac"


@dataclass(frozen=True, slots=True)
class Twin:
    """A document that passes, one JSON Patch operation (RFC 6902), and the document after it.

    `of` says what the documents are: a request body, the facts of a media file, the headers of a request. Where advice
    cannot be had alone (a field that is advised against, and its values), the document that passes may carry the other
    advice. `told` is the id of the rule that `check` reports: the rule itself; its double in the schema for any mode or
    of another mode; or None, where the edit makes the request one of another mode and only the schema of the rule's own
    mode objects.
    """

    of: Literal["request", "media", "headers"]
    passes: Any
    breaks: Any
    patch: Patch
    told: str | None


def twins(provider: Provider, rule: Rule) -> Twin | None:
    """The twin of a rule, the clearest of those that were found, or None."""
    found: list[Twin] = []
    for twin in _attempts(provider, rule):
        if twin.told == rule.id:
            return twin
        found.append(twin)
    return min(found, key=lambda twin: twin.told is None, default=None)


def apply_patch(document: Any, patch: Patch) -> Any:
    """A copy of the document after one `add`, `remove` or `replace`."""
    *parents, last = ["", *pointer.parts(patch["path"])]
    holder: Any = {"": copy.deepcopy(document)}
    root = holder
    for part in parents:
        holder = holder[int(part) if isinstance(holder, list) else part]
    if isinstance(holder, list):
        at = len(holder) if last == "-" else int(last)
        holder[at : at + (patch["op"] != "add")] = [] if patch["op"] == "remove" else [patch["value"]]
    elif patch["op"] == "remove":
        del holder[last]
    else:
        holder[last] = patch["value"]
    return root[""]


def _attempts(provider: Provider, rule: Rule) -> Iterator[Twin]:
    for endpoint in provider.endpoints.values():
        if rule.keyword == HEADER and rule in header_rules(provider, endpoint):
            yield from _header_twins(provider, rule, endpoint)
    for law in provider.media.values():
        if rule in law.book.rules:
            yield from _media_twins(provider, rule, law)
    for mode in provider.modes.values():
        for law in (provider.any, mode.request, mode.advice):
            if rule in law.book.rules:
                yield from _request_twins(provider, rule, law, mode)


def _header_twins(provider: Provider, rule: Rule, endpoint: Endpoint) -> Iterator[Twin]:
    body = grow(rule.schema)  # the rule may hold for some requests only
    passes = {known.place[0]: known.limit for known in header_rules(provider, endpoint)}
    patch = {"op": "remove", "path": pointer.write(rule.place)}
    breaks = apply_patch(passes, patch)
    if [finding.rule.id for finding in check_headers(breaks.items(), body, endpoint, provider)] == [rule.id]:
        yield Twin("headers", passes, breaks, patch, rule.id)


def _media_twins(provider: Provider, rule: Rule, law: Law) -> Iterator[Twin]:
    for facts, patch in _tries(provider, rule, law, law.book.schema):
        broken = apply_patch(facts, patch)
        if [finding.rule.id for finding in judge_media(law, broken, "")] == [rule.id]:
            yield Twin("media", facts, broken, patch, rule.id)


def _request_twins(provider: Provider, rule: Rule, law: Law, mode: Mode) -> Iterator[Twin]:
    for passes, patch in _tries(provider, rule, law, *_frames(provider, mode)):
        breaks = apply_patch(passes, patch)
        before = {finding.rule.id for finding in check_body(passes, provider)}
        told = [finding.rule for finding in check_body(breaks, provider) if finding.rule.id not in before]
        if len(told) == 1 and (told[0].place, told[0].keyword) == (rule.place, rule.keyword):
            yield Twin("request", passes, breaks, patch, told[0].id)
        elif _broken_alone(mode, breaks) == [rule.id]:
            yield Twin("request", passes, breaks, patch, None)


def _broken_alone(mode: Mode, body: Any) -> list[str]:
    return [finding.rule.id for law in (mode.request, mode.advice) for finding in judged(law, body)]


def _frames(provider: Provider, mode: Mode) -> Iterator[Schema]:
    """What the passing request satisfies: it is of the mode, and nothing at all is said about it; else only advice."""
    earlier = list(provider.modes.values())[: list(provider.modes).index(mode.name)]
    refused = [provider.any.book.schema, mode.request.book.schema]
    of_mode = [mode.when, *({"not": other.when} for other in earlier)]
    yield {"allOf": [*refused, mode.advice.book.schema, *of_mode]}
    yield {"allOf": [*refused, *of_mode]}


def _tries(provider: Provider, rule: Rule, law: Law, *frames: Schema) -> Iterator[tuple[Any, Patch]]:
    """A passing document and an edit that may break the rule."""
    path = _path_of(law, rule)
    for frame, wish, items in product(frames, _wishes(rule), (1, 2, 3)):
        try:
            passes = grow({"allOf": [frame, _along(law.book.schema, path, wish, items)]})
        except Barren:
            continue
        yield from ((passes, patch) for patch in _edits(provider, rule, passes))


def _path_of(law: Law, rule: Rule) -> SchemaPath:
    """The path in the schema of what the passing document must have: of the parent where the member must be absent."""
    if rule.keyword == "required":
        return next(path for (path, _), known in law.book.required.items() if known is rule)
    path = next(path for (path, _), known in law.book.by_place.items() if known is rule)
    return path[:-2] if _is_absence(rule) else path


def _is_absence(rule: Rule) -> bool:
    return rule.keyword == "not" and rule.limit == {}


def _along(schema: Any, path: SchemaPath, wish: Schema, items: int) -> Schema:
    """A schema that asks for the place at `path`, with every condition on the way to it, and there for the wish.

    `items` is in how many items of an array: the first may be needed for another rule.
    """
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


def _wishes(rule: Rule) -> Iterator[Schema]:
    """What the place should be before the edit: at its limit, else just there."""
    if rule.keyword in _WISHES:
        yield _WISHES[rule.keyword](rule.limit, rule.schema)
    if rule.keyword == "x-maxPromptUnits":
        yield from ({"const": _HAN * (rule.limit["limit"] // n)} for n in rule.limit.get("weights", {}).values())
    if _is_absence(rule):
        yield {}
    elif rule.keyword == "required":
        yield {"required": [rule.limit]}
    else:
        yield {word: rule.schema[word] for word in (rule.keyword, "contains", "properties") if word in rule.schema}


_WISHES: Mapping[str, Callable[[Any, Schema], Schema]] = {
    "minimum": lambda limit, _: {"const": limit},
    "maximum": lambda limit, _: {"const": limit},
    "exclusiveMinimum": lambda limit, _: {"const": limit + 1},
    "exclusiveMaximum": lambda limit, _: {"const": limit - 1},
    "minLength": lambda limit, _: {"const": "a" * limit},
    "maxLength": lambda limit, _: {"const": "a" * limit},
    "minItems": lambda limit, _: {"minItems": limit, "maxItems": limit},
    "maxItems": lambda limit, _: {"minItems": limit},
    "maxContains": lambda limit, schema: {"contains": schema["contains"], "minContains": limit},
    "x-maxPromptUnits": lambda limit, _: {"const": "a" * limit["limit"]},
}


def _edits(provider: Provider, rule: Rule, document: Any) -> Iterator[Patch]:
    """Patches that may break the rule, the plainest first."""
    place = ["*" if part == "items" else part for part in rule.place]
    if _is_absence(rule):
        for at, _ in pointer.expand(document, pointer.write(place[:-1])):
            path = at + pointer.write(place[-1:])
            yield from ({"op": "add", "path": path, "value": value} for value in _fitting(provider, rule))
        return
    for at, value in pointer.expand(document, pointer.write(place)):
        if rule.keyword in _STRUCTURAL:
            yield from _STRUCTURAL[rule.keyword](at, value, rule)
        else:
            values = _VALUES[rule.keyword](value, rule)
            yield from ({"op": "replace", "path": at, "value": new} for new in values if new != value)


def _fitting(provider: Provider, rule: Rule) -> Iterator[Any]:
    """Values that another mode takes where this one takes none."""
    for mode in provider.modes.values():
        schemas = chain(walk(mode.request.book.schema), walk(mode.advice.book.schema))
        for spot, schema in schemas:
            if spot.place == rule.place and schema.keys() & {"type", "enum"}:
                yield grow({word: limit for word, limit in schema.items() if word != "not"})
    yield TEXT


def _added_members(at: str, _value: Any, rule: Rule) -> Iterator[Patch]:
    for name in (*rule.near, "unknown"):
        if name not in rule.schema.get("properties", {}):
            yield {"op": "add", "path": at + pointer.write([name]), "value": TEXT}


def _added_items(at: str, items: list[Any], _rule: Rule) -> Iterator[Patch]:
    yield from ({"op": "add", "path": f"{at}/-", "value": item} for item in reversed(items))


def _removed_items(at: str, items: list[Any], _rule: Rule) -> Iterator[Patch]:
    yield from ({"op": "remove", "path": f"{at}/{index}"} for index in reversed(range(len(items))))
    yield {"op": "replace", "path": at, "value": []}


_STRUCTURAL: Mapping[str, Callable[[str, Any, Rule], Iterator[Patch]]] = {
    "required": lambda at, _value, _rule: iter([{"op": "remove", "path": at}]),
    "additionalProperties": _added_members,
    "minItems": _removed_items,
    "contains": _removed_items,
    "maxItems": _added_items,
    "maxContains": _added_items,
}


def _mistyped(value: Any, _rule: Rule) -> Iterator[Any]:
    if isinstance(value, (bool, int, float)):
        yield json.dumps(value)
    yield from (1, TEXT, [], {}, None)


def _miswritten(value: Any, rule: Rule) -> Iterator[Any]:
    yield from rule.near
    if isinstance(value, str):
        yield from (value.swapcase(), "unknown")
    yield from (not value if isinstance(value, bool) else 0, None)


def _below(_value: Any, rule: Rule) -> Iterator[Any]:
    yield round(rule.limit - 0.1, 6) if isinstance(rule.limit, float) else rule.limit - 1


def _above(_value: Any, rule: Rule) -> Iterator[Any]:
    yield round(rule.limit + 0.1, 6) if isinstance(rule.limit, float) else rule.limit + 1


def _unwanted(_value: Any, rule: Rule) -> Iterator[Any]:
    try:
        yield grow({"allOf": [rule.limit, {"type": "string"}]})
        yield grow(rule.limit)
    except Barren:
        return


def _misreferring(value: Any, rule: Rule) -> Iterator[Any]:
    """The object whose prompt speaks of an image that is not there."""
    for text in (sample(rule.limit["pattern"]), sample(rule.limit["pattern"]).replace("1", "9")):
        patched = apply_patch(value, {"op": "replace", "path": rule.limit["prompt"], "value": text})
        yield patched


_VALUES: Mapping[str, Callable[[Any, Rule], Iterator[Any]]] = {
    "type": _mistyped,
    "enum": _miswritten,
    "const": _miswritten,
    "minimum": _below,
    "maximum": _above,
    "exclusiveMinimum": lambda _, rule: iter([rule.limit]),
    "exclusiveMaximum": lambda _, rule: iter([rule.limit]),
    "minLength": lambda value, _: iter([value[:-1]]),
    "maxLength": lambda value, _: iter([value + "a"]),
    "pattern": lambda _, rule: iter([*rule.near, TEXT, "", "http://example.com/file"]),
    "not": _unwanted,
    "x-maxPromptUnits": lambda value, _: iter([value + value[-1:]]),
    "x-promptReferences": _misreferring,
}
