"""Answer templates: a documented example with names in place of values, compiled to a function of a scene.

Strings are Python format strings. A string that is exactly one field keeps the value's type; a field without a value
drops its key (`:or_null` keeps it as null). Times take the formats of `TIME_FORMATS`. There is no other logic: what a
name means is looked up in the scene (see `scene.py`).
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from operator import methodcaller
from typing import Any, Protocol

_CHINA = timezone(timedelta(hours=8))
#: Moments that are kept as they are written: every poll of a task tells the same ones again.
_TOLD_AGAIN = 1024


class Named(Protocol):
    """What a template is rendered from: names to values, None for a name without a value."""

    def value(self, name: str) -> Any: ...


Template = Callable[[Named], Any]


def milliseconds(moment: float, zone: timezone = UTC) -> datetime:
    """The moment as a datetime, rounded to milliseconds as every format prints it."""
    return datetime.fromtimestamp(round(moment * 1000) / 1000, zone)


@lru_cache(maxsize=_TOLD_AGAIN)
def _china(moment: float) -> str:
    return milliseconds(moment, _CHINA).isoformat(sep=" ", timespec="milliseconds")[:-6]


@lru_cache(maxsize=_TOLD_AGAIN)
def _iso(moment: float) -> str:
    return milliseconds(moment).isoformat(timespec="milliseconds")[:-6] + "Z"


#: Format -> what it makes of seconds since 1970.
TIME_FORMATS: Mapping[str, Callable[[float], Any]] = {
    "cn": _china,
    "iso": _iso,
    "ms": lambda moment: round(moment * 1000),
    "s": lambda moment: round(moment, 3),
}


def compile_template(template: Any) -> Template:
    """A function that renders the template; raises ValueError for a format that is not known."""
    if isinstance(template, str):
        return _compile_text(template)
    if isinstance(template, Mapping):
        return _compile_mapping(template)
    if isinstance(template, list):
        items = [compile_template(item) for item in template]
        return lambda scene: [item(scene) for item in items]
    return lambda _: template


def _compile_mapping(template: Mapping[str, Any]) -> Template:
    if not template:
        return lambda _: {}
    fixed = [(key, compile_template(value), _may_drop(value)) for key, value in template.items()]

    def render(scene: Named) -> dict[str, Any]:
        result = {}
        for key, value, droppable in fixed:
            rendered = value(scene)
            if rendered is not None or not droppable:
                result[key] = rendered
        return result

    return render


def _may_drop(template: Any) -> bool:
    return isinstance(template, str) and "{" in template and not template.endswith(":or_null}")


def _compile_text(template: str) -> Template:
    parts = [(text, _compile_field(name, form) if name else None) for text, name, form, _ in _parse(template)]
    if all(field is None for _, field in parts):
        text = "".join(text for text, _ in parts)
        return lambda _: text
    if len(parts) == 1 and not parts[0][0] and parts[0][1]:
        return parts[0][1]

    def render(scene: Named) -> str:
        return "".join(text + _spell(field(scene) if field else "") for text, field in parts)

    return render


def _parse(template: str) -> list[tuple[str, str | None, str | None, str | None]]:
    return list(string.Formatter().parse(template))


def _compile_field(name: str, form: str | None) -> Template:
    if not form or form == "or_null":
        return methodcaller("value", name)
    convert = TIME_FORMATS.get(form)
    if convert is None:
        raise ValueError(f"{{{name}:{form}}} has a format that is not known; use one of {', '.join(TIME_FORMATS)}")

    def render(scene: Named) -> Any:
        moment = scene.value(name)
        return None if moment is None else convert(moment)

    return render


def _spell(value: object) -> str:
    return "" if value is None else str(value)
