"""How long a prompt is, and which reference images it speaks of.

Pure functions behind the two custom keywords `x-maxPromptUnits` and `x-promptReferences` (see
schemas/vocabulary.schema.json); the limits and the forms of a reference are data and arrive as arguments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from happyhorse_spec import pointer

# Script=Han of Unicode's Scripts.txt; unassigned gaps of the ideograph planes are in, so that a newer character counts.
_HAN = (
    r"\u2e80-\u2e99\u2e9b-\u2ef3\u2f00-\u2fd5\u3005\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff"
    r"\uf900-\ufa6d\ufa70-\ufad9\U00016fe2-\U00016ff6\U00020000-\U0003ffff"
)
_OTHER_CJK = r"\u3000-\u303f\u3040-\u30ff\u3131-\u318e\u31f0-\u31ff\uac00-\ud7a3\uff00-\uffef"
#: Compiled when a prompt first needs them: that takes longer than to judge a thousand prompts.
_SCRIPTS = {"han": f"[{_HAN}]", "cjk": f"[{_HAN}{_OTHER_CJK}]"}


def prompt_units(text: str, weights: Mapping[str, int]) -> int:
    """The length of `text` in units: a code point weighs 1, one of a script in `weights` (`han`, `cjk`) its weight."""
    if not weights or text.isascii():
        return len(text)
    return len(text) + sum((weight - 1) * len(_finder(_SCRIPTS[script])(text)) for script, weight in weights.items())


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
    numbers = map("".join, _finder(pattern)(prompt))
    return [int(number) for number in numbers if len(number) < 10]


@cache
def _finder(pattern: str) -> Callable[[str], list[str] | list[tuple[str, ...]]]:
    """`re.findall` looks its pattern up in a cache of its own, which takes longer than to find a match."""
    return re.compile(pattern).findall


def dangling_reference(form: Mapping[str, Any], request: object) -> str | None:
    """Why the prompt of `request` breaks an `x-promptReferences`: it names an image that is not given; or None."""
    prompt = pointer.reader(form["prompt"])(request)
    numbers = references(form["pattern"], prompt) if isinstance(prompt, str) else ()
    if not numbers:
        return None
    given = _count_images(form, request, max(numbers))
    wrong = [number for number in numbers if not 1 <= number <= given]
    return f"image {wrong[0]}, but {given} given" if wrong else None


def _count_images(form: Mapping[str, Any], request: object, most: int) -> int:
    """How many images are given; counts no further than `most`."""
    found, where = pointer.reader(form["images"])(request), form.get("where", {}).items()
    count = 0
    for item in found if isinstance(found, list) else ():
        if not where or (isinstance(item, dict) and where <= item.items()):
            count += 1
            if count == most:
                break
    return count
