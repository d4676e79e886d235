"""Facts that every provider can be asked for, each in few words and with its sources, so that they can be compared.

Most stand in the law as they are. What files a mode takes follows from several rules together, which each provider
writes its own way: there a request is grown, changed, and judged. Laying the answers beside each other is
`comparison.py`'s work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from happyhorse_spec import pointer
from happyhorse_spec.carrier import Carrier
from happyhorse_spec.contract import Mode, Provider
from happyhorse_spec.findings import show
from happyhorse_spec.growth import plain_texts
from happyhorse_spec.rules import Rule, Source, walk
from happyhorse_spec.wording import EFFECTS, length_in_words, span_of_time

_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "over", "maximum": "at most", "exclusiveMaximum": "under"}
_COUNTING = frozenset({"required", "minItems", "maxItems", "contains", "maxContains"})
_MEGABYTE = 1 << 20
#: What is known of a result -> how the page calls it.
_RESULTS = {
    "authorization": "a key sent to the storage is",
    "billed": "seconds billed for an edit",
    "max_edit_seconds": "longest edited clip, s",
}
_TIMES = {"poll_seconds": "advised polling interval", "wait_seconds": "longest waiting submit"}


class Stand(NamedTuple):
    """What one provider says of a fact."""

    value: str
    sources: tuple[Source, ...]


#: What the fact is, in which mode ("" where that makes no difference), and what the provider says.
Facts = Iterator[tuple[str, str, Stand]]


def _requests(provider: Provider, peers: Sequence[Provider]) -> Facts:
    names = dict.fromkeys(name for peer in peers for name in peer.data["request"])
    for name, mode in ((name, mode) for name in names for mode in provider.modes.values()):
        place = _place(provider.data["request"].get(name, f"/{name}"))
        strict = [rule for rule in mode.request.book.rules if rule.place == place]
        lenient = [rule for rule in mode.advice.book.rules if rule.place == place]
        yield f"`{name}`: needed", mode.name, _taken(mode, place, [*strict, *lenient])
        yield from ((f"`{name}`: {fact}", mode.name, stand) for fact, stand in _limits(strict))
        long = [rule for rule in (*strict, *lenient) if rule.keyword in ("maxLength", "x-maxPromptUnits")]
        if long:
            yield f"`{name}`: length", mode.name, Stand("; ".join(map(_length, long)), _sources(long))
        at = pointer.write(place)
        if at in mode.defaults:
            value = show(mode.defaults[at]).replace('"', "`")
            yield f"`{name}`: default", mode.name, Stand(value, mode.request.book.default_sources[at])


def _taken(mode: Mode, place: tuple[str, ...], rules: Iterable[Rule]) -> Stand:
    """Whether a mode needs a member, takes it, or what becomes of it."""
    for rule in rules:
        if rule.keyword == "required":
            return Stand("required", rule.sources)
        if rule.keyword == "not" and rule.limit == {}:
            return Stand(EFFECTS[rule.effect], rule.sources)
    books = (mode.request.book, mode.advice.book)
    if any(spot.place == place for book in books for spot, _ in walk(book.schema)):
        return Stand("optional", _sources(rule for rule in rules if rule.effect == "reject"))
    strays = [r for r in mode.advice.book.rules if r.keyword == "additionalProperties" and r.place == place[:-1]]
    return Stand(", ".join(["not known", *(EFFECTS[rule.effect] for rule in strays)]), _sources(strays))


def _limits(rules: Iterable[Rule]) -> Iterator[tuple[str, Stand]]:
    listed = [rule for rule in rules if rule.keyword in ("enum", "const")]
    if listed:
        yield "values", Stand("; ".join(map(_listed, listed)), _sources(listed))
    if span := _span(rules):
        yield "range", span


def _length(rule: Rule) -> str:
    limit = {"limit": rule.limit} if rule.keyword == "maxLength" else rule.limit
    return f"{length_in_words(limit)}, more is {EFFECTS[rule.effect]}"


def _listed(rule: Rule) -> str:
    values = rule.limit if rule.keyword == "enum" else [rule.limit]
    case = rule.id.partition("@")[2]
    words = ", ".join(f"`{value}`" for value in sorted(map(str, values), key=_naturally))
    return f"{case}: {words}" if case else words


def _naturally(text: str) -> list[tuple[int, str]]:
    """A key by which 720P comes before 1080P."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", text)]


def _span(rules: Iterable[Rule], unit: Callable[[Any], str] = str) -> Stand | None:
    """The least and the most of a number."""
    bounds = {rule.keyword: rule for rule in rules if rule.keyword in _BOUNDS}
    words = {keyword: unit(rule.limit) for keyword, rule in bounds.items()}
    if words.keys() == {"minimum", "maximum"}:
        return Stand(f"{words['minimum']}-{words['maximum']}", _sources(bounds.values()))
    told = ", ".join(f"{form} {words[keyword]}" for keyword, form in _BOUNDS.items() if keyword in words)
    return Stand(told, _sources(bounds.values())) if told else None


def _media(provider: Provider, _peers: Sequence[Provider]) -> Facts:
    for mode in provider.modes.values():
        for field in mode.media:
            carrier = Carrier(mode, field)
            role = field.role.replace("_", " ")
            counted = [rule for rule in carrier.rules() if rule.keyword in _COUNTING]
            yield f"{role}: number of files", mode.name, Stand(carrier.counts(), _sources(counted))
            formed = [rule for rule in carrier.rules() if rule.keyword == "pattern"]
            forms = carrier.forms(provider.media[field.role])
            yield f"{role}: URL", mode.name, Stand(", ".join(f"`{form}`" for form in forms), _sources(formed))


def _files(provider: Provider, _peers: Sequence[Provider]) -> Facts:
    for role, law in provider.media.items():
        for fact in dict.fromkeys(rule.place[-1] for rule in law.book.rules if rule.place):
            rules = [rule for rule in law.book.rules if rule.place[-1:] == (fact,)]
            listed = [rule for rule in rules if rule.keyword == "enum"]
            unit = _megabytes if fact == "bytes" else str
            stand = Stand(_listed(listed[0]), _sources(listed)) if listed else _span(rules, unit)
            if stand:
                yield f"{role}: {fact}".replace("_", " "), "", stand


def _megabytes(value: float) -> str:
    return f"{value / _MEGABYTE:g} MB"


def _tasks(provider: Provider, _peers: Sequence[Provider]) -> Facts:
    data = provider.data
    for name, entry in data["limits"].items():
        whose = entry.get("per", "account" if "per_second" in entry else "model")
        value = f"{entry['per_second']} per second" if "per_second" in entry else f"{entry['tasks']} tasks"
        yield f"limit: {name}", "", _stand(provider, f"{value}, for each {whose}", entry["source"])
    for name, entry in data["retention"].items():
        kept = span_of_time(entry["value"])
        yield f"life of a {name.removesuffix('_seconds')}", "", _stand(provider, kept, entry["source"])
    for name, words in _TIMES.items():
        if entry := data["timing"].get(name):
            yield words, "", _stand(provider, f"{entry['value']} s", entry["source"])
    for name, entry in data["result"].items():
        value = " and ".join(entry["value"]) if isinstance(entry["value"], list) else str(entry["value"])
        yield _RESULTS.get(name, name.replace("_", " ")), "", _stand(provider, value, entry["source"])
    entries = data.get("prices", ())
    for tier in sorted({tier for price in entries for tier in price["per_second"]}, key=_naturally):
        found = [price for price in entries if tier in price["per_second"]]
        words = "; ".join(_price(provider, price, tier) for price in found)
        yield f"a second at {tier}", "", _stand(provider, words, *(price["source"] for price in found))


def _price(provider: Provider, price: Mapping[str, Any], tier: str) -> str:
    known = sorted(provider.models)
    meant = [model for model in known if re.search(price["models"], model)]
    which = "" if meant == known else f" for {_family(meant)}"
    return f"{price['per_second'][tier]} {price['currency']}{which} ({price['scope']})"


def _family(names: Sequence[str]) -> str:
    """What names have in common, and that they go on."""
    shared = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return f"`{''.join(letters[0] for letters in shared)}{'…' if len(names) > 1 else ''}`"


def _refusals(provider: Provider, _peers: Sequence[Provider]) -> Facts:
    for notice, key in provider.data["refusals"].items():
        error = provider.errors[key]
        yield notice.replace("_", " "), "", Stand(f"HTTP {error.status}", error.sources)
    poll = provider.endpoints["poll"]
    if "unknown" in poll.answers:
        yield "unknown task", "", _stand(provider, f"HTTP {poll.answers['unknown']}", poll.data["source"])


def _names(provider: Provider, _peers: Sequence[Provider]) -> Facts:
    for name, at in provider.data["request"].items():
        place = _place(at)
        rules = [rule for mode in provider.modes.values() for rule in mode.request.book.rules if rule.place == place]
        yield f"`{name}`", "", Stand(f"`{'.'.join(place)}`", _sources(rules))
    for mode in provider.modes.values():
        for rule in mode.advice.book.rules:
            if rule.keyword == "x-promptReferences":
                forms = ", ".join(f"`{text}`" for text in plain_texts(rule.limit["pattern"]))
                yield "the first image, in a prompt", mode.name, Stand(forms, rule.sources)
    for state, word in provider.data["states"].items():
        yield f"a {state} task", "", _stand(provider, f"`{word}`", provider.endpoints["poll"].data["source"])


def _place(at: str) -> tuple[str, ...]:
    return tuple(pointer.parts(at))


def _stand(provider: Provider, value: str, *cited: str | list[str]) -> Stand:
    keys = [key for entry in cited for key in ([entry] if isinstance(entry, str) else entry)]
    return Stand(value, tuple(dict.fromkeys(provider.sources[key] for key in keys)))


def _sources(rules: Iterable[Rule]) -> tuple[Source, ...]:
    return tuple(dict.fromkeys(source for rule in rules for source in rule.sources))


#: What is compared, in the order in which it is told.
PARTS: Mapping[str, Callable[[Provider, Sequence[Provider]], Facts]] = {
    "what a request may say": _requests,
    "which media it takes": _media,
    "what a file must be": _files,
    "tasks, time and money": _tasks,
    "the status of a refusal": _refusals,
    "names": _names,
}
