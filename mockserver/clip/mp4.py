"""The boxes around the coded frames: ISO/IEC 14496-12 (structure), 14496-15 (avcC) and 14496-14 (esds).

Header first, so that playback starts before the file has arrived. Times of creation are zero: equal input
gives equal bytes. What a frame holds belongs in `h264` and `aac`.
"""

from struct import pack

from mockserver.clip import aac
from mockserver.clip.h264 import Stream

_TICKS = 512  # per frame; the movie counts in the video's ticks, so that no duration is rounded
_MATRIX = pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_UNDETERMINED = 0x55C4  # language "und" (14496-12, 8.4.2.3)


def write(video: Stream, audio_samples: int) -> bytes:
    """The file: video and `audio_samples` samples of silence at `aac.SAMPLE_RATE` (0: no audio track)."""
    start = _box(b"ftyp", b"isom", pack(">I", 0x200), b"isomiso2avc1mp41")
    data = b"".join(video.samples)
    sound = aac.FRAME * -(-audio_samples // aac.FRAME_SAMPLES)
    offset = len(start) + len(_moov(video, audio_samples, 0, 0)) + 8
    header = _moov(video, audio_samples, offset, offset + len(data))
    return start + header + _box(b"mdat", data, sound)


def _moov(video: Stream, audio_samples: int, video_offset: int, audio_offset: int) -> bytes:
    duration = len(video.samples) * _TICKS
    tracks = [_video_track(video, duration, video_offset)]
    if audio_samples:
        tracks.append(_audio_track(audio_samples, duration, audio_offset))
    movie = pack(">4I", 0, 0, video.fps * _TICKS, duration) + pack(">IH10x", 0x10000, 0x100)
    return _box(b"moov", _full(b"mvhd", 0, movie, _MATRIX, bytes(24), pack(">I", len(tracks) + 1)), *tracks)


def _video_track(video: Stream, duration: int, offset: int) -> bytes:
    sizes = [len(sample) for sample in video.samples]
    count = len(sizes)
    table = _box(
        b"stbl",
        _full(b"stsd", 0, pack(">I", 1), _avc1(video)),
        _times([(count, _TICKS)]),
        _full(b"stss", 0, pack(">2I", 1, 1)),  # only the first frame can be decoded alone
        _one_chunk(count, offset),
        _full(b"stsz", 0, pack(f">2I{count}I", 0, count, *sizes)),
    )
    media = _media(b"vide", video.fps * _TICKS, duration, _full(b"vmhd", 1, bytes(8)), table)
    return _track(1, duration, 0, (video.width, video.height), media)


def _audio_track(samples: int, movie_duration: int, offset: int) -> bytes:
    """Silence needs no priming, so no edit list either; the last frame is cut short to end with the video."""
    count = -(-samples // aac.FRAME_SAMPLES)
    last = samples - (count - 1) * aac.FRAME_SAMPLES
    table = _box(
        b"stbl",
        _full(b"stsd", 0, pack(">I", 1), _mp4a()),
        _times([(count - 1, aac.FRAME_SAMPLES), (1, last)]),
        _one_chunk(count, offset),
        _full(b"stsz", 0, pack(">2I", len(aac.FRAME), count)),
    )
    media = _media(b"soun", aac.SAMPLE_RATE, samples, _full(b"smhd", 0, bytes(4)), table)
    return _track(2, movie_duration, 0x100, (0, 0), media)


def _track(number: int, duration: int, volume: int, size: tuple[int, int], media: bytes) -> bytes:
    """trak with tkhd (8.3.2): enabled and in the movie; sizes are 16.16 fixed point."""
    head = pack(">5I8x2hHH", 0, 0, number, 0, duration, 0, 0, volume, 0)
    return _box(b"trak", _full(b"tkhd", 3, head, _MATRIX, pack(">2I", *(side << 16 for side in size))), media)


def _media(handler: bytes, timescale: int, duration: int, head: bytes, table: bytes) -> bytes:
    """mdia (8.4): clock, kind and sample table, with the data in this file (dref, 8.7.2)."""
    data = _box(b"dinf", _full(b"dref", 0, pack(">I", 1), _full(b"url ", 1)))
    return _box(
        b"mdia",
        _full(b"mdhd", 0, pack(">4I2H", 0, 0, timescale, duration, _UNDETERMINED, 0)),
        _full(b"hdlr", 0, bytes(4), handler, bytes(13)),
        _box(b"minf", head, data, table),
    )


def _times(runs: list[tuple[int, int]]) -> bytes:
    """stts (8.6.1.2): (number of samples, ticks of each)."""
    runs = [run for run in runs if run[0]]
    return _full(b"stts", 0, pack(">I", len(runs)), *(pack(">2I", *run) for run in runs))


def _one_chunk(count: int, offset: int) -> bytes:
    """stsc and stco (8.7.4, 8.7.5): all samples of a track lie together."""
    return _full(b"stsc", 0, pack(">4I", 1, 1, count, 1)) + _full(b"stco", 0, pack(">2I", 1, offset))


def _avc1(video: Stream) -> bytes:
    """VisualSampleEntry (14496-12, 12.1.3) with avcC (14496-15, 5.3.3.1): four-byte lengths, two sets."""
    entry = pack(">6xH16x2H2I4xH32x2H", 1, video.width, video.height, 0x480000, 0x480000, 1, 0x18, 0xFFFF)
    sets = b"\xe1" + pack(">H", len(video.sps)) + video.sps + b"\x01" + pack(">H", len(video.pps)) + video.pps
    return _box(b"avc1", entry, _box(b"avcC", b"\x01", video.sps[1:4], b"\xff", sets))


def _mp4a() -> bytes:
    """AudioSampleEntry (14496-12, 12.2.3) with esds (14496-14, 5.6): MPEG-4 audio, AAC."""
    rate = len(aac.FRAME) * 8 * aac.SAMPLE_RATE // aac.FRAME_SAMPLES
    decoder = pack(">BB3x2I", 0x40, 0x15, rate, rate) + _descriptor(5, aac.CONFIG)
    stream = _descriptor(3, bytes(3) + _descriptor(4, decoder) + _descriptor(6, b"\x02"))
    entry = pack(">6xH8x2H4xI", 1, 2, 16, aac.SAMPLE_RATE << 16)
    return _box(b"mp4a", entry, _full(b"esds", 0, stream))


def _descriptor(tag: int, body: bytes) -> bytes:
    return bytes([tag, len(body)]) + body


def _full(kind: bytes, flags: int, *parts: bytes) -> bytes:
    """A FullBox of version 0 (4.2)."""
    return _box(kind, pack(">I", flags), *parts)


def _box(kind: bytes, *parts: bytes) -> bytes:
    return pack(">I4s", 8 + sum(map(len, parts)), kind) + b"".join(parts)
