"""The first frame of a picture as a JPEG file, for answers that carry a cover beside the video."""

import io
from functools import lru_cache

from PIL import Image

from mockserver.clip.picture import INK, TILE, Picture

_QUALITY = 85


def jpeg(picture: Picture) -> bytes:
    """A JPEG of the picture's own width and height, the bar still empty."""
    columns, count = len(picture.rows[0]), len(picture.rows)
    tiles = b"".join([_rgb(tile.y, tile.cb, tile.cr) for row in picture.rows for tile in row])
    blocks = Image.frombytes("RGB", (columns, count), tiles).resize((4 * columns, 4 * count), Image.Resampling.NEAREST)
    _ink(picture, blocks)
    image = blocks.resize((TILE * columns, TILE * count), Image.Resampling.NEAREST)
    out = io.BytesIO()
    image.crop((0, 0, picture.width, picture.height)).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _ink(picture: Picture, blocks: Image.Image) -> None:
    inked = ((x, y, tile) for y, row in enumerate(picture.rows) for x, tile in enumerate(row) if tile.ink)
    for x, y, tile in inked:
        for block in range(16):
            if tile.ink >> block & 1:
                at = 4 * x + block % 4, 4 * y + block // 4
                blocks.putpixel(at, tuple(_rgb(tile.y + INK, tile.cb, tile.cr)))


@lru_cache(maxsize=4096)
def _rgb(y: int, cb: int, cr: int) -> bytes:
    """Eight-bit R'G'B' of a video-range colour (Rec. ITU-R BT.709, 3 and 4)."""
    light, blue, red = (y - 16) / 219, (cb - 128) / 224, (cr - 128) / 224
    channels = light + 1.5748 * red, light - 0.1873 * blue - 0.4681 * red, light + 1.8556 * blue
    return bytes(min(255, max(0, round(255 * channel))) for channel in channels)
