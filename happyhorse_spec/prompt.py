"""How long a prompt is, and which reference images it speaks of.

Pure functions behind the two custom keywords `x-maxPromptUnits` and `x-promptReferences` (see
schemas/vocabulary.schema.json); the limits and the forms of a reference are data and arrive as arguments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Script=Han of Unicode's Scripts.txt; unassigned gaps of the ideograph planes are in, so that a newer character counts.
_HAN = (
    r"\u2e80-\u2e99\u2e9b-\u2ef3\u2f00-\u2fd5\u3005\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff"
    r"\uf900-\ufa6d\ufa70-\ufad9\U00016fe2-\U00016ff6\U00020000-\U0003ffff"
)
_OTHER_CJK = r"\u3000-\u303f\u3040-\u30ff\u3131-\u318e\u31f0-\u31ff\uac00-\ud7a3\uff00-\uffef"
_SCRIPTS = {"han": re.compile(f"[{_HAN}]"), "cjk": re.compile(f"[{_HAN}{_OTHER_CJK}]")}


def prompt_units(text: str, weights: Mapping[str, int]) -> int:
    """The length of `text` in units: a code point weighs 1, one of a script in `weights` (`han`, `cjk`) its weight."""
    if not weights or text.isascii():
        return len(text)
    return len(text) + sum((weight - 1) * len(_SCRIPTS[script].findall(text)) for script, weight in weights.items())


def too_long(limit: Mapping[str, Any], prompt: object) -> str | None:
    """Why `prompt` breaks an `x-maxPromptUnits`, or None."""
    if not isinstance(prompt, str) or (prompt.isascii() and len(prompt) <= limit["limit"]):
        return None
    units = prompt_units(prompt, limit.get("weights", {}))
    return f"{units} units; at most {limit['limit']}" if units > limit["limit"] else None


def references(pattern: str, prompt: str) -> list[int]:
    """The image numbers that `prompt` speaks of, in order, e.g. [1, 2] for `[Image 1] ... [Image 2]`.

    Each alternative of the pattern may have a group of its own.
    """
    numbers = (match[match.lastindex or 0] for match in re.finditer(pattern, prompt))
    return [int(number) for number in numbers if len(number) < 10]


def dangling_reference(form: Mapping[str, Any], request: object) -> str | None:
    """Why the prompt of `request` breaks an `x-promptReferences`: it names an image that is not given; or None."""
    prompt = _at(request, form["prompt"])
    if not isinstance(prompt, str):
        return None
    numbers = references(form["pattern"], prompt)
    images = _count_images(form, request) if numbers else 0
    wrong = [number for number in numbers if not 1 <= number <= images]
    return f"image {wrong[0]}, but {images} given" if wrong else None


def _count_images(form: Mapping[str, Any], request: object) -> int:
    found = _at(request, form["images"])
    items = found if isinstance(found, list) else []
    for name, value in form.get("where", {}).items():
        items = [item for item in items if isinstance(item, dict) and item.get(name) == value]
    return len(items)


def _at(value: object, pointer: str) -> object:
    for name in pointer.split("/")[1:]:
        value = value.get(name) if isinstance(value, dict) else None
    return value
