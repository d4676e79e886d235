"""A picture or a clip -> the few facts a schema can judge.

Here: recognising a file by its first bytes, decoding a picture once to know that it is whole, reading the
index of an MP4 or MOV file, and unpacking data URLs. Not here: what is allowed (that is data), and the network.

A fact is present only when it is known:

- `kind`: image, video, audio or unknown; `format`: jpeg, png, mp4, ... or unknown; `bytes`: size of the file
- `condition` of a format that is not just recognised: whole (the picture was decoded to its end; the clip has its
  index and every byte its boxes promise, frames are not decoded), damaged (it breaks off or cannot be read), or
  unchecked (it is too large to be read safely)
- `width`, `height`: stored pixels; neither an EXIF orientation nor the rotation of a track is applied
- `short_side`, `long_side`: the same, whatever the orientation; `aspect_ratio`: width / height
- `duration`: seconds of video as played: an edit list counts, a longer sound track does not
- `fps`: frames per second, mean over the clip; `fps_min`, `fps_max`: over single gaps, only if those differ
- `codec`: h264, hevc, ... or the container's own four characters; `audio`: whether there is a sound track
- `mime`, `mime_matches`, of data URLs: the declared type in lower case; whether it names the format found

Numbers that are not whole are rounded to six decimals.

Why an own reader for the index: it must stay quick on any bytes. libmediainfo spends minutes and gigabytes on
some 3 kB files with one damaged length, in a single native call that nothing can interrupt.
"""

import re
import warnings
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from importlib import import_module
from io import BytesIO
from pathlib import Path
from stat import S_ISREG
from struct import Struct, unpack, unpack_from
from struct import error as StructError
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple, cast

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

Facts = dict[str, object]
Condition = Literal["whole", "damaged", "unchecked"]  # not an enum: facts are plain JSON values
Boxes = list[tuple[bytes, memoryview]]
Runs = list[tuple[int, int]]  # (frames, ticks each of them stays), in order

HEAD_BYTES = 4096  # enough for every signature
IMAGE_BYTES = 64 << 20  # larger pictures are recognised, not decoded: decoding holds the file in memory
PIXELS = 1 << 26  # 8192 x 8192: larger pictures are measured, not decoded; below Pillow's own alarm
PIXEL_PASSES = 1 << 30  # pixels times scans of a progressive JPEG: about a second of work
INDEX_BYTES = 8 << 20  # read from a clip; the index of an hour of video takes a third of it
HEADER_BYTES = 16  # of a box with a long length
CHILD_BOXES = 1_000  # boxes in a box: real ones have a few dozen


class MediaError(ValueError):
    """There is nothing to judge: says what is wrong and what to do."""


class Signature(NamedTuple):
    kind: str
    format: str
    mimes: tuple[str, ...]
    start: bytes  # regular expression for the first bytes


# The first match wins. Unlikely formats are listed too: "format is heic" helps, "format is unknown" does not.
SIGNATURES = (
    Signature("image", "jpeg", ("image/jpeg", "image/jpg"), rb"\xff\xd8\xff"),
    Signature("image", "png", ("image/png",), rb"\x89PNG\r\n\x1a\n"),
    Signature("image", "webp", ("image/webp",), rb"RIFF.{4}WEBP"),
    Signature("image", "gif", ("image/gif",), rb"GIF8[79]a"),
    Signature("image", "bmp", ("image/bmp", "image/x-ms-bmp"), rb"BM.{4}\0{4}"),
    Signature("image", "tiff", ("image/tiff",), rb"II\*\0|MM\0\*"),
    Signature("image", "avif", ("image/avif",), rb"\0.{3}ftyp(avif|avis|mif1.{4}(.{4}){0,16}?avif)"),
    Signature("image", "heic", ("image/heic", "image/heif"), rb"\0.{3}ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)"),
    Signature("unknown", "html", ("text/html",), rb"(?i:\s*<(!doctype )?html)"),
    Signature("image", "svg", ("image/svg+xml",), rb"(\xef\xbb\xbf)?\s*<(svg|[?!].*?<svg)[\s>]"),
    Signature("video", "3gp", ("video/3gpp", "video/3gpp2"), rb"\0.{3}ftyp3g"),
    Signature("video", "mov", ("video/quicktime",), rb"\0.{3}ftypqt  |[\0-\x08].{3}(moov|mdat|wide|free|skip)"),
    Signature("video", "mp4", ("video/mp4",), rb"\0.{3}ftyp"),
    Signature("video", "webm", ("video/webm",), rb"\x1aE\xdf\xa3.{0,60}webm"),
    Signature("video", "mkv", ("video/x-matroska",), rb"\x1aE\xdf\xa3"),
    Signature("video", "avi", ("video/x-msvideo", "video/avi"), rb"RIFF.{4}AVI "),
)
UNKNOWN = Signature("unknown", "unknown", (), b"")

PILLOW = {"jpeg": "Jpeg", "png": "Png", "webp": "WebP", "gif": "Gif", "bmp": "Bmp"}  # its names for decoders
BOXED = ("mp4", "mov", "3gp")
CODECS = {
    b"avc1": "h264", b"avc3": "h264", b"hvc1": "hevc", b"hev1": "hevc", b"dvh1": "hevc", b"dvhe": "hevc",
    b"av01": "av1", b"vp08": "vp8", b"vp09": "vp9", b"mp4v": "mpeg4",
}  # fmt: skip


def probe_bytes(data: bytes) -> Facts:
    """The facts of a file in memory. Raises MediaError if it is empty."""
    return probe_stream(BytesIO(data), len(data))


def probe_stream(stream: BinaryIO, size: int) -> Facts:
    """The facts of an open file of `size` bytes, which must be able to seek. Raises MediaError if it is empty."""
    return _probe(stream, size, IMAGE_BYTES)[1]


def probe_file(path: Path, *, max_bytes: int = IMAGE_BYTES) -> Facts:
    """The facts of a local file. Raises MediaError if it cannot be read, is empty or is no regular file.

    A picture above `max_bytes` is neither measured nor decoded; of a clip only the index is read.
    """
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):
            raise MediaError("It is not a regular file; name a picture or a clip.")
        with path.open("rb") as stream:
            return _probe(stream, status.st_size, max_bytes)[1]
    except MediaError as error:
        raise MediaError(f"{str(path)!r}: {error}") from None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"{str(path)!r}: It cannot be read ({reason}); check name and permissions.") from error


def probe_data_url(url: str) -> Facts:
    """The facts of `data:{MIME};base64,{data}` (RFC 2397). Raises MediaError if it cannot be unpacked."""
    scheme, colon, rest = url.partition(":")
    if not colon or scheme.lower() != "data":
        raise MediaError("This is not a data URL; it must start with 'data:'.")
    header, comma, payload = rest.partition(",")
    if not comma:
        raise MediaError("The data URL has no comma; write data:{MIME type};base64,{data}.")
    mime, *parameters = header.lower().split(";")
    if "base64" not in parameters[-1:]:
        raise MediaError("The data URL is not marked as base64; write ';base64' right before the comma.")
    data = _decode_base64(payload)
    signature, facts = _probe(BytesIO(data), len(data), IMAGE_BYTES)
    return {**facts, "mime": mime, "mime_matches": mime in signature.mimes}


def _decode_base64(payload: str) -> bytes:
    if len(payload) % 4 == 0 and not payload.endswith("==="):
        with suppress(ValueError):
            return b64decode(payload, validate=True)
    raise MediaError(_base64_fault(payload))


def _base64_fault(payload: str) -> str:
    """What is wrong with text that is no Base64; looked for afterwards, since it takes longer than decoding."""
    if stray := re.search(r"[^A-Za-z0-9+/=]", payload):
        return (
            f"The base64 data has {stray.group()!r} at position {stray.start() + 1}; write it in one piece "
            "of A-Z, a-z, 0-9, '+', '/' and '=' alone: no spaces, line breaks or percent signs."
        )
    if len(payload) % 4:
        cause = "it was cut off, or its '=' padding is missing."
        return f"The base64 data is {len(payload)} characters long; it must be a multiple of 4: {cause}"
    return "The base64 data has '=' in the wrong place; encode the file again."


def _probe(stream: BinaryIO, size: int, image_bytes: int) -> tuple[Signature, Facts]:
    if not size:
        raise MediaError("There is no data (0 bytes); give a picture or a clip.")
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    signature = next((known for known in SIGNATURES if re.match(known.start, head, re.DOTALL)), UNKNOWN)
    facts: Facts = {"kind": signature.kind, "format": signature.format, "bytes": size}
    if signature.format in BOXED:
        facts |= _probe_clip(stream, size)
    elif signature.format in PILLOW and size > image_bytes:
        facts["condition"] = "unchecked"
    elif signature.format in PILLOW:
        facts |= _probe_image(stream.read(), signature.format)
    return signature, facts


def _sides(width: int, height: int) -> Facts:
    if not width or not height:
        return {}
    return {
        "width": width,
        "height": height,
        "short_side": min(width, height),
        "long_side": max(width, height),
        "aspect_ratio": round(width / height, 6),
    }


# Pictures. Decoders report damage with almost any exception (OSError, SyntaxError, KeyError, struct.error ...).
# So here, and only here, each Exception means a damaged file. Their warnings would say the same less clearly.


def _probe_image(data: bytes, format: str) -> Facts:
    opener = _opener(format)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = opener(BytesIO(data))
        except Exception:
            return {"condition": "damaged"}
        return {**_sides(*image.size), "condition": _decode(image, data)}


def _opener(format: str) -> "Callable[[BytesIO], ImageFile]":
    """The one decoder that is wanted; `Image.open` loads all, and keeps the size of a bomb to itself."""
    module = import_module(f"PIL.{PILLOW[format]}ImagePlugin")
    return cast("Callable[[BytesIO], ImageFile]", getattr(module, f"{PILLOW[format]}ImageFile"))


def _decode(image: "ImageFile", data: bytes) -> Condition:
    pixels = image.width * image.height
    scans = data.count(b"\xff\xda") if image.format == "JPEG" else 1
    if pixels > PIXELS or pixels * scans > PIXEL_PASSES:
        return "unchecked"
    try:
        image.draft(None, (1, 1))  # a JPEG is still read to its end, at an eighth of the size
        image.load()
    except Exception:
        return "damaged"
    return "whole"


# Clips: ISO/IEC 14496-12 (the ISO base media file format) and its ancestor, Apple's QuickTime format. A box
# is a length, four characters and a body; numbers are big-endian; most bodies begin with a version and flags.


class Track(NamedTuple):
    codec: bytes
    width: int
    height: int
    seconds: Fraction
    timescale: int  # ticks in a second
    runs: Runs


def _probe_clip(stream: BinaryIO, size: int) -> Facts:
    index, condition = _read_index(stream, size)
    if condition == "unchecked":
        return {"condition": condition}
    moov = next((body for name, body in index if name == b"moov"), memoryview(b""))
    try:
        videos = list(_read_videos(moov, index))
    except StructError:
        return {"condition": "damaged"}
    audio = b"soun" in map(_handler, _named(moov, b"trak"))
    if videos:
        longest = max(videos, key=lambda track: track.seconds)
        return _describe(longest) | {"audio": audio, "condition": condition}
    return {"kind": "audio", "audio": True, "condition": condition} if audio else {"condition": "damaged"}


def _read_index(stream: BinaryIO, size: int) -> tuple[Boxes, Condition]:
    """The boxes that describe the frames; the frames themselves are skipped."""
    index: Boxes = []
    budget, overrun, frames = INDEX_BYTES, False, False
    for name, start, end in _scan(stream, size):
        overrun, frames = overrun or end > size, frames or name == b"mdat"
        wanted = min(end, size) - start if name in (b"moov", b"moof") else 0
        budget -= wanted + HEADER_BYTES
        if budget < 0:
            return index, "unchecked"
        if wanted > 0:
            stream.seek(start)
            index.append((name, memoryview(stream.read(wanted))))
    return index, "whole" if frames and not overrun else "damaged"


def _scan(stream: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start of the body and end of each box of the file, up to what is none: padding, a foreign tail."""
    at = 0
    while at < size:
        stream.seek(at)
        length, name, long_length = unpack(">I4sQ", stream.read(HEADER_BYTES).ljust(HEADER_BYTES, b"\0"))
        start = at + (16 if length == 1 else 8)
        end = {0: size, 1: at + long_length}.get(length, at + length)
        if end < start or not (name.isascii() and name.decode().isprintable()):
            return
        yield name, start, end
        at = end


def _children(body: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    at = 0
    for _ in range(CHILD_BOXES):
        length, name = unpack_from(">I4s", body, at) if at + 8 <= len(body) else (0, b"")
        if length < 8:
            return
        yield name, body[at + 8 : at + length]
        at += length


def _named(body: memoryview, name: bytes) -> Iterator[memoryview]:
    return (inner for found, inner in _children(body) if found == name)


def _descend(body: memoryview, *path: bytes) -> memoryview:
    for name in path:
        body = next(_named(body, name), memoryview(b""))
    return body


def _rows(format: str, body: memoryview, at: int, count: int) -> Iterator[tuple[int, ...]]:
    """`count` rows of a table, or as many as there really are."""
    row = Struct(format)
    rows = min(count, max(0, len(body) - at) // row.size)
    return row.iter_unpack(body[at : at + rows * row.size])


def _after_times(body: memoryview) -> int:
    """What follows the two time stamps: the id in `tkhd`, the ticks in a second in `mvhd` and `mdhd`."""
    (version,) = unpack_from(">B", body)
    return int(unpack_from(">I", body, 20 if version else 12)[0])


def _handler(trak: memoryview) -> bytes:
    return bytes(_descend(trak, b"mdia", b"hdlr")[8:12])


def _read_videos(moov: memoryview, index: Boxes) -> Iterator[Track]:
    movie_timescale = _after_times(_descend(moov, b"mvhd"))
    fragments = _read_fragments(moov, index)
    for trak in _named(moov, b"trak"):
        if _handler(trak) == b"vide":
            yield _read_video(trak, movie_timescale or 1, fragments)


def _read_video(trak: memoryview, movie_timescale: int, fragments: dict[int, Runs]) -> Track:
    mdia = _descend(trak, b"mdia")
    stbl = _descend(mdia, b"minf", b"stbl")
    stts = _descend(stbl, b"stts")
    codec, width, height = unpack_from(">12x4s24xHH", _descend(stbl, b"stsd"))
    timescale = _after_times(_descend(mdia, b"mdhd")) or 1
    runs = [(count, stay) for count, stay in _rows(">II", stts, 8, *unpack_from(">4xI", stts))]
    runs += fragments.get(_after_times(_descend(trak, b"tkhd")), [])
    stored = Fraction(sum(count * stay for count, stay in runs), timescale)
    edited = Fraction(_edited_ticks(_descend(trak, b"edts", b"elst")), movie_timescale)
    played = edited if edited and stored - edited > Fraction(1, movie_timescale) else stored
    return Track(codec, width, height, played, timescale, runs)


def _edited_ticks(elst: memoryview) -> int:
    """How long the edits last; one that starts at -1 is a wait before the first frame. 0 if nothing is said."""
    if not elst:
        return 0
    version, count = unpack_from(">B3xI", elst)
    edits = _rows(">Qq4x" if version else ">Ii4x", elst, 8, count)
    return sum(length for length, start in edits if start >= 0)


def _read_fragments(moov: memoryview, index: Boxes) -> dict[int, Runs]:
    """The frames that are not in `moov` but in fragments, by track id."""
    defaults = dict(unpack_from(">4xI4xI", trex) for trex in _named(_descend(moov, b"mvex"), b"trex"))
    fragments: dict[int, Runs] = {}
    for moof in (body for name, body in index if name == b"moof"):
        for traf in _named(moof, b"traf"):
            track, runs = _read_fragment(traf, defaults)
            fragments.setdefault(track, []).extend(runs)
    return fragments


def _read_fragment(traf: memoryview, defaults: dict[int, int]) -> tuple[int, Runs]:
    tfhd = _descend(traf, b"tfhd")
    flags, track = unpack_from(">II", tfhd)
    at = 8 + 8 * bool(flags & 0x1) + 4 * bool(flags & 0x2)
    stay = unpack_from(">I", tfhd, at)[0] if flags & 0x8 else defaults.get(track, 0)
    return track, [run for trun in _named(traf, b"trun") for run in _read_run(trun, stay)]


def _read_run(trun: memoryview, stay: int) -> Runs:
    flags, count = unpack_from(">II", trun)
    if not flags & 0x100:  # frames without a duration of their own
        return [(count, stay)]
    at = 8 + 4 * bool(flags & 0x1) + 4 * bool(flags & 0x4)
    columns = (flags & 0xF00).bit_count()
    return [(1, row[0]) for row in _rows(f">{columns}I", trun, at, count)]


def _describe(track: Track) -> Facts:
    name = "".join(filter(str.isprintable, track.codec.decode("latin-1"))).strip()
    facts = {"codec": CODECS.get(track.codec, name), **_sides(track.width, track.height), **_rates(track)}
    return facts | {"duration": round(float(track.seconds), 6)} if track.seconds else facts


def _rates(track: Track) -> Facts:
    """Frames per second, from the gaps between frames; the last frame has none after it.

    Gaps that differ by one tick are a constant rate, rounded (60 fps in milliseconds is 16, 17, 17, ...).
    """
    *runs, (count, stay) = [run for run in track.runs if run[0]] or [(0, 0)]
    gaps = [*runs, (count - 1, stay)] if runs or count > 1 else [(count, stay)]
    ticks = sum(count * stay for count, stay in gaps)
    if not ticks:
        return {}
    fps = round(sum(count for count, _ in gaps) * track.timescale / ticks, 6)
    stays = [stay for count, stay in gaps if count and stay]
    shortest, longest = min(stays), max(stays)
    if longest - shortest <= 1:
        return {"fps": fps}
    slow, fast = round(track.timescale / longest, 6), round(track.timescale / shortest, 6)
    return {"fps": fps, "fps_min": slow, "fps_max": fast}
