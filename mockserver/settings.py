"""How a session plays, and how that is said in words: in a URL, a key, a scenario, a control request, an option.

One table reads them all, so that a word means the same wherever it stands. A session's name may carry settings, for a
client that can change nothing but its base URL or its key:

    http://127.0.0.1:8080/~checkout,clock=jump,seed=7/api/v1/...        the session `checkout`
    Authorization: Bearer sk-~checkout,clock=jump                       the same by the key

They count when the session is made, which is when it is first named; after that the control API changes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from mockserver.clock import LATEST, MAX_RATE, ClockMode
from mockserver.scripts import Pace

NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SWITCH = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}


class Moment(StrEnum):
    """When a violation is told: refused at submit, or by a task that fails."""

    DOCUMENTED = "documented"
    OBSERVED = "observed"


class SettingError(ValueError):
    """Words that set nothing; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a session plays.

    `start` is the session's first moment in seconds since 1970 (None: now), `rate` how fast a `scaled` clock runs,
    `validation` when a violation is told (None: as the provider's folder says), `profile` which variant of the answers
    is given, where a provider has several.
    """

    clock: ClockMode = ClockMode.REAL
    rate: float = 1.0
    start: float | None = None
    seed: int = 0
    pace: Pace = Pace.DESK
    limits: bool = False
    validation: str | None = None
    fetch_media: bool = False
    profile: str | None = None

    def but(self, **changes: Any) -> Settings:
        return replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """The settings by name, as `read_settings` reads them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def read_settings(words: Mapping[str, object]) -> dict[str, Any]:
    """The settings that the words spell, ready for `Settings.but`; raises SettingError.

    A rate without a clock means a `scaled` one; null leaves a setting as it is.
    """
    read = {name: _read(name, value) for name, value in words.items() if value is not None}
    return {"clock": ClockMode.SCALED, **read} if "rate" in read else read


@lru_cache(maxsize=4096)
def read_name(text: str) -> tuple[str, Mapping[str, Any]]:
    """The name and the settings of `name,setting=value,...`; raises SettingError."""
    name, *words = text.split(",")
    if not NAME.fullmatch(name):
        raise SettingError(f"{_quoted(name)} is no session; a name has 1-64 letters, digits, dots, dashes, underscores")
    pairs = [word.partition("=") for word in words]
    unsaid = next((word for word, equals, _ in pairs if not equals), None)
    if unsaid is not None:
        raise SettingError(f"{_quoted(unsaid)} says no value; write a setting as name=value, e.g. clock=jump")
    return name, read_settings({word: value for word, _, value in pairs})


def _read(name: str, value: object) -> Any:
    reader = READERS.get(name)
    if reader is None:
        raise SettingError(f"{_quoted(name)} is no setting; use one of {', '.join(READERS)}")
    try:
        return reader.read(value)
    except (ValueError, TypeError, OverflowError):
        raise SettingError(f"{name} is {_quoted(value)}; it must be {reader.must}") from None


def _rate(value: object) -> float:
    return _within(float(str(value)), 1e-6, MAX_RATE)


def _start(value: object) -> float:
    text = str(value)
    try:
        moment = float(text)
    except ValueError:
        date = datetime.fromisoformat(text)
        moment = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    return _within(moment, 0.0, LATEST)


def _seed(value: object) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", str(value)):
        raise ValueError
    return int(str(value))


def _switch(value: object) -> bool:
    if str(value).lower() not in _SWITCH:
        raise ValueError
    return _SWITCH[str(value).lower()]


def _profile(value: object) -> str:
    if not NAME.fullmatch(str(value)):
        raise ValueError
    return str(value)


class Reader(NamedTuple):
    """What reads a setting's value, and what the value must be, in words."""

    read: Callable[[object], Any]
    must: str


#: Setting -> its reader.
READERS: Mapping[str, Reader] = {
    "clock": Reader(lambda value: ClockMode(str(value)), "real, scaled, manual or jump"),
    "rate": Reader(_rate, f"a number above 0, at most {MAX_RATE:,.0f}"),
    "start": Reader(_start, "a date (2026-01-31T12:00:00Z) or seconds since 1970, before the year 9000"),
    "seed": Reader(_seed, "a whole number of at most 18 digits"),
    "pace": Reader(lambda value: Pace(str(value)), "desk or real"),
    "limits": Reader(_switch, "on or off"),
    "validation": Reader(lambda value: Moment(str(value)), "documented or observed"),
    "fetch_media": Reader(_switch, "on or off"),
    "profile": Reader(_profile, "the name of a profile"),
}


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise ValueError
    return value


def _quoted(value: object) -> str:
    text = str(value)
    return f"{text[:40]!r}" if len(text) <= 40 else f"{text[:39] + '…'!r}"
