"""Pictures and clips for tests, made by Pillow and PyAV, or box by box where no writer would make them so."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream
from PIL import Image

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
