"""A request body read by meaning: prompt, resolution, duration, wherever the provider puts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.contract import Mode, Provider


@dataclass(slots=True)
class Request:
    """A body that a provider accepts, with the mode it is in."""

    provider: Provider
    mode: Mode
    body: Any

    def get(self, name: str) -> Any:
        """The value of a name of provider.yaml's `request` (`prompt`, `resolution`...): the body's, else the default.

        None where the provider has no such field, or neither body nor schema says a value.
        """
        place = self.provider.data["request"].get(name)
        if place is None:
            return None
        value = pointer.reader(place)(self.body)
        return self.mode.defaults.get(place) if value is None else value
