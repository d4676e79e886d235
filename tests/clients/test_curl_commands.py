"""Commands for `curl`, pasted: those that the providers' pages print, and those that `happyhorse-spec mock` prints.

A file in `curl/` is a command as its page has it. Only the host and the key are replaced; the key names the session.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from upstream import Upstream, is_film

from happyhorse_spec.contract import provider_names

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")

COMMANDS = {path.stem: path.read_text() for path in sorted(Path(__file__).with_name("curl").glob("*.sh"))}
HOSTS = (
    "https://dashscope-intl.aliyuncs.com",
    "https://api.apiyi.com",
    "https://openapi.imini.ai",
    "https://api.acedata.cloud",
)
KEYS = ("$DASHSCOPE_API_KEY", "sk-your-api-key", "<token>", "${bearer_token}", "{token}")
TEMPLATE = "apiyi-video-edit-template"
#: The task that the pages of AceDataCloud ask for.
SHOWN_TASK = "b8976e18-32dc-4718-9ed8-1ea090fcb6ea"


def paste(command: str) -> Any:
    """The JSON that a command prints when a shell runs it."""
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=20, check=True)
    return json.loads(done.stdout)


def addressed(command: str, upstream: Upstream, key: str = "") -> str:
    """The command with the mock's host, and with a key that names the test's session."""
    for host in HOSTS:
        command = command.replace(host, upstream.server.url)
    for name in KEYS:
        command = command.replace(name, key or f"sk-~{upstream.name}")
    return command


def task_of(answer: Any) -> Any:
    return answer.get("output", answer).get("task_id")


@pytest.mark.parametrize("name", ["dashscope-references", "dashscope-video-edit", "apiyi-video-edit"])
def test_a_command_of_a_page_gets_the_answer_that_the_page_prints(name: str, upstream: Upstream) -> None:
    answer = paste(addressed(COMMANDS[name], upstream))
    assert {"output", "request_id"} == answer.keys()
    assert answer["output"]["task_status"] == "PENDING"
    assert list(upstream.session.table.tasks) == [task_of(answer)]


def test_commands_of_a_page_lead_from_the_submit_to_the_file(upstream: Upstream) -> None:
    submitted = paste(addressed(COMMANDS["imini-generate"], upstream))
    assert list(submitted) == ["task_id", "model", "created_at", "request_id"]
    query = addressed(COMMANDS["imini-query"], upstream).replace("{task_id}", submitted["task_id"])
    first, last = paste(query), paste(query)
    assert list(first) == list(last)
    assert (first["status"], first["videos"], last["status"]) == ("processing", None, "succeeded")
    (video,) = last["videos"]
    assert list(video) == ["url", "width", "height", "duration", "cover_url"]
    assert is_film(video["url"])


def test_a_command_that_waits_gets_the_result_that_the_page_prints(upstream: Upstream) -> None:
    answer = paste(addressed(COMMANDS["acedata-generate"], upstream))
    assert list(answer) == ["success", "task_id", "trace_id", "data"]
    (video,) = answer["data"]
    assert list(video) == ["id", "video_url", "state", "duration", "resolution", "ratio"]
    assert is_film(video["video_url"])


def test_commands_that_ask_for_tasks_get_the_records_that_the_page_prints(upstream: Upstream) -> None:
    result = paste(addressed(COMMANDS["acedata-generate"], upstream))
    asked = {
        name: addressed(COMMANDS[name], upstream).replace(SHOWN_TASK, result["task_id"])
        for name in ("acedata-retrieve", "acedata-retrieve-batch")
    }
    record = paste(asked["acedata-retrieve"])
    assert record["request"]["prompt"].startswith("A cinematic white horse")
    assert record["response"] == result
    assert record["elapsed"] == pytest.approx(record["finished_at"] - record["started_at"], abs=0.001)
    assert paste(asked["acedata-retrieve-batch"]) == {"items": [record], "count": 1}
    assert paste(addressed(COMMANDS["acedata-retrieve"], upstream)) == {}


def test_a_template_of_a_page_works_with_its_placeholders_filled_in(upstream: Upstream) -> None:
    filled = COMMANDS[TEMPLATE].replace("<x-dashscope-async>", "enable")
    assert paste(addressed(filled, upstream))["output"]["task_status"] == "PENDING"


def test_a_placeholder_that_is_left_in_a_header_is_told(upstream: Upstream) -> None:
    answer = paste(addressed(COMMANDS[TEMPLATE], upstream))
    assert answer["error"]["message"] == "current user api does not support synchronous calls"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("dashscope-video-edit", "Invalid API-key provided."),
        ("apiyi-video-edit", "无效的令牌"),
        ("imini-generate", "Authentication failed"),
        ("acedata-generate", "The specified token is invalid or wrong."),
    ],
)
def test_a_wrong_key_is_told_in_the_words_of_the_provider(name: str, told: str, upstream: Upstream) -> None:
    answer = paste(addressed(COMMANDS[name], upstream, key="sk-invalid"))
    assert told in answer.get("message", answer.get("error", {}).get("message"))


@pytest.fixture
def printed() -> Iterator[list[str]]:
    """What `happyhorse-spec mock` prints, line by line, while it serves."""
    command = [sys.executable, "-m", "mockserver", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as mock:
        assert mock.stdout
        yield list(takewhile(lambda line: not line.startswith("Stop with"), mock.stdout))
        mock.terminate()


def test_every_command_that_the_mock_prints_makes_a_task(printed: list[str]) -> None:
    commands = [line for line in printed if line.startswith("curl ")]
    assert len(commands) == len(provider_names())
    assert all(task_of(paste(command)) for command in commands)
