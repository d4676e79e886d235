"""Results as files: whole and in parts, under conditions, signed and expiring, and refused in the storage's XML."""

import asyncio
import re
import socket
import threading
from email.utils import formatdate, parsedate_to_datetime
from hashlib import md5
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest

from happyhorse_spec.contract import load_provider, provider_names
from happyhorse_spec.media import probe_bytes
from mockserver import downloads
from mockserver.clock import ClockMode
from mockserver.session import Settings

PROVIDERS = {name: load_provider(name) for name in provider_names()}
SIGNED = [name for name, provider in PROVIDERS.items() if "{signature}" in provider.data["ids"]["video_url"]]
OPEN = [name for name in PROVIDERS if name not in SIGNED]
COVERED = [name for name, provider in PROVIDERS.items() if "cover_url" in provider.data["ids"]]

each_provider = pytest.mark.parametrize("name", PROVIDERS)
each_signed = pytest.mark.parametrize("name", SIGNED)
each_open = pytest.mark.parametrize("name", OPEN)


def submit(wire, name):
    provider = PROVIDERS[name]
    example = provider.modes["t2v"].request.book.schema["examples"][0]
    return wire.call(provider, "submit", example)


def poll(wire, name, task_id):
    provider = PROVIDERS[name]
    template = provider.endpoints["poll"].data.get("body")
    body = {key: task_id if value == "{task_id}" else value for key, value in template.items()} if template else None
    return wire.call(provider, "poll", body, task_id=task_id)


def task_id(answer):
    return answer.body.get("task_id") or answer.body["output"]["task_id"]


def result_url(wire, name, ending="mp4"):
    """Where the result of a fresh task lies, as the provider's own answer says."""
    answer = submit(wire, name)
    fresh = task_id(answer)
    for _ in range(4):
        answer = poll(wire, name, fresh)
        found = re.search(rf'http://[^"]+/result/[^"]+\.{ending}[^"]*', answer.raw.decode())
        if found:
            return found.group()
    raise AssertionError(f"no {ending} in {answer.raw!r}")


def refusal(answer):
    """The elements of the storage's refusal."""
    assert answer.headers["Content-Type"] == "application/xml"
    assert answer.raw.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<Error>')
    return {element.tag: element.text for element in ElementTree.fromstring(answer.raw)}


@pytest.fixture
def session(server, wire):
    return server.sessions.get(wire.url.rpartition("~")[2])


@pytest.fixture
def url(wire):
    return result_url(wire, "dashscope")


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


class TestSignature:
    @each_signed
    def test_altered_query_is_refused(self, wire, name):
        url = result_url(wire, name)
        last = "0" if url[-1] != "0" else "1"
        later = re.sub(r"Expires=(\d+)", lambda found: f"Expires={int(found.group(1)) + 1}", url)
        for altered in (url[:-1] + last, url + "0", later, url.replace("Signature=", "Signature=%F0%9F%90%B4")):
            answer = wire.send("GET", altered)
            assert (answer.status, refusal(answer)["Code"]) == (403, "SignatureDoesNotMatch")

    def test_foreign_access_key_is_refused(self, wire, url):
        answer = wire.send("GET", url.replace("AccessKeyId=mock", "AccessKeyId=other"))
        assert (answer.status, refusal(answer)["Code"]) == (403, "SignatureDoesNotMatch")

    @each_signed
    def test_url_without_a_signature_is_refused(self, wire, name):
        answer = wire.send("GET", result_url(wire, name).partition("?")[0])
        told = "You have no right to access this object because of bucket acl."
        assert (answer.status, refusal(answer)["Message"]) == (403, told)

    def test_missing_parameter_is_named(self, wire, url):
        answer = wire.send("GET", re.sub(r"Expires=\d+&", "", url))
        told = "Query-string authentication requires the Expires, OSSAccessKeyId and Signature parameters."
        assert (answer.status, refusal(answer)["Message"]) == (403, told)

    @pytest.mark.parametrize("date", ["abc", "", "-1", "1.5", "9" * 400, "%D9%A3"])
    def test_what_is_no_time_is_refused(self, wire, url, date):
        answer = wire.send("GET", re.sub(r"Expires=\d+", f"Expires={date}", url))
        assert answer.status == 403
        assert refusal(answer)["Message"].startswith("Invalid date (should be seconds since epoch): ")

    def test_signature_of_one_result_opens_no_other(self, wire):
        first, second = (urlsplit(result_url(wire, "dashscope")) for _ in range(2))
        answer = wire.send("GET", second._replace(query=first.query).geturl())
        assert (answer.status, refusal(answer)["Code"]) == (403, "SignatureDoesNotMatch")

    def test_further_parameters_do_no_harm(self, wire, url):
        assert wire.send("GET", url + "&x=1").status == 200


class TestExpiry:
    @each_signed
    def test_signed_url_ends_after_its_time(self, wire, session, name):
        url = result_url(wire, name)
        left = int(re.search(r"Expires=(\d+)", url).group(1)) - session.clock.now()
        session.clock.advance(left)
        assert wire.send("GET", url).status == 200
        session.clock.advance(1)
        answer = wire.send("GET", url)
        assert answer.status == 403
        told = refusal(answer)
        assert (told["Code"], told["Message"]) == ("AccessDenied", "Request has expired.")
        assert told["Expires"] < told["ServerTime"]

    @each_signed
    def test_stays_expired_when_the_task_is_unknown(self, wire, session, name):
        url = result_url(wire, name)
        session.clock.advance(2 * 86400 - 60)
        poll(wire, name, urlsplit(url).path.rpartition("/")[2].removesuffix(".mp4"))
        assert wire.send("GET", url).status == 403

    @each_open
    def test_open_url_ends_with_the_file(self, wire, session, name):
        url = result_url(wire, name)
        session.clock.advance(PROVIDERS[name].data["retention"]["result_seconds"]["value"] - 1)
        poll(wire, name, urlsplit(url).path.rpartition("/")[2].removesuffix(".mp4"))
        assert wire.send("GET", url).status == 200
        session.clock.advance(2)
        answer = wire.send("GET", url)
        assert (answer.status, refusal(answer)["Code"]) == (404, "NoSuchKey")


class TestRefusal:
    @each_provider
    def test_key_on_a_download_is_refused_where_the_provider_says_so(self, wire, name):
        answer = wire.send("GET", result_url(wire, name), headers={"Authorization": "Bearer sk-mock"})
        refuses = PROVIDERS[name].data["result"]["authorization"]["value"] == "refused"
        assert answer.status == (403 if refuses else 200)
        if refuses:
            assert refusal(answer)["Code"] == "SignatureDoesNotMatch"

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND"])
    def test_method_is_not_allowed(self, wire, url, method):
        answer = wire.send(method, url)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
        assert (refusal(answer)["Code"], refusal(answer)["Method"]) == ("MethodNotAllowed", method)

    def test_result_of_another_session_is_not_there(self, wire, url):
        name = wire.url.rpartition("~")[2]
        answer = wire.send("GET", url.replace(f"/~{name}/", "/~elsewhere/"))
        assert (answer.status, refusal(answer)["Code"]) == (404, "NoSuchKey")

    @pytest.mark.parametrize("state", ["PENDING", "FAILED", "CANCELED"])
    def test_task_without_a_clip_has_no_file(self, wire, session, url, state):
        example = PROVIDERS["dashscope"].modes["t2v"].request.book.schema["examples"][0]
        prompt = "[[PENDING 1 poll, RUNNING 0s, FAILED]]" if state == "FAILED" else "a horse"
        fresh = task_id(wire.call(PROVIDERS["dashscope"], "submit", example | {"input": {"prompt": prompt}}))
        if state == "CANCELED":
            wire.call(PROVIDERS["dashscope"], "cancel", task_id=fresh)
        for _ in range(3 * (state == "FAILED")):
            poll(wire, "dashscope", fresh)
        assert session.table.tasks[fresh].state == state.lower()
        answer = wire.send("GET", f"/result/{fresh}.mp4?{urlsplit(url).query}")
        assert (answer.status, refusal(answer)["Code"]) == (404, "NoSuchKey")

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "/",
            "nothing.mp4",
            "{id}",
            "{id}.",
            "{id}.mov",
            "{id}.mp4/",
            "{id}.MP4",
            "/{id}.mp4",
            "./{id}.mp4",
            "../result/{id}.mp4",
            "%2e%2e/result/{id}.mp4",
            "..%2fresult%2f{id}.mp4",
            "..%5c{id}.mp4",
            "{id}%00.mp4",
            "{id}.mp4%00",
            "{id}.mp4%0a",
            "%ff%fe.mp4",
            "<b>&amp;%ED%A0%80%EF%BF%BF.mp4",
            "../../../../etc/passwd",
            "a" * 7000 + ".mp4",
            "../" * 2000,
        ],
        ids=lambda path: path[:32] or "empty",
    )
    def test_no_path_leads_elsewhere(self, wire, url, path):
        known = urlsplit(url).path.rpartition("/")[2].removesuffix(".mp4")
        start = urlsplit(url).path.rpartition("/")[0]
        status, body = raw(wire.url, f"{start}/{path.format(id=known)}?{urlsplit(url).query}")
        assert status == 404
        told = {element.tag: element.text for element in ElementTree.fromstring(body)}
        assert told["Code"] == "NoSuchKey"

    @pytest.mark.parametrize("path", ["a\0b.mp4", "a" * 100_000], ids=["NUL", "100 kB"])
    def test_no_request_line_breaks_the_server(self, wire, url, path):
        status, _ = raw(wire.url, f"{urlsplit(url).path.rpartition('/')[0]}/{path}")
        assert status == 400
        assert wire.send("GET", url).status == 200


def raw(base, target):
    """Status and body of GET for a target that no client library would send."""
    parts = urlsplit(base)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: mock\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body
