"""What the sources of a provider disagree on, and what was chosen: in its schemas and in its provider.yaml.

What the providers disagree on among themselves is `comparison.py`'s work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from happyhorse_spec.contract import Provider
from happyhorse_spec.rules import Schema, Source, annotation, walk
from happyhorse_spec.wording import EFFECTS

#: Keyword -> what of a place is disputed, where the keyword alone would puzzle a reader.
_ASPECTS = {"not": "taken", "contains": "contents", "pattern": "form", "x-maxPromptUnits": "length"}


@dataclass(frozen=True, slots=True)
class Claim:
    """What some sources say."""

    value: Any
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Dispute:
    """One disagreement, or a fact that no source states and that had to be chosen.

    `modes` are those whose schemas state the limit, or the roles of media; empty for facts beyond a request. `sources`
    are those of the choice where it is a limit; else they stand at the claims, which name all sides.
    """

    topic: str
    choice: Any
    claims: tuple[Claim, ...]
    why: str
    modes: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()

    @property
    def is_silence(self) -> bool:
        """Whether a side of it is that nobody says anything."""
        return any(claim.sources and all(map(_is_absence, claim.sources)) for claim in self.claims)

    def as_dict(self) -> dict[str, Any]:
        """The dispute as JSON."""
        return {
            "topic": self.topic,
            "choice": self.choice,
            "source": cited(self.sources),
            "claims": [{"value": claim.value, "source": cited(claim.sources)} for claim in self.claims],
            "why": self.why,
            "modes": list(self.modes),
        }


def cited(sources: Iterable[Source]) -> list[dict[str, str]]:
    """Sources as JSON."""
    return [{"title": source.title, "url": source.url, "kind": source.kind} for source in sources]


def _is_absence(source: Source) -> bool:
    """Whether a source is no page: nothing was found."""
    return source.kind == "inferred" and not source.url


def disputes(provider: Provider) -> Iterator[Dispute]:
    """The disputes about requests and media, then those about everything else."""
    yield from _about_limits(provider)
    for entry in provider.data.get("conflicts", ()):
        claims = tuple(Claim(claim["value"], _sources(provider, claim["source"])) for claim in entry["values"])
        yield Dispute(entry["topic"], entry["choice"], claims, entry["why"])


def _about_limits(provider: Provider) -> Iterator[Dispute]:
    """The disputes of all schemas; one that several modes share is told once."""
    shared: dict[str, list[Dispute]] = {}
    for mode, schema in _schemas(provider):
        for dispute in _in_schema(provider, schema):
            shared.setdefault(repr(replace(dispute, sources=())), []).append(replace(dispute, modes=(mode,)))
    for same in shared.values():
        modes = tuple(dict.fromkeys(mode for dispute in same for mode in dispute.modes))
        sources = tuple(dict.fromkeys(source for dispute in same for source in dispute.sources))
        yield replace(same[0], modes=modes, sources=sources)


def _schemas(provider: Provider) -> Iterator[tuple[str, Schema]]:
    yield "any", provider.any.book.schema
    for name, mode in provider.modes.items():
        yield name, mode.request.book.schema
        yield name, mode.advice.book.schema
    for role, law in provider.media.items():
        yield f"media.{role}", law.book.schema


def _in_schema(provider: Provider, schema: Schema) -> Iterator[Dispute]:
    """The disputes of one schema; claims about one limit stand together."""
    for spot, part in walk(schema):
        place = ".".join(spot.place).replace(".items", "[]") or "the request"
        claims: dict[str, list[dict[str, Any]]] = {}
        for entry in part.get("x-conflict", ()):
            claims.setdefault(entry["keyword"], []).append(entry)
        for keyword, entries in claims.items():
            aspect = _ASPECTS.get(keyword, keyword) + (f" ({spot.case})" if spot.case else "")
            yield Dispute(
                topic=f"{place} {aspect}",
                choice=_choice(part, keyword, entries),
                claims=tuple(Claim(entry["value"], _sources(provider, entry["source"])) for entry in entries),
                why=" ".join(dict.fromkeys(entry["why"] for entry in entries)),
                sources=_sources(provider, annotation(part, "x-source", keyword) or ()),
            )


def _choice(part: Schema, keyword: str, entries: Sequence[Schema]) -> Any:
    """What the law says: in words where the limit itself tells a reader little."""
    told = [entry["choice"] for entry in entries if "choice" in entry]
    if told:
        return told[0]
    if keyword == "required":
        return "required"
    if part.get(keyword) == {}:
        return EFFECTS[annotation(part, "x-effect", keyword) or "reject"]
    return part.get(keyword)


def _sources(provider: Provider, keys: str | Sequence[str]) -> tuple[Source, ...]:
    return tuple(provider.sources[key] for key in ([keys] if isinstance(keys, str) else keys))
