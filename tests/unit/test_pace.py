"""How long a task is expected to take, and the bar that shows it on a terminal."""

import io
import json

import pytest

from happyhorse_spec.pace import expected_seconds, past_seconds
from happyhorse_spec.redaction import Redactor
from happyhorse_spec.report.progress import open_watcher
from happyhorse_spec.spec_reader import read_specs
from happyhorse_spec.trail import Trail

MODEL = "happyhorse-1.0-t2v"


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "a.yaml"
    body = {"model": MODEL, "input": {"prompt": "p"}}
    path.write_text(json.dumps({"name": "a", "provider": "dashscope", "request": body}), "utf-8")
    return read_specs([path])[0]


def write_run(runs, name, seconds):
    """The ledger of a run whose only task took that long."""
    lines = [
        {"event": "run", "at": "2026-01-01T00:00:00+00:00"},
        {"event": "spec", "key": "a", "model": MODEL},
        {"event": "accepted", "key": "a", "at": "2026-01-01T00:00:00+00:00"},
        {"event": "state", "key": "a", "state": "succeeded", "at": f"2026-01-01T00:00:{seconds:02}+00:00"},
    ]
    (runs / name).mkdir(parents=True)
    (runs / name / "ledger.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def test_past_runs_decide(spec, tmp_path):
    for name, seconds in (("1", 10), ("2", 20), ("3", 50)):
        write_run(tmp_path / "runs", name, seconds)
    assert expected_seconds(spec, past_seconds(tmp_path / "runs")) == 20


def test_without_past_runs_the_provider_s_data_decides(spec, tmp_path):
    low, high = spec.provider.data["timing"]["render_seconds"]["t2v"]["value"]
    assert expected_seconds(spec, past_seconds(tmp_path)) == (low + high) / 2


@pytest.mark.parametrize(
    "text",
    ["\x00", '{"event": "run"}\n{"event": "spec"}\n', '{"event": "accepted", "key": "a"}\n', "[]\n[]\n"],
    ids=["binary", "member", "time", "lists"],
)
def test_broken_ledger_is_passed_over(text, tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "ledger.jsonl").write_text(text, "utf-8")
    assert past_seconds(tmp_path) == {}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_terminal_shows_a_bar_for_each_task_and_the_line_of_each_end(spec):
    stream, trail = Terminal(), Trail(spec)
    with open_watcher(1, Redactor(), lambda _: 80.0, stream) as watch:
        trail.sent = "POST x"
        trail.reach("PENDING", 0.0)
        watch(trail)
        watch._bars.refresh()
        trail.ended = 1.0
        watch(trail)
    shown = stream.getvalue()
    assert "of 80 s" in shown
    assert "dashscope/a: PENDING 0.00 s" in shown
    assert f"  dashscope/a  {MODEL}: PENDING 0.00 s" in shown


def test_log_shows_ends_alone(spec):
    stream, trail = io.StringIO(), Trail(spec)
    with open_watcher(1, Redactor(), lambda _: 80.0, stream) as watch:
        watch(trail)
        assert stream.getvalue() == ""
        trail.ended = 1.0
        watch(trail)
    assert stream.getvalue() == f"ok    dashscope/a  {MODEL}: not sent\n"
