"""`run` against servers that misbehave: a submit leaves once, polls and downloads are repeated, nothing is guessed."""

import re
from functools import partial

import pytest
from running import POLL, RUNNING, SUBMIT, SUBMITTED, USAGE, WRONG, run_specs, stand_alone, succeeded, write_spec
from scripted import CUT, Say, scripted

from happyhorse_spec.cli import main
from happyhorse_spec.trail import Kind


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    stand_alone(monkeypatch)


@pytest.fixture
def spec(tmp_path):
    return partial(write_spec, tmp_path)


@pytest.mark.parametrize(
    ("line", "kind", "sentence"),
    [
        pytest.param(CUT, Kind.AMBIGUOUS, "the submit got no answer", id="cut"),
        pytest.param(Say(body=SUBMITTED.body, lacks=5), Kind.AMBIGUOUS, "the submit got no answer", id="cut-inside"),
        pytest.param(Say(200, b"<html>Hello"), Kind.CONTRACT, "the answer is no JSON: <html>Hello", id="html"),
        pytest.param(Say(502, b"Bad gateway"), Kind.CONTRACT, "the answer is no JSON: Bad gateway", id="502"),
        pytest.param(Say(200, {"id": "t-1"}), Kind.CONTRACT, "the answer is no submitted: ", id="unknown"),
        pytest.param(
            Say(307, b"", {"Location": "/elsewhere"}),
            Kind.CONTRACT,
            "the answer is no JSON: it is empty",
            id="redirect",
        ),
    ],
)
def test_submit_is_never_sent_again(line, kind, sentence, spec):
    with scripted({SUBMIT: [line, SUBMITTED], "*": [succeeded()]}) as server:
        (trail,) = run_specs(server.url, spec())
        assert server.times("/video-synthesis") == 1
        assert server.times("/elsewhere") == 0
    (problem,) = trail.problems
    assert problem.kind is kind
    assert sentence in problem.message
    assert "not known whether there is a task now, and it was not sent again" in problem.message


def test_task_without_a_name_cannot_be_followed(spec):
    nameless = Say(body={"request_id": "r", "output": {"task_id": "", "task_status": "PENDING"}})
    with scripted({SUBMIT: [nameless]}) as server:
        (trail,) = run_specs(server.url, spec())
        assert len(server.asked) == 1
    assert "contract violation: the answer to the submit names no task" in trail.problems[0].message


def test_submit_that_is_throttled_is_not_sent_again(spec):
    throttled = Say(429, {"code": "Throttling", "message": "slow down", "request_id": "r"}, {"Retry-After": "0"})
    with scripted({SUBMIT: [throttled, SUBMITTED]}) as server:
        (trail,) = run_specs(server.url, spec())
        assert len(server.asked) == 1
    (problem,) = trail.problems
    assert problem.message == "the request was refused: HTTP 429 Throttling: slow down"


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(CUT, id="cut"),
        pytest.param(Say(body=RUNNING.body, lacks=5), id="cut-inside"),
        pytest.param(Say(200, b"<html>"), id="html"),
        pytest.param(Say(500, b"oops"), id="500"),
        pytest.param(Say(503, {"code": "x", "message": "y", "request_id": "r"}), id="503"),
        pytest.param(Say(429, b"", {"Retry-After": "0"}), id="429"),
        pytest.param(Say(429, b"", {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), id="429-until-a-date"),
    ],
)
def test_poll_is_repeated(line, spec):
    with scripted({SUBMIT: [SUBMITTED], POLL: [line, line, RUNNING, line, succeeded()]}) as server:
        (trail,) = run_specs(server.url, spec(poll={"interval": 0}))
        assert server.times("/tasks/t-1") == 5
        assert server.times("/video-synthesis") == 1
    assert trail.has_passed
    assert [step.word for step in trail.steps] == ["PENDING", "RUNNING", "SUCCEEDED"]


@pytest.mark.parametrize(
    ("line", "kind", "sentence"),
    [
        pytest.param(CUT, Kind.EXCHANGE, "no answer in 3 attempts, the last time: ", id="cut"),
        pytest.param(Say(500, b"oops"), Kind.CONTRACT, "HTTP 500: the answer is no JSON: oops", id="500"),
        pytest.param(
            Say(503, {"code": "Busy", "message": "later", "request_id": "r"}),
            Kind.EXCHANGE,
            "the poll of task t-1 was refused: HTTP 503 Busy: later",
            id="503",
        ),
    ],
)
def test_poll_gives_up_and_names_the_task(line, kind, sentence, spec):
    with scripted({SUBMIT: [SUBMITTED], POLL: [line]}) as server:
        (trail,) = run_specs(server.url, spec())
        assert server.times("/tasks/t-1") >= 3  # a cut GET is sent twice by the HTTP library itself
    (problem,) = trail.problems
    assert problem.kind is kind
    assert sentence in problem.message
    assert "the task's id is t-1" in problem.message


UNKNOWN = {
    "state": (
        Say(body={"request_id": "r", "output": {"task_id": "t-1", "task_status": "SUSPENDED"}}),
        'output.task_status is "SUSPENDED"; it must be "PENDING", "RUNNING", "CANCELED" or "UNKNOWN"',
    ),
    "member": (
        Say(body={"request_id": "r", "output": {"task_id": "t-1", "task_status": "SUCCEEDED"}, "usage": USAGE}),
        "the answer is no succeeded",
    ),
    "status": (Say(201, SUBMITTED.body), "HTTP 201 is not documented; 200 or an error is"),
    "list": (Say(body=[]), "the answer is []; it must be a mapping"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_answer_is_a_contract_violation(name, spec):
    line, sentence = UNKNOWN[name]
    with scripted({SUBMIT: [SUBMITTED], POLL: [line, succeeded()]}) as server:
        (trail,) = run_specs(server.url, spec())
        assert server.times("/tasks/t-1") == 1
    (problem,) = trail.problems
    assert problem.kind is Kind.CONTRACT
    assert problem.message.startswith("contract violation: ")
    assert sentence in problem.message


def test_nothing_listens_is_said_once_for_all_specs(spec, capsys):
    assert main(["run", spec(), spec("mare"), "--url", "http://127.0.0.1:9"]) == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "happyhorse-spec: no connection to http://127.0.0.1:9: Connection refused; nothing was sent\n"


def test_failure_is_told_once(spec, capsys):
    assert main(["run", spec(request=WRONG), spec("mare")]) == 1
    told = capsys.readouterr().out
    assert told.count("dashscope/horse") == 1


def test_clips_are_kept_whole(spec, tmp_path):
    out = tmp_path / "clips"
    assert main(["run", spec(), "--out", str(out)]) == 0
    (clip,) = out.iterdir()
    assert re.fullmatch(r"dashscope-horse-[0-9a-f-]{36}\.mp4", clip.name)
    assert clip.read_bytes()[4:8] == b"ftyp"


def test_clip_that_breaks_off_leaves_nothing_behind(spec, tmp_path):
    with scripted({"*": [Say(200, b"\0" * 1000, {"Content-Type": "video/mp4"}, lacks=10)]}) as store:
        with scripted({SUBMIT: [SUBMITTED], POLL: [succeeded(f"{store.url}/clip.mp4?Signature=abc")]}) as server:
            (trail,) = run_specs(server.url, spec(), out=tmp_path)
        assert len(store.asked) == 3
        assert store.asked[0].path == "/clip.mp4?Signature=abc"
        assert "Authorization" not in store.asked[0].headers
    assert "the clip did not come in 3 attempts" in trail.problems[0].message
    assert [file.name for file in tmp_path.iterdir()] == ["horse.yaml"]


def test_clip_that_is_damaged_is_no_clip(spec):
    with scripted({"*": [Say(200, b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + b"\0\0\1\0moov" + b"\0" * 50)]}) as server:
        server.scripts |= {SUBMIT: [SUBMITTED], POLL: [succeeded(f"{server.url}/clip.mp4")]}
        (trail,) = run_specs(server.url, spec(expect={"clip": {"width": 1}}))
    assert "the clip is damaged: it breaks off or cannot be read" in [problem.message for problem in trail.problems]


def test_clip_whose_name_is_taken_by_a_folder_is_told_with_its_name(spec, tmp_path):
    taken = tmp_path / "dashscope-horse-t-1.mp4"
    taken.mkdir()
    with scripted({"*": [Say(200, b"\0" * 100)]}) as server:
        server.scripts |= {SUBMIT: [SUBMITTED], POLL: [succeeded(f"{server.url}/clip.mp4")]}
        (trail,) = run_specs(server.url, spec(), out=tmp_path)
    assert "Is a directory; the task's id is t-1" in trail.problems[0].message


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.com/a"])
def test_url_of_another_scheme_is_a_contract_violation(url, spec, tmp_path):
    with scripted({SUBMIT: [SUBMITTED], POLL: [succeeded(url)]}) as server:
        (trail,) = run_specs(server.url, spec(), out=tmp_path)
    assert "contract violation: " in trail.problems[0].message
    assert "output.video_url" in trail.problems[0].message


@pytest.mark.parametrize("url", ["http://", "http://a b/", "http://h/\r\nX: y", "http://h:port/a"])
def test_clip_must_have_a_url_that_can_be_sent(url, spec, tmp_path):
    with scripted({SUBMIT: [SUBMITTED], POLL: [succeeded(url)]}) as server:
        (trail,) = run_specs(server.url, spec(), out=tmp_path)
    assert trail.problems[0].message == "the clip: its URL is not an http URL; the task's id is t-1"
    assert trail.saved is None


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--strict"], 1)], ids=["plain", "strict"])
def test_added_member_is_a_warning_and_with_strict_a_failure(options, code, spec, capsys):
    news = Say(body={**SUBMITTED.body, "eta": 3})
    with scripted({SUBMIT: [news]}) as server:
        assert main(["run", spec(expect={"accepted": True}), "--url", server.url, *options]) == code
    told = capsys.readouterr().out
    assert "warning: /eta of the answer submitted is not in the contract" in told
    assert f"{1 - code} passed" in told
