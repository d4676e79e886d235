"""What a clip turns into: facts of its index, measured as PyAV measures them, and a condition where it is damaged."""

import struct
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import pytest
from footage import FRAGMENTED, PER_FRAME, assemble, box, clip, film, numbers, patch, play, trak

from happyhorse_spec.media import CHILD_BOXES, INDEX_BYTES, probe_bytes


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
