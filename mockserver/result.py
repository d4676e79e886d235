"""What a finished task yields: the clip's size and length, and the seconds that are billed.

Text and reference modes follow the request, image to video follows the first frame's shape, video edit follows its
source. A file that the mock has not looked at is taken to be the one of the documented examples.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from happyhorse_spec.request import Request
from mockserver.frame import frame_size, ratio_value, tier_lines

#: Length in seconds and width/height of a source that was not looked at: 6.62 s as in the documented edit example;
#: 16:9 because it is every provider's default ratio.
UNSEEN_SECONDS = 6.62
UNSEEN_SHAPE = 16 / 9

#: The roles of files that give a clip its shape.
_SHAPING = ("first_frame", "video")
_RATIO = re.compile(r"[1-9]\d?:[1-9]\d?")

Facts = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Result:
    """Sizes in pixels, lengths in seconds. `ratio` is None where the shape follows a file."""

    resolution: str
    tier: int
    ratio: str | None
    width: int
    height: int
    fps: int
    input_seconds: float
    output_seconds: float
    billed_seconds: float
    watermark: str | None

    @property
    def frames(self) -> int:
        return max(1, round(self.output_seconds * self.fps))


def result_of(request: Request, facts: Facts) -> Result:
    """The result of a request; `facts` are the probed media by role (`first_frame`, `video`), as far as known."""
    data = request.provider.data["result"]
    resolution = str(request.get("resolution"))
    ratio = _ratio(request)
    shape = ratio_value(ratio) if ratio else _shape_of(facts)
    width, height = frame_size(resolution, shape)
    taken, made = _seconds(request, facts, data)
    billed = sum(seconds for name, seconds in (("input", taken), ("output", made)) if name in data["billed"]["value"])
    return Result(
        resolution=resolution,
        tier=tier_lines(resolution),
        ratio=ratio,
        width=width,
        height=height,
        fps=data["fps"]["value"],
        input_seconds=taken,
        output_seconds=made,
        billed_seconds=round(billed, 3),
        watermark=data["watermark_text"]["value"] if request.get("watermark") is True else None,
    )


def _ratio(request: Request) -> str | None:
    """The ratio that is asked for, where no file gives the shape and it is one."""
    follows_a_file = any(media.role in _SHAPING for media in request.mode.media)
    ratio = None if follows_a_file else request.get("ratio")
    return ratio if isinstance(ratio, str) and _RATIO.fullmatch(ratio) else None


def _shape_of(facts: Facts) -> float:
    for role in _SHAPING:
        if "aspect_ratio" in facts.get(role, {}):
            return min(2.5, max(0.4, float(facts[role]["aspect_ratio"])))
    return UNSEEN_SHAPE


def _seconds(request: Request, facts: Facts, data: Mapping[str, Any]) -> tuple[float, float]:
    """(input, output) seconds: whole for a made clip, as long as the source for an edited one."""
    if not any(media.role == "video" for media in request.mode.media):
        return 0, request.get("duration")
    source = round(float(facts.get("video", {}).get("duration", UNSEEN_SECONDS)), 2)
    made = min(source, float(data["max_edit_seconds"]["value"]))
    return made, made
