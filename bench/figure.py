"""A figure: what was measured, of whom, how often, and how we stand against each. No measuring here, and no printing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from statistics import median
from typing import Any, TypeVar

Sample = TypeVar("Sample")


@dataclass(frozen=True)
class Figure:
    """Samples of one quantity by contestant; the first is ours. `wanted` is the least ratio to have to another.

    `unit` is a rate where `more_is_better`, else a time, a size or the like. A limit is a contestant with one sample.
    """

    group: str
    what: str
    unit: str
    samples: Mapping[str, list[float]]
    wanted: Mapping[str, float] = field(default_factory=dict)
    more_is_better: bool = False

    @property
    def ours(self) -> str:
        return next(iter(self.samples))

    def middle(self, name: str) -> float:
        return median(self.samples[name])

    def spread(self, name: str) -> float:
        """Half of the distance from the smallest to the largest sample, as a share of the median."""
        samples = self.samples[name]
        return (max(samples) - min(samples)) / 2 / (self.middle(name) or 1)

    def ratio(self, name: str) -> float:
        """How many times as well as another we do: 2 is twice as fast, or half as large.

        The median of what every pair of samples says, since a machine that changes its pace changes it for both.
        """
        pairs = zip(self.samples[self.ours], cycle(self.samples[name]), strict=False)
        return median(ours / theirs if self.more_is_better else theirs / ours for ours, theirs in pairs)

    def others(self) -> list[str]:
        return [name for name in self.samples if name != self.ours]

    def as_dict(self) -> dict[str, Any]:
        """The figure as it is kept in results.json."""
        ratios = {name: round(self.ratio(name), 3) for name in self.others()}
        medians = {name: round(self.middle(name), 4) for name in self.samples}
        spreads = {name: round(self.spread(name), 3) for name in self.samples}
        return {"group": self.group, "what": self.what, "unit": self.unit, "medians": medians, "spreads": spreads,
                "more_is_better": self.more_is_better, "ratios": ratios, "wanted": dict(self.wanted)}  # fmt: skip


def in_turn(contestants: Mapping[str, Callable[[], Sample]], rounds: int) -> dict[str, list[Sample]]:
    """Samples of each contestant, taken in turn, so that a busy moment of the machine meets them all."""
    samples: dict[str, list[Sample]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, measure in contestants.items():
            samples[name].append(measure())
    return samples


def fallen(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    """The ratios that fell by more than a third since, in words; figures that only one of the two has do not count.

    Nor does a limit, which is no slower on a slower machine.
    """
    for name, figure in now.items():
        for other, ratio in figure["ratios"].items():
            was = before.get(name, {}).get("ratios", {}).get(other)
            if was is not None and other != "limit" and ratio < was * 2 / 3:
                yield f"{name} against {other}: {ratio:.2f}, was {was:.2f}"
