"""Results as files: whole, kept in memory, in parts, and under conditions."""

import asyncio
import threading
from email.utils import formatdate, parsedate_to_datetime
from hashlib import md5

import pytest
from results import (
    COVERED,
    PROVIDERS,
    each_provider,
    refusal,
    result_url,
)

from happyhorse_spec.media import probe_bytes
from mockserver import downloads
from mockserver.clock import ClockMode
from mockserver.session import Settings


@pytest.fixture
def whole(wire, url):
    return wire.send("GET", url)


class TestFile:
    @each_provider
    def test_is_a_clip_that_plays(self, wire, name):
        answer = wire.send("GET", result_url(wire, name))
        facts = probe_bytes(answer.raw)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "video/mp4")
        assert (facts["format"], facts["condition"], facts["fps"]) == ("mp4", "whole", 24)

    def test_tells_its_length_tag_and_time(self, session, whole):
        ended = next(iter(session.table.tasks.values())).ended
        assert whole.headers["Content-Length"] == str(len(whole.raw))
        assert whole.headers["ETag"] == f'"{md5(whole.raw).hexdigest().upper()}"'
        assert whole.headers["Last-Modified"] == formatdate(int(ended), usegmt=True)
        assert whole.headers["Accept-Ranges"] == "bytes"

    def test_head_tells_the_same_without_the_file(self, wire, url, whole):
        head = wire.send("HEAD", url)
        names = ("Content-Type", "Content-Length", "ETag", "Last-Modified", "Accept-Ranges")
        assert (head.status, head.raw) == (200, b"")
        assert [head.headers[name] for name in names] == [whole.headers[name] for name in names]

    @pytest.mark.parametrize("name", COVERED)
    def test_cover_is_a_picture_of_the_clips_size(self, wire, name):
        cover = wire.send("GET", result_url(wire, name, "jpg"))
        picture, clip = probe_bytes(cover.raw), probe_bytes(wire.send("GET", result_url(wire, name)).raw)
        assert cover.headers["Content-Type"] == "image/jpeg"
        assert (picture["format"], picture["width"], picture["height"]) == ("jpeg", clip["width"], clip["height"])

    @pytest.mark.parametrize("name", [name for name in PROVIDERS if name not in COVERED])
    def test_no_cover_where_the_provider_has_none(self, wire, name):
        answer = wire.send("GET", result_url(wire, name).replace(".mp4", ".jpg"))
        assert (answer.status, refusal(answer)["Code"]) == (404, "NoSuchKey")

    def test_same_seed_gives_the_same_bytes(self, play):
        wires = [play(Settings(clock=ClockMode.JUMP, seed=7)) for _ in range(2)]
        first, second = (wire.send("GET", result_url(wire, "dashscope")).raw for wire in wires)
        assert first == second

    def test_two_tasks_give_two_clips(self, wire):
        first, second = (wire.send("GET", result_url(wire, "dashscope")).headers["ETag"] for _ in range(2))
        assert first != second


class TestMemory:
    def test_keeps_the_files_asked_for_last(self, play, monkeypatch):
        monkeypatch.setattr(downloads, "KEPT_FILES", 2)
        made, wire = count_renders(monkeypatch), play()
        first, second, third = (result_url(wire, "dashscope") for _ in range(3))
        for url in (first, second, first, third, first, second):
            assert wire.send("GET", url).status == 200
        assert len(made) == 4, "three clips, and the second once more, since it was forgotten"

    def test_renders_beside_the_event_loop(self, play, monkeypatch):
        made, wire = count_renders(monkeypatch), play()
        wire.send("GET", result_url(wire, "dashscope"))

        async def own_thread():
            return threading.current_thread().name

        own = asyncio.run_coroutine_threadsafe(own_thread(), wire.server.loop).result(10)
        assert len(made) == 1
        assert own not in made


def count_renders(monkeypatch):
    """The names of the threads in which clips are rendered from here on."""
    kind, made = downloads.KINDS["mp4"], []

    def render(clip):
        made.append(threading.current_thread().name)
        return kind.make(clip)

    monkeypatch.setitem(downloads.KINDS, "mp4", kind._replace(make=render))
    return made


class TestRange:
    @pytest.mark.parametrize(
        ("asked", "first", "last"),
        [
            ("bytes=0-0", 0, 0),
            ("bytes=100-199", 100, 199),
            ("bytes=100-", 100, -1),
            ("bytes=5-999999999", 5, -1),
            ("bytes=-7", -7, -1),
            ("bytes=-999999999", 0, -1),
            ("bytes=0-", 0, -1),
        ],
    )
    def test_part(self, wire, url, whole, asked, first, last):
        size = len(whole.raw)
        first, last = first % size, last % size
        part = wire.send("GET", url, headers={"Range": asked})
        assert part.status == 206
        assert part.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
        assert part.raw == whole.raw[first : last + 1]

    @pytest.mark.parametrize(
        "asked",
        [
            "bytes=5-2",
            "items=0-1",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=0-1,5-6",
            "bytes=1-" + 5000 * "9",
            "bytes=" + 5000 * "9" + "-",
            "bytes=-" + 5000 * "9",
        ],
        ids=lambda asked: asked[:20],
    )
    def test_what_is_no_single_range_gets_the_whole_file(self, wire, url, whole, asked):
        answer = wire.send("GET", url, headers={"Range": asked})
        assert (answer.status, answer.raw) == (200, whole.raw)

    @pytest.mark.parametrize("asked", ["bytes={size}-", "bytes=-0", "bytes=999999999999999999-"])
    def test_nothing_of_the_file(self, wire, url, whole, asked):
        size = len(whole.raw)
        answer = wire.send("GET", url, headers={"Range": asked.format(size=size)})
        assert answer.status == 416
        assert answer.headers["Content-Range"] == f"bytes */{size}"
        assert refusal(answer)["Code"] == "InvalidRange"
        assert refusal(answer)["ActualObjectSize"] == str(size)

    def test_head_has_no_parts(self, wire, url, whole):
        head = wire.send("HEAD", url, headers={"Range": "bytes=0-0"})
        assert (head.status, head.headers["Content-Length"]) == (200, str(len(whole.raw)))

    def test_parts_make_the_whole(self, wire, url, whole):
        half = len(whole.raw) // 2
        parts = [wire.send("GET", url, headers={"Range": asked}) for asked in (f"bytes=0-{half - 1}", f"bytes={half}-")]
        assert parts[0].raw + parts[1].raw == whole.raw


def shifted(date, seconds):
    return formatdate(parsedate_to_datetime(date).timestamp() + seconds, usegmt=True)


class TestCondition:
    @pytest.mark.parametrize(
        ("condition", "status"),
        [
            ("{tag}", 304),
            ("W/{tag}", 304),
            ('"other", {tag}', 304),
            ("*", 304),
            ('"other"', 200),
        ],
    )
    def test_if_none_match(self, wire, url, whole, condition, status):
        asked = condition.format(tag=whole.headers["ETag"])
        answer = wire.send("GET", url, headers={"If-None-Match": asked})
        assert (answer.status, bool(answer.raw)) == (status, status == 200)
        assert answer.headers["ETag"] == whole.headers["ETag"]

    @pytest.mark.parametrize(("seconds", "status"), [(0, 304), (60, 304), (-1, 200)])
    def test_if_modified_since(self, wire, url, whole, seconds, status):
        asked = shifted(whole.headers["Last-Modified"], seconds)
        assert wire.send("GET", url, headers={"If-Modified-Since": asked}).status == status

    def test_tag_outweighs_date(self, wire, url, whole):
        asked = {"If-None-Match": '"other"', "If-Modified-Since": whole.headers["Last-Modified"]}
        assert wire.send("GET", url, headers=asked).status == 200

    @pytest.mark.parametrize(
        ("condition", "status"), [("{tag}", 206), ("*", 206), ("W/{tag}", 412), ('"other"', 412), ("", 206)]
    )
    def test_if_match(self, wire, url, whole, condition, status):
        headers = {"If-Match": condition.format(tag=whole.headers["ETag"])} if condition else {}
        answer = wire.send("GET", url, headers={"Range": "bytes=0-9"} | headers)
        assert answer.status == status
        if status == 412:
            assert refusal(answer)["Code"] == "PreconditionFailed"

    @pytest.mark.parametrize(("seconds", "status"), [(0, 200), (-1, 412)])
    def test_if_unmodified_since(self, wire, url, whole, seconds, status):
        asked = shifted(whole.headers["Last-Modified"], seconds)
        assert wire.send("GET", url, headers={"If-Unmodified-Since": asked}).status == status

    @pytest.mark.parametrize(
        ("condition", "status"),
        [
            ("{tag}", 206),
            ("{date}", 206),
            ("W/{tag}", 200),
            ('"other"', 200),
            ("yesterday", 200),
            ("{older}", 200),
            ("{newer}", 200),
        ],
    )
    def test_if_range(self, wire, url, whole, condition, status):
        date = whole.headers["Last-Modified"]
        dates = {"date": date, "older": shifted(date, -1), "newer": shifted(date, 1)}
        asked = condition.format(tag=whole.headers["ETag"], **dates)
        assert wire.send("GET", url, headers={"Range": "bytes=0-9", "If-Range": asked}).status == status
