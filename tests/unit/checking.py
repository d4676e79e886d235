"""What the tests of the law and of `check` share: files, requests, what one call of the command left behind."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from happyhorse_spec.contract import SCHEMAS

#: Files that the vocabulary rules: all but the answers, which are plain JSON Schema.
LAW_FILES = sorted(str(path.relative_to(SCHEMAS)) for path in SCHEMAS.glob("*/*.json") if path.stem != "answers.schema")
T2V = {"model": "happyhorse-1.0-t2v", "input": {"prompt": "A horse runs."}, "parameters": {"duration": 5}}
SUBMIT = "https://dashscope-intl.aliyuncs.com/api/v1/services/aigc/video-generation/video-synthesis"
CURL = f"""curl --location '{SUBMIT}' \\
  -H 'X-DashScope-Async: enable' \\
  -H "Authorization: Bearer $DASHSCOPE_API_KEY" \\
  -H 'Content-Type: application/json' \\
  -d '{{
  "model": "happyhorse-1.0-t2v",
  "input": {{"prompt": "A horse runs."}},
  "parameters": {{"resolution": "720P"}}
}}'
"""


def column(body: object, word: str) -> int:
    """Where a quoted word, or a number, stands in the one line of a body."""
    text = json.dumps(body)
    return (text.index(f'"{word}"') if f'"{word}"' in text else text.rindex(word)) + 1


class Shown:
    """What one call of the command left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err
        self.lines = out.splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


#: Writes a file (what is no text or bytes as JSON) and gives its name.
Write = Callable[[str, object], str]
#: Runs the command.
Check = Callable[..., Shown]


def within(seconds: float, act: Callable[[], Shown]) -> Shown:
    """What `act` left behind, if one of three goes took no more processor time than that; more on a slow machine."""
    told = []
    for _ in range(3):
        began = time.process_time()
        shown = act()
        took = time.process_time() - began
        allowed = max(seconds, seconds * floor() / USUAL_FLOOR)
        if took < allowed:
            return shown
        told.append(f"{took:.1f} s; {allowed:.1f} s would do")
    raise AssertionError(told)


#: Seconds that `floor` takes on two quiet cores.
USUAL_FLOOR = 0.3


def floor() -> float:
    """The processor time of the least work that the same amount of text asks for: it is decoded and searched."""
    began = time.process_time()
    text = (b"a" * 100_000_000).decode()
    json.loads(f'"{text}"')
    return time.process_time() - began
