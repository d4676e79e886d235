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


def too_long(limit: Mapping[str, Any], at: str = "") -> Callable[[object], bool]:
    """A function that says whether the prompt at the pointer `at` breaks an `x-maxPromptUnits`."""
    read, most, weights = pointer.reader(at), limit["limit"], limit.get("weights", {})
    fits_anyhow = most // max([1, *weights.values()])

    def is_broken(body: object) -> bool:
        prompt = read(body)
        return isinstance(prompt, str) and len(prompt) > fits_anyhow and prompt_units(prompt, weights) > most

    return is_broken


def references(pattern: str, prompt: str) -> list[int]:
    """The image numbers that `prompt` speaks of, in order, e.g. [1, 2] for `[Image 1] ... [Image 2]`."""
    return [number for number in map(_number, _finder(pattern)(prompt)) if number is not None]


def _number(groups: str | tuple[str, ...]) -> int | None:
    """What a pattern has found; each of its alternatives may have a group of its own. Too long a number is none."""
    digits = "".join(groups)
    return int(digits) if len(digits) < 10 else None


@cache
def _finder(pattern: str) -> Callable[[str], list[str] | list[tuple[str, ...]]]:
    """`re.findall` looks its pattern up in a cache of its own, which takes longer than to find a match."""
    return re.compile(pattern).findall


def dangling_reference(form: Mapping[str, Any], at: str = "") -> Callable[[object], bool]:
    """A function that says whether the request at the pointer `at` breaks an `x-promptReferences`.

    It does where its prompt names an image that is not given; no more images are counted than it names.
    """
    read_prompt, read_images = pointer.reader(at + form["prompt"]), pointer.reader(at + form["images"])
    find, where = _finder(form["pattern"]), form.get("where", {}).items()

    def is_broken(body: object) -> bool:
        prompt, lacking = read_prompt(body), 0
        for groups in find(prompt) if isinstance(prompt, str) else ():
            number = _number(groups)
            if number is None:
                continue
            if number < 1:
                return True
            if number > lacking:
                lacking = number
        images = read_images(body) if lacking else None
        for image in images if isinstance(images, list) else ():
            if not where or (isinstance(image, dict) and where <= image.items()):
                lacking -= 1
                if not lacking:
                    break
        return lacking > 0

    return is_broken
