"""What the sources of a provider disagree on, and what was chosen: in its schemas and in its provider.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from happyhorse_spec.contract import Provider
from happyhorse_spec.rules import Schema, Source, walk


@dataclass(frozen=True, slots=True)
class Claim:
    """What some sources say."""

    value: Any
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Dispute:
    """One disagreement. `modes` are those whose schemas state the limit; empty for facts beyond a request."""

    topic: str
    choice: Any
    claims: tuple[Claim, ...]
    why: str
    modes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The dispute as JSON."""
        claims = [
            {"value": claim.value, "source": [{"title": s.title, "url": s.url, "kind": s.kind} for s in claim.sources]}
            for claim in self.claims
        ]
        modes = list(self.modes)
        return {"topic": self.topic, "choice": self.choice, "claims": claims, "why": self.why, "modes": modes}


def disputes(provider: Provider) -> Iterator[Dispute]:
    """The disputes about requests and media, then those about everything else."""
    yield from _about_limits(provider)
    for entry in provider.data.get("conflicts", ()):
        claims = tuple(_claim(provider, claim["value"], claim["source"]) for claim in entry["values"])
        yield Dispute(entry["topic"], entry["choice"], claims, entry["why"])


def _about_limits(provider: Provider) -> Iterator[Dispute]:
    """The disputes of all schemas; one that several modes share is told once."""
    modes: dict[str, dict[str, None]] = {}
    found: dict[str, Dispute] = {}
    for mode, schema in _schemas(provider):
        for dispute in _in_schema(provider, schema):
            found.setdefault(repr(dispute), dispute)
            modes.setdefault(repr(dispute), {})[mode] = None
    for key, dispute in found.items():
        yield replace(dispute, modes=tuple(modes[key]))


def _schemas(provider: Provider) -> Iterator[tuple[str, Schema]]:
    yield "any", provider.any.book.schema
    for name, mode in provider.modes.items():
        yield name, mode.request.book.schema
        yield name, mode.advice.book.schema
    for role, law in provider.media.items():
        yield f"media.{role}", law.book.schema


def _in_schema(provider: Provider, schema: Schema) -> Iterator[Dispute]:
    for spot, part in walk(schema):
        for entry in part.get("x-conflict", ()):
            keyword = entry["keyword"]
            topic = " ".join((".".join(spot.place) or "the request", keyword.removeprefix("x-")))
            claim = _claim(provider, entry["value"], entry["source"])
            yield Dispute(topic, part.get(keyword, True), (claim,), entry["why"])


def _claim(provider: Provider, value: Any, cited: str | list[str]) -> Claim:
    keys = [cited] if isinstance(cited, str) else cited
    return Claim(value, tuple(provider.sources[key] for key in keys))
