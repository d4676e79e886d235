"""How much a run may spend. What is under way counts with the most that it may cost, until it is known better."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from happyhorse_spec.cost import Cost
from happyhorse_spec.failures import Failure
from happyhorse_spec.wording import listing

_BUDGET = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)")


class OverBudget(Exception):
    """A request that is not sent, since it might cost more than is left."""


class Budget:
    """An amount in one currency, and what has been spent of it."""

    def __init__(self, limit: Decimal, currency: str) -> None:
        self.limit, self.currency = limit, currency
        self._spent: dict[str, Decimal] = {}

    @property
    def spent(self) -> Decimal:
        return sum(self._spent.values(), Decimal(0))

    def take(self, key: str, cost: Cost) -> None:
        """Set the most that a request may cost aside; raises OverBudget."""
        if cost.most is None or cost.currency != self.currency:
            raise OverBudget(f"its cost is {cost} ({cost.why}); a budget in {self.currency} cannot hold it")
        left = self.limit - self.spent
        if cost.most > left:
            raise OverBudget(f"it may cost {cost.most:.2f} {self.currency}; {left:.2f} of {self.limit:.2f} are left")
        self._spent[key] = cost.most

    def set(self, key: str, spent: Decimal) -> None:
        """What a request has cost in truth, 0 where it was refused."""
        self._spent[key] = spent


def read_budget(text: str, costs: Iterable[Cost]) -> Budget:
    """`5.00`, or `5.00 CNY` where the costs are in several currencies; raises Failure."""
    found = _BUDGET.fullmatch(text.strip())
    if not found:
        raise Failure(f"--budget takes an amount and a currency, e.g. '5.00 USD'; it is {text}")
    currencies = sorted({cost.currency for cost in costs if cost.currency})
    if found[2]:
        return Budget(Decimal(found[1]), found[2] if found[2] == "credits" else found[2].upper())
    if len(currencies) != 1:
        named = f"costs are in {listing(currencies, 'and')}" if currencies else "no price is known"
        raise Failure(
            f"--budget needs a currency: {named}; say e.g. --budget '{found[1]} {(currencies or ['USD'])[0]}'"
        )
    return Budget(Decimal(found[1]), currencies[0])
