"""What the providers disagree on, fact by fact: read from their laws, so that nobody types a table.

A fact is asked of each provider alike (`facts.py`); here the answers are laid beside each other, and what all say alike
is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from happyhorse_spec.contract import Provider
from happyhorse_spec.disputes import cited
from happyhorse_spec.facts import PARTS, Stand

#: Between providers nothing has to be decided, which is a decision too.
CHOICE = "each provider's own"
WHY = "A request is judged, and an answer played, by what its own provider says; nobody's word counts for another."


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact on which providers differ; a provider that says nothing of it is not among the `stands`."""

    part: str
    fact: str
    modes: tuple[str, ...]
    stands: Mapping[str, Stand]

    def sides(self) -> list[tuple[str, list[str]]]:
        """Each value with the providers that say it."""
        values = dict.fromkeys(stand.value for stand in self.stands.values())
        return [(value, [name for name, stand in self.stands.items() if stand.value == value]) for value in values]

    def as_dict(self) -> dict[str, Any]:
        """The difference as JSON."""
        claims = [
            {"provider": name, "value": stand.value, "source": cited(stand.sources)}
            for name, stand in self.stands.items()
        ]
        decided = {"choice": CHOICE, "why": WHY}
        return {"topic": self.fact, "part": self.part, **decided, "claims": claims, "modes": list(self.modes)}


def differences(providers: Sequence[Provider]) -> list[Difference]:
    """The facts on which not all say the same; modes in which everybody says the same as in another stand together."""
    found: dict[tuple[str, str, str], dict[str, Stand]] = {}
    for part, facts in PARTS.items():
        for provider in providers:
            for fact, mode, stand in facts(provider, providers):
                found.setdefault((part, fact, mode), {})[provider.name] = stand
    merged: dict[str, list[tuple[str, str, str]]] = {}
    for (part, fact, mode), stands in found.items():
        if len({stand.value for stand in stands.values()}) > 1:
            merged.setdefault(repr((part, fact, _values(stands))), []).append((part, fact, mode))
    return [_difference(keys, found) for keys in merged.values()]


def _values(stands: Mapping[str, Stand]) -> list[tuple[str, str]]:
    return [(name, stand.value) for name, stand in stands.items()]


def _difference(keys: Sequence[tuple[str, str, str]], found: Mapping[Any, Mapping[str, Stand]]) -> Difference:
    """One difference for the modes of `keys`, each provider with the sources of all of them."""
    part, fact, _ = keys[0]
    modes = tuple(mode for _, _, mode in keys if mode)
    stands = {
        name: Stand(stand.value, _unique(source for key in keys for source in found[key][name].sources))
        for name, stand in found[keys[0]].items()
    }
    return Difference(part, fact, modes, stands)


def _unique(sources: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(sources))
