"""The ledger: what is written stays, whatever ends the process; one process at a time; a full disk is told in time."""

import json
import resource
import subprocess
import sys

import pytest

from happyhorse_spec.chronicle import trails_of
from happyhorse_spec.ledger import ROOM, Event, Ledger, LedgerError, digest, read_ledger
from happyhorse_spec.redaction import Redactor
from happyhorse_spec.standing import Phase, keys, stand
from happyhorse_spec.substitution import Values


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.jsonl"


WHERE = {"live": False, "server": None, "url": "http://127.0.0.1:9", "out": "runs"}
RUN = {"event": "run", "format": 1, "specs": 1, "timeout": 60.0, "jobs": 1, "budget": None, **WHERE}
SPEC = {"event": "spec", "key": "a", "name": "a", "file": "-", "law": "imini", "digest": "0", "model": None}
INTENT = {"event": "intent", "key": "a", "sent": "POST x", "at": "2026-01-01T00:00:00+00:00"}
ACCEPTED = {"event": "accepted", "key": "a", "task_id": "t"}


def test_line_is_on_the_disk_before_the_next_step(path):
    with Ledger(path) as ledger:
        ledger.write(Event.ACCEPTED, key="a", task_id="t")
        (record,) = read_ledger(path)
    assert (record["event"], record["key"], record["task_id"]) == ("accepted", "a", "t")


def test_no_write_returns_before_the_disk_has_it_and_none_waits_twice(path, monkeypatch):
    synced = []
    with Ledger(path) as ledger:
        monkeypatch.setattr("os.fsync", lambda _: synced.append(path.read_bytes().strip().count(b"\n") + 1))
        ledger.write_all([(Event.RUN, {"specs": 2}), (Event.SPEC, {"key": "a"}), (Event.SPEC, {"key": "b"})])
        ledger.write(Event.INTENT, key="a")
        ledger.write(Event.ACCEPTED, key="a", task_id="t")
    assert synced == [3, 4, 5]


def test_opened_again_it_goes_on_where_it_ended(path):
    for key in ("a", "b"):
        with Ledger(path) as ledger:
            ledger.write(Event.INTENT, key=key)
    assert [record["key"] for record in read_ledger(path)] == ["a", "b"]
    assert path.read_bytes().count(b"\n") == 2


def test_any_torn_last_line_is_dropped(path):
    with Ledger(path) as ledger:
        ledger.write(Event.RUN)
        ledger.write(Event.ACCEPTED, key="a", task_id="t")
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        for tail in (b"", b"\n" * 9, b"\0" * 9):
            path.write_bytes(whole[:cut] + tail)
            known = [record["event"] for record in read_ledger(path)]
            assert known in ((["run"], ["run", "accepted"]) if cut == len(whole) - 1 else (["run"],)), (cut, tail)
    with Ledger(path) as ledger:
        ledger.write(Event.STATE, key="a", state="pending")
    assert read_ledger(path)[-1]["event"] == "state"


def test_damage_inside_is_told_with_its_line(path):
    path.write_text('{"event": "run"}\n{"event": "int\n{"event": "state"}\n', "utf-8")
    with pytest.raises(LedgerError, match=r"ledger\.jsonl:2: the line is damaged"):
        Ledger(path)


@pytest.mark.parametrize("event", ["[]", "{}", "1", '"nonsense"'])
def test_line_that_tells_nothing_is_damage(path, event):
    path.write_text('{"event": "run"}\n{"event": ' + event + '}\n{"event": "state"}\n', "utf-8")
    with pytest.raises(LedgerError, match=r"ledger\.jsonl:2: the line is damaged"):
        read_ledger(path)


def test_second_process_is_locked_out(path):
    code = f"from pathlib import Path; from happyhorse_spec.ledger import Ledger; Ledger(Path({str(path)!r}))"
    with Ledger(path):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert "another process is writing to it" in done.stderr
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0


def test_room_for_the_answer_is_made_before_the_intent(path):
    with Ledger(path) as ledger:
        ledger.write(Event.INTENT, key="a")
        assert path.stat().st_size >= ROOM
        assert read_ledger(path)[0]["key"] == "a"
    assert path.stat().st_size < 200


def test_full_disk_is_told_at_the_intent_and_leaves_the_file_whole(path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Ledger(path) as ledger:
        ledger.write(Event.RUN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM // 2, before[1]))
        try:
            with pytest.raises(LedgerError, match="cannot be written: File too large"):
                ledger.write(Event.INTENT, key="a")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [record["event"] for record in read_ledger(path)] == ["run"]


def test_folder_is_no_ledger(tmp_path):
    with pytest.raises(LedgerError, match=r"Is a directory; nothing was sent$"):
        Ledger(tmp_path)
    with pytest.raises(LedgerError, match=r"Is a directory; name the ledger\.jsonl of a run$"):
        read_ledger(tmp_path)


def test_no_secret_is_written(path):
    with Ledger(path, Redactor(["canary-1"])) as ledger:
        ledger.write(Event.UNKNOWN, key="a", why="key canary-1, https://me:canary-2@h/?token=canary-3")
    assert b"canary" not in path.read_bytes()


def test_digest_tells_bodies_apart_and_not_their_order():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})


PHASES = {
    "planned": ([], Phase.PLANNED),
    "intent": ([INTENT], Phase.LOST),
    "unknown": ([INTENT, {"event": "unknown", "key": "a", "why": "cut"}], Phase.LOST),
    "unsent": ([INTENT, {"event": "unsent", "key": "a"}], Phase.PLANNED),
    "refused": ([INTENT, {"event": "refused", "key": "a", "why": "no"}], Phase.OVER),
    "accepted": ([INTENT, ACCEPTED], Phase.ACCEPTED),
    "running": ([INTENT, ACCEPTED, {"event": "state", "key": "a", "state": "running"}], Phase.ACCEPTED),
    "failed": ([INTENT, ACCEPTED, {"event": "state", "key": "a", "state": "failed"}], Phase.OVER),
    "not-saved": ([INTENT, ACCEPTED, {"event": "state", "key": "a", "state": "succeeded"}], Phase.ACCEPTED),
    "saved": ([INTENT, ACCEPTED, {"event": "saved", "key": "a"}], Phase.OVER),
    "forgotten": ([INTENT, {"event": "forgotten", "key": "a"}], Phase.OVER),
    "again": ([INTENT, {"event": "unsent", "key": "a"}, INTENT], Phase.LOST),
}


@pytest.mark.parametrize("name", PHASES)
def test_phase_follows_from_the_lines(name):
    lines, phase = PHASES[name]
    assert stand([RUN, SPEC, *lines]).entries["a"].phase is phase


@pytest.mark.parametrize(
    ("records", "told"),
    [
        pytest.param([], "does not begin with a run", id="empty"),
        pytest.param([{**RUN, "format": 2}], "format 1", id="format"),
        pytest.param([{**RUN, "specs": 2}, SPEC], "nothing was sent", id="cut"),
        pytest.param([RUN, SPEC, {"event": "accepted", "key": "a"}], "accepted of .a. has no task_id", id="member"),
        pytest.param([{**RUN, "specs": "1"}], "specs is ", id="count"),
        pytest.param([RUN, {**SPEC, "key": []}], "key is ", id="key"),
        pytest.param([RUN, SPEC, {"event": "state", "key": "a", "state": {}}], "state is ", id="state"),
        pytest.param([RUN, SPEC, {**INTENT, "at": "soon"}], "at is ", id="time"),
        pytest.param([RUN, SPEC, {**INTENT, "cost": {"currency": "USD"}}], "cost has no most", id="cost"),
    ],
)
def test_what_is_no_ledger_is_told(records, told):
    with pytest.raises(LedgerError, match=told):
        stand(json.loads(json.dumps(records)))


@pytest.mark.parametrize("name", ['it\'s ["x"]', "a: b # c", "\\", "'"])
def test_task_is_followed_without_its_spec_whatever_its_name(name):
    (trail,) = trails_of(stand([RUN, {**SPEC, "name": name}, INTENT, ACCEPTED]), Values())
    assert (trail.spec.name, trail.task_id) == (name, "t")


def test_keys_of_specs_with_one_name_differ():
    class Named:
        id = "p/a"

    assert keys([Named, Named, Named]) == ["p/a", "p/a#2", "p/a#3"]
