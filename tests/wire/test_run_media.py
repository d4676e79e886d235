"""Local files that a spec names as media: uploaded, written into the request, or refused before anything is sent."""

import json
import signal
import subprocess
import sys
import time
from base64 import b64encode
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image
from running import POLL, SUBMIT, SUBMITTED, run_specs, stand_alone, succeeded, write_spec
from scripted import CUT, HELD, Say, scripted

from happyhorse_spec.cli import main
from happyhorse_spec.client import Patience
from happyhorse_spec.ledger import read_ledger
from happyhorse_spec.trail import Kind
from mockserver.clip import Clip, render

FORM = "/form"
SIGNED = {"policy": "policy-canary", "signature": "signature-canary", "oss_access_key_id": "id-canary"}
DENIED = Say(403, b"<Error><Code>AccessDenied</Code><Message>No.</Message><Sign>signature-canary</Sign></Error>")


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    stand_alone(monkeypatch)
    monkeypatch.setattr(Patience, "_wait", lambda *_: 0.0)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def spec(tmp_path):
    return partial(write_spec, tmp_path)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "frame.png"
    Image.new("RGB", (400, 300)).save(path)
    return path


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "ride.mp4"
    path.write_bytes(render(Clip(width=1280, height=720, frames=96, fps=24, seed="x", label="x", watermark=None)))
    return path


def frame(url="frame.png"):
    media = [{"type": "first_frame", "url": url}]
    return {"model": "happyhorse-1.0-i2v", "input": {"media": media}, "parameters": {"duration": 3}}


def policy(model="happyhorse-1.0-i2v"):
    return f"/api/v1/uploads?action=getPolicy&model={model}"


def permission(server, **members):
    data = {"upload_dir": "dir/1", "upload_host": server.url + FORM, "max_file_size_mb": 100, **SIGNED}
    terms = {"expire_in_seconds": 300, "capacity_limit_mb": 9}
    terms |= {"x_oss_object_acl": "private", "x_oss_forbid_overwrite": "true"}
    return Say(body={"request_id": "r", "data": {**data, **terms, **members}})


def storage(server, *forms, **members):
    """A server that takes files, and then requests."""
    server.scripts |= {policy(): [permission(server, **members)], FORM: list(forms) or [Say(200)]}
    server.scripts |= {SUBMIT: [SUBMITTED], POLL: [succeeded(f"{server.url}/clip.mp4")]}


@pytest.mark.parametrize("name", ["frame.png", "folder/a frame.png", "file:{}/frame.png"])
def test_picture_is_uploaded_and_named_by_its_url(name, spec, tmp_path, picture):
    path = tmp_path / name.removeprefix("file:{}/")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(picture.read_bytes())
    with scripted({}) as server:
        storage(server)
        (trail,) = run_specs(server.url, spec(request=frame(name.format(tmp_path)), expect={"accepted": True}))
        asked, posted, sent = server.asked
    assert trail.has_passed
    assert [exchange.seconds < 0 for exchange in trail.exchanges] == [True, True, False]
    assert asked.headers["Authorization"] == "Bearer sk-mock"
    assert "Authorization" not in posted.headers
    assert path.read_bytes() in posted.body
    assert posted.body.index(b'name="Signature"') < posted.body.index(b'name="file"')
    key = f"dir/1/{sha256(path.read_bytes()).hexdigest()[:32]}.png"
    assert key.encode() in posted.body
    assert json.loads(sent.body)["input"]["media"][0]["url"] == f"oss://{key}"
    assert sent.headers["X-DashScope-OssResourceResolve"] == "enable"


def test_film_and_picture_are_edited_by_the_mock(spec, film, picture, capsys):
    media = [{"type": "video", "url": film.name}, {"type": "reference_image", "url": picture.name}]
    body = {"model": "happyhorse-1.0-video-edit", "input": {"prompt": "A coat.", "media": media}}
    path = spec(request={**body, "parameters": {"resolution": "720P"}}, expect={"clip": {"duration": 4}})
    assert main(["cost", path]) == 0
    assert "dashscope/horse: 7.20 CNY (8 s at 0.9 CNY" in capsys.readouterr().out
    assert main(["check", path]) == 0
    assert main(["run", path]) == 0


def test_provider_without_uploads_gets_a_data_url(spec, picture, server):
    images = [{"url": picture.name, "reference_type": "first_frame"}]
    body = {"model": "dashscope/happyhorse-1.0", "prompt": "A horse.", "duration": 3, "reference_images": images}
    (trail,) = run_specs(f"{server.url}/~data-url", spec(provider="imini", request=body, expect={"accepted": True}))
    assert trail.problems == []
    inside = "data:image/png;base64," + b64encode(picture.read_bytes()).decode()
    assert trail.body["reference_images"][0]["url"] == inside


@pytest.mark.parametrize("command", ["check", "run"])
def test_place_that_takes_no_file_is_told_before_anything_is_sent(command, spec, picture, capsys):
    body = {"model": "happyhorse-1.0-i2v", "action": "image_to_video", "prompt": "x", "image_url": picture.name}
    path = spec(provider="acedata", request={**body, "async": True})
    assert main([command, path]) == 1
    told = capsys.readouterr().out
    assert f"{path}:3:98: " in told
    assert 'image_url is "frame.png"' in told
    assert "the provider takes none here, neither uploaded nor inside the request. Give a public http(s) URL" in told


def test_file_that_is_missing_is_told_before_anything_is_sent(spec):
    with scripted({}) as server:
        (trail,) = run_specs(server.url, spec(request=frame()))
        assert server.asked == []
    (problem,) = trail.problems
    assert "input.media[0].url: the file cannot be read" in problem.message
    assert problem.place.line == 3


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("missing.png", "It cannot be read (No such file or directory); check name and permissions."),
        (".", "It is no file, or larger than 1024 MB."),
    ],
    ids=["missing", "folder"],
)
def test_file_that_cannot_be_read_is_never_sent(url, told, spec):
    with scripted({}) as server:
        (trail,) = run_specs(server.url, spec(request=frame(url), expect={"rejected": {}}))
        assert server.asked == []
    (problem,) = trail.problems
    assert told in problem.message


def test_file_that_is_no_picture_is_never_sent(spec, tmp_path):
    (tmp_path / "notes.txt").write_text("canary", "utf-8")
    with scripted({}) as server:
        (trail,) = run_specs(server.url, spec(request=frame("notes.txt"), expect={"rejected": {}}))
        assert server.asked == []
    (problem,) = trail.problems
    assert "It is no picture and no clip" in problem.message


@pytest.mark.usefixtures("picture")
def test_estimate_uploads_nothing(spec):
    with scripted({}) as server:
        assert main(["run", "--dry-run", spec(request=frame()), "--url", server.url]) == 0
        assert server.asked == []


#: What the storage says -> forms that are posted, whether the request leaves, what is told.
STORAGES = {
    "down-then-back": ([Say(503), CUT, Say(200)], 3, True, ""),
    "down": ([Say(503)], 6, False, "the upload of frame.png failed: HTTP 503"),
    "cut": ([CUT], 6, False, "the upload of frame.png failed: Server disconnected"),
    "refuses": ([DENIED], 1, False, "the upload of frame.png was refused: HTTP 403 AccessDenied: No."),
}


@pytest.mark.usefixtures("picture")
@pytest.mark.parametrize("name", STORAGES)
def test_request_leaves_only_when_its_file_is_there(name, spec, capsys):
    forms, posts, leaves, told = STORAGES[name]
    with scripted({}) as server:
        storage(server, *forms)
        path = spec(request=frame(), expect={"accepted": True})
        assert main(["run", path, "--url", server.url, "--ledger", "run/ledger.jsonl"]) == (0 if leaves else 1)
        assert server.times(FORM) == posts
        assert server.times("/uploads") == posts
        assert server.times("/video-synthesis") == leaves
    assert told in capsys.readouterr().out


@pytest.mark.usefixtures("picture")
@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"max_file_size_mb": 0}, "frame.png has 0.0 MB; the provider takes at most 0 MB in an upload"),
        ({"max_file_size_mb": "0"}, "the provider takes at most 0 MB in an upload"),
        ({"upload_host": 7}, "got no permission: contract violation: "),
        ({"upload_host": "ftp://there"}, "data.upload_host is"),
    ],
    ids=["too-large", "too-large-in-text", "unknown", "no-http"],
)
def test_permission_that_does_not_fit_ends_it(members, told, spec):
    with scripted({}) as server:
        storage(server, **members)
        (trail,) = run_specs(server.url, spec(request=frame()))
        assert [asked.path for asked in server.asked] == [policy()]
    assert told in trail.problems[0].message
    assert trail.problems[0].place.line == 3


@pytest.mark.usefixtures("picture")
def test_permission_that_does_not_come_ends_it_and_costs_nothing(spec, capsys):
    with scripted({policy(): [CUT]}) as server:
        words = ["--budget", "5 CNY", "--jobs", "1", "--url", server.url]
        path, other = spec(request=frame(), expect={"accepted": True}), spec("mare", expect={"accepted": True})
        server.scripts[SUBMIT] = [SUBMITTED]
        assert main(["run", path, other, *words]) == 1
        assert server.times("/video-synthesis") == 1
    told = capsys.readouterr().out
    assert "Server disconnected" in told
    assert "ok    dashscope/mare" in told


@pytest.mark.usefixtures("picture")
def test_wrong_key_gets_no_permission(spec):
    refused = Say(401, {"code": "InvalidApiKey", "message": "No.", "request_id": "r"})
    with scripted({policy(): [refused]}) as server:
        (trail,) = run_specs(server.url, spec(request=frame()))
        assert server.times("/uploads") == 1
    assert "the upload of frame.png was refused: HTTP 401 InvalidApiKey: No." in trail.problems[0].message


@pytest.mark.usefixtures("picture")
def test_nobody_there_is_no_finding(spec):
    (trail,) = run_specs("http://127.0.0.1:9", spec(request=frame()))
    assert trail.problems[0].kind is Kind.UNREACHABLE


def kill_in_the_upload(server, path):
    """Kill a run while its file is on the way."""
    words = [sys.executable, "-m", "happyhorse_spec.cli", "run", path, "--url", server.url, "--ledger", "run/l.jsonl"]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while not server.times(FORM):
        assert running.poll() is None, running.stdout.read().decode()
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=20)
    server.released.set()


def test_run_killed_in_its_upload_is_resumed_with_another_one(spec, picture):
    with scripted({}) as server:
        storage(server, HELD, Say(200))
        kill_in_the_upload(server, spec(request=frame(), expect={"accepted": True}, poll={"interval": 0}))
        assert [record["event"] for record in read_ledger(Path("run/l.jsonl"))] == ["run", "spec"]
        server.scripts["*"] = [Say(200, picture.read_bytes())]
        assert main(["resume", "run/l.jsonl"]) == 0
        assert server.times("/video-synthesis") == 1
        assert server.times(FORM) == 2
        assert main(["resume", "run/l.jsonl"]) == 0
        assert server.times(FORM) == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda path: Image.new("RGB", (500, 300)).save(path), "frame.png has changed since the run began; it was not"),
        (lambda path: path.unlink(), "input.media[0].url: the file cannot be read"),
    ],
    ids=["changed", "vanished"],
)
def test_resume_does_not_send_another_file(change, told, spec, picture, capsys):
    with scripted({}) as server:
        storage(server, HELD, Say(200))
        kill_in_the_upload(server, spec(request=frame()))
        change(picture)
        assert main(["resume", "run/l.jsonl"]) != 0
        assert server.times("/video-synthesis") == 0
    assert told in capsys.readouterr().out


@pytest.mark.usefixtures("picture")
def test_what_the_policy_signs_is_shown_nowhere(spec, capsys, tmp_path):
    out = tmp_path / "out"
    words = ["--json", "--junit", str(out / "j.xml"), "--html", str(out / "h.html"), "--ledger", str(out / "l.jsonl")]
    for forms in ([Say(200)], [DENIED]):
        with scripted({}) as server:
            storage(server, *forms)
            main(["run", spec(request=frame(), expect={"accepted": True}), "--url", server.url, *words])
        told = capsys.readouterr()
        shown = [told.out, told.err, *(file.read_text("utf-8") for file in out.iterdir())]
        assert len(shown) >= 4
        assert "canary" not in "".join(shown)
        (out / "l.jsonl").unlink(missing_ok=True)


@pytest.mark.usefixtures("picture")
def test_page_shows_the_upload_as_a_command(spec, tmp_path):
    page = tmp_path / "page.html"
    with scripted({}) as server:
        storage(server)
        main(["run", spec(request=frame(), expect={"accepted": True}), "--url", server.url, "--html", str(page)])
    told = page.read_text("utf-8")
    assert "-F file=@frame.png" in told
    assert "-F &#39;Signature=***&#39;" in told
    assert "upload_policy" in told
