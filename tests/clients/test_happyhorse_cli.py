"""AceDataCloud's command `happyhorse`, run as a process: what it prints, and the code it exits with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from upstream import AT_ONCE, FILM, PICTURE, Upstream, is_film

Run = Callable[..., subprocess.CompletedProcess[str]]

#: The command's words for each action, with the length in seconds that the answer states.
ACTIONS = {
    "generate": (["generate", "a horse"], 5),
    "image-to-video": (["image-to-video", "a horse", "--image-url", PICTURE], 5),
    "reference-to-video": (["reference-to-video", "a horse", "--image-urls", PICTURE, "--image-urls", PICTURE], 5),
    "video-edit": (["video-edit", "a horse", "--video-url", FILM, "--audio-setting", "origin"], 13.24),
}

#: What is typed -> the words that the command prints before it exits with 1.
FAILURES = {
    "wrong key": (["--token", "invalid", "generate", "a horse"], "Invalid API token"),
    "out of credit": (["generate", "[[refuse:used_up]]"], "Access denied. Check your API permissions."),
    "violation": (["generate", "a horse", "--duration", "2"], "duration must be between 3 and 15."),
    "429": (["generate", "[[refuse:too_many_requests]]"], "Too many requests, please try again later."),
    "failed task": (["generate", "[[fail:api_error]]"], "Internal server error."),
}


@pytest.fixture
def run(upstream: Upstream, tmp_path: Path) -> Run:
    environment = {
        **os.environ,
        "ACEDATACLOUD_API_BASE_URL": upstream.base("acedata"),
        "ACEDATACLOUD_API_TOKEN": "token",
        "COLUMNS": "200",
    }
    command = Path(sys.executable).with_name("happyhorse")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command, *words], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False
        )

    return run


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_waits_for_its_video(run: Run, action: str) -> None:
    words, seconds = ACTIONS[action]
    done = run(*words, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert answer["success"] is True
    assert answer["data"][0]["duration"] == seconds
    assert is_film(answer["data"][0]["video_url"])


def test_generate_prints_the_task_and_its_video(run: Run, upstream: Upstream) -> None:
    done = run("generate", "a horse", "--resolution", "720P", "--ratio", "9:16", "--seed", "42")
    (task,) = upstream.session.table.tasks
    assert f"Task ID: {task}" in done.stdout
    assert f"Video URL: {upstream.base('acedata')}/result/{task}.mp4" in done.stdout


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_is_told_and_exits_with_1(run: Run, case: str) -> None:
    words, told = FAILURES[case]
    done = run(*words)
    assert done.returncode == 1
    assert told in done.stdout


def test_wait_follows_a_task_to_its_end(run: Run) -> None:
    task = json.loads(run("generate", "a horse", "--async", "--json").stdout)["task_id"]
    done = run("wait", task, "--interval", "0")
    assert done.returncode == 0
    assert f"Task {task} completed!" in done.stdout
    assert done.stderr == "Status: pending (waited 0s)...\n"


def test_a_callback_url_makes_it_asynchronous_whatever_the_command_says(run: Run, upstream: Upstream) -> None:
    """It sends `"async": false` beside the URL; the page says that the URL alone is enough."""
    done = run("generate", AT_ONCE, "--callback-url", "http://127.0.0.1:9/done", "--json")
    assert upstream.received()["async"] is False
    assert json.loads(done.stdout).keys() == {"task_id"}


def test_wait_exits_with_1_for_a_failed_task(run: Run) -> None:
    task = json.loads(run("generate", "[[fail:api_error]]", "--async", "--json").stdout)["task_id"]
    done = run("wait", task, "--interval", "0")
    assert (done.returncode, done.stdout) == (1, f"Error: Task {task} failed.\n")


def test_neither_a_submit_nor_a_poll_is_repeated(run: Run, upstream: Upstream) -> None:
    assert run("generate", "a horse [[fault:503]]").returncode == 1
    assert run("generate", "a horse [[fault:lost]]").returncode == 1
    assert upstream.submits() == [503, None]
    task = json.loads(run("generate", f"{AT_ONCE} [[fault:poll:503]]", "--async", "--json").stdout)["task_id"]
    assert run("wait", task).returncode == 1
    assert run("wait", task).returncode == 0


def test_task_and_tasks_print_the_records_as_json_only(run: Run) -> None:
    """Without `--json` the command looks for `data`, which no documented record has."""
    task = json.loads(run("generate", AT_ONCE, "--async", "--json").stdout)["task_id"]
    record = json.loads(run("task", task, "--json").stdout)
    assert record["state"] == "succeeded"
    assert json.loads(run("tasks", task, "unknown", "--json").stdout) == {"items": [record], "count": 1}
    assert run("task", task).stdout == "No data available.\n"


def test_an_unknown_task_has_no_record(run: Run) -> None:
    done = run("task", "00000000-0000-4000-8000-000000000000", "--json")
    assert (done.returncode, done.stdout) == (0, "{}\n")
