"""The videos the server hands out: real MP4 files, written directly, a few milliseconds each.

Here is what a caller sees: what to show (`Clip`), the file (`render`) and a still (`cover`). The
picture is drawn in `picture`, coded in `h264` and `cavlc`, given its silence by `aac` and wrapped by `mp4`.
No encoder is called and nothing is read from disk or clock, so that equal clips are equal bytes everywhere.
"""

from dataclasses import dataclass

from mockserver.clip import aac, h264, mp4, picture

__all__ = ["Clip", "cover", "render"]

_LIMITS = {"width": (2, 4096), "height": (2, 4096), "frames": (1, 216_000), "fps": (1, 240)}


@dataclass(frozen=True, slots=True)
class Clip:
    """What to show.

    `width` and `height` are pixels. 4:2:0 video can be cropped to even sizes only (H.264 7.4.2.1.1, CropUnitX
    and CropUnitY are 2), so an odd size loses its last column or row, as encoders do.
    The length is `frames / fps` seconds. `seed` chooses colours and pattern: equal seeds look alike.
    `label` stands top left, `watermark` bottom right, both in capitals; what does not fit is cut off.
    A bar at the bottom fills as time passes. Clips up to 32 pixels high have no bar; clips with a short side
    of 64 pixels or less have no pattern.
    """

    width: int
    height: int
    frames: int
    fps: int = 24
    seed: str = ""
    label: str | None = None
    watermark: str | None = None
    audio: bool = True

    def __post_init__(self) -> None:
        """Raise `ValueError` for a number outside what the coder can express."""
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}; it must be {low}-{high}")


def render(clip: Clip) -> bytes:
    """The whole MP4 file: H.264 Constrained Baseline and, if asked for, a silent AAC-LC stereo track."""
    shown = _paint(clip)
    samples = aac.SAMPLE_RATE * clip.frames // clip.fps if clip.audio else 0
    return mp4.write(h264.encode(shown, clip.frames, clip.fps), samples)


def cover(clip: Clip) -> bytes:
    """The first frame as a JPEG file of the same size."""
    from mockserver.clip import still

    return still.jpeg(_paint(clip))


def _paint(clip: Clip) -> picture.Picture:
    even = clip.width // 2 * 2, clip.height // 2 * 2
    return picture.paint(*even, seed=clip.seed, label=clip.label or "", watermark=clip.watermark or "")
