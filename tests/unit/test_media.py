"""What a file turns into: facts for every kind of file, and an error only where there is nothing to judge.

What clips alone have is tested in test_media_clips.py.
"""

import json
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from footage import (
    FRAGMENTED,
    chunk,
    clip,
    draw,
    film,
    patch,
    png,
    url,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from happyhorse_spec.media import MediaError, probe_bytes, probe_data_url, probe_file

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
