"""What a clip looks like: a gradient, a mirrored 5x5 pattern, text and a progress bar, in 16x16 tiles.

Everything is drawn on the macroblock grid so that the coder has almost nothing to do: a tile is one flat
colour, and text brightens some of its sixteen 4x4 blocks by one fixed step. Rows that look alike are the
same list object, which lets the coder repeat them without looking inside.
Nothing about bit streams belongs here. Colours are Y'CbCr in video range (Rec. ITU-R BT.709).
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from mockserver.clip import font

TILE = 16
BLOCK = 4
INK = 128  # luma; a multiple of 16, so that any pattern of inked blocks has an integer transform

_CELLS = 5


class Tile(NamedTuple):
    """One macroblock: a colour, and which of its 4x4 blocks are `INK` brighter (bit 4 * row + column)."""

    y: int
    cb: int
    cr: int
    ink: int = 0


Row = list[Tile]


@dataclass(frozen=True, slots=True)
class Picture:
    """The first frame, and the tiles that fill row `bar_row` from the left as time passes (none: no bar)."""

    width: int
    height: int
    rows: list[Row]
    bar_row: int
    bar: Row


def paint(width: int, height: int, *, seed: str, label: str, watermark: str) -> Picture:
    """Draw the first frame in even pixels `width` x `height`."""
    columns, count = -(-width // TILE), -(-height // TILE)
    digest = hashlib.blake2b(seed.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    arc = _arc(columns, digest[0])
    ground = _gradient(arc, luma=68, saturation=30)
    rows = [ground] * count
    _place_pattern(rows, ground, _gradient(arc, luma=146, saturation=36), digest)
    bar_row = max(0, (height - TILE // 2) // TILE)  # the last row of which at least half can be seen
    bar = _gradient(arc, luma=190, saturation=22) if count >= 3 else []
    if bar:
        rows[bar_row] = _gradient(arc, luma=36, saturation=14)
    _place_text(rows, ground, label, watermark, width, min(height, bar_row * TILE if bar else height))
    return Picture(width, height, rows, bar_row, bar)


def _arc(columns: int, hue: int) -> list[tuple[int, float, float]]:
    """From one hue to one 50 degrees on, left to right: of each column how much lighter it is, and its Cb and Cr.

    `hue` 0-255 starts between 215 and 465 degrees in the Cb, Cr plane: what is left out is olive when dark.
    """
    left, arc = math.radians(215 + 250 * hue / 256), math.radians(50)
    step = 1 / max(1, columns - 1)
    turns = [left + arc * step * column for column in range(columns)]
    return [(round(16 * step * column), math.cos(turn), math.sin(turn)) for column, turn in enumerate(turns)]


def _gradient(arc: list[tuple[int, float, float]], *, luma: int, saturation: int) -> Row:
    """The tiles of an arc, as light and as colourful as that."""
    return [Tile(luma + lift, 128 + round(saturation * cb), 128 + round(saturation * cr)) for lift, cb, cr in arc]


def _place_pattern(rows: list[Row], ground: Row, raised: Row, digest: bytes) -> None:
    """Fifteen bits make the left three columns of cells; the right two mirror them."""
    columns, short = len(raised), min(len(raised), len(rows))
    if short < _CELLS:
        return
    side = max(1, short * 3 // (_CELLS * 5))  # the pattern takes three fifths of the short side
    left, top = (columns - _CELLS * side) // 2, (len(rows) - _CELLS * side) // 2
    bits = int.from_bytes(digest[1:])
    for cell_row in range(_CELLS):
        line = list(ground)
        for cell in range(_CELLS):
            if bits >> (3 * cell_row + min(cell, _CELLS - 1 - cell)) & 1:
                span = slice(left + cell * side, left + (cell + 1) * side)
                line[span] = raised[span]
        band = slice(top + cell_row * side, top + (cell_row + 1) * side)
        rows[band] = [line] * side


def _place_text(rows: list[Row], ground: Row, label: str, watermark: str, width: int, height: int) -> None:
    """The label top left, twice the size of the watermark bottom right, clear of the bar."""
    across, down = -(-width // BLOCK), -(-height // BLOCK)
    short = min(width, height)
    scale = max(1, short // 480)
    margin = min(4 * scale, short // 48)
    label, watermark = label[:across], watermark[-across:]  # a letter is wider than a block
    _ink(rows, ground, _stencil(label, 2 * scale, margin, margin, across, down))
    left = across - margin - len(font.lines(watermark)[0]) * scale
    top = down - margin - font.HEIGHT * scale
    _ink(rows, ground, _stencil(watermark, scale, left, top, across, down))


def _ink(rows: list[Row], ground: Row, stencil: dict[int, dict[int, int]]) -> None:
    """Text replaces the tiles it touches by the ground, so that it reads the same over any pattern."""
    for row, masks in stencil.items():
        line = list(rows[row])
        for column, mask in masks.items():
            line[column] = ground[column]._replace(ink=mask)
        rows[row] = line


@lru_cache(maxsize=256)
def _stencil(text: str, scale: int, left: int, top: int, across: int, down: int) -> dict[int, dict[int, int]]:
    """Tile row -> tile column -> mask of inked blocks, for text at block (`left`, `top`)."""
    masks: defaultdict[int, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for x, y in _blocks(text, scale):
        x, y = x + left, y + top
        if 0 <= x < across and 0 <= y < down:
            masks[y // 4][x // 4] |= 1 << (y % 4 * 4 + x % 4)
    return {row: dict(line) for row, line in masks.items()}


def _blocks(text: str, scale: int) -> Iterator[tuple[int, int]]:
    for y, line in enumerate(font.lines(text)):
        for x, dot in enumerate(line):
            if dot == "#":
                for i in range(scale * scale):
                    yield x * scale + i % scale, y * scale + i // scale
