"""A rule in words: one line in a list, or everything that is known about it, for people and for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.comparison import Difference
from happyhorse_spec.contract import Provider
from happyhorse_spec.disputes import Dispute
from happyhorse_spec.findings import show
from happyhorse_spec.rules import Conflict, Rule, Source
from happyhorse_spec.twins import LETTERS, Twin, boundaries, twins
from happyhorse_spec.wording import length_in_words, listing

_WIDTH = 100
_CUT = 80


def limit_in_words(rule: Rule) -> str:
    """What a rule asks for, without its place: `3`, `required`, `1080P | 720P`."""
    match rule.keyword:
        case "required":
            return "required"
        case "additionalProperties":
            return "known fields only"
        case "enum":
            return _value(rule.limit)
        case "type":
            return _value(rule.limit)
        case "not":
            return "absent" if rule.limit == {} else f"not {show(rule.limit)}"
        case "x-maxPromptUnits":
            return length_in_words(rule.limit)
        case "x-promptReferences":
            return f"each {rule.limit['pattern']} has its image"
    return _value(rule.limit)


def _value(value: Any) -> str:
    """A value as people write it: texts without quotes, choices with strokes between them."""
    if isinstance(value, list):
        return " | ".join(map(_value, value))
    return value if isinstance(value, str) else show(value)


def rule_as_dict(rule: Rule, provider: Provider, *, twin: bool = False) -> dict[str, Any]:
    """A rule as JSON; with its twin where that is asked for, which takes a moment."""
    known = {
        "rule": rule.id,
        "provider": provider.name,
        "effect": rule.effect,
        "place": list(rule.place),
        "keyword": rule.keyword,
        "limit": rule.limit,
        "why": rule.why,
        "fix": rule.fix,
        "source": [_source(source) for source in rule.sources],
        "conflict": [_conflict(conflict) for conflict in rule.conflicts],
    }
    if not twin:
        return known
    found = twins(provider, rule)
    limits = [{"counted": limit.counted, **_pair(limit)} for limit in boundaries(provider, rule)]
    return {**known, "twin": found and _pair(found), "boundaries": limits}


def _pair(twin: Twin) -> dict[str, Any]:
    return {"of": twin.of, "passes": twin.passes, "patch": twin.patch, "told": twin.told}


def explain(rule: Rule, provider: Provider) -> Iterator[str]:
    """All that is known about a rule, line by line."""
    yield rule.id
    yield ""
    yield from _entry("place", ".".join(rule.place).replace(".items", "[]") or "the request")
    keyword = "" if rule.keyword in ("required", "not") else f"{rule.keyword.removeprefix('x-')}: "
    yield from _entry("limit", keyword + limit_in_words(rule))
    yield from _entry("effect", _effect(rule, provider))
    yield from _entry("why", rule.why)
    yield from _entry("fix", rule.fix)
    for source in rule.sources:
        yield from _entry("source", f"{source.title} ({source.kind}, seen {source.seen}) {source.url}")
    for conflict in rule.conflicts:
        yield from _entry("disputed", f"{_value(conflict.value)}, says {_titles(conflict.sources)}. {conflict.why}")
    yield from _twin(rule, twins(provider, rule))
    yield from _entry("letters", _letters(boundaries(provider, rule)))


def _effect(rule: Rule, provider: Provider) -> str:
    if rule.effect != "reject":
        return rule.effect
    error = provider.errors[rule.error or provider.data["refusals"]["violation"]]
    return f"reject ({error.code or error.key}, HTTP {error.status})"


def _twin(rule: Rule, twin: Twin | None) -> Iterator[str]:
    if twin is None:
        yield from _entry("example", "none was found that breaks this rule and no other")
        return
    what = {"request": "", "media": "facts of a file: ", "headers": "headers: "}[twin.of]
    yield _label("passes") + what + _short(twin.passes)
    edit = f"{twin.patch['op']} {twin.patch['path'] or 'the whole'}"
    word = "with" if twin.patch["op"] == "replace" else "as"
    value = f" {word} {_short(twin.patch['value'])}" if "value" in twin.patch else ""
    yield _label("breaks") + what + edit + value
    if twin.told is None:
        yield _label("") + "(it is then a request of another mode; only the schema of this mode objects)"
    elif twin.told != rule.id:
        yield _label("") + f"(told as {twin.told}, which says the same)"


def _letters(limits: list[Twin]) -> str | None:
    """How many letters of each kind meet the limit of a text; one more of any kind breaks it."""
    texts = [(limit.counted, pointer.follow(limit.passes, limit.patch["path"])) for limit in limits if limit.counted]
    counts = [f"{text.count(LETTERS[kind])} {kind}" for kind, text in texts if len(text) > 1]
    return f"{listing(counts)} pass, one more breaks the rule" if counts else None


def _short(value: Any) -> str:
    """JSON in one line, its long texts and repeated items cut."""
    return json.dumps(_cut(value), ensure_ascii=False)


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _cut(member) for name, member in value.items()}
    if isinstance(value, list):
        runs = ((_cut(item), len(list(run))) for item, run in groupby(value))
        return [part for item, n in runs for part in ([item] * n if n < 3 else [item, f"… {n - 1} more of it"])]
    is_long = isinstance(value, str) and len(value) > _CUT
    return f"{value[: _CUT // 4]}… {len(value)} characters" if is_long else value


def _label(name: str) -> str:
    return f"  {f'{name}:' if name else '':10}"


def _entry(name: str, text: str | None) -> list[str]:
    label = _label(name)
    if not text:
        return []
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )


def dispute_in_words(dispute: Dispute) -> Iterator[str]:
    """A dispute: the topic and the choice, then who says otherwise, then why."""
    modes = f" ({', '.join(dispute.modes)})" if dispute.modes else ""
    yield f"{dispute.topic}{modes}: {claim_in_words(dispute.choice)}"
    for claim in dispute.claims:
        yield from _indented(f"- {claim_in_words(claim.value)}, says {_titles(claim.sources)}")
    yield from _indented(f"  {dispute.why}")


def difference_in_words(difference: Difference) -> Iterator[str]:
    """A difference: the fact, then each value with the providers that have it."""
    modes = f" ({', '.join(difference.modes)})" if difference.modes else ""
    yield f"{difference.fact}{modes}"
    for value, names in difference.sides():
        yield from _indented(f"- {value}: {listing(names, 'and')}".replace("`", ""))


def claim_in_words(value: Any) -> str:
    """What a source claims, or what was chosen."""
    return length_in_words(value) if isinstance(value, dict) and "limit" in value else _value(value)


def _indented(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False)


def _titles(sources: tuple[Source, ...]) -> str:
    return "; ".join(source.title for source in sources)


def _source(source: Source) -> dict[str, str]:
    return {"title": source.title, "url": source.url, "kind": source.kind, "seen": source.seen}


def _conflict(conflict: Conflict) -> dict[str, Any]:
    sources = [_source(source) for source in conflict.sources]
    return {"value": conflict.value, "source": sources, "why": conflict.why}
