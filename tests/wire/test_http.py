"""The mock as an HTTP server, whatever it serves: methods, codings, connections, spellings of a path."""

import gzip
import http.client
import json
import re
import zlib
from urllib.parse import urlsplit

import pytest
from byhand import Line, chunked, head, submitting
from desk import ONE, Desk, example

from happyhorse_spec.contract import load_provider, provider_names
from mockserver import intake

PROVIDERS = [load_provider(name) for name in provider_names()]
each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=[provider.name for provider in PROVIDERS])
POLL = ONE.endpoints["poll"].path
LIST = ONE.endpoints["list"].path
KEY = {"Authorization": "Bearer sk-mock"}
ASKS = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}


@pytest.fixture
def line(server):
    with Line(server.url) as opened:
        yield opened


@pytest.fixture
def url(wire):
    """The URL of a finished task's clip."""
    desk = Desk(wire)
    return desk.until_done(desk.task()).body["output"]["video_url"]


def submits(line, provider=ONE, *lines, **options):
    return line.send(*submitting(provider, *lines, **options)).hear()


def was_accepted(answer):
    return answer.status == 200 and b"task_id" in answer.raw


class TestHead:
    def test_poll_has_the_headers_of_a_get_and_no_body(self, line):
        target = POLL.format(task_id="0")
        got = line.send(head("GET", target)).hear("GET")
        seen = line.send(head("HEAD", target)).hear("HEAD")
        assert (seen.status, seen.raw) == (200, b"")
        assert seen.headers["Content-Length"] == str(len(got.raw))
        assert seen.headers["Content-Type"] == got.headers["Content-Type"]
        assert line.send(head("GET", target)).hear("GET").status == 200

    def test_refusal_has_no_body_either(self, wire):
        answer = wire.send("HEAD", LIST)
        assert (answer.status, answer.raw) == (401, b"")

    def test_clip_has_its_length(self, wire, url):
        assert wire.send("HEAD", url).headers["Content-Length"] == str(len(wire.send("GET", url).raw))


class TestOptions:
    @each_provider
    def test_tells_what_a_path_allows(self, wire, provider):
        for endpoint in provider.endpoints.values():
            answer = wire.send("OPTIONS", endpoint.path)
            allowed = set(answer.headers["Allow"].split(", "))
            assert (answer.status, answer.raw) == (204, b"")
            assert {endpoint.method, "OPTIONS"} <= allowed <= {"GET", "HEAD", "POST", "OPTIONS"}

    @each_provider
    def test_lets_a_page_of_any_origin_submit_with_its_headers(self, wire, provider):
        asked = {**ASKS, "Access-Control-Request-Headers": "authorization,content-type,x-dashscope-async"}
        answer = wire.send("OPTIONS", provider.endpoints["submit"].path, headers=asked)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        assert answer.headers["Access-Control-Allow-Headers"] == asked["Access-Control-Request-Headers"]
        submitted = wire.call(provider, "submit", example(provider), headers={"Origin": ASKS["Origin"]})
        assert (submitted.status, submitted.headers["Access-Control-Allow-Origin"]) == (200, "*")

    @each_provider
    def test_lets_a_page_read_a_refusal(self, wire, provider):
        answer = wire.send("POST", provider.endpoints["submit"].path, b"{}", {"Origin": ASKS["Origin"]})
        assert (answer.status >= 400, answer.headers["Access-Control-Allow-Origin"]) == (True, "*")

    def test_lets_a_page_fetch_a_clip_and_send_a_file(self, wire, url):
        for place, method in ((url, "GET"), ("/upload", "POST")):
            answer = wire.send("OPTIONS", place, headers=ASKS)
            assert (answer.status, method in answer.headers["Access-Control-Allow-Methods"]) == (204, True)
        assert wire.send("GET", url, headers=ASKS).headers["Access-Control-Allow-Origin"] == "*"

    def test_says_nothing_of_origins_to_who_has_none(self, wire):
        answer = wire.send("OPTIONS", LIST)
        assert not [name for name in answer.headers if name.startswith("Access-Control")]

    def test_asks_about_the_server_as_a_whole(self, line):
        assert line.send(head("OPTIONS", "*")).hear("OPTIONS").status == 204


class TestCompression:
    @pytest.fixture(autouse=True)
    def tasks(self, wire):
        for _ in range(8):
            wire.call(ONE, "submit", example(ONE))

    @pytest.mark.parametrize("accepted", ["gzip", "deflate, gzip;q=0.5", "GZIP", "*", "gzip;q=0.001"])
    def test_large_answer_is_packed_for_who_takes_it(self, wire, accepted):
        plain = wire.send("GET", LIST, headers=KEY)
        packed = wire.send("GET", LIST, headers={**KEY, "Accept-Encoding": accepted})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert len(packed.raw) == int(packed.headers["Content-Length"]) < len(plain.raw)
        assert json.loads(gzip.decompress(packed.raw))["data"] == plain.body["data"]
        assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"

    @pytest.mark.parametrize("accepted", ["identity", "gzip;q=0", "gzip; q=0.0", "br, zstd", "deflate", "xgzip"])
    def test_large_answer_is_plain_for_who_does_not(self, wire, accepted):
        answer = wire.send("GET", LIST, headers={**KEY, "Accept-Encoding": accepted})
        assert (answer.headers["Content-Encoding"], len(answer.body["data"])) == (None, 8)

    def test_small_answer_is_plain(self, wire):
        answer = wire.send("GET", POLL.format(task_id="0"), headers={**KEY, "Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] is None

    def test_clip_is_plain_since_it_is_packed_already(self, wire):
        desk = Desk(wire)
        clip = desk.until_done(desk.task()).body["output"]["video_url"]
        answer = wire.send("GET", clip, headers={"Accept-Encoding": "gzip"})
        assert (answer.headers["Content-Encoding"], answer.raw[4:8]) == (None, b"ftyp")


class TestRequestBody:
    @each_provider
    @pytest.mark.parametrize(
        ("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)], ids=["gzip", "deflate"]
    )
    def test_may_be_packed(self, line, provider, coding, pack):
        data = pack(json.dumps(example(provider)).encode())
        assert was_accepted(submits(line, provider, f"Content-Encoding: {coding}", body=data))

    @pytest.mark.parametrize(
        "data", [b"{}", b"\x1f\x8b\x08", gzip.compress(b"{}" * 99)[:20]], ids=["plain", "head", "cut"]
    )
    def test_that_is_not_what_it_says_is_unreadable(self, server, data):
        with Line(server.url) as line:
            answer = submits(line, ONE, "Content-Encoding: gzip", body=data)
        assert (answer.status, answer.body["message"][:21]) == (400, "Required body invalid")

    @each_provider
    def test_that_unpacks_to_more_than_is_read_is_refused(self, monkeypatch, server, provider):
        monkeypatch.setattr(intake, "MAX_BODY", 100_000)
        bomb = gzip.compress(b" " * 50_000_000)
        with Line(server.url) as line:
            answer = submits(line, provider, "Content-Encoding: gzip", body=bomb)
        error = provider.errors[provider.data["refusals"]["too_large"]]
        assert (len(bomb) < 60_000, answer.status, error.message.encode() in answer.raw) == (True, error.status, True)

    @each_provider
    @pytest.mark.parametrize("size", [1, 7, 10_000])
    def test_may_come_in_chunks(self, line, provider, size):
        top, data = submitting(provider, "Transfer-Encoding: chunked")
        assert was_accepted(line.send(top, chunked(data, size)).hear())
        assert was_accepted(submits(line, provider))

    def test_may_come_in_chunks_with_extensions_and_trailers(self, line):
        top, data = submitting(ONE, "Transfer-Encoding: chunked")
        body = b"%x;name=value\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n" % (len(data), data)
        assert was_accepted(line.send(top, body).hear())

    @each_provider
    def test_is_asked_for_where_the_client_waits(self, line, provider):
        top, data = submitting(provider, "Expect: 100-continue")
        line.send(top)
        assert line.stream.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert line.stream.readline() == b"\r\n"
        assert was_accepted(line.send(data).hear())
        assert was_accepted(submits(line, provider))

    def test_is_not_asked_for_where_it_is_refused_by_its_length(self, monkeypatch, line):
        monkeypatch.setattr(intake, "MAX_BODY", 10)
        top, _ = submitting(ONE, "Expect: 100-continue")
        line.send(top)
        assert b" 400 " in line.stream.readline()

    def test_is_not_asked_for_where_nobody_reads_it(self, line):
        line.send(head("POST", "/nobody", "Expect: 100-continue", "Content-Length: 5"))
        assert b" 404 " in line.stream.readline()

    def test_is_not_asked_for_by_http_1_0(self, line):
        top, data = submitting(ONE, "Expect: 100-continue", version="1.0")
        line.send(top, data)
        assert b"200 OK" in line.stream.readline()


class TestConnection:
    @each_provider
    def test_serves_one_request_after_the_other(self, line, provider):
        answers = [submits(line, provider) for _ in range(5)]
        assert all(map(was_accepted, answers))

    def test_stays_open_after_a_refusal(self, line):
        assert submits(line, ONE, body=b"{").status == 400
        assert was_accepted(submits(line))

    def test_serves_requests_that_were_sent_at_once_in_their_order(self, line):
        line.send(*(head("GET", POLL.format(task_id=f"task-{number}")) for number in range(50)))
        told = [line.hear("GET").body["output"]["task_id"] for _ in range(50)]
        assert told == [f"task-{number}" for number in range(50)]

    def test_serves_bodies_that_were_sent_at_once(self, line):
        line.send(*submitting(ONE), *submitting(ONE), head("HEAD", LIST), head("GET", LIST))
        assert was_accepted(line.hear())
        assert was_accepted(line.hear())
        assert line.hear("HEAD").raw == b""
        assert line.hear("GET").status == 200

    def test_ends_when_the_client_says_so(self, line):
        assert line.send(head("GET", LIST, "Connection: close")).hear("GET").status == 200
        assert line.rest() == b""

    def test_ends_after_an_answer_to_http_1_0(self, line):
        answer = line.send(head("GET", LIST, version="1.0")).hear("GET")
        assert (answer.status, answer.body["page_no"], line.rest()) == (200, 1, b"")

    def test_goes_on_where_http_1_0_asks_for_it(self, line):
        for _ in range(2):
            assert line.send(head("GET", LIST, "Connection: keep-alive", version="1.0")).hear("GET").status == 200

    def test_http_1_0_needs_no_host(self, server, line):
        top, data = submitting(ONE, version="1.0", target="/~bare" + ONE.endpoints["submit"].path)
        task_id = line.send(top.replace(b"Host: mock\r\n", b"") + data).hear().body["output"]["task_id"]
        target = "/~bare" + POLL.format(task_id=task_id)
        for _ in range(3):
            with Line(server.url) as other:
                said = other.send(head("GET", target, version="1.0").replace(b"Host: mock\r\n", b"")).hear("GET")
        assert said.body["output"]["video_url"].startswith(f"{server.url}/~bare/result/")

    def test_http_1_1_needs_a_host(self, line):
        assert line.send(head("GET", LIST).replace(b"Host: mock\r\n", b"")).hear("GET").status == 400

    @pytest.mark.parametrize("host", ["a b", 'a"b', "a/b", "\xff", "a@b", "[::1", "mock:99999999"])
    def test_host_that_no_url_can_carry_is_not_carried(self, server, host):
        session = f"/~host-{abs(hash(host))}"
        with Line(server.url) as line:
            line.send(*submitting(ONE, target=session + ONE.endpoints["submit"].path))
            task_id = line.hear().body["output"]["task_id"]
            asked = head("GET", session + POLL.format(task_id=task_id)).replace(b"mock", host.encode("latin-1"), 1)
            said = [line.send(asked).hear("GET") for _ in range(3)][-1]
        assert said.body["output"]["video_url"].startswith(server.url)


class TestSpelling:
    @each_provider
    @pytest.mark.parametrize(
        "spelt",
        [
            lambda path: path + "/",
            lambda path: "/" + path,
            lambda path: path.replace("/", "//"),
            lambda path: re.sub("[a-z]", lambda found: f"%{ord(found[0]):02x}", path),
            lambda path: re.sub("[a-z]", lambda found: f"%{ord(found[0]):02X}", path),
            lambda path: "http://elsewhere:1" + path,
            lambda path: path + "?",
            lambda path: path + "?unknown=1",
        ],
        ids=["slash", "slash-before", "slashes", "percent", "percent-upper", "absolute", "question-mark", "query"],
    )
    def test_path_may_be_spelt_otherwise(self, line, provider, spelt):
        assert was_accepted(submits(line, provider, target=spelt(provider.endpoints["submit"].path)))

    def test_base_url_may_end_with_a_slash(self, wire, line):
        session = urlsplit(wire.url).path
        answer = submits(line, ONE, target=f"{session}/{ONE.endpoints['submit'].path}")
        task_id = answer.body["output"]["task_id"]
        assert wire.call(ONE, "poll", task_id=task_id).body["output"]["task_status"] == "RUNNING"

    def test_slash_inside_a_name_is_no_slash_of_the_path(self, line):
        answer = line.send(head("POST", POLL.format(task_id="0%2Fcancel"), "Content-Length: 0")).hear()
        assert answer.body["message"] != ONE.errors["cancel_refused"].message

    def test_name_that_nobody_filled_in_is_a_name_like_any_other(self, line):
        assert line.send(head("GET", POLL)).hear("GET").body["output"]["task_status"] == "UNKNOWN"
        answer = line.send(head("POST", ONE.endpoints["cancel"].path, "Content-Length: 0")).hear()
        assert answer.body["message"] == ONE.errors["cancel_refused"].message

    @each_provider
    def test_headers_may_be_spelt_otherwise(self, line, provider):
        top, data = submitting(provider)
        first, _, rest = top.partition(b"\r\n")
        for spelt in (rest.lower(), rest.upper(), rest.replace(b": ", b":"), rest.replace(b": ", b":   ")):
            fields = spelt.replace(b"SK-MOCK", b"sk-mock")
            assert was_accepted(line.send(first, b"\r\n", fields, data).hear())


class TestAddress:
    def test_listens_on_ipv6(self, play):
        wire = play(host="::1")
        assert wire.url.startswith("http://[::1]:")
        desk = Desk(wire)
        clip = desk.until_done(desk.task()).body["output"]["video_url"]
        assert clip.startswith(f"{wire.url}/result/")
        assert wire.send("GET", clip).raw[4:8] == b"ftyp"

    def test_listens_on_loopback_alone_unless_told_otherwise(self, play):
        wire = play()
        assert wire.url.startswith("http://127.0.0.1:")
        with pytest.raises(OSError, match="refused"):
            http.client.HTTPConnection("::1", urlsplit(wire.url).port, timeout=2).connect()

    def test_base_urls_name_the_address(self, play):
        server = play(host="::1").server
        assert server.base_urls("a")["dashscope"] == f"{server.url}/~a/api/v1"
