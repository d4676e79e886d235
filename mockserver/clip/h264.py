"""A `Picture` as an H.264 stream: one intra frame of flat macroblocks, then frames that skip nearly all.

Clause numbers are those of Rec. ITU-T H.264. Constrained Baseline profile, one slice per frame, no deblocking
(edges stay crisp), output in decoding order. The trick is arithmetic: at the quantiser chosen here one level
of a DC coefficient is one step of the sample value, so that every colour is met exactly; and each macroblock
predicts from the one above it, so that one like its upper neighbour is the same eight bits everywhere.
Files and time stamps belong in `mp4`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise

from mockserver.clip.cavlc import chroma_dc, luma_dc, se, ue
from mockserver.clip.picture import INK, Picture, Row, Tile

# QP'Y 28: LevelScale(4, 0, 0) is 256 and the DC of a block becomes 64 * f, which 8.5.12 rounds to f (8.5.10).
_LUMA_QP = 28
# QP'C 22: the chroma DC becomes ((f * 256) << 3) >> 5 = 64 * f likewise (8.5.11.2).
_CHROMA_QP_OFFSET = -6
_FRAME_NUM_BITS = 4

# Table A-1: level_idc, MaxMBPS, MaxFS.
_LEVELS = (
    (10, 1485, 99),
    (11, 3000, 396),
    (12, 6000, 396),
    (13, 11880, 396),
    (21, 19800, 792),
    (22, 20250, 1620),
    (30, 40500, 1620),
    (31, 108000, 3600),
    (32, 216000, 5120),
    (40, 245760, 8192),
    (42, 522240, 8704),
    (50, 589824, 22080),
    (51, 983040, 36864),
    (52, 2073600, 36864),
    (60, 4177920, 139264),
    (61, 8355840, 139264),
    (62, 16711680, 139264),
)

# Frame zig-zag scan of a 4x4 block (Table 8-2) as 4 * row + column.
_ZIGZAG = (0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15)
# The rows of the transform of the luma DC coefficients (8.5.10).
_HADAMARD = ((1, 1, 1, 1), (1, 1, -1, -1), (1, -1, -1, 1), (1, -1, 1, -1))


class Nal(IntEnum):
    """The first byte of a NAL unit: nal_ref_idc and nal_unit_type (7.3.1)."""

    SLICE = 0x61
    IDR = 0x65
    SPS = 0x67
    PPS = 0x68


class Predict(IntEnum):
    """Intra16x16PredMode (Table 8-4). Chroma uses the same direction under another number (Table 8-5)."""

    ABOVE = 0
    LEFT = 1
    NOTHING = 2

    @property
    def chroma(self) -> int:
        return 2 - self


@dataclass(frozen=True, slots=True)
class Stream:
    """Coded video: parameter sets, and one sample per frame with four-byte lengths (ISO/IEC 14496-15)."""

    width: int
    height: int
    fps: int
    sps: bytes
    pps: bytes
    samples: list[bytes]


def encode(picture: Picture, frames: int, fps: int) -> Stream:
    """Code `frames` frames of a picture whose bar grows evenly and is full in the last one."""
    columns = len(picture.bar)
    filled = [columns * (frame + 1) // frames for frame in range(frames)]
    return Stream(
        picture.width,
        picture.height,
        fps,
        _sps(picture, fps),
        _pps(),
        [_intra_frame(picture, filled[0]), *_inter_frames(picture, filled)],
    )


def _sps(picture: Picture, fps: int) -> bytes:
    """seq_parameter_set_data (7.3.2.1.1). Cropping counts in units of two samples."""
    columns, rows = len(picture.rows[0]), len(picture.rows)
    right, bottom = (columns * 16 - picture.width) // 2, (rows * 16 - picture.height) // 2
    bits = (
        f"{66:08b}{0b11000000:08b}{_level(columns, rows, fps):08b}"  # Baseline, constraint sets 0 and 1
        + ue(0)  # seq_parameter_set_id
        + ue(_FRAME_NUM_BITS - 4)
        + ue(2)  # pic_order_cnt_type: output order is decoding order
        + ue(1)  # max_num_ref_frames
        + "0"  # gaps_in_frame_num_value_allowed_flag
        + ue(columns - 1)
        + ue(rows - 1)
        + "11"  # frame_mbs_only_flag, direct_8x8_inference_flag
        + ("1" + ue(0) + ue(right) + ue(0) + ue(bottom) if right or bottom else "0")
        + "1"
        + _vui(fps)
    )
    return _nal(Nal.SPS, bits)


def _vui(fps: int) -> str:
    """vui_parameters (E.1.1): square samples, BT.709 in video range, fixed rate, no reordering."""
    return (
        f"1{1:08b}"  # aspect_ratio_idc: 1:1
        + "0"  # overscan_info_present_flag
        + f"1{5:03b}01{1:08b}{1:08b}{1:08b}"  # video_format unspecified; primaries, transfer, matrix BT.709
        + "0"  # chroma_loc_info_present_flag
        + f"1{1:032b}{2 * fps:032b}1"  # two ticks to a frame (E.2.1), fixed_frame_rate_flag
        + "000"  # no hypothetical-decoder parameters, no pic_struct
        + "11"  # bitstream_restriction_flag, motion_vectors_over_pic_boundaries_flag
        + ue(0)  # max_bytes_per_pic_denom: no limit
        + ue(0)  # max_bits_per_mb_denom: no limit
        + ue(0)
        + ue(0)  # motion vectors are zero
        + ue(0)  # max_num_reorder_frames
        + ue(1)  # max_dec_frame_buffering
    )


def _pps() -> bytes:
    """pic_parameter_set_rbsp (7.3.2.2)."""
    bits = (
        ue(0)
        + ue(0)  # pic_parameter_set_id, seq_parameter_set_id
        + "00"  # CAVLC; no bottom_field_pic_order
        + ue(0) * 3  # one slice group, one reference index in each list
        + "000"  # no weighted prediction
        + se(_LUMA_QP - 26)
        + se(0)
        + se(_CHROMA_QP_OFFSET)
        + "100"  # deblocking_filter_control_present_flag; intra may predict from inter; no redundant pictures
    )
    return _nal(Nal.PPS, bits)


def _level(columns: int, rows: int, fps: int) -> int:
    """The lowest level whose frame size, side and macroblock rate fit (A.3.1)."""
    size = columns * rows
    for level, rate, largest in _LEVELS:
        if size <= largest and size * fps <= rate and max(columns, rows) ** 2 <= 8 * largest:
            return level
    return _LEVELS[-1][0]


def _slice_header(kind: int, frame: int) -> str:
    """slice_header (7.3.3) for I (7) and P (5) slices that are alone in their frame."""
    intra = ue(0) + "00"  # idr_pic_id, no_output_of_prior_pics_flag, long_term_reference_flag
    inter = "000"  # one reference, in its usual place, kept by the sliding window (8.2.5.3)
    return (
        ue(0)  # first_mb_in_slice
        + ue(kind)
        + ue(0)  # pic_parameter_set_id
        + f"{frame % (1 << _FRAME_NUM_BITS):0{_FRAME_NUM_BITS}b}"
        + (intra if kind == 7 else inter)
        + se(0)  # slice_qp_delta
        + ue(1)  # disable_deblocking_filter_idc
    )


def _intra_frame(picture: Picture, filled: int) -> bytes:
    """The IDR frame: the first row predicts from the left, all others from above."""
    rows = list(picture.rows)
    if filled:
        rows[picture.bar_row] = picture.bar[:filled] + rows[picture.bar_row][filled:]
    nothing = Tile(128, 128, 128)  # what DC prediction without neighbours gives (8.3.3.3)
    copied = _macroblock(Predict.ABOVE, 0, 0, 0, 0, 0, False) * len(rows[0])
    bits = [_slice_header(7, 0), *_row(Predict.NOTHING, [nothing], rows[0][:1])]
    bits += _row(Predict.LEFT, rows[0][:-1], rows[0][1:])
    for above, row in pairwise(rows):
        bits += [copied] if row is above else _row(Predict.ABOVE, above, row)
    return _sample(Nal.IDR, "".join(bits))


def _inter_frames(picture: Picture, filled: list[int]) -> Iterator[bytes]:
    """P frames: all macroblocks skipped, but for those by which the bar has grown.

    A frame in which nothing changes is one of sixteen byte strings: only frame_num differs.
    """
    everything = len(picture.rows) * len(picture.rows[0])
    headers = [_slice_header(5, number) for number in range(16)]
    still = [_sample(Nal.SLICE, header + ue(everything)) for header in headers]
    first = picture.bar_row * len(picture.rows[0])
    above = picture.rows[picture.bar_row - 1][: len(picture.bar)]
    grown = _row(Predict.ABOVE, above, picture.bar, inter=True)
    for frame, (start, end) in enumerate(pairwise(filled), 1):
        if start == end:
            yield still[frame % 16]
            continue
        rest = everything - first - end
        changed = ue(first + start) + ue(0).join(grown[start:end]) + (ue(rest) if rest else "")
        yield _sample(Nal.SLICE, headers[frame % 16] + changed)


def _row(predict: Predict, near: Row, row: Row, *, inter: bool = False) -> list[str]:
    """Each tile as its difference from the neighbour it is predicted from."""
    return [
        _macroblock(predict, y - near_y, cb - near_cb, cr - near_cr, near_ink, ink, inter)
        for (near_y, near_cb, near_cr, near_ink), (y, cb, cr, ink) in zip(near, row, strict=True)
    ]


@lru_cache(maxsize=1 << 14)
def _macroblock(predict: Predict, y: int, cb: int, cr: int, near_ink: int, ink: int, inter: bool) -> str:
    """macroblock_layer (7.3.5) of an Intra_16x16 macroblock whose luma has no AC levels.

    mb_type counts the prediction mode and four times the chroma pattern (Table 7-11); in a P slice the intra
    types follow five inter types (7.4.5).
    """
    coloured = bool(cb or cr)
    return (
        ue(1 + predict + 4 * coloured + 5 * inter)
        + ue(predict.chroma)
        + se(0)  # mb_qp_delta
        + _luma(predict, y, near_ink, ink)
        + (chroma_dc(cb) + chroma_dc(cr) if coloured else "")
    )


@lru_cache(maxsize=1 << 14)
def _luma(predict: Predict, y: int, near_ink: int, ink: int) -> str:
    """The luma levels: how the ground changes, and the ink from the neighbour's nearest blocks (8.3.3)."""
    nearest = [block // 4 * 4 + 3 if predict is Predict.LEFT else 12 + block % 4 for block in range(16)]
    changes = [y + INK * ((ink >> block & 1) - (near_ink >> nearest[block] & 1)) for block in range(16)]
    return luma_dc(_transform(changes))


def _transform(d: list[int]) -> list[int]:
    """Levels c, in scan order, for which the decoder's f = H c H (8.5.10) is d.

    H H is 4, so c = H d H / 16: an integer, because blocks of a tile differ by multiples of 16.
    """
    half = [[sum(h[k] * d[4 * k + j] for k in range(4)) for j in range(4)] for h in _HADAMARD]
    full = [sum(line[k] * h[k] for k in range(4)) // 16 for line in half for h in _HADAMARD]
    return [full[place] for place in _ZIGZAG]


def _nal(kind: Nal, bits: str) -> bytes:
    """A NAL unit (7.3.1): stop bit and alignment (7.3.2.11), then emulation prevention bytes."""
    bits += "1"
    bits += "0" * (-len(bits) % 8)
    payload = int(bits, 2).to_bytes(len(bits) // 8)
    return bytes([kind]) + re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", payload)


def _sample(kind: Nal, bits: str) -> bytes:
    unit = _nal(kind, bits)
    return len(unit).to_bytes(4) + unit
