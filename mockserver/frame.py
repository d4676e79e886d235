"""How large a clip is: the pixels of a resolution tier at an aspect ratio.

No provider documents output sizes; the pages say that a tier is a total number of pixels (image to video) and that
16:9 is its usual shape. So a tier's budget is that of its 16:9 frame, and sides are rounded to multiples of 8.
"""

from __future__ import annotations

from math import sqrt


def tier_lines(resolution: str) -> int:
    """The number in a tier's name: "720P" -> 720."""
    return int(resolution.rstrip("Pp"))


def ratio_value(ratio: str) -> float:
    """Width over height: "16:9" -> 1.777..."""
    width, _, height = ratio.partition(":")
    return int(width) / int(height)


def frame_size(resolution: str, shape: float) -> tuple[int, int]:
    """(width, height) in pixels of a tier at width/height = `shape`."""
    lines = tier_lines(resolution)
    budget = lines * lines * 16 / 9
    return _multiple_of_8(sqrt(budget * shape)), _multiple_of_8(sqrt(budget / shape))


def _multiple_of_8(side: float) -> int:
    return max(8, round(side / 8) * 8)
