"""Requests that are malformed on purpose: no HTTP, tricks in paths and names, traps for patterns."""

import time

import pytest
from byhand import Line, head, submitting
from desk import ONE, Desk, example

from happyhorse_spec.contract import load_provider, provider_names

PROVIDERS = [load_provider(name) for name in provider_names()]
each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=[provider.name for provider in PROVIDERS])
pytestmark = pytest.mark.usefixtures("quiet")
POLL = ONE.endpoints["poll"].path
LIST = ONE.endpoints["list"].path
BATCH = "/happyhorse/tasks"
MEGABYTE = 1024 * 1024


NO_HTTP = {
    "garbage": b"\x00\x01\x02\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 200,
    "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "unknown-method": b"EAT / HTTP/1.1\r\nHost: a\r\n\r\n",
    "lower-case-method": b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    "no-version": b"GET /\r\n\r\n",
    "unknown-version": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "bytes-in-path": head("GET", "/api/v1/tasks/\xff\xfe"),
    "bytes-in-query": head("GET", LIST + "?status=\xff"),
    "nul-in-path": head("GET", "/api/v1/tasks/\x00"),
    "space-in-path": head("GET", "/api/v1/tasks/a b"),
    "nul-in-header": head("GET", LIST, "X: a\x00b"),
    "bare-cr-in-header": head("GET", LIST, "X: a\rY: b"),
    "name-with-space": head("GET", LIST, "X Y: a"),
    "no-colon": head("GET", LIST, "X"),
    "many-headers": head("GET", LIST, *(f"X-{number}: a" for number in range(10_000))),
    "same-header-often": head("GET", LIST, *["X: a"] * 10_000),
    "huge-header": head("GET", LIST, "X: " + "a" * MEGABYTE),
    "huge-header-name": head("GET", LIST, "X" * MEGABYTE + ": a"),
    "huge-path": head("GET", "/" + "a" * MEGABYTE),
    "huge-query": head("GET", LIST + "?a=" + "a" * MEGABYTE),
    "both-lengths": head("POST", BATCH, "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "both-lengths-turned": head("POST", BATCH, "Transfer-Encoding: chunked", "Content-Length: 5") + b"0\r\n\r\n",
    "two-lengths": head("POST", BATCH, "Content-Length: 2", "Content-Length: 3") + b"{}\n",
    "list-of-lengths": head("POST", BATCH, "Content-Length: 2, 3") + b"{}\n",
    "negative-length": head("POST", BATCH, "Content-Length: -1"),
    "signed-length": head("POST", BATCH, "Content-Length: +2") + b"{}",
    "hex-length": head("POST", BATCH, "Content-Length: 0x2") + b"{}",
    "endless-length": head("POST", BATCH, "Content-Length: " + "9" * 40),
    "space-before-colon": head("POST", BATCH, "Transfer-Encoding : chunked") + b"0\r\n\r\n",
    "unknown-coding": head("POST", BATCH, "Transfer-Encoding: xchunked") + b"0\r\n\r\n",
    "coding-after-chunked": head("POST", BATCH, "Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
    "coding-twice": head("POST", BATCH, "Transfer-Encoding: chunked", "Transfer-Encoding: identity") + b"0\r\n\r\n",
    "bad-chunk-size": head("POST", BATCH, "Transfer-Encoding: chunked") + b"zz\r\n{}\r\n0\r\n\r\n",
    "endless-chunk-size": head("POST", BATCH, "Transfer-Encoding: chunked") + b"f" * 40 + b"\r\n{}\r\n0\r\n\r\n",
    "negative-chunk-size": head("POST", BATCH, "Transfer-Encoding: chunked") + b"-2\r\n{}\r\n0\r\n\r\n",
    "chunk-longer-than-said": head("POST", BATCH, "Transfer-Encoding: chunked") + b"1\r\n{}\r\n0\r\n\r\n",
    "unpackable-coding": head("POST", BATCH, "Content-Encoding: br", "Content-Length: 2") + b"{}",
}


PATHS = """
    /.. /../../etc/passwd /%2e%2e/%2e%2e/etc/passwd /result/../../etc/passwd /result/..%2f..%2fetc%2fpasswd
    /result/%00.mp4 /result/.mp4 /result/a.mp4/ /result/a.mp4%00.jpg /result/con.mp4 /result/*.mp4 /result/ /result
    /upload/ /upload/../result/a.mp4 /upload?key=../../x /api/v1/tasks/../uploads /api/v1/tasks/%2e%2e
    /api/v1/tasks/%ff%fe /api/v1/tasks/%00 /api/v1/tasks/% /api/v1/tasks/%zz /api/v1/tasks/{task_id}
    /api/v1/tasks/$(id) /api/v1/tasks/%0d%0aX-Injected:1 /api/v1/tasks;a=b/c /api/v1/tasks/%E2%80%AE
    /_happyhorse/.. /_happyhorse/%2e%2e%2f /\\..\\.. /? /#a /~ /~/ /~~
"""
LONG_PATHS = ["/api/v1/tasks/" + "a" * 8000, "/" * 4000, "/a" * 4000]
TRAPS = [
    "[[" * 50_000,
    "[[" + "a " * 50_000 + "]]",
    ("[[" + "a" * 399) * 500,
    "[[RUNNING" + " " * 380 + "!]]",
    "[[PENDING " + "9" * 380 + "s, SUCCEEDED]]",
    "[[PENDING 999999999s, RUNNING 2 polls, FAILED]]",
    "[[" + "PENDING, " * 40 + "FAILED]]",
    "[[x]]" * 20_000,
    "[[fault:503*10000]]" * 5_000,
    f"[[fault:{','.join(['503*10000'] * 38)}]]" * 16,
    "[[fault:503*9999999999]]",
    "[[fail:" + "{detail}" * 40 + "]]",
    "[[fail:{0.__class__}]]",
    "[[refuse:%s%n{}]]",
    "[Image " * 50_000,
    "[Image " + "9" * 5_000 + "]",
    "character" + "9" * 5_000,
    "图" * 50_000,
    "data:image/png;base64," * 5_000,
    '"token": "' + "\\" * 50_000,
    "sk-" + "a-" * 50_000,
    "Bearer " * 20_000,
    "{" * 50_000,
    "{prompt}{0}{!r:>99999999}",
]
KEYS = [
    *("a" * 8000, "~" * 8000, "~a" * 4000, "~" + "a," * 4000, "~a" + ",a=" * 2000, "~a,seed=" + "9" * 4000, "~,,,"),
    *("fail-" * 1600, "fail-" + "." * 8000, "fail-__class__", "sk-~../..", " ", "\xff\xfe", "{key}", "sk-mock sk-mock"),
]
HEADERS = """
    Range If-Range If-Match If-None-Match If-Modified-Since Accept-Encoding Accept Content-Type Cookie Origin Forwarded
    X-Forwarded-Host Expect Upgrade
"""
VALUES = [
    *(",;=\"'" * 1500, "bytes=" + "0-," * 2500, 'W/"' * 2500, "gzip;q=" + "0" * 8000, "a/b;" * 2000, "\xff" * 8000),
]
NAMES = """
    .. . ../.. a/b %2e%2e a%2Fb %20 %00 %ff a?b a#b - a, a,clock a,clock= a,clock=warp a,rate=inf a,rate=nan
    a,start=1e300 a,seed=1e9 a,b=c __class__ ~ ~a a~b * {name} <script>
"""
LONG_NAMES = ["", "a" * 65, "a" * 8000, "\xe9", "\xe2\x80\xae"]


class TestNoHttp:
    @pytest.mark.parametrize("data", NO_HTTP.values(), ids=NO_HTTP)
    def test_is_answered_with_400_and_ends_the_connection(self, server, data):
        smuggled = head("GET", "/smuggled")
        with Line(server.url) as line:
            line.send(data, smuggled)
            heard = line.rest()
        assert heard.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 ")) or heard == b""
        assert b"smuggled" not in heard.replace(b"/smuggled HTTP", b"")


class TestPath:
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
    @pytest.mark.parametrize("path", [*PATHS.split(), *LONG_PATHS], ids=lambda path: path[:40])
    def test_strange_one_leads_nowhere(self, server, method, path):
        with Line(server.url) as line:
            answer = line.send(head(method, path, "Content-Length: 0")).hear(method)
        assert answer.status in (200, 400, 403, 404, 405)
        assert b"root:" not in answer.raw
        assert "X-Injected" not in answer.headers
        assert answer.status != 200 or answer.body["output"]["task_status"] == "UNKNOWN"

    @pytest.mark.parametrize(
        "time", ["00010101000000", "99991231235959", "00000000000000", "20260230000000", "٢٠٢٦٠١٠١٠٠٠٠٠٠"]
    )
    def test_strange_time_in_a_query_is_no_error_of_ours(self, server, time):
        with Line(server.url) as line:
            target = f"{LIST}?start_time={''.join(f'%{byte:02x}' for byte in time.encode())}"
            assert line.send(head("GET", target)).hear("GET").status in (200, 400)

    @pytest.mark.parametrize(
        "query", ["page_no=999999999&page_size=999999999", "page_size=%ff", "page_no=-1", "status=%00", "a=1&" * 1500]
    )
    def test_strange_query_is_no_error_of_ours(self, server, query):
        with Line(server.url) as line:
            assert line.send(head("GET", f"{LIST}?{query}")).hear("GET").status in (200, 400)


class TestRegexTrap:
    @each_provider
    @pytest.mark.parametrize("prompt", TRAPS, ids=[trap[:12] for trap in TRAPS])
    def test_in_a_prompt_costs_nothing(self, wire, provider, prompt):
        start = time.perf_counter()
        answer = wire.call(provider, "submit", {**example(provider, prompt), "async": True})
        assert answer.status < 500
        task_id = answer.body.get("task_id") or answer.body.get("output", {}).get("task_id")
        template = provider.endpoints["poll"].data.get("body") and {"id": task_id, "action": "retrieve"}
        for _ in range(3 if task_id else 0):
            assert wire.call(provider, "poll", template, task_id=task_id).status in (200, 404)
        assert time.perf_counter() - start < 10
        assert wire.send("GET", "/_happyhorse/journal").status == 200

    @each_provider
    @pytest.mark.parametrize("key", KEYS, ids=lambda key: key[:12])
    def test_in_a_key_costs_nothing(self, server, provider, key):
        start = time.perf_counter()
        with Line(server.url) as line:
            asked, data = submitting(provider)
            answer = line.send(asked.replace(b"sk-mock", key.encode("latin-1"), 1), data).hear()
        assert answer.status < 500
        assert time.perf_counter() - start < 10

    @pytest.mark.parametrize("name", HEADERS.split())
    def test_in_a_header_costs_nothing(self, server, wire, name):
        clip = Desk(wire).until_done(Desk(wire).task()).body["output"]["video_url"].removeprefix(server.url)
        for value in VALUES:
            with Line(server.url) as line:
                assert line.send(head("GET", clip, f"{name}: {value}")).hear("GET").status < 500
                assert line.send(head("GET", LIST, f"{name}: {value}")).hear("GET").status < 500


class TestSession:
    @pytest.mark.parametrize("name", [*NAMES.split(), *LONG_NAMES], ids=lambda name: name[:20])
    def test_strange_name_is_one_or_is_refused(self, server, name):
        count = len(server.sessions)
        with Line(server.url) as line:
            answer = line.send(head("GET", f"/~{name}{LIST}")).hear("GET")
        assert answer.status in (200, 400, 404)
        assert answer.status != 400 or len(server.sessions) == count

    def test_long_names_that_begin_alike_are_not_one(self, wire, server):
        for name in ("a" * 70 + "1", "a" * 70 + "2"):
            assert wire.send("GET", f"{server.url}/~{name}{LIST}").status == 400

    @pytest.mark.parametrize(
        "spelt", ["/~{other}/../~{name}", "/~{other}/~{name}", "/~{other}%2F..%2F~{name}", "/~{other}/%7E{name}"]
    )
    def test_is_not_reached_from_another_by_its_path(self, server, wire, spelt):
        name = wire.url.rpartition("~")[2]
        task_id = Desk(wire).task()
        target = spelt.format(name=name, other="other") + POLL.format(task_id=task_id)
        with Line(server.url) as line:
            answer = line.send(head("GET", target)).hear("GET")
        assert answer.status in (400, 404)

    @each_provider
    def test_reads_nothing_of_another(self, server, wire, provider):
        mine = wire.call(provider, "submit", {**example(provider), "async": True}).body
        task_id = mine.get("task_id") or mine["output"]["task_id"]
        other = type(wire)(f"{server.url}/~stranger")
        for endpoint in provider.endpoints.values():
            template = {"id": task_id, "ids": [task_id], "action": endpoint.data.get("body", {}).get("action")}
            if endpoint.name != "submit":
                query = "?action=getPolicy&model=a" if endpoint.name == "upload_policy" else ""
                answer = other.call(provider, endpoint.name, template, task_id=task_id, query=query)
                told = answer.raw.replace(task_id.encode(), b"")
                assert b"horse" not in told.lower() or endpoint.name == "limits"

    def test_clip_of_another_is_not_there(self, wire):
        clip = Desk(wire).until_done(Desk(wire).task()).body["output"]["video_url"]
        name = wire.url.rpartition("~")[2]
        assert wire.send("GET", clip.replace(f"/~{name}/", "/~stranger/")).status == 404
        assert wire.send("GET", clip.replace(f"/~{name}/", "/")).status == 404
