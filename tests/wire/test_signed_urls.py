"""Who may fetch a result, and until when: signatures, expiry, and refusals in the storage's XML."""

import re
import socket
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from results import PROVIDERS, each_open, each_provider, each_signed, poll, refusal, result_url, task_id


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
