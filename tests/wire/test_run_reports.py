"""What `run` writes: text, JSON, JUnit; and what it never writes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from base64 import b64decode
from functools import partial
from html import unescape
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
import xmlschema
from running import BODY, KEY, POLL, RUNNING, SUBMIT, SUBMITTED, make_gateway, stand_alone, write_spec
from scripted import Say, scripted

from happyhorse_spec.cli import main
from happyhorse_spec.client import Client
from happyhorse_spec.runner import stop
from happyhorse_spec.spec_reader import read_specs
from happyhorse_spec.trail import Trail


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    stand_alone(monkeypatch)
    monkeypatch.chdir(tmp_path)  # a live run writes its ledger where it is started


@pytest.fixture
def spec(tmp_path):
    return partial(write_spec, tmp_path)


@pytest.fixture
def gateway(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return partial(make_gateway, tmp_path)


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_no_output_shows_a_secret(options, spec, gateway, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    monkeypatch.setenv("PASSPHRASE", "canary-from-the-environment")
    echo = f"key {KEY} of canary-from-the-environment is wrong; Authorization: Bearer canary-elsewhere"
    refused = Say(401, {"code": "InvalidApiKey", "message": echo, "request_id": "r", "api_key": "canary-in-the-answer"})
    body = {
        **BODY,
        "api_key": "canary-in-the-body",
        "hook": "https://me:canary-password@example.com/?token=canary-token",
    }
    with scripted({SUBMIT: [refused]}) as server:
        headers = {"X-Auth-Token": "canary-in-a-header", "X-Note": "${env.PASSPHRASE}"}
        path = spec(provider=gateway(server.url), request=body, headers=headers)
        assert main(["run", "--live", "--yes", path, "--junit", str(tmp_path / "junit.xml"), *options]) == 1
        assert server.asked[0].headers["X-Note"] == "canary-from-the-environment"
    told = capsys.readouterr()
    for text in (told.out, told.err, (tmp_path / "junit.xml").read_text("utf-8")):
        assert "canary" not in text
    assert "InvalidApiKey" in told.out


def test_fault_of_this_program_shows_no_secret_and_spares_the_others(spec, monkeypatch, capsys):
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    send = Client.submit

    async def broken(self, body, headers, seconds):
        if body["input"]["prompt"] == "broken":
            raise RuntimeError(f"a bug with {KEY}")
        return await send(self, body, headers, seconds)

    monkeypatch.setattr(Client, "submit", broken)
    assert main(["run", spec(), spec("broken", request={**BODY, "input": {"prompt": "broken"}})]) == 1
    told = capsys.readouterr()
    assert KEY not in told.out + told.err
    assert "a fault of this program: RuntimeError: a bug with ***" in told.out
    assert "1 passed, 1 failed" in told.out


def test_answer_cannot_write_to_the_terminal(spec, capsys):
    refused = Say(400, {"code": "X", "message": "\x1b[2J\x07bell", "request_id": "r"})
    with scripted({SUBMIT: [refused]}) as server:
        main(["run", spec(), "--url", server.url])
    told = capsys.readouterr().out
    assert "bell" in told
    assert "\x1b" not in told


def test_junit_tells_failures_from_errors(spec, tmp_path):
    good, bad = spec(), spec("bad", expect={"clip": {"width": 1}})
    assert main(["run", good, bad, "--junit", str(tmp_path / "r" / "junit.xml")]) == 1
    (suite,) = ElementTree.parse(tmp_path / "r" / "junit.xml").getroot()
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("dashscope", "2", "1")
    failure = suite.find("testcase/failure")
    assert failure.get("type") == "expectation"
    assert f"{bad}:4:" in failure.text
    assert [file.name for file in (tmp_path / "r").iterdir()] == ["junit.xml"]


def test_json_tells_everything(spec, capsys):
    path = spec(expect={"clip": {"width": 1280}})
    assert main(["run", path, "--json"]) == 0
    told = capsys.readouterr()
    report = json.loads(told.out)
    (entry,) = report["specs"]
    assert (report["passed"], report["failed"]) == (1, 0)
    assert (entry["name"], entry["file"], entry["line"], entry["body"]) == ("horse", path, 1, BODY)
    assert [step["state"] for step in entry["states"]] == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert (entry["clip"]["width"], entry["saved"]) == (1280, None)
    assert "ok    dashscope/horse" in told.err


def test_ctrl_c_tells_what_it_leaves_and_ends_with_130(spec, monkeypatch, capsys):
    async def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "poll", interrupt)
    assert main(["run", spec()]) == 130
    assert re.search("stopped; task [0-9a-f-]+ goes on at the provider", capsys.readouterr().out)


def test_folder_that_cannot_be_made_is_told(spec, capsys):
    path = spec()
    assert main(["run", path, "--out", f"{path}/clips"]) == 2
    assert f"{path}/clips: Not a directory; choose another folder" in capsys.readouterr().err


def test_run_that_is_stopped_tells_what_it_leaves(spec):
    trails = [Trail(spec) for spec in read_specs([spec("a"), spec("b"), spec("c")])]
    trails[0].sent, trails[0].task_id = "POST x", "t-1"
    trails[1].sent = "POST x"
    stop(trails)
    told = [trail.problems[0].message for trail in trails]
    assert told == [
        "stopped; task t-1 goes on at the provider",
        "stopped while the submit was under way: it is not known whether there is a task",
        "stopped before it was sent",
    ]


def test_ctrl_c_tells_which_task_goes_on(spec):
    # A parent that ignores the signal, as a shell does for what runs in the background, would hand that down.
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "from happyhorse_spec.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "run", spec(poll={"interval": 0.01})]
    with scripted({SUBMIT: [SUBMITTED], POLL: [RUNNING]}) as server:
        output = subprocess.PIPE
        running = subprocess.Popen([*command, "--url", server.url], stdout=output, stderr=output, text=True)
        while not server.times("/tasks/t-1"):
            assert running.poll() is None
            server.heard.wait(0.1)
        running.send_signal(signal.SIGINT)
        told, errors = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "stopped; task t-1 goes on at the provider" in told
    assert "Traceback" not in told + errors


JUNIT = """
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:complexType name="told" mixed="true">
    <xs:attribute name="type" use="required"/><xs:attribute name="message" use="required"/>
  </xs:complexType>
  <xs:complexType name="case">
    <xs:choice minOccurs="0" maxOccurs="unbounded">
      <xs:element name="failure" type="told"/><xs:element name="error" type="told"/>
      <xs:element name="system-out" type="xs:string"/>
    </xs:choice>
    <xs:attribute name="name" use="required"/><xs:attribute name="classname" use="required"/>
    <xs:attribute name="time" type="xs:decimal" use="required"/>
  </xs:complexType>
  <xs:attributeGroup name="counts">
    <xs:attribute name="tests" type="xs:integer" use="required"/>
    <xs:attribute name="failures" type="xs:integer" use="required"/>
    <xs:attribute name="errors" type="xs:integer" use="required"/>
    <xs:attribute name="skipped" type="xs:integer"/><xs:attribute name="time" type="xs:decimal" use="required"/>
  </xs:attributeGroup>
  <xs:complexType name="suite">
    <xs:sequence><xs:element name="testcase" type="case" maxOccurs="unbounded"/></xs:sequence>
    <xs:attribute name="name" use="required"/><xs:attributeGroup ref="counts"/>
  </xs:complexType>
  <xs:element name="testsuites">
    <xs:complexType>
      <xs:sequence><xs:element name="testsuite" type="suite" maxOccurs="unbounded"/></xs:sequence>
      <xs:attributeGroup ref="counts"/>
    </xs:complexType>
  </xs:element>
</xs:schema>
"""


def test_junit_has_the_form_that_readers_of_it_expect(spec, tmp_path):
    refused = Say(400, {"code": "X", "message": "<\x00&]]>", "request_id": "r"})
    with scripted({SUBMIT: [refused]}) as server:
        main(["run", spec(), "--url", server.url, "--junit", str(tmp_path / "a.xml")])
    main(["run", spec(), spec("bad", expect={"clip": {"width": 1}}), "--junit", str(tmp_path / "b.xml")])
    schema = xmlschema.XMLSchema(JUNIT)
    for name in "ab":
        schema.validate(str(tmp_path / f"{name}.xml"))


class Page(HTMLParser):
    """The tags of a page and their attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def test_page_stands_alone_and_plays_its_clips(spec, tmp_path):
    good, bad = spec(), spec("bad", expect={"clip": {"width": 1920}})
    words = ["run", good, bad, "--out", str(tmp_path / "clips"), "--html", str(tmp_path / "r" / "page.html")]
    assert main(words) == 1
    text = (tmp_path / "r" / "page.html").read_text("utf-8")
    page = Page(text)
    assert {attributes["preload"] for tag, attributes in page.tags if tag == "video"} == {"auto"}  # shows a picture
    clips = [attributes["src"] for tag, attributes in page.tags if tag == "video"]
    files = sorted(file.read_bytes() for file in (tmp_path / "clips").iterdir())
    assert sorted(b64decode(clip.removeprefix("data:video/mp4;base64,")) for clip in clips) == files
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert f"{bad}:4:" in text
    assert "the clip&#39;s width is 1280; 1920 was expected" in text
    assert "-H &#34;Authorization: Bearer $DASHSCOPE_API_KEY&#34;" in text


def test_page_links_to_a_clip_that_is_too_large_for_it(spec, tmp_path, monkeypatch):
    monkeypatch.setattr("happyhorse_spec.report.html.MAX_EMBEDDED", 10)
    assert main(["run", spec(), "--out", str(tmp_path / "a b"), "--html", str(tmp_path / "page.html")]) == 0
    (src,) = [tag[1]["src"] for tag in Page((tmp_path / "page.html").read_text("utf-8")).tags if tag[0] == "video"]
    assert (tmp_path / unquote(src)).read_bytes()[4:8] == b"ftyp"


def test_answer_cannot_write_into_the_page(spec, tmp_path):
    refused = Say(400, {"code": "X", "message": "<script>alert(1)</script>", "request_id": "r"})
    with scripted({SUBMIT: [refused]}) as server:
        main(["run", spec(), "--url", server.url, "--html", str(tmp_path / "page.html")])
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "alert(1)" in text
    assert "<script" not in text


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_curl_line_of_the_page_is_a_command(spec, tmp_path):
    body = {**BODY, "input": {"prompt": "it's a $HOME `horse`"}}
    with scripted({SUBMIT: [SUBMITTED]}) as server:
        path = spec(request=body, expect={"accepted": True})
        main(["run", path, "--url", server.url, "--html", str(tmp_path / "page.html")])
        text = unescape((tmp_path / "page.html").read_text("utf-8"))
        command = re.search(r"<pre>(curl .*?)</pre>", text, re.DOTALL)[1]
        env = {**os.environ, "DASHSCOPE_API_KEY": "sk-own", "no_proxy": "*"}
        subprocess.run(["bash", "-c", command], env=env, check=True, capture_output=True)
        ours, again = server.asked
    assert json.loads(again.body) == json.loads(ours.body) == body
    assert again.headers["Authorization"] == "Bearer sk-own"
    assert again.headers["X-DashScope-Async"] == "enable"


def test_report_that_cannot_be_written_is_told_in_one_line(spec, tmp_path, capsys):
    (tmp_path / "page.html").mkdir()
    assert main(["run", spec(), "--html", str(tmp_path / "page.html")]) == 3
    assert "the report cannot be written" in capsys.readouterr().err
