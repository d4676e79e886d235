"""Clips judged by a decoder others wrote: what comes out is, sample for sample, what was drawn."""

import hashlib
import io
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from struct import unpack_from

import av
import av.logging
import pytest
from av.video.plane import VideoPlane
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mockserver.clip import Clip, aac, cover, h264, mp4, picture, render
from mockserver.clip.picture import INK, Picture, Tile

Planes = tuple[bytes, bytes, bytes]

RATIOS = ["16:9", "9:16", "1:1", "4:3", "3:4", "4:5", "5:4", "9:21", "21:9"]
SMALL = Clip(320, 240, 48, seed="a", label="7F3A", watermark="Sample")

# Ink (hexadecimal: one digit for the lowest row of the tile above, four for the tile, one for whether its
# mean changes) that needs, between all, each code of the token, zero and run tables that ink can ever need.
SHAPES = """
    000000 000001 000010 000011 000030 000031 000050 000060 000061 0000f0 0000f1 000110 000111 000170 000171
    0001d0 0001d1 0001e0 000330 000331 0003c0 0003c1 000551 0005a0 000660 000661 000690 000ff0 000ff1 001020
    001021 0010e0 0010e1 001451 001f70 003300 003301 0033f1 003660 003661 0036f1 003771 0037b1 003f31 003fc1
    0050a0 0050a1 0055f1 0057e1 006090 006091 006390 006391 0066f1 006901 0069f1 00f0f0 00f0f1 00f551 00ff00
    00ff01 011110 011111 011220 011771 011dd1 01b1b1 033330 033331 033cc0 033cc1 03c3c0 03c3c1 03cc30 03cc31
    055550 055551 055aa0 055aa1 05a5a0 05a5a1 05aa50 05aa51 066660 066661 066990 066991 069690 069691 069960
    069961 1000f0 1000f1 1001e1 1003c0 100661 100690 100aa1 100cc1 1010e0 1010e1 1014f1 101681 1017a1 103661
    103dd1 103de1 103fc0 103fc1 1050a0 105f51 106090 106091 106390 106391 106f91 1079e1 107cb1 10cc01 144441
    144770 144771 19a9a0 300ff1 30ff01
"""

clips = st.builds(
    Clip,
    width=st.integers(2, 130),
    height=st.integers(2, 130),
    frames=st.integers(1, 40),
    fps=st.integers(1, 120),
    seed=st.text(max_size=8),
    label=st.none() | st.text(max_size=6),
    watermark=st.none() | st.text(max_size=6),
    audio=st.booleans(),
)


def test_frames_beyond_every_level_get_the_highest() -> None:
    assert h264._level(120, 68, 24) == 40
    assert h264._level(2000, 2000, 24) == 62


def sized(short: int, ratio: str) -> tuple[int, int]:
    across, down = map(int, ratio.split(":"))
    return short * across // min(across, down), short * down // min(across, down)


def drawn(clip: Clip) -> Picture:
    return picture.paint(
        clip.width // 2 * 2,
        clip.height // 2 * 2,
        seed=clip.seed,
        label=clip.label or "",
        watermark=clip.watermark or "",
    )


def expected(shown: Picture, filled: int) -> Planes:
    """The planes of a frame, built from tiles without any coding."""
    rows = list(shown.rows)
    if shown.bar:
        rows[shown.bar_row] = shown.bar[:filled] + rows[shown.bar_row][filled:]
    luma = bytearray()
    for row in rows:
        for line in range(4):
            inks = [[tile.y + INK * (tile.ink >> 4 * line + i & 1) for i in range(4)] for tile in row]
            samples = b"".join(bytes([y]) * 4 for tile in inks for y in tile)
            luma += samples[: shown.width] * 4
    chroma = [
        b"".join(b"".join(bytes([tile[which]]) * 8 for tile in row)[: shown.width // 2] * 8 for row in rows)
        for which in (1, 2)
    ]
    area = shown.width * shown.height
    return bytes(luma[:area]), chroma[0][: area // 4], chroma[1][: area // 4]


def planes(frame: av.VideoFrame) -> Planes:
    y, cb, cr = (samples(plane, plane.width) for plane in frame.planes)
    return y, cb, cr


def samples(plane: VideoPlane, length: int) -> bytes:
    """The lines of a plane without their padding."""
    data, step = bytes(plane), plane.line_size
    return b"".join(data[start : start + length] for start in range(0, plane.height * step, step))


def decode(data: bytes) -> Iterator[av.VideoFrame]:
    """Every frame; a file that the decoder complains about fails."""
    av.logging.set_level(av.logging.WARNING)
    with av.logging.Capture(local=False) as log, av.open(io.BytesIO(data), "r") as file:
        file.streams.video[0].codec_context.options = {"err_detect": "explode"}
        yield from file.decode(video=0)
    assert log == []


def filled(shown: Picture, frame: int, frames: int) -> int:
    return len(shown.bar) * (frame + 1) // frames


def assert_shows_what_was_drawn(clip: Clip) -> None:
    shown = drawn(clip)
    count = 0
    for frame in decode(render(clip)):
        assert frame.time == pytest.approx(count / clip.fps)
        if clip.frames <= 40 or count in (0, clip.frames // 2, clip.frames - 1):
            assert planes(frame) == expected(shown, filled(shown, count, clip.frames)), f"frame {count}"
        count += 1
    assert count == clip.frames


@settings(deadline=None, max_examples=60)
@given(clips)
def test_every_frame_decodes_to_what_was_drawn(clip: Clip) -> None:
    assert_shows_what_was_drawn(clip)


@pytest.mark.parametrize("short", [480, 720, 1080])
@pytest.mark.parametrize("ratio", RATIOS)
def test_every_tier_and_ratio_decodes_to_what_was_drawn(short: int, ratio: str) -> None:
    width, height = sized(short, ratio)
    assert_shows_what_was_drawn(Clip(width, height, 50, seed=ratio, label="7F3A 2S", watermark="Sample"))


@pytest.mark.parametrize(("frames", "fps"), [(72, 24), (360, 24), (450, 30), (900, 60), (40, 8), (375, 25)])
def test_length_is_exact_to_the_frame(frames: int, fps: int) -> None:
    assert_shows_what_was_drawn(replace(SMALL, frames=frames, fps=fps))


@settings(deadline=None, max_examples=60)
@given(clips)
def test_container_tells_size_rate_and_duration_exactly(clip: Clip) -> None:
    with av.open(io.BytesIO(render(clip))) as file:
        video = file.streams.video[0]
        assert (video.width, video.height) == (clip.width // 2 * 2, clip.height // 2 * 2)
        assert (video.codec_context.name, video.codec_context.profile) == ("h264", "Constrained Baseline")
        assert video.frames == clip.frames
        assert video.average_rate == video.codec_context.framerate == clip.fps
        assert video.duration is not None
        assert video.time_base is not None
        assert video.duration * video.time_base == Fraction(clip.frames, clip.fps)
        assert len(file.streams.audio) == clip.audio


@pytest.mark.parametrize(("frames", "fps"), [(1, 240), (1, 7), (72, 24), (361, 24), (100, 30), (59, 59)])
def test_audio_is_silent_and_ends_with_the_video(frames: int, fps: int) -> None:
    with av.open(io.BytesIO(render(replace(SMALL, frames=frames, fps=fps))), "r") as file:
        audio = file.streams.audio[0]
        assert (audio.codec_context.name, audio.codec_context.profile) == ("aac", "LC")
        assert (audio.rate, audio.channels) == (48_000, 2)
        assert audio.duration == 48_000 * frames // fps
        packets = list(file.demux(audio=0))
    assert sum(packet.duration or 0 for packet in packets) == 48_000 * frames // fps
    decoded = [frame for packet in packets for frame in packet.decode()]
    assert sum(frame.samples for frame in decoded) >= 48_000 * frames // fps
    assert not any(any(bytes(plane)) for frame in decoded for plane in frame.planes)


@pytest.mark.parametrize(
    ("box", "at", "content", "values"),
    [
        (b"tkhd", 76, ">2I", (320 << 16, 240 << 16)),  # 16.16 fixed point
        (b"stsd", 40, ">2H", (320, 240)),
        (b"stss", 4, ">2I", (1, 1)),  # only the first frame can be sought
    ],
)
def test_boxes_tell_what_decoders_do_not_check(box: bytes, at: int, content: str, values: object) -> None:
    assert unpack_from(content, render(SMALL).split(box)[1], at) == values


def test_a_clip_without_audio_has_one_track() -> None:
    data = render(replace(SMALL, audio=False))
    assert data.count(b"trak") == 1
    assert b"mp4a" not in data.split(b"mdat")[0]


def test_every_code_that_ink_can_need_is_decoded_as_meant() -> None:
    above, below = [], []
    for edge, ink, changes in ((int(s[0], 16), int(s[1:5], 16), int(s[5])) for s in SHAPES.split()):
        rise = changes - INK // 16 * (ink.bit_count() - 4 * edge.bit_count())
        above.append(Tile(0 if rise > 0 else 124, 128, 128, edge << 12))
        below.append(Tile(above[-1].y + rise, 128, 128, ink))
    assert_codes([above, below])


@pytest.mark.parametrize("seed", range(3))
def test_any_ink_on_any_colour_is_decoded_as_meant(seed: int) -> None:
    draw = random.Random(seed)
    assert_codes([[any_tile(draw) for _ in range(24)] for _ in range(24)])


def any_tile(draw: random.Random) -> Tile:
    return Tile(draw.randrange(128), draw.randrange(256), draw.randrange(256), draw.getrandbits(16))


def assert_codes(rows: list[list[Tile]]) -> None:
    shown = Picture(16 * len(rows[0]), 16 * len(rows), rows, 0, [])
    (frame,) = decode(mp4.write(h264.encode(shown, 1, 24), 0))
    assert planes(frame) == expected(shown, 0)


def test_the_bar_grows_and_is_full_at_the_end() -> None:
    widths = []
    for frame in decode(render(SMALL)):
        bottom = planes(frame)[0][-320:]
        widths.append(sum(y > 150 for y in bottom))
    assert widths == sorted(widths)
    assert widths[0] < 32
    assert widths[-1] == 320


def test_a_watermark_changes_the_bottom_right_and_nothing_else() -> None:
    plain, marked = (planes(next(decode(render(replace(SMALL, watermark=mark)))))[0] for mark in (None, "Sample"))
    changed = [divmod(at, 320) for at in range(len(plain)) if plain[at] != marked[at]]
    assert len(changed) > 500
    assert min(row for row, _ in changed) > 120
    assert min(column for _, column in changed) > 160
    assert max(row for row, _ in changed) < 216  # well above the bar


@pytest.mark.parametrize("size", [(16, 16), (24, 40), (48, 30), (90, 160)], ids=str)
def test_a_watermark_shows_in_a_clip_too_small_for_it(size: tuple[int, int]) -> None:
    plain, marked = (next(decode(render(Clip(*size, frames=1, watermark=mark)))) for mark in (None, "A long watermark"))
    assert planes(plain) != planes(marked)


def test_of_a_watermark_too_long_the_end_is_kept() -> None:
    long, short = (drawn(Clip(16, 16, 1, watermark=mark)).rows for mark in ("A long watermark", "mark"))
    assert long == short


def test_a_letter_the_font_lacks_is_a_box() -> None:
    unknown, other = (drawn(replace(SMALL, label=text)).rows for text in ("雪", "é"))
    assert unknown == other
    assert unknown != drawn(replace(SMALL, label=None)).rows


def test_seeds_give_pictures_that_differ() -> None:
    covers = {hashlib.sha256(cover(Clip(160, 96, 1, seed=f"task-{number}"))).digest() for number in range(100)}
    assert len(covers) == 100


def test_seeds_give_colours_that_differ_where_there_is_no_pattern() -> None:
    assert len({drawn(Clip(32, 32, 1, seed=f"task-{number}")).rows[0][0] for number in range(50)}) > 25


@pytest.mark.parametrize("seed", ["", "a", "task-1", "雪", "\ud800"], ids=ascii)
def test_the_pattern_is_its_own_mirror_image(seed: str) -> None:
    marks = pattern(seed)
    middle = [line[12:27] for line in marks]  # five cells of three tiles from column 12
    assert any(map(any, middle))
    assert [line[::-1] for line in middle] == middle
    assert not any(any(line[:12] + line[27:]) for line in marks)


def test_about_half_of_the_cells_are_set() -> None:
    cells = [line for number in range(100) for line in pattern(str(number))[8:23:3]]
    assert 0.45 < sum(sum(line[12:27:3]) for line in cells) / 2500 < 0.55


def pattern(seed: str) -> list[list[bool]]:
    shown = drawn(Clip(640, 480, 1, seed=seed))
    ground = shown.rows[0]
    return [[tile != under for tile, under in zip(row, ground, strict=True)] for row in shown.rows[:-1]]


def test_equal_clips_are_equal_bytes_in_another_process() -> None:
    script = f"import sys; from mockserver.clip import *; sys.stdout.buffer.write(render({SMALL!r}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == render(SMALL)


def test_header_comes_before_the_data() -> None:
    data, kinds = render(SMALL), []
    while data:
        size, kind = int.from_bytes(data[:4]), data[4:8]
        kinds.append(kind)
        data = data[size:]
    assert kinds == [b"ftyp", b"moov", b"mdat"]


def test_fifteen_seconds_of_1080p_stay_small() -> None:
    assert len(render(Clip(1920, 1080, 360, seed="a", label="7F3A", watermark="Sample"))) < 30_000


@pytest.mark.parametrize("size", [(1920, 1080), (320, 240), (64, 48), (2, 2), (33, 17)], ids=str)
def test_the_cover_is_a_jpeg_of_the_first_frame(size: tuple[int, int]) -> None:
    clip = Clip(*size, frames=200, seed="cover", label="7F3A", watermark="Sample")
    image = Image.open(io.BytesIO(cover(clip)))
    frame = next(decode(render(clip))).reformat(format="rgb24", src_colorspace="ITU709")
    video = Image.frombytes("RGB", (frame.width, frame.height), samples(frame.planes[0], 3 * frame.width))
    assert (image.format, image.size) == ("JPEG", video.size)
    small = (8, 8)
    pairs = zip(image.resize(small).tobytes(), video.resize(small).tobytes(), strict=True)
    assert max(abs(a - b) for a, b in pairs) < 24


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 1}, "width is 1; it must be 2-4096"),
        ({"height": 4097}, "height is 4097; it must be 2-4096"),
        ({"frames": 0}, "frames is 0; it must be 1-216000"),
        ({"fps": 241}, "fps is 241; it must be 1-240"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refuses_what_cannot_be_coded(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **change)  # type: ignore[arg-type]


def test_one_silent_frame_lasts_1024_samples() -> None:
    assert len(aac.FRAME) == 6
    data = render(replace(SMALL, frames=48, fps=24))
    assert data.endswith(aac.FRAME * 94)  # 96,000 samples


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
@pytest.mark.parametrize(
    ("clip", "level"),
    [
        (Clip(854, 480, 72, watermark="Sample"), 30),
        (Clip(1280, 720, 120, label="7F3A"), 31),
        (Clip(1920, 1080, 360), 40),
        (Clip(1080, 1920, 450, fps=30), 40),
        (Clip(2520, 1080, 24), 50),
        (Clip(4096, 4096, 5), 60),
        (Clip(2, 2, 1, fps=1), 10),
        (Clip(2048, 2, 24), 31),
    ],
    ids=lambda value: f"{value.width}x{value.height}" if isinstance(value, Clip) else str(value),
)
def test_ffprobe_agrees_and_prints_no_error(clip: Clip, level: int) -> None:
    command = ["ffprobe", "-v", "error", "-show_streams", "-count_frames", "-of", "json", "-"]
    done = subprocess.run(command, input=render(clip), capture_output=True, check=True)
    assert done.stderr == b""
    video, audio = json.loads(done.stdout)["streams"]
    assert (video["width"], video["height"], video["level"]) == (clip.width, clip.height, level)
    assert video["nb_frames"] == video["nb_read_frames"] == str(clip.frames)
    assert video["r_frame_rate"] == video["avg_frame_rate"] == f"{clip.fps}/1"
    assert float(video["duration"]) == pytest.approx(clip.frames / clip.fps, abs=1e-6)
    assert float(audio["duration"]) == pytest.approx(clip.frames / clip.fps, abs=1 / 48_000)
    assert (video["color_space"], video["color_range"]) == ("bt709", "tv")
