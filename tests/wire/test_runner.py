"""`run` over a real socket: expectations that come true and those that do not, and which specs run."""

import asyncio
import json
import re
from functools import partial
from pathlib import Path

import pytest
from running import (
    BODY,
    POLL,
    RULE,
    RUNNING,
    SUBMIT,
    SUBMITTED,
    WRONG,
    column,
    run_specs,
    stand_alone,
    succeeded,
    write_spec,
)
from scripted import Say, scripted

from happyhorse_spec.cli import main
from happyhorse_spec.target import MOCK_SECONDS
from happyhorse_spec.trail import Kind
from mockserver.clock import ClockMode
from mockserver.server import MockServer
from mockserver.settings import Settings


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    stand_alone(monkeypatch)


@pytest.fixture
def spec(tmp_path):
    return partial(write_spec, tmp_path)


def test_embedded_mock_runs_the_packaged_specs(capsys):
    assert main(["run", "--tag", "documented"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"\d\d passed in", told)
    assert "ok    dashscope/t2v  happyhorse-1.0-t2v 720P 5 s: PENDING" in told
    assert "ok    acedata/t2v-wait" in told


FAILURES = {
    "state": ({"state": "FAILED"}, "the task is SUCCEEDED; FAILED was expected"),
    "width": ({"clip": {"width": 1920}}, "the clip's width is 1280; 1920 was expected"),
    "height": ({"clip": {"height": [100, 200]}}, "the clip's height is 720; 100-200 was expected"),
    "duration": ({"clip": {"duration": 5}}, "the clip's duration is 3.0; 5 was expected"),
    "fps": ({"clip": {"fps": 25}}, "the clip's fps is 24.0; 25 was expected"),
    "audio": ({"clip": {"audio": False}}, "the clip's audio is true; false was expected"),
    "equals": ({"where": [{"at": "/usage/SR", "equals": 1}]}, "/usage/SR of the last answer is 720; 1 was expected"),
    "matches": ({"where": [{"at": "/output/orig_prompt", "matches": "cat"}]}, "a text that matches cat was expected"),
    "schema": (
        {"where": [{"at": "/usage", "schema": {"maxProperties": 1}}]},
        'what the schema {"maxProperties": 1} takes',
    ),
    "absent": ({"where": [{"at": "/usage/cost", "equals": 0}]}, "the last answer has nothing at /usage/cost"),
    "accepted": ({"rejected": {"code": "InvalidParameter"}}, "the request was accepted as task"),
    "rule": ({"rejected": {"rule": RULE}}, f"the validator does not find {RULE} broken; it finds nothing to reject"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_expectation_that_fails_gives_1_and_its_line(name, spec, capsys):
    expect, sentence = FAILURES[name]
    path = spec(expect=expect)
    assert main(["run", path]) == 1
    told = capsys.readouterr().out
    assert re.search(rf"{re.escape(path)}:4:\d+: .*{re.escape(sentence)}", told)
    assert "0 passed, 1 failed" in told


def test_place_is_that_of_the_member(spec, capsys):
    path = spec(expect={"clip": {"fps": 24, "width": 1920}})
    main(["run", path])
    assert f"{path}:4:{column(path, 4, '1920')}: the clip's width is 1280; 1920 was expected" in capsys.readouterr().out


REJECTIONS = {
    "code": ({"code": "Arrearage"}, 'the code is "InvalidParameter"; "Arrearage" was expected'),
    "status": ({"status": 404}, "the status is 400; 404 was expected"),
    "message": ({"message": "resolution"}, 'the message is "Duration should be between 3 and 15"; "resolution" was'),
}


@pytest.mark.parametrize("name", REJECTIONS)
def test_rejection_of_another_kind_gives_1(name, spec, capsys):
    expected, sentence = REJECTIONS[name]
    path = spec(request=WRONG, expect={"rejected": {"rule": RULE, **expected}})
    assert main(["run", path]) == 1
    assert sentence in capsys.readouterr().out


def test_rejection_that_is_expected_gives_0(spec):
    rejected = {"rule": RULE, "code": "InvalidParameter", "status": 400, "message": "between 3 and 15"}
    assert main(["run", spec(request=WRONG, expect={"rejected": rejected})]) == 0


def test_rejection_may_be_told_by_the_task(spec):
    rejected = {"rule": RULE, "code": "InvalidParameter", "message": "between 3 and 15"}
    path = spec(request=WRONG, expect={"rejected": rejected})
    settings = Settings(clock=ClockMode.JUMP, validation="observed")
    (trail,) = asyncio.run(_run_beside(MockServer(settings), path))
    assert trail.has_passed
    assert [step.word for step in trail.steps] == ["PENDING", "FAILED"]


async def _run_beside(mock, path):
    async with mock:
        return await asyncio.to_thread(run_specs, mock.url, path)


def test_invalid_request_that_is_expected_to_pass_names_rule_and_place(spec, capsys):
    path = spec(request=WRONG)
    assert main(["run", path]) == 1
    told = capsys.readouterr().out
    assert f"{path}:3:{column(path, 3, '2}')}: parameters.duration is 2; it must be 3-15 ({RULE})" in told
    assert "the request was refused: HTTP 400 InvalidParameter" in told


def test_accepted_alone_does_not_follow_the_task(spec):
    with scripted({SUBMIT: [SUBMITTED], "*": [Say(500)]}) as server:
        (trail,) = run_specs(server.url, spec(expect={"accepted": True}))
        assert trail.has_passed
        assert len(server.asked) == 1


def test_deadline_is_told_with_the_id_of_the_task(spec):
    with scripted({SUBMIT: [SUBMITTED], POLL: [RUNNING]}) as server:
        (trail,) = run_specs(server.url, spec(expect={"within": 0.8}, poll={"interval": 0.01}))
    (problem,) = trail.problems
    assert problem.kind is Kind.DEADLINE
    assert problem.message == "the task is RUNNING after 0.8 s; its id is t-1"
    assert problem.place.line == 4


def test_mock_is_asked_sooner_while_its_task_is_new(spec, monkeypatch):
    pauses, sleep = [], asyncio.sleep

    async def pause(seconds):
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", pause)
    with scripted({SUBMIT: [SUBMITTED], POLL: [RUNNING, RUNNING, RUNNING, succeeded()]}) as server:
        [trail] = run_specs(server.url, spec(expect={"state": "SUCCEEDED"}))
    assert trail.problems == []
    assert 0 < pauses[0] < pauses[1] < pauses[2] < trail.seconds
    assert max(pauses) <= MOCK_SECONDS


def test_folder_for_clips_is_made_only_where_one_is_measured(spec, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with scripted({SUBMIT: [SUBMITTED], POLL: [succeeded()]}) as server:
        [trail] = run_specs(server.url, spec(expect={"state": "SUCCEEDED"}))
        assert trail.problems == []
        with pytest.raises(FileNotFoundError):
            run_specs(server.url, spec(expect={"clip": {"duration": 3}}))


def test_nothing_left_is_no_success(spec, capsys):
    assert main(["run", spec(tags=["a", "b"]), "--tag", "c"]) == 2
    assert "none of 1 specs is left; they are for dashscope, their tags are a and b" in capsys.readouterr().err


def test_options_choose(spec, capsys):
    files = [spec("one", tags=["x"]), spec("two", tags=["x", "y"]), spec("three")]
    assert main(["run", *files, "--tag", "x", "--tag", "y"]) == 0
    assert main(["run", *files, "--name", "dashscope/t*ee"]) == 0
    told = capsys.readouterr().out
    assert re.findall(r"dashscope/(\w+)", told) == ["two", "three"]


def test_variables_keep_their_type(spec):
    body = {**BODY, "parameters": {"duration": "${var.seconds}"}}
    path = spec(request=body, expect={"where": [{"at": "/usage/duration", "equals": "${var.seconds}"}]})
    assert main(["run", path, "--var", "seconds=4"]) == 0
    assert main(["run", path, "--var", "seconds=four"]) == 1


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--url", "ftp://x"], id="scheme"),
        pytest.param(["--url", "http://localhost:port"], id="port"),
        pytest.param(["--url", "http://localhost:99999"], id="large-port"),
        pytest.param(["--url", "http://[::1"], id="brackets"),
        pytest.param(["--url", "http://me:canary@localhost:1"], id="user"),
        pytest.param(["--server", "http://x"], id="server-without-live"),
        pytest.param(["--var", "x"], id="var"),
        pytest.param(["--jobs", "0"], id="jobs"),
        pytest.param(["--timeout", "nan"], id="timeout"),
        pytest.param(["--live", "--url", "http://localhost:1"], id="both"),
        pytest.param(["/no/such/file.yaml"], id="file"),
    ],
)
def test_wrong_usage_gives_2_and_no_traceback(options, spec, capsys):
    assert main(["run", spec(), *options]) == 2
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert "canary" not in told


def test_mock_elsewhere_is_reached_through_the_proxy_of_the_environment(spec, capsys):
    assert main(["run", spec(), "--url", "http://mock.invalid"]) == 3
    assert "no connection to http://mock.invalid" in capsys.readouterr().err


def test_spec_that_cannot_be_read_gives_2_and_its_place(tmp_path, capsys):
    path = tmp_path / "a.yaml"
    path.write_text("nme: x\n", "utf-8")
    assert main(["run", str(path)]) == 2
    assert f"{path}:1:1: nme is not known here; it may be name" in capsys.readouterr().err


def test_following_ends_at_the_state_that_is_named(spec):
    with scripted({SUBMIT: [SUBMITTED], POLL: [RUNNING, Say(500)]}) as server:
        (trail,) = run_specs(server.url, spec(poll={"until": "RUNNING", "interval": 0}))
        assert server.times("/tasks/t-1") == 1
    assert trail.has_passed
    assert trail.steps[-1].word == "RUNNING"


def test_state_that_is_not_to_be_fails_the_spec_at_once(spec):
    with scripted({SUBMIT: [SUBMITTED], POLL: [RUNNING, Say(500)]}) as server:
        (trail,) = run_specs(server.url, spec(poll={"fail_on": ["RUNNING"], "interval": 0}))
        assert server.times("/tasks/t-1") == 1
    assert trail.problems[0].message == "the task is RUNNING, at which it fails"
    assert trail.problems[0].place.line == 4


@pytest.mark.parametrize("poll", [{"until": "RUNING"}, {"fail_on": ["PENDING", "RUNING"]}], ids=["until", "fail_on"])
def test_state_that_the_provider_does_not_have_is_told_with_its_place(poll, spec, capsys):
    path = spec(poll=poll)
    assert main(["run", path]) == 2
    told = capsys.readouterr().err
    at = column(path, 4, '"RUNING')
    assert f'{path}:4:{at}: the state is "RUNING"; it must be PENDING, RUNNING' in told
    assert "Did you mean RUNNING?" in told


def test_specs_start_in_the_order_of_files_documents_and_variants(spec, tmp_path):
    two = {"matrix": {"ratio": ["1:1", "3:4"], "duration": [3, 4]}}
    parameters = {"resolution": "720P", "ratio": "${matrix.ratio}", "duration": "${matrix.duration}"}
    files = [
        spec("z", request={**BODY, "input": {"prompt": "z"}, "parameters": parameters}, **two),
        spec("a", request={**BODY, "input": {"prompt": "a"}}),
    ]
    more = spec("b", request={**BODY, "input": {"prompt": "b"}})
    (tmp_path / "a.yaml").write_text(Path(files[1]).read_text() + "---\n" + Path(more).read_text(), "utf-8")
    with scripted({SUBMIT: [Say(400, {"code": "X", "message": "no", "request_id": "r"})]}) as server:
        main(["run", *files, "--url", server.url, "--jobs", "1"])
        sent = [json.loads(asked.body) for asked in server.asked]
    asked = [(body["input"]["prompt"], body["parameters"]["ratio"], body["parameters"]["duration"]) for body in sent]
    variants = [("z", "1:1", 3), ("z", "1:1", 4), ("z", "3:4", 3), ("z", "3:4", 4)]
    assert asked == [*variants, ("a", "16:9", 3), ("b", "16:9", 3)]


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ({"of": "submit", "at": "/output/task_status", "equals": "PENDING"}, None),
        ({"of": "RUNNING", "at": "/output/scheduled_time", "matches": "^20"}, None),
        ({"of": "submit", "at": "/usage", "equals": 1}, "the answer submit has nothing at /usage; 1 was expected"),
        ({"of": "RUNNING", "at": "/output", "schema": {"required": ["x"]}}, "/output of the answer RUNNING is "),
        ({"of": "FAILED", "at": "/x", "equals": 1}, "there was no answer FAILED; 1 was expected at /x"),
    ],
)
def test_condition_speaks_of_any_answer(condition, told, spec, capsys):
    assert main(["run", spec(expect={"where": [condition]})]) == (0 if told is None else 1)
    assert (told or "1 passed") in capsys.readouterr().out


def test_answer_that_cannot_come_is_told_with_its_place(spec, capsys):
    path = spec(expect={"where": [{"of": "running", "at": "/x", "equals": 1}]})
    assert main(["run", path]) == 2
    told = f'{path}:4:27: the answer is "running"; it must be submit, PENDING, RUNNING'
    assert told in capsys.readouterr().err
