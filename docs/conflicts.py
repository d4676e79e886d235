"""Writes the tables of conflicts.md: what the sources of a provider, and the providers, disagree on.

All of it comes from schemas/. `make docs` writes the page anew; a test fails where the page is older than the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pages import PROVIDERS, cite, lines, renewed, title

from happyhorse_spec.comparison import Difference, differences
from happyhorse_spec.contract import Provider
from happyhorse_spec.disputes import Claim, Dispute, disputes
from happyhorse_spec.explanation import claim_in_words
from happyhorse_spec.rules import Source

PAGE = Path(__file__).with_name("conflicts.md")
DIFFERENCES = differences(PROVIDERS)
#: The parts about what a client sends.
_ASKED = {"what a request may say", "which media it takes", "what a file must be"}
#: Keyword -> what a reader calls it.
_ASPECTS = {
    "minimum": "at least",
    "exclusiveMinimum": "over",
    "maximum": "at most",
    "maxItems": "items at most",
    "maxLength": "characters at most",
    "enum": "values",
}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    titles = list(head)
    yield f"| {' | '.join(titles)} |"
    yield "|---" * len(titles) + "|"
    for row in rows:
        yield f"| {' | '.join(cell.replace(' | ', ', ').replace('|', '&#124;') for cell in row)} |"


def keys(sources: Iterable[Source]) -> str:
    return cite(source.key for source in sources)


def overview() -> Iterator[str]:
    parts = [difference.part for difference in DIFFERENCES]
    asked = sum(part in _ASKED for part in parts)
    rows = [("[between the providers](#between-the-providers)", str(asked), str(len(parts) - asked), "–")]
    rows += [
        (
            f"[{title(provider)}](#{title(provider).lower().replace(' ', '-')})",
            *map(str, map(len, sorted_out(provider))),
        )
        for provider in PROVIDERS
    ]
    yield from table(("", "on requests and media", "on the rest", "settled by no source"), rows)


def sorted_out(provider: Provider) -> tuple[list[Dispute], list[Dispute], list[Dispute]]:
    """Disputes about limits, about everything else, and what no source states."""
    found = list(disputes(provider))
    loud = [dispute for dispute in found if not dispute.is_silence]
    limits = [dispute for dispute in loud if dispute.modes]
    return limits, [d for d in loud if not d.modes], [d for d in found if d.is_silence]


def between() -> Iterator[str]:
    for part in dict.fromkeys(difference.part for difference in DIFFERENCES):
        rows = [row(difference) for difference in DIFFERENCES if difference.part == part]
        yield from ("", f"### {part[0].upper()}{part[1:]}", "")
        yield from table(("fact", *map(title, PROVIDERS)), rows)


def row(difference: Difference) -> Iterator[str]:
    yield named(difference.fact, difference.modes)
    for provider in PROVIDERS:
        stand = difference.stands.get(provider.name)
        yield f"{stand.value} {keys(stand.sources)}".replace("; ", "<br>") if stand else "–"


def named(topic: str, modes: Iterable[str]) -> str:
    told = ", ".join(mode.removeprefix("media.").replace("_", " ") for mode in modes if mode != "any")
    return f"{topic}<br>({told})" if told else topic


def within(provider: Provider) -> Iterator[str]:
    limits, rest, silent = sorted_out(provider)
    yield from ("### Requests and media", "")
    yield from table(("limit", "here", "said elsewhere", "why"), map(limit, limits))
    yield from ("", "### Answers, errors, time and money", "")
    yield from table(("fact", "said", "here", "why"), map(sides, rest))
    yield from ("", "### Settled by no source", "")
    yield from table(("fact", "said", "here", "why"), map(sides, silent))


def limit(dispute: Dispute) -> tuple[str, ...]:
    here = f"{claim_in_words(dispute.choice)} {keys(dispute.sources)}"
    place, _, aspect = dispute.topic.partition(" ")
    return (
        named(f"`{place}` {_ASPECTS.get(aspect, aspect)}", dispute.modes),
        here,
        lines(map(said, dispute.claims)),
        dispute.why,
    )


def sides(dispute: Dispute) -> tuple[str, ...]:
    return dispute.topic, lines(map(said, dispute.claims)), str(dispute.choice), dispute.why


def said(claim: Claim) -> str:
    return f"{claim_in_words(claim.value)} {keys(claim.sources)}"


def written(page: str) -> str:
    """The page with its parts made anew from the data."""
    parts = {provider.name: within(provider) for provider in PROVIDERS}
    return renewed(page, {"overview": overview(), "between": between(), **parts})


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
