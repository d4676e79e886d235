"""What specs will cost, before anything is sent: a line for each and for each sum."""

from __future__ import annotations

from collections.abc import Sequence

from happyhorse_spec.cost import cost_of, totals
from happyhorse_spec.spec import Spec


def print_costs(specs: Sequence[Spec], server: str | None = None) -> None:
    """Print the estimates."""
    costs = [cost_of(spec, server) for spec in specs]
    for spec, cost in zip(specs, costs, strict=True):
        print(f"{spec.id}: {cost} ({cost.why})")
    print("", *totals(zip((spec.provider.name for spec in specs), costs, strict=True)), sep="\n")
