"""What a request will cost, from the provider's dated prices, and what it has cost, from the seconds that it bills.

An estimate is a least and a most: the length of a video that is to be edited is known only where the file is at hand,
and a request whose refusal is expected costs nothing if it comes. Amounts of different currencies are never added.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_UP, Decimal
from pathlib import Path
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.answers import Answer
from happyhorse_spec.attachments import spec_findings
from happyhorse_spec.check import media_urls
from happyhorse_spec.contract import Provider
from happyhorse_spec.enclosure import is_local, local_path
from happyhorse_spec.findings import show
from happyhorse_spec.media import MediaError, probe_data_url, probe_file
from happyhorse_spec.request import Request
from happyhorse_spec.spec import Spec

#: The role of a video that is edited, in the vocabulary of media.
_EDITED = "video"
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Cost:
    """`least` and `most` in `currency`, None where they are not known; `why` says how they come about, or why not."""

    currency: str | None = None
    least: Decimal | None = None
    most: Decimal | None = None
    why: str = ""
    price: Decimal | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return amount(self.least, self.most, self.currency) if self.most is not None else "not known"

    def record(self) -> dict[str, Any] | None:
        """For a ledger; None where nothing is known."""
        if self.most is None:
            return None
        return {"currency": self.currency, "least": str(self.least), "most": str(self.most)}


def cost_of(spec: Spec, server: str | None = None) -> Cost:
    """The estimate for a spec at a server of its provider, None for the first."""
    mode = spec.provider.mode_of(spec.body)
    if mode is None:
        return Cost(why="the request is of no mode that has a price")
    request = Request(spec.provider, mode, spec.body)
    price = _price(request, _region(spec.provider, server))
    if price is None:
        asked = [value for name in ("model", "resolution") if (value := request.get(name)) is not None]
        return Cost(why=f"no price is known for {' '.join(map(show, asked))}")
    seconds = _seconds(request, spec.folder)
    if seconds is None:
        return Cost(why="how long the clip will be is not known")
    return _estimate(spec, price, *seconds)


def _estimate(spec: Spec, price: Mapping[str, Any], shortest: Decimal, longest: Decimal) -> Cost:
    each, currency = price["each"], price["currency"]
    span = "-".join(dict.fromkeys(f"{end.normalize():f}" for end in (shortest, longest)))
    why = f"{span} s at {each} {currency}; {price['scope']}, seen {price['seen']}"
    if spec.expect.rejected is None:
        if _is_rejected(spec):
            return Cost(currency, Decimal(0), Decimal(0), "the validator rejects it; it is not sent", each)
        return Cost(currency, shortest * each, longest * each, why, each)
    return Cost(currency, Decimal(0), longest * each, f"nothing if it is refused, as expected; else {why}", each)


def _is_rejected(spec: Spec) -> bool:
    return any(found.effect == "reject" for found in spec_findings(spec))


def settled(cost: Cost | None, answer: Answer, spec: Spec) -> tuple[Decimal, Decimal | None] | None:
    """The seconds that an answer says are billed, and their price where one is known; None where it says nothing."""
    mode = spec.provider.mode_of(spec.body)
    seconds = answer.value("billed_seconds")
    if seconds is None and mode and not any(media.role == _EDITED for media in mode.media):
        seconds = answer.value("output_seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    billed = Decimal(str(seconds))
    return billed, billed * cost.price if cost and cost.price is not None else None


def totals(costs: Iterable[tuple[str, Cost]]) -> Iterator[str]:
    """Lines for (provider, estimate) pairs: a sum for each provider and currency, and what has no price."""
    sums: dict[tuple[str, str | None], list[Cost]] = {}
    for provider, cost in costs:
        sums.setdefault((provider, cost.currency), []).append(cost)
    for (provider, currency), found in sums.items():
        specs = f"{len(found)} spec{'s' if len(found) > 1 else ''}"
        if currency is None:
            yield f"{provider}: not known for {specs}"
            continue
        least, most = (sum((getattr(cost, end) for cost in found), Decimal(0)) for end in ("least", "most"))
        yield f"{provider}: {amount(least, most, currency)} for {specs}"


def amount(least: Decimal | None, most: Decimal | None, currency: str | None) -> str:
    """E.g. `4.50 CNY`, `2.70-13.50 CNY`; rounded up."""
    words = [str(value.quantize(_CENT, ROUND_UP)) if value is not None else "?" for value in (least, most)]
    return f"{words[0] if words[0] == words[1] else '-'.join(words)} {currency}"


def _region(provider: Provider, server: str | None) -> str | None:
    """The region of a server; a name in braces stands for one label of its host."""
    for entry in provider.data["servers"]:
        url = entry["url"]
        if server is None and "{" not in url:
            return _text(entry)
        pattern = re.sub(r"\\\{[a-z_]+\\\}", "[A-Za-z0-9-]+", re.escape(url))
        if server is not None and re.fullmatch(pattern, server.rstrip("/")):
            return _text(entry)
    return None


def _text(entry: Mapping[str, Any]) -> str | None:
    region = entry.get("region")
    return str(region) if region is not None else None


def _price(request: Request, region: str | None) -> Mapping[str, Any] | None:
    """The price per second of the region; where it has none of its own, that of all that are no region's."""
    prices = request.provider.data.get("prices", ())
    regions = {entry.get("region") for entry in request.provider.data["servers"]}
    own = [price for price in prices if price["scope"] == region]
    model, resolution = str(request.get("model")), str(request.get("resolution"))
    for price in own or [price for price in prices if price["scope"] not in regions]:
        if re.search(price["models"], model) and resolution in price["per_second"]:
            return {**price, "each": Decimal(str(price["per_second"][resolution]))}
    return None


def _seconds(request: Request, folder: Path) -> tuple[Decimal, Decimal] | None:
    """The seconds that are billed, at least and at most; None where the request does not say."""
    result = request.provider.data["result"]
    if any(media.role == _EDITED for media in request.mode.media):
        longest = Decimal(str(result["max_edit_seconds"]["value"]))
        source = _source_seconds(request, folder)
        ends = (source, source) if source is not None else _lengths(request.provider)
        parts = len(result["billed"]["value"])
        least, most = (min(longest, end) * parts for end in ends)
        return least, most
    duration = request.get("duration")
    if isinstance(duration, bool) or not isinstance(duration, (int, float)) or duration < 0:
        return None
    return Decimal(str(duration)), Decimal(str(duration))


def _lengths(provider: Provider) -> tuple[Decimal, Decimal]:
    """How long a video that is to be edited may be, by the provider's rules."""
    schema = provider.media[_EDITED].book.schema
    ends = [pointer.follow(schema, f"/properties/duration/{name}", 0) for name in ("minimum", "maximum")]
    return Decimal(str(ends[0])), Decimal(str(ends[1] or "Infinity"))


def _source_seconds(request: Request, folder: Path) -> Decimal | None:
    """The length of the video that is to be edited, where it is at hand."""
    for role, _, url in media_urls(request.body, request.mode):
        if role != _EDITED:
            continue
        try:
            if url[:5].lower() == "data:":
                return Decimal(str(probe_data_url(url)["duration"]))
            if is_local(url):
                return Decimal(str(probe_file(local_path(url, folder))["duration"]))
        except (MediaError, OSError, KeyError):
            return None
    return None
