"""What the pages say, as tables, and where a provider's folder says something else.

A table (`<provider>.yaml`) is written from the pages, not from schemas/, and speaks of what a client sends and sees:
bodies that are taken, values that are refused and in which words, answers, addresses, errors, figures. Each chapter
below is a generator of sentences, one for each disagreement; a law that is true to its table yields none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.check import check_body, judge_media, media_urls
from happyhorse_spec.contract import Law, Provider
from happyhorse_spec.document import read_bytes, read_yaml
from happyhorse_spec.engine import matcher
from happyhorse_spec.findings import Finding
from happyhorse_spec.request import Request
from mockserver.answers import compile_template
from mockserver.grammar import refusal, spelled

FOLDER = Path(__file__).parent
Table = Mapping[str, Any]
Sentences = Iterator[str]
Judge = Callable[[Any], list[Finding]]


def tables() -> dict[str, Table]:
    return {path.stem: read_table(path) for path in sorted(FOLDER.glob("*.yaml"))}


def read_table(path: Path) -> Table:
    data: Table = read_yaml(read_bytes(path), str(path))[0].data
    return data


def disagreements(provider: Provider, table: Table) -> Sentences:
    for chapter in CHAPTERS.values():
        yield from chapter(provider, table)


# Requests.


def bodies(provider: Provider, table: Table) -> Sentences:
    """Whole bodies: nothing is wrong with them, their mode, what they mean, which media they name."""
    for name, entry in table["bodies"].items():
        body, mode = entry["body"], provider.mode_of(entry["body"])
        if mode is None or mode.name != entry["mode"]:
            yield f"{name} is of mode {mode and mode.name}"
            continue
        yield from (f"{name}: {found.message}" for found in check_body(body, provider))
        means = {key: Request(provider, mode, body).get(key) for key in entry["means"]}
        media = [[role, url] for role, _, url in media_urls(body, mode)]
        if means != entry["means"] or media != entry.get("media", []):
            yield f"{name} means {means} with {media}"
    for name, body, expected in table.get("names", ()):
        media = [[role, url] for role, _, url in media_urls(body, provider.modes[name])]
        if media != expected:
            yield f"{body} names {media}"
    for body, says, places in table.get("refused", ()):
        found = check_body(body, provider)
        told = _refused(provider, found), [one.pointer for one in found]
        if told != (says, places):
            yield f"{body}: {told}"
    for body, name in table.get("chooses", ()):
        mode = provider.mode_of(body)
        if name != (mode and mode.name):
            yield f"{body} is of mode {mode and mode.name}"


def fields(provider: Provider, table: Table) -> Sentences:
    """Field by field: what is taken, what is refused and in which words, what comes of the rest."""
    judge = lambda body: check_body(body, provider)  # noqa: E731
    for row in table["fields"]:
        for name in row["in"]:
            entry = table["bodies"][name]
            yield from (f"{name}: {told}" for told in _row(provider, row, entry["body"], judge))
            yield from (
                f"{name}: {told}" for told in _plain(row, entry["body"], provider.modes[entry["mode"]].request.judge)
            )


def _plain(row: Table, whole: Any, judge: Callable[[Any], Any]) -> Sentences:
    """The schema of the mode alone gives the same verdict, in whoever's validator."""
    taken = [_put(whole, row["at"], _spelt_out(value)) for value in row.get("takes", ())]
    refused = [value for values in row.get("refuses", {}).values() for value in values] + row.get("alone", [])
    broken = [_put(whole, row["at"], _spelt_out(value)) for value in refused]
    if "missing" in row:
        (taken if row["missing"] in ("taken", "advice") else broken).append(_put(whole, row["at"]))
    yield from (f"{row['at']}: the schema alone refuses {_short(body)}" for body in taken if judge(body))
    yield from (f"{row['at']}: the schema alone takes {_short(body)}" for body in broken if not judge(body))


def defaults(provider: Provider, table: Table) -> Sentences:
    if provider.any.book.defaults != table.get("default", {}):
        yield f"of all modes alike are the defaults {provider.any.book.defaults}"
    for entry in table["bodies"].values():
        mode = provider.modes[entry["mode"]]
        given = {row["at"]: row["default"] for row in table["fields"] if mode.name in row["in"] and "default" in row}
        if mode.defaults != given:
            yield f"{mode.name} has the defaults {mode.defaults}"


def media(provider: Provider, table: Table) -> Sentences:
    """What a file must be, by role."""
    for role, entry in table["media"].items():

        def judge(facts: Any, law: Law = provider.media[role]) -> list[Finding]:
            return list(judge_media(law, facts, "/url"))

        for row in entry["fields"]:
            absent = {"missing": "taken"} if row["at"] else {}
            yield from (f"{role}: {told}" for told in _row(provider, absent | row, entry["whole"], judge))


def _row(provider: Provider, row: Table, whole: Any, judge: Judge) -> Sentences:
    at = row["at"]
    for value in map(_spelt_out, row.get("takes", ())):
        yield from (f"{at} {_short(value)}: {found.message}" for found in judge(_put(whole, at, value)))
    cases = [(says, value) for says, values in row.get("refuses", {}).items() for value in map(_spelt_out, values)]
    for says, value in cases:
        told = _refused(provider, judge(_put(whole, at, value)))
        if told != says.replace("{value}", "null" if value is None else str(value)):
            yield f"{at} {_short(value)}: {told}"
    for effect, values in row.get("advice", {}).items():
        for value in map(_spelt_out, values):
            found = judge(_put(whole, at, value))
            effects = ["idle" if one.rule.keyword == "not" and one.effect == "ignore" else one.effect for one in found]
            if effects != [effect]:
                yield f"{at} {_short(value)}: {effects}"
    if "missing" in row:
        told = _refused(provider, judge(_put(whole, at)))
        if told != row["missing"]:
            yield f"{at} missing: {told}"


def _refused(provider: Provider, findings: list[Finding]) -> str:
    """Status, code, message and (unless it is the usual one) envelope of the refusal; else `taken` or `advice`."""
    rejections = [found for found in findings if found.effect == "reject"]
    if not rejections:
        return "advice" if findings else "taken"
    key, values = refusal(rejections, provider)
    envelope = provider.errors[key].answer.removeprefix("error")
    return _line(provider, key, values) + (f" ({envelope})" if envelope else "")


def _line(provider: Provider, key: str, values: Mapping[str, Any] | None = None) -> str:
    error = provider.errors[key]
    return f"{error.status} {error.code} {spelled(error, values) if values else error.message}"


def _put(whole: Any, at: str, *value: Any) -> Any:
    """The body with another value at a pointer, or with none."""
    if not at:
        return value[0]
    return _changed(whole, pointer.parts(at), *value)


def _changed(whole: Any, way: list[str], *value: Any) -> Any:
    """A copy that shares with the original what is not on the way."""
    first, *rest = way
    if isinstance(whole, list):
        at = int(first)
        items = [_changed(whole[at], rest, *value)] if rest else [item for item in value if item != _ABSENT]
        return [*whole[:at], *items, *whole[at + 1 :]]
    if rest:
        return {**whole, first: _changed(whole.get(first, {}), rest, *value)}
    if value and value[0] != _ABSENT:
        return {**whole, first: value[0]}
    return {key: item for key, item in whole.items() if key != first}


_ABSENT = {"absent": True}


def _spelt_out(value: Any) -> Any:
    """`{times: 3, of: a}` is `aaa`, with `of: [a]` three items; `{join: [...]}` is texts one after the other."""
    if isinstance(value, dict) and value.keys() == {"times", "of"}:
        return value["of"] * value["times"]
    if isinstance(value, dict) and value.keys() == {"join"}:
        return "".join(map(_spelt_out, value["join"]))
    return value


def _short(value: Any) -> str:
    return repr(value)[:80]


# Answers.


class _Values(dict[str, Any]):
    value = dict.get


def answers(provider: Provider, table: Table) -> Sentences:
    """Each answer as it is printed: so it is rendered and recognised, and with less or other members it is not."""
    for name, entry in table["answers"].items():
        whole = entry["is"]
        rendered = compile_template(provider.data["answers"][name])(_Values(table["values"] | entry.get("with", {})))
        if rendered != whole:
            yield f"{name} is rendered as {rendered}"
        if name not in provider.answer_schemas["$defs"]:
            continue
        fits = partial(provider.is_answer, name)
        if not fits(whole):
            yield f"{name} is not recognised"
        yield from (f"{name}: {told}" for told in _members(entry, whole, fits))
    if unknown := provider.data["answers"].keys() ^ table["answers"].keys():
        yield f"answers of one side alone: {sorted(unknown)}"


def _members(entry: Table, whole: Any, fits: Callable[[Any], bool]) -> Sentences:
    needs, right = entry.get("needs", ()), entry.get("right", {})
    yield from (f"it may be {body!r}" for body in (None, [], "text", 7) if fits(body))
    for at in entry.get("full", ()):
        if fits(_put(whole, at, "")) or not fits(_put(whole, at, "a")):
            yield f"{at} is to hold one character at least"
    for at, value in _leaves(whole):
        if fits(_put(whole, at)) is (at in needs):
            yield f"{at} is {'optional' if at in needs else 'required'}"
        if at in entry.get("any", ()):
            continue
        for wrong in _wrong(value):
            if wrong not in right.get(at, ()) and fits(_put(whole, at, wrong)):
                yield f"{at} may be {wrong!r}"
    for at, values in right.items():
        yield from (f"{at} must not be {value!r}" for value in values if not fits(_put(whole, at, value)))
    for at, values in entry.get("wrong", {}).items():
        yield from (f"{at} may be {value!r}" for value in values if fits(_put(whole, at, value)))


def _leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    if at:
        yield at, value
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, f"{at}{pointer.write((key,))}")


def _wrong(value: Any) -> list[Any]:
    """Values of other types, null among them."""
    if isinstance(value, bool):
        return [None, "true", 1]
    if isinstance(value, int):
        return [None, str(value), value + 0.5]
    if isinstance(value, float):
        return [None, str(value)]
    if value is None:
        return ["", 0]
    return [None, 7]


# What provider.yaml says beside.


def errors(provider: Provider, table: Table) -> Sentences:
    """The catalogue, which calls answer with an error, and the envelope that holds it."""
    listed = Counter((row["is"], row.get("like", "error"), *_extra(row.get("with", {}))) for row in table["errors"])
    found = Counter(
        (_line(provider, key), error.answer, *_extra({k: v for k, v in error.data.items() if k not in _ROW}))
        for key, error in provider.errors.items()
    )
    yield from (f"the table lacks {row}" for row in found - listed)
    yield from (f"the catalogue lacks {row}" for row in listed - found)
    for name, endpoint in provider.endpoints.items():
        told = Counter(_line(provider, key) for key in endpoint.errors)
        given = Counter(row["is"] for row in table["errors"] if name in row.get("at", ()))
        yield from (f"{name} answers {line}" for line in told - given)
        yield from (f"{name} does not answer {line}" for line in given - told)


_ROW = {"status", "code", "message", "source", "why", "answer"}


def _extra(members: Mapping[str, Any]) -> list[str]:
    return [f"{key}={value}" for key, value in sorted(members.items())]


def notices(provider: Provider, table: Table) -> Sentences:
    """What the engine notices, and the words that answer it."""
    told = {notice: _line(provider, key) for notice, key in provider.data["refusals"].items()}
    yield from _differences(told, table["notices"])


def calls(provider: Provider, table: Table) -> Sentences:
    """Method and path, headers, query, answers; which bodies belong to a call, where bodies decide."""
    told = {}
    for name, endpoint in provider.endpoints.items():
        data = {key: value for key, value in endpoint.data.items() if key in _CALL}
        data["is"] = f"{endpoint.method} {endpoint.path}"
        data["answers"] = dict(endpoint.answers)
        data["headers"] = [[header.name, header.const, _line(provider, header.error)] for header in endpoint.headers]
        data["delivery"] = [[entry["how"], entry.get("accept")] for entry in endpoint.data.get("delivery", ())]
        told[name] = {key: value for key, value in data.items() if value}
    yield from _differences(
        told, {name: {k: v for k, v in call.items() if k != "bodies"} for name, call in table["calls"].items()}
    )
    for name, call in table["calls"].items():
        for place, body, expected in call.get("bodies", ()):
            condition = pointer.follow(provider.data["endpoints"][name], place)
            if condition is None or matcher(condition)(body) is not expected:
                yield f"{name}{place} says {not expected} of {body}"


_CALL = {"operation", "query", "reads", "body", "answer_prefix", "limit", "result_answer", "progress_answer"}


def figures(provider: Provider, table: Table) -> Sentences:
    """All other facts, by their place."""
    told = {at: value for section in _SECTIONS for at, value in _figures(provider.data.get(section), section)}
    yield from _differences(told, dict(_figures(table["figures"])))


_SECTIONS = (
    "base_path", "servers", "key", "request", "grammar", "validation", "response_headers", "states", "progress", "ids",
    "profiles", "callback", "limits", "retention", "upload", "timing", "result", "prices",
)  # fmt: skip
_UNSEEN = {"source", "why", "title", "region", "scope", "seen"}


def _figures(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves by their dotted place; a fact is its value."""
    if isinstance(value, dict):
        if "value" in value:
            value = value["value"]
            yield from _figures(value, at)
            return
        seen = {key: item for key, item in value.items() if key not in _UNSEEN}
        if not seen:
            yield at, "stated"
        for key, item in seen.items():
            yield from _figures(item, f"{at}.{key}" if at else str(key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, item in enumerate(value):
            yield from _figures(item, f"{at}.{index}")
    elif value is not None:
        yield at, value


def _differences(told: Mapping[str, Any], table: Mapping[str, Any]) -> Sentences:
    for key in sorted(told.keys() | table.keys()):
        if key not in told or key not in table or told[key] != table[key]:
            yield f"{key} is {told.get(key)!r}, the table has {table.get(key)!r}"


#: The quick ones first.
CHAPTERS: Mapping[str, Callable[[Provider, Table], Sentences]] = {
    chapter.__name__: chapter for chapter in (defaults, errors, notices, calls, figures, bodies, media, answers, fields)
}
