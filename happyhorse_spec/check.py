"""The validator: a request body in, findings out. Pure: no file, no clock, no network.

The mode is chosen first, then its schemas judge, so that every finding speaks of one mode. What the provider rejects
comes from the request schemas, what it truncates, ignores or does badly from the advice schemas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from happyhorse_spec import pointer
from happyhorse_spec.contract import Law, Mode, Provider, load_provider
from happyhorse_spec.document import Document, read_json
from happyhorse_spec.engine import Breach
from happyhorse_spec.findings import Finding
from happyhorse_spec.rules import Rule, RuleBook

Probe = Callable[[str], Mapping[str, Any] | None]


def check(body: Mapping[str, Any] | bytes | str, provider: str | Provider, *, reference: bool = False) -> list[Finding]:
    """Findings on one request body (a dict, or JSON as text or bytes) for a provider (its name, folder or object).

    Rejections come first, then advice. Text gives findings their line and column. `reference` judges with the pure
    Python engine. Raises DocumentError where text is not JSON.
    """
    law = load_provider(provider) if isinstance(provider, str) else provider
    if isinstance(body, (bytes, str)):
        return _check_text(body, law, reference)
    return check_body(body, law, reference=reference)


def check_body(body: object, provider: Provider, *, reference: bool = False) -> list[Finding]:
    """`check` for a body that is parsed already, whatever it is."""
    mode, likely = provider.mode_of(body), body
    if mode and not reference and mode.praises(body):
        return []
    first = judged(provider.any, body, reference)
    if mode is None and isinstance(body, dict):
        likely = _meant(body, first)
        mode = provider.mode_of(likely)
    if mode is None:
        return first
    rejections = first + _untold(judged(mode.request, likely, reference), first)
    return rejections + _sensible(judged(mode.advice, likely, reference), rejections)


def check_document(document: Document, provider: Provider, *, base: str = "") -> list[Finding]:
    """`check` for the part of a document at the pointer `base`; findings carry the document's line and column."""
    return [place(found, document, base) for found in check_body(pointer.follow(document.data, base), provider)]


def place(finding: Finding, document: Document, base: str = "") -> Finding:
    """The finding with its line and column in the document; an unknown member is marked at its name."""
    spot = document.position(base + finding.pointer, key=finding.is_about_name)
    return finding.at(spot.line, spot.column)


def rejected(body: object, provider: Provider) -> list[Finding]:
    """What the provider rejects: first what holds for any mode, then what holds for the body's own mode."""
    return verdict(body, provider)[1]


def verdict(body: object, provider: Provider) -> tuple[Mode | None, list[Finding]]:
    """The body's mode, and what the provider rejects in it."""
    mode = provider.mode_of(body)
    if mode and mode.accepts(body):
        return mode, []
    first = judged(provider.any, body)
    return mode, first + _untold(judged(mode.request, body), first) if mode else first


def check_media(body: object, mode: Mode, provider: Provider, probe: Probe) -> Iterator[Finding]:
    """What the provider rejects in the media files that `body` names; `probe` turns a URL into facts, or None."""
    for role, where, url in media_urls(body, mode):
        facts = probe(url)
        if facts is not None:
            yield from judge_media(provider.media[role], facts, where)


def judge_media(law: Law, facts: Mapping[str, Any] | None, where: str) -> Iterator[Finding]:
    """Findings on one probed file (None: it cannot be read), all at the pointer `where` of its URL."""
    for found in judged(law, facts):
        aspect = " ".join(pointer.parts(found.pointer))
        yield Finding(found.rule, where, found.value, aspect=aspect)


def media_urls(body: object, mode: Mode) -> Iterator[tuple[str, str, str]]:
    """(role, pointer, URL) of every media file that a body names."""
    for media in mode.media:
        read = pointer.reader(media.url)
        for at, item in pointer.expand(body, media.at):
            url = read(item)
            if isinstance(url, str) and _carries(item, media.where):
                yield media.role, at + media.url, url


def _carries(item: object, where: Mapping[str, str]) -> bool:
    return not where or (isinstance(item, dict) and where.items() <= item.items())


def _check_text(text: bytes | str, provider: Provider, reference: bool) -> list[Finding]:
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        body = read_json(text, "<body>").data
    findings = check_body(body, provider, reference=reference)
    if findings:
        document = read_json(text, "<body>")
        return [place(finding, document) for finding in findings]
    return findings


def _meant(body: Mapping[str, Any], told: list[Finding]) -> dict[str, Any]:
    """The body with the suggestions for its misspelt members taken, since such a member may hide the mode."""
    meant = {found.pointer[1:]: found.suggestion for found in told if found.suggestion is not None}
    return {**body, **{name: value for name, value in meant.items() if name in body}}


def _untold(findings: list[Finding], told: list[Finding]) -> list[Finding]:
    """The findings that say something new: a rule of any mode stands again in the schema of each mode."""
    if not told:
        return findings
    known = {(found.pointer, found.rule.keyword) for found in told}
    return [found for found in findings if (found.pointer, found.rule.keyword) not in known]


def _sensible(advice: list[Finding], rejections: list[Finding]) -> list[Finding]:
    """Advice, but none on how to use a value that is refused anyway."""
    if not advice:
        return advice
    refused = {found.pointer for found in rejections}
    return [found for found in advice if found.pointer not in refused]


def judged(law: Law, body: object, reference: bool = False) -> list[Finding]:
    """Findings on a body by one schema alone, in the order of its rules."""
    if not reference and law.passes(body):
        return []
    breaches = (law.reference_judge if reference else law.judge)(body)
    mistyped = {breach.path for breach in breaches if breach.keyword == "type"}
    found, order = {}, law.book.order
    for breach in breaches:
        if breach.keyword == "type" or breach.path not in mistyped:
            for rule, path, value in _rules(law.book, breach, body):
                found[order[rule.id], path] = Finding(rule, pointer.write(path), value)
    return [found[place] for place in sorted(found)]


def _rules(book: RuleBook, breach: Breach, body: object) -> list[tuple[Rule, tuple[str | int, ...], Any]]:
    """The rules that a breach breaks, each with its place and value; one per missing or unknown member."""
    path = breach.path
    value: Any = body
    for part in path:
        value = value[part]
    if breach.keyword == "required":
        spots = book.required.items()
        names = [(name, rule) for (spot, name), rule in spots if spot == breach.schema_path and name not in value]
        return [(rule, (*path, name), None) for name, rule in names]
    rule = book.by_place[breach.schema_path, breach.keyword]
    if breach.keyword == "additionalProperties":
        return [(rule, (*path, name), value[name]) for name in value.keys() - rule.schema.get("properties", {}).keys()]
    if breach.keyword == "x-promptReferences":
        return [(rule, (*path, *pointer.parts(rule.limit["prompt"])), value)]
    return [(rule, path, value)]
