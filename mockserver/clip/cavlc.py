"""The variable-length codes of Rec. ITU-T H.264 that flat macroblocks need, as strings of "0" and "1".

Strings, because Python joins them and turns them into bytes (`int(bits, 2)`) faster than it shifts bits.
What a macroblock means belongs in `h264`.
"""

from collections.abc import Sequence
from functools import lru_cache

# coeff_token (Table 9-5, column 0 <= nC < 2) by the number of non-zero levels, without trailing ones ...
_LUMA_TOKENS = (
    "1",
    "000101",
    "00000111",
    "000000111",
    "0000000111",
    "00000000111",
    "0000000001111",
    "0000000001011",
    "0000000001000",
    "00000000001111",
    "00000000001011",
    "000000000001111",
    "000000000001011",
    "0000000000001111",
    "0000000000001011",
    "0000000000000111",
    "0000000000000100",
)
# ... and the two codes for a single level of +-1. Column nC = -1 (chroma DC) needs no more than one level.
_LUMA_ONE = "01"
_CHROMA_TOKENS = ("01", "000111")
_CHROMA_ONE = "1"

# total_zeros (Tables 9-7 and 9-8): one line per number of non-zero levels, one code per number of zeros.
_TOTAL_ZEROS = [
    line.split()
    for line in (
        "1 011 010 0011 0010 00011 00010 000011 000010 0000011 0000010 00000011 00000010 000000011 000000010 000000001",
        "111 110 101 100 011 0101 0100 0011 0010 00011 00010 000011 000010 000001 000000",
        "0101 111 110 101 0100 0011 100 011 0010 00011 00010 000001 00001 000000",
        "00011 111 0101 0100 110 101 100 0011 011 0010 00010 00001 00000",
        "0101 0100 0011 111 110 101 100 011 0010 00001 0001 00000",
        "000001 00001 111 110 101 100 011 010 0001 001 000000",
        "000001 00001 101 100 011 11 010 0001 001 000000",
        "000001 0001 00001 011 11 10 010 001 000000",
        "000001 000000 0001 11 10 001 01 00001",
        "00001 00000 001 11 10 01 0001",
        "0000 0001 001 010 1 011",
        "0000 0001 01 1 001",
        "000 001 1 01",
        "00 01 1",
        "0 1",
    )
]

# run_before (Table 9-10): one line per number of zeros left, the last one for seven and more.
_RUN_BEFORE = [
    line.split()
    for line in (
        "1 0",
        "1 01 00",
        "11 10 01 00",
        "11 10 01 001 000",
        "11 10 011 010 001 000",
        "11 000 001 011 010 101 100",
        "111 110 101 100 011 010 001 0001 00001 000001 0000001 00000001 000000001 0000000001 00000000001",
    )
]


@lru_cache(maxsize=1 << 14)
def ue(value: int) -> str:
    """Exp-Golomb code of an unsigned number (9.1)."""
    code = f"{value + 1:b}"
    return "0" * (len(code) - 1) + code


def se(value: int) -> str:
    """Exp-Golomb code of a signed number (9.1.1)."""
    return ue(2 * value - 1 if value > 0 else -2 * value)


def luma_dc(levels: Sequence[int]) -> str:
    """Intra16x16DCLevel: sixteen levels in scan order; no neighbour has AC levels, so nC is 0 (9.2.1).

    Levels after the first are zero or larger than one, so only a lone first level can be a trailing one.
    """
    if levels[0] in (1, -1) and not any(levels[1:]):
        return _one(_LUMA_ONE, levels[0])
    return _residual(levels, _LUMA_TOKENS)


def chroma_dc(level: int) -> str:
    """ChromaDCLevel with all levels zero but the first."""
    return _one(_CHROMA_ONE, level) if level in (1, -1) else _residual((level,), _CHROMA_TOKENS)


def _one(token: str, level: int) -> str:
    return token + ("0" if level > 0 else "1") + _TOTAL_ZEROS[0][0]


def _residual(levels: Sequence[int], tokens: Sequence[str]) -> str:
    """residual_block_cavlc (7.3.5.3.2) for levels without trailing ones, highest frequency first."""
    places = [place for place, level in enumerate(levels) if level]
    total = len(places)
    if total == 0:
        return tokens[0]
    bits = [tokens[total], *_levels([levels[place] for place in reversed(places)])]
    zeros = places[-1] + 1 - total
    if total < 16:
        bits.append(_TOTAL_ZEROS[total - 1][zeros])
    for lower, upper in zip(places[-2::-1], places[:0:-1], strict=True):
        if zeros:
            run = upper - lower - 1
            bits.append(_RUN_BEFORE[min(zeros, 7) - 1][run])
            zeros -= run
    return "".join(bits)


def _levels(levels: Sequence[int]) -> list[str]:
    """level_prefix and level_suffix of each level (9.2.2.1)."""
    bits = []
    suffix_length = 1 if len(levels) > 10 else 0
    for index, level in enumerate(levels):
        code = 2 * abs(level) - (2 if level > 0 else 1)
        if index == 0:
            code -= 2  # without three trailing ones the first level is known to be larger than one
        bits.append(_level(code, suffix_length))
        suffix_length = max(suffix_length, 1)
        if abs(level) > 3 << (suffix_length - 1) and suffix_length < 6:
            suffix_length += 1
    return bits


def _level(code: int, suffix_length: int) -> str:
    """One levelCode: a prefix of zeros closed by a one, then the suffix; prefix 15 escapes to 12 bits."""
    if suffix_length == 0 and 14 <= code < 30:
        return f"{1:015b}{code - 14:04b}"
    limit = 14 if suffix_length == 0 else 15 << suffix_length
    if code < limit:
        prefix, rest = divmod(code, 1 << suffix_length)
        return "0" * prefix + "1" + (f"{rest:0{suffix_length}b}" if suffix_length else "")
    escape = 30 if suffix_length == 0 else 15 << suffix_length
    return f"{1:016b}{code - escape:012b}"
