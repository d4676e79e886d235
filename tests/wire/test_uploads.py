"""Temporary files: policy, form, URL; what is refused is refused in the storage's XML and leaves nothing behind."""

import http.client
import re
import socket
import tempfile
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from io import BytesIO
from urllib.parse import urlsplit
from xml.etree import ElementTree

import orjson
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from happyhorse_spec.contract import load_provider, provider_names
from mockserver import uploads
from mockserver.clock import ClockMode
from mockserver.session import Settings

PROVIDERS = [load_provider(name) for name in provider_names()]
PROVIDER = next(provider for provider in PROVIDERS if "upload_policy" in provider.endpoints)
MODEL = PROVIDER.modes["i2v"].request.book.schema["examples"][0]["model"]
BOUNDARY = "9431149156168"


@pytest.fixture
def policy(wire):
    return ask(wire)


def ask(wire):
    return wire.call(PROVIDER, "upload_policy", query=f"?action=getPolicy&model={MODEL}").body["data"]


def picture(width=640, height=480, kind="PNG"):
    file = BytesIO()
    Image.new("RGB", (width, height), (90, 140, 40)).save(file, kind)
    return file.getvalue()


def fields(policy, name="first.png", changes=None):
    """The form's fields as the documentation lists them, then changed; None leaves one out."""
    form = {
        "OSSAccessKeyId": policy["oss_access_key_id"],
        "Signature": policy["signature"],
        "policy": policy["policy"],
        "key": f"{policy['upload_dir']}/{name}",
        "x-oss-object-acl": policy["x_oss_object_acl"],
        "x-oss-forbid-overwrite": policy["x_oss_forbid_overwrite"],
        "success_action_status": "200",
        "x-oss-content-type": "image/png",
    }
    return {key: value for key, value in (form | (changes or {})).items() if value is not None}


def part(name, value, more=""):
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + (value.encode() if isinstance(value, str) else value) + b"\r\n"


def encoded(form, file=b"", ending=f"--{BOUNDARY}--\r\n"):
    parts = [part(name, value) for name, value in form.items()]
    parts += [part("file", file, '; filename="first.png"')] if file is not None else []
    return b"".join(parts) + ending.encode()


def post(wire, policy, body, content_type=f"multipart/form-data; boundary={BOUNDARY}"):
    return wire.send("POST", policy["upload_host"], body, {"Content-Type": content_type})


def upload(wire, policy, file=None, name="first.png", changes=None):
    return post(wire, policy, encoded(fields(policy, name, changes), picture() if file is None else file))


def refusal(answer):
    assert answer.headers["Content-Type"] == "application/xml"
    return {element.tag: element.text for element in ElementTree.fromstring(answer.raw)}


def use(wire, url):
    """Submit a request that names an uploaded picture."""
    body = {"model": MODEL, "input": {"media": [{"type": "first_frame", "url": url}]}}
    return wire.call(PROVIDER, "submit", body, headers={"X-DashScope-OssResourceResolve": "enable"})


def is_stored(wire, policy, name="first.png"):
    return use(wire, f"oss://{policy['upload_dir']}/{name}").status == 200


def signed(session, key, limit=100, seconds=60):
    """A policy of this storage with a limit of one's own, in the shape of the documented answer."""
    now = session.clock.now()
    until = datetime.fromtimestamp(now + seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    rules = {"expiration": until, "conditions": [["content-length-range", 0, limit], ["starts-with", "$key", key]]}
    text = b64encode(orjson.dumps(rules)).decode()
    return {"policy": text, "Signature": uploads._signature(session, "LTAImine", text), "OSSAccessKeyId": "LTAImine"}


class TestPolicy:
    def test_answer_is_the_documented_one(self, wire):
        answer = wire.call(PROVIDER, "upload_policy", query=f"?action=getPolicy&model={MODEL}")
        schema = {"$ref": "#/$defs/upload_policy", "$defs": PROVIDER.answer_schemas["$defs"]}
        assert answer.status == 200
        assert list(Draft202012Validator(schema).iter_errors(answer.body)) == []
        example = PROVIDER.answer_schemas["$defs"]["upload_policy"]["examples"][0]["data"]
        assert answer.body["data"].keys() == example.keys()
        numbers = ("expire_in_seconds", "max_file_size_mb", "capacity_limit_mb")
        assert [answer.body["data"][name] for name in numbers] == [example[name] for name in numbers]

    def test_folder_is_fresh_and_dated_by_the_sessions_clock(self, play):
        wire = play(Settings(clock=ClockMode.MANUAL, start=datetime(2024, 7, 18, 12, tzinfo=UTC).timestamp()))
        first, second = ask(wire)["upload_dir"].split("/"), ask(wire)["upload_dir"].split("/")
        assert re.fullmatch(r"dashscope-instant/[0-9a-f]{32}/2024-07-18/[0-9a-f-]{36}", "/".join(first))
        assert first[:3] == second[:3]
        assert first[3] != second[3]

    def test_upload_host_keeps_the_session(self, wire, policy):
        assert policy["upload_host"] == f"{wire.url}/upload"

    @pytest.mark.parametrize("query", ["", "?action=getPolicy", f"?model={MODEL}", f"?action=put&model={MODEL}"])
    def test_query_that_asks_for_no_policy_is_refused(self, wire, query):
        assert wire.call(PROVIDER, "upload_policy", query=query).status == 400


class TestForm:
    @pytest.mark.parametrize(("asked", "status"), [("200", 200), ("204", 204), (None, 204), ("302", 204)])
    def test_answers_as_asked_with_nothing(self, wire, policy, asked, status):
        answer = upload(wire, policy, changes={"success_action_status": asked})
        assert (answer.status, answer.raw) == (status, b"")
        assert is_stored(wire, policy)

    def test_201_comes_with_a_document(self, wire, policy):
        answer = upload(wire, policy, name="a <b> & ü.png", changes={"success_action_status": "201"})
        document = ElementTree.fromstring(answer.raw)
        assert (answer.status, document.tag) == (201, "PostResponse")
        assert document.findtext("Key") == f"{policy['upload_dir']}/a <b> & ü.png"
        assert f'"{document.findtext("ETag")}"' == answer.headers["ETag"]

    def test_key_is_a_name_and_no_path(self, wire, policy):
        assert upload(wire, policy, name="../../../../etc/passwd").status == 200
        assert is_stored(wire, policy, "../../../../etc/passwd")
        assert not is_stored(wire, policy, "passwd")

    def test_what_follows_the_file_is_not_read(self, wire, policy):
        late = part("key", "elsewhere").decode() + f"--{BOUNDARY}--\r\n"
        assert post(wire, policy, encoded(fields(policy), picture(), late)).status == 200
        assert is_stored(wire, policy)

    def test_waits_for_the_word_to_go_on(self, policy):
        body, parts = encoded(fields(policy), picture()), urlsplit(policy["upload_host"])
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: mock\r\nExpect: 100-continue\r\nConnection: close\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
            connection.sendall(head.encode())
            assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(body)
            assert connection.recv(1024).startswith(b"HTTP/1.1 200 OK")

    def test_chunked_form_is_read(self, wire, policy):
        body, parts = encoded(fields(policy), picture()), urlsplit(policy["upload_host"])
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        connection.request("POST", parts.path, iter([body[:700], body[700:]]), kind, encode_chunked=True)
        assert connection.getresponse().status == 200
        connection.close()
        assert is_stored(wire, policy)

    def test_large_file_leaves_nothing_on_disk(self, wire, policy, tmp_path, monkeypatch):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        file = picture() + bytes(3 * uploads.SPOOL_BYTES)
        assert upload(wire, policy, file).status == 200
        assert is_stored(wire, policy)
        assert list(tmp_path.iterdir()) == []


class TestRefusal:
    def test_policy_ends_after_its_seconds(self, wire, session, policy):
        session.clock.advance(policy["expire_in_seconds"] - 0.01)
        assert upload(wire, policy, name="in-time.png").status == 200
        session.clock.advance(0.02)
        answer = upload(wire, policy)
        assert answer.status == 403
        told = refusal(answer)
        assert (told["Code"], told["Message"]) == ("AccessDenied", "Invalid according to Policy: Policy expired.")
        assert not is_stored(wire, policy)

    @pytest.mark.parametrize("key", ["first.png", "{dir}first.png", "/{dir}/first.png", "{dir}-more/first.png", ""])
    def test_key_outside_the_folder(self, wire, policy, key):
        answer = upload(wire, policy, changes={"key": key.format(dir=policy["upload_dir"])})
        assert (answer.status, refusal(answer)["Code"]) == (403, "AccessDenied")
        rule = f'["starts-with", "$key", "{policy["upload_dir"]}/"]'
        assert refusal(answer)["Message"] == f"Invalid according to Policy: Policy Condition failed: {rule}"

    def test_key_longer_than_the_storage_takes(self, wire, policy):
        longest = 1023 - len(policy["upload_dir"]) - 1
        assert upload(wire, policy, name="a" * longest).status == 200
        answer = upload(wire, policy, name="a" * (longest + 1))
        assert (answer.status, refusal(answer)["Code"]) == (400, "InvalidObjectName")

    @pytest.mark.parametrize("name", ["key", "policy", "Signature", "OSSAccessKeyId"])
    def test_missing_field_is_named(self, wire, policy, name):
        answer = upload(wire, policy, changes={name: None})
        assert (answer.status, refusal(answer)["Code"]) == (400, "InvalidArgument")
        assert refusal(answer)["Message"].startswith(f"The bucket POST must contain the specified '{name}'.")

    def test_form_without_any_signature(self, wire, policy):
        answer = post(wire, policy, encoded({"key": "a.png"}, picture()))
        assert (answer.status, refusal(answer)["Code"]) == (403, "AccessDenied")

    def test_key_after_the_file_comes_too_late(self, wire, policy):
        body = encoded(
            fields(policy, changes={"key": None}), picture(), part("key", "x").decode() + f"--{BOUNDARY}--\r\n"
        )
        answer = post(wire, policy, body)
        assert (answer.status, refusal(answer)["ArgumentName"]) == (400, "key")

    @pytest.mark.parametrize("name", ["Signature", "policy", "OSSAccessKeyId"])
    def test_altered_field_does_not_match(self, wire, policy, name):
        value = fields(policy)[name]
        altered = ("A" if value[0] != "A" else "B") + value[1:]
        answer = upload(wire, policy, changes={name: altered})
        assert (answer.status, refusal(answer)["Code"]) == (403, "SignatureDoesNotMatch")

    def test_policy_of_another_session_does_not_match(self, wire, server):
        foreign = ask(type(wire)(f"{server.url}/~elsewhere"))
        answer = upload(wire, foreign | {"upload_host": f"{wire.url}/upload"})
        assert (answer.status, refusal(answer)["Code"]) == (403, "SignatureDoesNotMatch")

    def test_form_without_a_file(self, wire, policy):
        answer = post(wire, policy, encoded(fields(policy), None))
        assert (answer.status, refusal(answer)["Code"]) == (400, "IncorrectNumberOfFilesInPOSTRequest")

    def test_file_larger_than_the_policy_allows(self, wire, session, policy):
        small = signed(session, policy["upload_dir"], limit=100)
        assert upload(wire, policy, bytes(100), "a.png", small).status == 200
        answer = upload(wire, policy, bytes(101), "b.png", small)
        assert (answer.status, refusal(answer)["Code"]) == (400, "EntityTooLarge")

    def test_policy_allows_what_the_answer_says(self, policy):
        rules = orjson.loads(b64decode(policy["policy"]))
        assert rules["conditions"][0] == ["content-length-range", 0, policy["max_file_size_mb"] * 1024 * 1024]

    def test_overwrites_only_if_it_may(self, wire, policy):
        assert upload(wire, policy, picture(100, 100)).status == 200
        answer = upload(wire, policy)
        assert (answer.status, refusal(answer)["Code"]) == (409, "FileAlreadyExists")
        assert not is_stored(wire, policy), "the first file stays, and it is too small"
        assert upload(wire, policy, changes={"x-oss-forbid-overwrite": "false"}).status == 200
        assert is_stored(wire, policy)

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
    def test_only_forms_are_posted(self, wire, policy, method):
        answer = wire.send(method, policy["upload_host"])
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")

    def test_body_that_is_no_form(self, wire, policy):
        answer = post(wire, policy, b"{}", "application/json")
        assert (answer.status, refusal(answer)["Code"]) == (400, "RequestIsNotMultiPartContent")

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"", "MalformedPOSTRequest"),
            (b"hello", "MalformedPOSTRequest"),
            (bytes(100_000), "MalformedPOSTRequest"),
            (part("key", "a"), "MalformedPOSTRequest"),
            (encoded({"key": b"\xff\xfe"}), "MalformedPOSTRequest"),
            (f"--{BOUNDARY}\r\n\r\nnameless\r\n".encode() + encoded({}), "MalformedPOSTRequest"),
            (
                f"--{BOUNDARY}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b--".encode(),
                "MalformedPOSTRequest",
            ),
            (f"--{BOUNDARY}\r\nContent-Disposition: {'a' * 100_000}\r\n\r\n".encode(), "MalformedPOSTRequest"),
            (f"--{BOUNDARY}\r\n{'A: b' * 9}\r\n".encode() * 999, "MalformedPOSTRequest"),
            (f"--{BOUNDARY}\r\n".encode() + b"A: b\r\n" * 9999, "MalformedPOSTRequest"),
            (encoded({f"x-{number}": "a" for number in range(99)}), "MalformedPOSTRequest"),
            (encoded({"key": "a" * 100_000}), "FieldItemTooLong"),
        ],
        ids=[
            *("empty", "text", "zeros", "broken-off", "not-utf-8", "nameless", "nested", "long-header", "no-headers"),
            *("many-headers", "many-fields", "long-field"),
        ],
    )
    def test_form_that_cannot_be_read(self, wire, policy, body, code):
        answer = post(wire, policy, body)
        assert (answer.status, refusal(answer)["Code"]) == (400, code)
        assert upload(wire, policy).status == 200

    @pytest.mark.parametrize("kind", ["multipart/form-data", f"multipart/form-data; boundary={'b' * 71}"])
    def test_form_without_a_boundary(self, wire, policy, kind):
        answer = post(wire, policy, encoded(fields(policy), picture()), kind)
        assert (answer.status, refusal(answer)["Code"]) == (400, "MalformedPOSTRequest")

    def test_file_that_breaks_off_is_not_stored(self, wire, policy):
        answer = post(wire, policy, encoded(fields(policy), picture(), "").removesuffix(b"\r\n"))
        assert (answer.status, refusal(answer)["Code"]) == (400, "MalformedPOSTRequest")
        assert not is_stored(wire, policy)

    def test_client_that_hangs_up_leaves_nothing(self, wire, policy, session, caplog):
        body, parts = encoded(fields(policy), picture()), urlsplit(policy["upload_host"])
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: mock\r\nContent-Length: {len(body)}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
        )
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
            connection.sendall(head.encode() + body[:-200])
        assert not is_stored(wire, policy)
        assert session.uploads == {}
        assert caplog.records == []

    def test_client_that_falls_silent_is_let_go(self, policy, monkeypatch):
        monkeypatch.setattr(uploads, "FORM_SECONDS", 0.05)
        parts = urlsplit(policy["upload_host"])
        head = f"POST {parts.path} HTTP/1.1\r\nHost: mock\r\nContent-Length: 9999\r\n"
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
            connection.sendall(f"{head}Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n".encode())
            answer = connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"<Code>RequestTimeout</Code>" in answer


class TestUrl:
    def test_lasts_as_long_as_documented(self, wire, session, policy):
        assert upload(wire, policy).status == 200
        session.clock.advance(PROVIDER.data["retention"]["upload_seconds"]["value"])
        assert is_stored(wire, policy)
        session.clock.advance(1)
        answer = use(wire, f"oss://{policy['upload_dir']}/first.png")
        assert answer.status == 400
        assert answer.body["message"] == f"Failed to download oss://{policy['upload_dir']}/first.png"

    def test_belongs_to_its_session(self, wire, server, policy):
        assert upload(wire, policy).status == 200
        assert not is_stored(type(wire)(f"{server.url}/~elsewhere"), policy)

    def test_oldest_file_gives_way(self, wire, policy, monkeypatch):
        monkeypatch.setattr(uploads, "KEPT_FILES", 2)
        for name in ("a.png", "b.png", "c.png"):
            assert upload(wire, policy, name=name).status == 200
        assert [is_stored(wire, policy, name) for name in ("a.png", "b.png", "c.png")] == [False, True, True]
