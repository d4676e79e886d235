"""`resume` after a run that was killed at every step: nothing that is paid is lost, nothing is paid twice."""

import json
import resource
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
from running import BODY, POLL, RUNNING, SUBMIT, SUBMITTED, stand_alone, succeeded, terminal, write_spec
from scripted import CUT, HELD, Say, scripted

from happyhorse_spec import lost
from happyhorse_spec.cli import main
from happyhorse_spec.client import Patience
from happyhorse_spec.ledger import read_ledger

LIST = "/api/v1/tasks?page_no=1"
NAME = "dashscope/horse"


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    stand_alone(monkeypatch)
    monkeypatch.setattr(Patience, "_wait", lambda *_: 0.0)


@pytest.fixture
def spec(tmp_path):
    return partial(write_spec, tmp_path, poll={"interval": 0})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "ledger.jsonl"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A real clip, as the mock makes it."""
    folder = tmp_path_factory.mktemp("clip")
    assert main(["run", write_spec(folder), "--out", str(folder / "out")]) == 0
    (file,) = (folder / "out").iterdir()
    return Say(200, file.read_bytes())


def listed(*tasks, model=BODY["model"], ago=0.0):
    """A page of the list of tasks, made just now."""
    made = round((time.time() - ago) * 1000)
    named = {"api_key_id": "1", "caller_parent_id": "1", "caller_uid": "1", "region": "r", "request_id": "r"}
    items = [{**named, "task_id": task, "gmt_create": made, "model_name": model, "status": "RUNNING"} for task in tasks]
    page = {"total": len(items), "total_page": 1, "page_no": 1, "page_size": 10}
    return Say(body={**page, "data": items, "request_id": "r"})


def kill_at(server, part, times, *command):
    """Kill a run with SIGKILL when the server has been asked for a path that often and holds the answer back."""
    words = [sys.executable, "-m", "happyhorse_spec.cli", "run", "--url", server.url, *map(str, command)]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while server.times(part) < times:
        assert running.poll() is None, running.stdout.read().decode()
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=20)
    server.released.set()


#: Step -> (script of submits, polls, clips; what is heard when it is killed; how often).
STEPS = {
    "submit": ([HELD], [RUNNING], [], "/video-synthesis", 1),
    "first-poll": ([SUBMITTED], [HELD, RUNNING], [], POLL, 1),
    "second-poll": ([SUBMITTED], [RUNNING, HELD, RUNNING], [], POLL, 2),
    "download": ([SUBMITTED], [RUNNING, None, RUNNING], [HELD], "/clip.mp4", 1),
}
FAILED = {"task_id": "t-1", "task_status": "FAILED", "code": "X", "message": "y"}
GONE = {"task_id": "t-1", "task_status": "UNKNOWN"}
#: Outcome at the resume -> (script of polls, of clips; exit code; whether the clip is saved).
OUTCOMES = {
    "succeeds": ([None], [None], 0, True),
    "is-down-then-back": ([Say(503, b""), Say(503, b""), None], [Say(503, b""), None], 0, True),
    "fails": ([Say(body={"request_id": "r", "output": FAILED})], [None], 1, False),
    "is-forgotten": ([Say(body={"request_id": "r", "output": GONE})], [None], 1, False),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("step", [step for step in STEPS if step != "submit"])
def test_accepted_task_is_followed_to_its_end(step, outcome, spec, path, clip):
    submits, polls, clips, part, times = STEPS[step]
    later_polls, later_clips, code, is_saved = OUTCOMES[outcome]
    with scripted({SUBMIT: submits}) as server:
        done = succeeded(f"{server.url}/clip.mp4?Signature=secret&x=secret")
        server.scripts[POLL] = [say or done for say in polls]
        server.scripts["*"] = clips
        kill_at(server, part, times, spec(), "--ledger", path)
        server.scripts[POLL] = [say or done for say in later_polls]
        server.scripts["*"] = [say or clip for say in later_clips]
        assert main(["resume", str(path)]) == code
        assert server.times("/video-synthesis") == 1
    saved = [record["file"] for record in read_ledger(path) if record["event"] == "saved"]
    assert len(saved) == is_saved
    assert len(list(path.parent.glob("*.mp4"))) == is_saved
    assert main(["resume", str(path)]) == 0  # the server is gone: nothing is left to ask
    assert b"secret" not in path.read_bytes()


@pytest.mark.parametrize("tasks", [["t-1"], [], ["t-1", "t-2"]], ids=["listed", "not-listed", "two-listed"])
def test_submit_whose_answer_was_lost_is_looked_up_and_never_sent_again(tasks, spec, path, clip, capsys):
    with scripted({SUBMIT: [HELD, SUBMITTED], "*": [clip]}) as server:
        kill_at(server, "/video-synthesis", 1, spec(), "--ledger", path)
        server.scripts[POLL] = [succeeded(f"{server.url}/clip.mp4")]
        server.scripts[LIST] = [listed(*tasks)]
        code = main(["resume", str(path)])
        told = capsys.readouterr().out
        assert server.times("/video-synthesis") == 1
        if len(tasks) == 1:
            assert code == 0
            assert f"{NAME}: the provider lists it as task t-1" in told
        else:
            assert code == 1
            assert f"{NAME}: whether there is a task is not known (the run ended before the answer came)" in told
            assert f"--resend {NAME} (paid twice, if there is a task)" in told
            assert ("it may be task t-1 or t-2" if tasks else "the provider lists no such task") in told
    assert len(list(path.parent.glob("*.mp4"))) == (len(tasks) == 1)


@pytest.mark.parametrize(
    "page", [listed("t-9", model="another"), listed("t-9", ago=4000)], ids=["other-model", "long-ago"]
)
def test_task_of_somebody_else_is_not_taken(page, spec, path):
    with scripted({SUBMIT: [CUT], LIST: [page]}) as server:
        assert main(["run", spec(), "--url", server.url, "--ledger", str(path)]) == 1
        assert main(["resume", str(path)]) == 1
    assert read_ledger(path)[-1]["event"] == "unknown"


@pytest.mark.parametrize(
    "page",
    [CUT, Say(500, b"oops"), Say(200, {"a": 1}), Say(400, {"code": "X", "message": "no", "request_id": "r"})],
    ids=["cut", "500", "unknown", "refused"],
)
def test_list_that_cannot_be_read_stops_nothing(page, spec, path, clip, capsys):
    with scripted({SUBMIT: [SUBMITTED, CUT], LIST: [page], "*": [clip]}) as server:
        server.scripts[POLL] = [succeeded(f"{server.url}/clip.mp4")]
        files = [spec("a", expect={"accepted": True}), spec("b")]
        assert main(["run", *files, "--jobs", "1", "--url", server.url, "--ledger", str(path)]) == 1
        assert main(["resume", str(path)]) == 1
    assert "there is no list of tasks to look it up in" in capsys.readouterr().out
    assert len(list(path.parent.glob("*.mp4"))) == 1


@pytest.mark.parametrize(("pages", "found"), [(20, ["t-1"]), (1, [])], ids=["all", "first"])
def test_task_is_looked_for_on_so_many_pages(pages, found, spec, path, monkeypatch):
    monkeypatch.setattr(lost, "PAGES", pages)
    lists = [listed("t-9", model="another"), listed("t-1")]
    for page in lists:
        page.body["total_page"] = 3
    failed = Say(body={"request_id": "r", "output": FAILED})
    with scripted({SUBMIT: [CUT], POLL: [failed], "*": [Say(404)]}) as server:
        server.scripts |= {f"{LIST[:-1]}{number}": [page] for number, page in enumerate([*lists, lists[0]], 1)}
        assert main(["run", spec(), "--url", server.url, "--ledger", str(path)]) == 1
        assert main(["resume", str(path)]) == 1
    assert [record["task_id"] for record in read_ledger(path) if record["event"] == "accepted"] == found


def test_provider_without_a_list_is_not_asked_for_one(spec, path, capsys):
    body = {"model": "dashscope/happyhorse-1.0", "prompt": "A horse.", "duration": 3}
    with scripted({"*": [CUT]}) as server:
        assert main(["run", spec(provider="imini", request=body), "--url", server.url, "--ledger", str(path)]) == 1
        assert main(["resume", str(path)]) == 1
        assert len(server.asked) == 1
    assert "there is no list of tasks to look it up in" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "submits"), [(b"y\n", 2), (b"n\n", 1)], ids=["yes", "no"])
def test_person_at_the_terminal_is_asked_whether_to_pay_twice(answer, submits, spec, path, clip, monkeypatch, capsys):
    with scripted({SUBMIT: [CUT, SUBMITTED], LIST: [listed()], "*": [clip]}) as server:
        server.scripts[POLL] = [succeeded(f"{server.url}/clip.mp4")]
        assert main(["run", spec(), "--url", server.url, "--ledger", str(path)]) == 1
        with terminal(monkeypatch, answer):
            assert main(["resume", str(path)]) == 2 - submits
        assert server.times("/video-synthesis") == submits
    assert f"Send {NAME} again, and maybe pay twice? [y/N] " in capsys.readouterr().err


def test_one_task_is_not_taken_for_two_requests(spec, path, capsys):
    with scripted({SUBMIT: [CUT], LIST: [listed("t-1")]}) as server:
        assert main(["run", spec(), spec("mare"), "--url", server.url, "--ledger", str(path)]) == 1
        capsys.readouterr()
        assert main(["resume", str(path)]) == 1
        assert server.times("/video-synthesis") == 2
    assert capsys.readouterr().out.count("it may be task t-1") == 2


DECISIONS = {
    "resend": (["--resend", NAME], 0, 2, "saved"),
    "task": (["--task", f"{NAME}=t-1"], 0, 1, "saved"),
    "forget": (["--forget", NAME], 0, 1, "forgotten"),
}


@pytest.mark.parametrize("name", DECISIONS)
@pytest.mark.parametrize("line", [CUT, Say(502, b"Bad gateway"), Say(200, b"<html>")], ids=["cut", "502", "html"])
def test_person_decides_about_an_ambiguous_submit(line, name, spec, path, clip):
    options, code, submits, last = DECISIONS[name]
    with scripted({SUBMIT: [line, SUBMITTED], LIST: [listed()], "*": [clip]}) as server:
        server.scripts[POLL] = [succeeded(f"{server.url}/clip.mp4")]
        assert main(["run", spec(), "--url", server.url, "--ledger", str(path)]) == 1
        assert server.times("/video-synthesis") == 1
        assert main(["resume", str(path), *options]) == code
        assert server.times("/video-synthesis") == submits
    assert read_ledger(path)[-1]["event"] == last


def test_what_was_never_sent_is_sent_once(spec, path, clip):
    with scripted({SUBMIT: [HELD, SUBMITTED], LIST: [listed()], "*": [clip]}) as server:
        kill_at(server, "/video-synthesis", 1, spec("a"), spec("b"), "--jobs", 1, "--ledger", path)
        server.scripts[POLL] = [succeeded(f"{server.url}/clip.mp4")]
        assert main(["resume", str(path), "--forget", "dashscope/a"]) == 0
        assert server.times("/video-synthesis") == 2
        assert main(["resume", str(path)]) == 0
        assert server.times("/video-synthesis") == 2


def test_every_prefix_of_a_ledger_is_resumed_without_a_second_payment(spec, path, clip):
    """A process may end after any line, and inside any: that of the intent is the only one after which nobody knows."""
    files = [spec("a"), spec("b")]
    with scripted({SUBMIT: [SUBMITTED], LIST: [listed()], "*": [clip]}) as server:
        server.scripts[POLL] = [RUNNING, succeeded(f"{server.url}/clip.mp4")]
        assert main(["run", *files, "--url", server.url, "--jobs", "1", "--ledger", str(path)]) == 0
        lines = path.read_bytes().splitlines(keepends=True)
        events = [json.loads(line)["event"] for line in lines]
        for count in range(3, len(lines) + 1):
            for torn in (b"", lines[count][:20] if count < len(lines) else b""):
                path.write_bytes(b"".join(lines[:count]) + torn)
                server.asked.clear()
                code = main(["resume", str(path)])
                assert server.times("/video-synthesis") == 2 - events[:count].count("intent"), count
                is_lost = events[count - 1] == "intent"
                assert code == (1 if is_lost else 0), count


def test_spec_that_has_changed_is_not_sent(spec, path, capsys):
    with scripted({SUBMIT: [HELD], LIST: [listed()]}) as server:
        kill_at(server, "/video-synthesis", 1, spec("a"), spec("b"), "--jobs", 1, "--ledger", path)
        spec("b", request={**BODY, "input": {"prompt": "another"}})
        assert main(["resume", str(path), "--forget", "dashscope/a"]) == 3
        assert server.times("/video-synthesis") == 1
    assert "it was not sent: the spec has changed; run it anew" in capsys.readouterr().out


def test_task_is_followed_although_its_spec_is_gone(spec, path, clip, tmp_path):
    with scripted({SUBMIT: [SUBMITTED], POLL: [HELD], "*": [clip]}) as server:
        kill_at(server, POLL, 1, spec(), "--ledger", path)
        (tmp_path / "horse.yaml").unlink()
        server.scripts[POLL] = [succeeded(f"{server.url}/clip.mp4")]
        assert main(["resume", str(path)]) == 0
    assert len(list(path.parent.glob("*.mp4"))) == 1


def test_full_disk_is_told_before_anything_is_sent(spec, path, capsys):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30000, before[1]))
    try:
        with scripted({SUBMIT: [SUBMITTED]}) as server:
            assert main(["run", spec(), "--url", server.url, "--ledger", str(path)]) == 3
            assert server.asked == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    told = capsys.readouterr().out
    assert "cannot be written: File too large; nothing is done that cannot be written down" in told
    assert not path.exists()


def test_second_process_is_locked_out(spec, path, capsys):
    with scripted({SUBMIT: [HELD]}) as server:
        words = [sys.executable, "-m", "happyhorse_spec.cli", "run", "--url", server.url, spec(), "--ledger", str(path)]
        running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        while not server.heard.wait(0.05):
            assert running.poll() is None
        assert main(["resume", str(path)]) == 3
        running.kill()
        running.communicate(timeout=20)
    assert "another process is writing to it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["no.jsonl"], "no.jsonl is no file", id="missing"),
        pytest.param([], "there is no runs/*/ledger.jsonl here", id="none"),
    ],
)
def test_ledger_must_be_there(words, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["resume", *words]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--resend", "--forget"])
def test_only_what_was_lost_is_decided_about(option, spec, path, capsys):
    assert main(["run", spec(), "--ledger", str(path)]) == 2
    assert "end with it" in capsys.readouterr().err
    with scripted({SUBMIT: [CUT]}) as server:
        main(["run", spec(), "--url", server.url, "--ledger", str(path)])
        assert main(["resume", str(path), option, "dashscope/mare"]) == 2
        assert f"there is {NAME}" in capsys.readouterr().err
        assert main(["resume", str(path), "--task", NAME]) == 2
        assert "--task takes NAME=ID" in capsys.readouterr().err
        assert main(["run", spec(), "--url", server.url, "--ledger", str(path)]) == 2
        assert "is the ledger of another run: go on with `happyhorse-spec resume" in capsys.readouterr().err
