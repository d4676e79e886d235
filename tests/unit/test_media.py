"""What a file turns into: facts for every kind of file, and an error only where there is nothing to judge.

Pictures come from Pillow and clips from PyAV, which also serves as the second opinion on duration and frame rate.
"""

import json
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from base64 import b64encode
from contextlib import suppress
from fractions import Fraction
from functools import cache
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from typing import Any

import av
import pytest
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from happyhorse_spec.media import CHILD_BOXES, INDEX_BYTES, MediaError, probe_bytes, probe_data_url, probe_file

FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}
PER_FRAME = {"movflags": "frag_every_frame+empty_moov+default_base_moof"}


def draw(size: tuple[int, int], format: str, **options: object) -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(file, format, **options)
    return file.getvalue()


def film(
    file: BytesIO | Path,
    *,
    format: str = "mp4",
    codec: str = "mpeg4",
    size: tuple[int, int] = (64, 48),
    fps: Fraction | int = 24,
    frames: int = 72,
    stamps: list[int] | None = None,
    sound_seconds: float = 0,
    options: dict[str, str] | None = None,
    b_frames: int = 0,
) -> None:
    """A black clip. `stamps` are the times of the frames in milliseconds, instead of a constant rate."""
    target = file if isinstance(file, BytesIO) else str(file)
    with av.open(target, "w", format=format, options=options or {}) as container:
        stream = container.add_stream(codec, rate=Fraction(fps))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.max_b_frames = b_frames
        stream.codec_context.time_base = Fraction(1, 1000) if stamps else 1 / Fraction(fps)
        sound = container.add_stream("aac", rate=44100) if sound_seconds else None
        for stamp in stamps or range(frames):
            picture = av.VideoFrame(*size, "yuv420p")
            picture.pts = stamp
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
        if isinstance(sound, AudioStream):
            record(container, sound, sound_seconds)


def record(container: OutputContainer, stream: AudioStream, seconds: float) -> None:
    for stamp in range(0, int(seconds * 44100), 1024):
        silence = av.AudioFrame("fltp", "stereo", 1024)
        silence.sample_rate = 44100
        silence.pts = stamp
        for plane in silence.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(silence))
    container.mux(stream.encode())


def play(data: bytes) -> Fraction:
    """How long the frames last according to FFmpeg."""
    with av.open(BytesIO(data)) as container:
        stream = container.streams.video[0]
        assert isinstance(container, InputContainer)
        assert stream.time_base
        return sum(packet.duration or 0 for packet in container.demux(stream)) * stream.time_base


def clip(**wishes: Any) -> bytes:
    file = BytesIO()
    film(file, **wishes)
    return file.getvalue()


def numbers(*values: int, long: bool = False) -> bytes:
    return struct.pack(f">{len(values)}{'Q' if long else 'I'}", *values)


def trak(runs: list[tuple[int, int]], *, size: tuple[int, int] = (64, 64), version: int = 0, edited: int = 0) -> bytes:
    """A track by hand: (frames, milliseconds each stays), milliseconds that the edit list plays."""
    start, long = numbers(version << 24), version == 1
    times = start + numbers(0, 0, long=long)
    stsd = box(b"stsd", bytes(12) + b"avc1" + bytes(24) + struct.pack(">2H", *size))
    stts = box(b"stts", numbers(0, len(runs), *(number for run in runs for number in run)))
    media = box(b"mdhd", times + numbers(1000)) + box(b"hdlr", bytes(8) + b"vide")
    mdia = box(b"mdia", media + box(b"minf", box(b"stbl", stsd + stts)))
    elst = box(b"elst", start + numbers(1) + numbers(edited, 0, long=long) + numbers(1 << 16))
    return box(b"trak", box(b"tkhd", times + numbers(1)) + (box(b"edts", elst) if edited else b"") + mdia)


def assemble(tracks: bytes, *, stay: int = 0) -> bytes:
    """A clip by hand, a thousand ticks a second; frames of fragments stay for `stay` of them unless they say else."""
    mvhd, trex = box(b"mvhd", numbers(0, 0, 0, 1000)), box(b"trex", numbers(0, 1, 1, stay, 0, 0))
    moov = box(b"moov", mvhd + tracks + box(b"mvex", trex))
    return box(b"ftyp", b"isom\0\0\0\0") + moov + box(b"mdat", bytes(8))


def box(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), name) + body


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, *, rows: bytes = b"", extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def patch(data: bytes, name: bytes, offset: int, value: bytes) -> bytes:
    """`value` at `offset` of the body of the first box called `name`."""
    at = data.index(name) + 4 + offset
    return data[:at] + value + data[at + len(value) :]


def url(data: bytes, mime: str) -> str:
    return f"data:{mime};base64,{b64encode(data).decode()}"


# Pictures


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "gif", "bmp"])
@pytest.mark.parametrize("size", [(300, 300), (400, 1000), (1000, 400), (1, 7)], ids=str)
def test_measures_a_picture(format: str, size: tuple[int, int]) -> None:
    data = draw(size, format)
    assert probe_bytes(data) == {
        "kind": "image",
        "format": format,
        "bytes": len(data),
        "width": size[0],
        "height": size[1],
        "short_side": min(size),
        "long_side": max(size),
        "aspect_ratio": round(size[0] / size[1], 6),
        "condition": "whole",
    }


def test_reports_the_stored_size_of_a_picture_that_is_shown_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter to the right
    facts = probe_bytes(draw((300, 500), "jpeg", exif=exif))
    assert (facts["width"], facts["height"]) == (300, 500)


@pytest.mark.parametrize("format", ["webp", "gif", "png"])
def test_measures_an_animation_as_a_picture(format: str) -> None:
    data = draw((320, 400), format, save_all=True, append_images=[Image.new("RGB", (320, 400), "red")])
    assert probe_bytes(data).items() >= {"format": format, "width": 320, "condition": "whole"}.items()


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "gif", "bmp"])
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_notices_a_truncated_picture(format: str, kept: float) -> None:
    data = draw((300, 300), format)
    assert probe_bytes(data[: int(len(data) * kept)]).items() >= {"format": format, "condition": "damaged"}.items()


def test_still_measures_a_truncated_picture() -> None:
    assert probe_bytes(draw((300, 200), "png")[:-200])["width"] == 300


def test_notices_a_truncated_progressive_picture() -> None:
    data = draw((640, 480), "jpeg", progressive=True)
    assert probe_bytes(data[: len(data) // 3])["condition"] == "damaged"


@pytest.mark.parametrize("side", [8193, 60000])
def test_measures_but_does_not_decode_a_picture_of_impossible_size(side: int) -> None:
    expected = {"width": side, "height": side, "condition": "unchecked"}
    assert probe_bytes(png(side, side)).items() >= expected.items()


def test_hides_what_a_decoder_warns_about() -> None:
    no_frames = chunk(b"acTL", bytes(8))
    assert probe_bytes(png(1, 1, rows=bytes(4), extra=no_frames))["condition"] == "whole"


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param(png(10, 10, rows=bytes(100 << 20)), id="pixels"),
        pytest.param(png(10, 10, extra=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100 << 20)))), id="text"),
        pytest.param(png(10, 10, extra=chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(100 << 20)))), id="profile"),
    ],
)
def test_unpacks_no_bomb(bomb: bytes) -> None:
    tracemalloc.start()
    try:
        probe_bytes(bomb)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_does_not_decode_a_jpeg_with_endless_scans() -> None:
    data = draw((2000, 2000), "jpeg", progressive=True)
    last_scan = data[data.rindex(b"\xff\xda") : -2]
    assert probe_bytes(data[:-2] + last_scan * 500 + data[-2:])["condition"] == "unchecked"


# What is neither


@pytest.mark.parametrize(
    ("start", "kind", "format"),
    [
        pytest.param(b"just some text, saved as cat.png", "unknown", "unknown", id="text"),
        pytest.param(b"abcdfreedom of text", "unknown", "unknown", id="text-like-a-box"),
        pytest.param(b"BMW is not a bitmap", "unknown", "unknown", id="text-like-a-bitmap"),
        pytest.param(b"\0", "unknown", "unknown", id="zero"),
        pytest.param(b"PK\x03\x04" + bytes(40), "unknown", "unknown", id="zip"),
        pytest.param(b"<!doctype html><svg>", "unknown", "html", id="error-page"),
        pytest.param(b'<?xml version="1.0"?>\n<svg width="9">', "image", "svg", id="svg"),
        pytest.param(b"\xef\xbb\xbf <svg>", "image", "svg", id="svg-bom"),
        pytest.param(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image", "heic", id="heic"),
        pytest.param(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "image", "heic", id="heif"),
        pytest.param(b"\0\0\0\x18ftypavif\0\0\0\0mif1miaf", "image", "avif", id="avif"),
        pytest.param(b"\0\0\0\x18ftypmif1\0\0\0\0miafavif", "image", "avif", id="avif-as-heif"),
        pytest.param(b"II*\0" + bytes(20), "image", "tiff", id="tiff"),
        pytest.param(b"RIFF\0\0\0\0AVI LIST", "video", "avi", id="avi"),
    ],
)
def test_names_what_it_only_recognises(start: bytes, kind: str, format: str) -> None:
    assert probe_bytes(start) == {"kind": kind, "format": format, "bytes": len(start)}


@pytest.mark.parametrize(("container", "format"), [("webm", "webm"), ("matroska", "mkv"), ("avi", "avi")])
def test_names_the_format_of_other_clips(container: str, format: str) -> None:
    codec = "libvpx" if container == "webm" else "mpeg4"
    facts = probe_bytes(clip(format=container, codec=codec, frames=3))
    assert facts.items() >= {"kind": "video", "format": format}.items()


def test_refuses_nothing_at_all() -> None:
    with pytest.raises(MediaError, match=r"no data \(0 bytes\)"):
        probe_bytes(b"")


# Clips


@pytest.mark.parametrize("format", ["mp4", "mov"])
@pytest.mark.parametrize("size", [(1280, 720), (360, 640)], ids=str)
def test_measures_a_clip(format: str, size: tuple[int, int]) -> None:
    data = clip(format=format, size=size, codec="libx264", frames=30, fps=10)
    assert probe_bytes(data) == {
        "kind": "video",
        "format": format,
        "bytes": len(data),
        "width": size[0],
        "height": size[1],
        "short_side": min(size),
        "long_side": max(size),
        "aspect_ratio": round(size[0] / size[1], 6),
        "duration": 3.0,
        "fps": 10.0,
        "codec": "h264",
        "audio": False,
        "condition": "whole",
    }


@pytest.mark.parametrize("options", [{}, FRAGMENTED, PER_FRAME], ids=["plain", "fragmented", "per-frame"])
@pytest.mark.parametrize("format", ["mp4", "mov"])
@pytest.mark.parametrize(
    ("fps", "frames"),
    [(8, 24), (24, 72), (Fraction(30000, 1001), 90), (60, 181), (Fraction(60000, 1001), 180), (25, 1)],
    ids=str,
)
def test_agrees_with_ffmpeg(format: str, fps: Fraction | int, frames: int, options: dict[str, str]) -> None:
    data = clip(format=format, fps=fps, frames=frames, options=options)
    facts = probe_bytes(data)
    seconds = play(data)
    assert facts["duration"] == pytest.approx(float(seconds), abs=1e-6)
    assert facts["fps"] == pytest.approx(float(fps), abs=1e-6)
    assert facts["condition"] == "whole"
    assert "fps_min" not in facts


@pytest.mark.parametrize("options", [{}, FRAGMENTED], ids=["plain", "fragmented"])
def test_reports_the_extremes_of_a_variable_frame_rate(options: dict[str, str]) -> None:
    stamps = list(accumulate([20] * 40 + [125] * 8, initial=0))
    facts = probe_bytes(clip(fps=60, stamps=stamps, options=options))
    assert (facts["fps_min"], facts["fps_max"]) == (8.0, 50.0)
    assert facts["fps"] == pytest.approx(48 / 1.8, abs=1e-6)


def test_takes_rounded_time_stamps_for_a_constant_frame_rate() -> None:
    data = clip(fps=60, frames=60, options={"video_track_timescale": "1000"})
    stts = box(b"stts", struct.pack(">6I", 0, 2, 40, 17, 20, 16))
    at = data.index(b"stts") - 4
    facts = probe_bytes(data[:at] + stts + data[at + 24 :])
    assert facts["fps"] == pytest.approx(60, abs=0.1)
    assert "fps_max" not in facts


def test_leaves_the_last_frame_out_of_the_frame_rate() -> None:
    data = clip(fps=25, frames=50, options={"video_track_timescale": "1000"})
    at = data.index(b"stts") - 4
    stts = box(b"stts", struct.pack(">6I", 0, 2, 49, 40, 1, 1))
    facts = probe_bytes(data[:at] + stts + data[at + 24 :])
    assert (facts["fps"], facts["duration"]) == (25.0, 1.961)
    assert "fps_max" not in facts


def test_hears_a_sound_track_and_does_not_count_its_length() -> None:
    facts = probe_bytes(clip(sound_seconds=5))
    assert (facts["audio"], facts["duration"]) == (True, 3.0)


def test_takes_a_clip_without_pictures_for_sound() -> None:
    data = clip(sound_seconds=1).replace(b"vide", b"meta")
    assert probe_bytes(data).items() >= {"kind": "audio", "format": "mp4", "audio": True}.items()


def test_reorders_nothing_when_frames_are_stored_out_of_order() -> None:
    facts = probe_bytes(clip(codec="libx264", b_frames=3, fps=30, frames=90))
    assert (facts["fps"], facts["duration"]) == (30.0, 3.0)
    assert "fps_min" not in facts


@pytest.mark.parametrize(("ticks", "seconds"), [(1000, 1.0), (2999, 3.0), (0, 3.0)])
def test_counts_only_what_the_edit_list_plays(ticks: int, seconds: float) -> None:
    data = clip(codec="libx264", b_frames=2)
    assert probe_bytes(patch(data, b"elst", 8, struct.pack(">I", ticks)))["duration"] == seconds


def test_does_not_count_the_wait_before_the_first_frame() -> None:
    data = clip(codec="libx264", b_frames=2)
    wait = struct.pack(">Ii", 2000, -1)
    assert probe_bytes(patch(data, b"elst", 8, wait))["duration"] == 3.0


def test_reports_the_stored_size_of_a_clip_that_is_shown_turned() -> None:
    quarter = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    data = clip(size=(96, 64))
    assert probe_bytes(patch(data, b"tkhd", 40, quarter)) == probe_bytes(data)


def test_names_an_unknown_codec_by_its_four_characters() -> None:
    assert probe_bytes(clip(frames=2).replace(b"mp4v", b"x\0z "))["codec"] == "xz"


@pytest.mark.parametrize("version", [0, 1], ids=["short-numbers", "long-numbers"])
def test_reads_both_versions_of_a_box(version: int) -> None:
    facts = probe_bytes(assemble(trak([(50, 40)], version=version, edited=1500)))
    assert facts == {
        **probe_bytes(assemble(trak([(50, 40)]))),
        "bytes": facts["bytes"],
        "duration": 1.5,
    }


@pytest.mark.parametrize(
    ("header", "run", "fps"),
    [
        pytest.param((0x0,), (0x0, 20), 50, id="stay-of-the-movie"),
        pytest.param((0x8, 40), (0x0, 20), 25, id="stay-of-the-fragment"),
        pytest.param((0xB, 0, 0, 9, 40), (0x5, 20, 7, 7), 25, id="stay-after-other-fields"),
        pytest.param((0x8, 40), (0x100, 20, *[10] * 20), 100, id="stay-of-each-frame"),
        pytest.param((0x0,), (0xF05, 20, 7, 7, *[10, 1, 2, 3] * 20), 100, id="stay-among-other-columns"),
    ],
)
def test_reads_every_form_of_a_fragment(header: tuple[int, ...], run: tuple[int, ...], fps: int) -> None:
    flags, *fields = header
    tfhd = box(b"tfhd", numbers(flags, 1, *fields))
    moof = box(b"moof", box(b"traf", tfhd + box(b"trun", numbers(*run))))
    facts = probe_bytes(assemble(trak([]), stay=20) + moof + moof)
    assert (facts["fps"], facts["duration"]) == (fps, 40 / fps)


def test_describes_the_longest_of_several_tracks() -> None:
    short, long = trak([(1, 40)], size=(64, 64)), trak([(50, 40)], size=(640, 480))
    for tracks in (short + long, long + short):
        assert probe_bytes(assemble(tracks))["width"] == 640


def test_leaves_frames_without_a_gap_out_of_the_extremes() -> None:
    facts = probe_bytes(assemble(trak([(10, 0), (10, 40), (11, 20)])))
    assert (facts["fps"], facts["fps_min"], facts["fps_max"]) == (50.0, 25.0, 50.0)


@pytest.mark.parametrize("runs", [[], [(0, 40)], [(9, 0)]], ids=["none", "zero-times", "no-time"])
def test_reports_no_duration_without_frames(runs: list[tuple[int, int]]) -> None:
    facts = probe_bytes(assemble(trak(runs)))
    assert facts["width"] == 64
    assert not {"fps", "duration"} & facts.keys()


@pytest.mark.parametrize(("promised", "seconds"), [(1, 2.0), (2, 6.0), (9, 6.0)])
def test_reads_the_rows_a_table_promises_and_has(promised: int, seconds: float) -> None:
    data = assemble(trak([(50, 40), (50, 80)]))
    assert probe_bytes(patch(data, b"stts", 4, numbers(promised)))["duration"] == seconds


def test_reports_no_size_if_a_side_is_zero() -> None:
    facts = probe_bytes(assemble(trak([(50, 40)], size=(0, 64))))
    assert facts["duration"] == 2.0
    assert not {"width", "short_side", "aspect_ratio"} & facts.keys()


def test_reads_an_index_with_a_long_length() -> None:
    data = assemble(trak([(50, 40)]))
    at = data.index(b"moov") - 4
    length = int.from_bytes(data[at : at + 4])
    moved = data[:at] + struct.pack(">I4sQ", 1, b"moov", length + 8) + data[at + 8 :]
    assert probe_bytes(moved)["duration"] == 2.0


def test_survives_a_movie_without_ticks() -> None:
    data = assemble(trak([(50, 40)], edited=1500))
    assert probe_bytes(patch(data, b"mvhd", 12, bytes(4)))["duration"] == 2.0


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_notices_a_clip_that_breaks_off_before_its_index(kept: float) -> None:
    data = clip()
    facts = probe_bytes(data[: int(data.index(b"moov") * kept)])
    assert facts.items() >= {"kind": "video", "format": "mp4", "condition": "damaged"}.items()
    assert "duration" not in facts


@pytest.mark.parametrize("kept", [0.6, 0.9, 0.999])
def test_notices_a_clip_that_breaks_off_after_its_index(tmp_path: Path, kept: float) -> None:
    film(tmp_path / "clip.mp4", size=(640, 480), options={"movflags": "faststart"})
    data = (tmp_path / "clip.mp4").read_bytes()
    at = data.index(b"mdat")
    facts = probe_bytes(data[: at + int((len(data) - at) * kept)])
    assert facts.items() >= {"duration": 3.0, "width": 640, "condition": "damaged"}.items()


def test_notices_a_clip_whose_frames_are_missing_altogether(tmp_path: Path) -> None:
    film(tmp_path / "clip.mp4", options={"movflags": "faststart"})
    data = (tmp_path / "clip.mp4").read_bytes()
    assert probe_bytes(data[: data.index(b"mdat") - 4])["condition"] == "damaged"


def test_tolerates_a_tail_that_is_no_box() -> None:
    assert probe_bytes(clip() + b"\0\0\xff\xff" * 9)["condition"] == "whole"


def test_reads_a_box_that_runs_to_the_end_of_the_file(tmp_path: Path) -> None:
    film(tmp_path / "clip.mp4", options={"movflags": "faststart"})
    data = (tmp_path / "clip.mp4").read_bytes()
    assert probe_bytes(patch(data, b"mdat", -8, bytes(4)))["condition"] == "whole"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(box(b"ftyp", b"isom") + box(b"moov", bytes(INDEX_BYTES)) + box(b"mdat"), id="index"),
        pytest.param(box(b"ftyp", b"isom") + box(b"free") * (INDEX_BYTES // 16 + 1), id="boxes"),
    ],
)
def test_stops_reading_an_oversized_index(data: bytes) -> None:
    assert probe_bytes(data)["condition"] == "unchecked"


def test_stops_reading_a_box_of_countless_boxes() -> None:
    data = clip()
    at = data.index(b"mvhd") - 4
    stuffed = box(b"free") * CHILD_BOXES
    moov = box(b"moov", stuffed + data[at:])
    assert probe_bytes(data[: at - 8] + moov)["condition"] == "damaged"


# Files


def test_reads_a_file(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(draw((300, 400), "jpeg"))
    assert probe_file(path) == probe_bytes(path.read_bytes())
    assert probe_file(path)["format"] == "jpeg"


def test_reads_only_the_index_of_a_huge_clip(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    film(path)
    with path.open("ab") as file:
        file.write(struct.pack(">I4sQ", 1, b"free", 16 + (5 << 30)))
        file.truncate(file.tell() + (5 << 30))
    tracemalloc.start()
    facts = probe_file(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert facts.items() >= {"bytes": path.stat().st_size, "duration": 3.0, "condition": "whole"}.items()
    assert peak < 1 << 20


def test_does_not_read_a_picture_above_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(draw((300, 300), "png"))
    size = path.stat().st_size
    assert probe_file(path, max_bytes=size)["width"] == 300
    expected = {"kind": "image", "format": "png", "bytes": size, "condition": "unchecked"}
    assert probe_file(path, max_bytes=size - 1) == expected


def test_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"gone\.png': It cannot be read \(No such file"):
        probe_file(tmp_path / "gone.png")


def test_refuses_an_impossible_name() -> None:
    with pytest.raises(MediaError, match="cannot be read"):
        probe_file(Path("a\0b"))


def test_refuses_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with pytest.raises(MediaError, match=r"empty\.png': There is no data"):
        probe_file(tmp_path / "empty.png")


def test_refuses_a_folder(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="not a regular file"):
        probe_file(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_refuses_a_pipe_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MediaError, match="not a regular file"):
        probe_file(tmp_path / "pipe")


# Data URLs


@pytest.mark.parametrize(
    ("mime", "matches"),
    [
        ("image/png", True),
        ("IMAGE/PNG", True),
        ("image/png;name=cat.png", True),
        ("image/jpeg", False),
        ("", False),
    ],
)
def test_compares_the_declared_type_with_the_format(mime: str, matches: bool) -> None:
    data = draw((300, 300), "png")
    declared = mime.lower().partition(";")[0]
    assert probe_data_url(url(data, mime)) == {**probe_bytes(data), "mime": declared, "mime_matches": matches}


@pytest.mark.parametrize("mime", ["image/jpeg", "image/jpg"])
def test_knows_both_names_of_jpeg(mime: str) -> None:
    assert probe_data_url(url(draw((9, 9), "jpeg"), mime))["mime_matches"] is True


def test_matches_no_type_with_an_unknown_format() -> None:
    facts = probe_data_url(url(b"just some text", "image/png"))
    assert facts.items() >= {"format": "unknown", "mime": "image/png", "mime_matches": False}.items()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "must start with 'data:'", id="nothing"),
        pytest.param("https://example.com/a.png", "must start with 'data:'", id="web"),
        pytest.param("iVBORw0KGgo=", "must start with 'data:'", id="bare-base64"),
        pytest.param("data:image/png;base64", "has no comma", id="no-comma"),
        pytest.param("data:image/png,abcd", "write ';base64' right before the comma", id="no-base64"),
        pytest.param("data:image/png;base64;x=y,abcd", "right before the comma", id="base64-in-the-middle"),
        pytest.param("data:base64,abcd", "write ';base64'", id="base64-without-semicolon"),
        pytest.param("data:image/png;base64,", r"no data \(0 bytes\)", id="empty"),
        pytest.param("data:image/png;base64,ab cd", "' ' at position 3; write it in one piece", id="space"),
        pytest.param("data:image/png;base64,abcd\n", r"'\\n' at position 5", id="line-break"),
        pytest.param("data:image/png;base64,ab-_", "'-' at position 3", id="url-safe"),
        pytest.param("data:image/png;base64,ab%3D", "'%' at position 3", id="percent"),
        pytest.param("data:image/png;base64,abcé", "'é' at position 4", id="not-ascii"),
        pytest.param("data:image/png;base64,abcde", "5 characters long; it must be a multiple of 4", id="cut"),
        pytest.param("data:image/png;base64,abc", "its '=' padding is missing", id="no-padding"),
        pytest.param("data:image/png;base64,ab=c", "'=' in the wrong place", id="padding-inside"),
        pytest.param("data:image/png;base64,a===", "'=' in the wrong place", id="too-much-padding"),
        pytest.param("data:image/png;base64,abcd====", "'=' in the wrong place", id="padding-alone"),
    ],
)
def test_says_what_is_wrong_with_a_data_url(text: str, message: str) -> None:
    with pytest.raises(MediaError, match=message):
        probe_data_url(text)


def test_shows_none_of_the_data_in_an_error() -> None:
    with pytest.raises(MediaError) as caught:
        probe_data_url("data:image/png;base64," + "secret" * 10_000 + "!")
    assert len(str(caught.value)) < 300


# Any bytes


@cache
def specimens() -> tuple[bytes, ...]:
    pictures = [draw((40, 30), format) for format in ("jpeg", "png", "webp", "gif", "bmp")]
    progressive = draw((40, 30), "jpeg", progressive=True)
    variable = clip(fps=60, stamps=[i * i for i in range(1, 30)])
    clips = [clip(frames=12, sound_seconds=0.2), clip(frames=12, format="mov"), clip(options=FRAGMENTED), variable]
    return (*pictures, progressive, *clips)


def check_facts(data: bytes) -> None:
    facts = probe_bytes(data)
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert facts["bytes"] == len(data)
    assert facts["kind"] in ("image", "video", "audio", "unknown")
    assert facts.get("condition", "whole") in ("whole", "damaged", "unchecked")
    assert all(facts[name] >= 0 for name in ("width", "fps", "duration") if name in facts)  # type: ignore[operator]


@given(st.binary(min_size=1, max_size=300), st.sampled_from([b"", *(data[:12] for data in specimens())]))
@settings(deadline=1000)
def test_any_bytes_have_facts(noise: bytes, start: bytes) -> None:
    check_facts(start + noise)


@given(st.data())
@settings(deadline=1000)
def test_a_damaged_file_has_facts(data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from(specimens())))
    edge = st.sampled_from([b"\0\0\0\0", b"\0\0\0\1", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\x08", b""])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(file) - 1))
        new = data.draw(edge | st.binary(max_size=8))
        file[at : at + (len(new) or data.draw(st.integers(0, 20)))] = new
    check_facts(bytes(file) or b"\0")


@given(st.text(max_size=60), st.sampled_from(["", "data:", "data:image/png;base64,"]))
def test_any_text_has_facts_or_a_reason(text: str, start: str) -> None:
    with suppress(MediaError):
        assert probe_data_url(start + text)["bytes"]


@pytest.mark.parametrize("name", ["index", "mdhd", "stts", "trun"])
def test_survives_lengths_that_exhaust_other_readers(name: str) -> None:
    """One damaged number each: a time scale of 0, a count of four thousand million, an endless box."""
    plain, fragmented = clip(), clip(options=FRAGMENTED)
    huge = b"\xff\xff\xff\xff"
    damaged = {
        "index": patch(plain, b"moov", -8, huge),
        "mdhd": patch(plain, b"mdhd", 12, bytes(4)),
        "stts": patch(plain, b"stts", 4, huge + huge + huge),
        "trun": patch(fragmented, b"trun", 4, huge),
    }
    check_facts(damaged[name])


def test_takes_an_endless_index_for_damage() -> None:
    assert probe_bytes(patch(clip(), b"moov", -8, b"\xff\xff\xff\xff"))["condition"] == "damaged"


def test_importing_the_module_loads_no_decoder() -> None:
    code = "import sys, happyhorse_spec.media; print('PIL' in sys.modules, 'asyncio' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]
