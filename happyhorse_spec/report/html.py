"""A run as one HTML page that needs nothing else: states as bars, requests and answers, clips that play.

What the template is given is redacted; it escapes everything and holds no script.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from happyhorse_spec.redaction import Redactor
from happyhorse_spec.report.command import curl_line
from happyhorse_spec.report.text import gist, spent, warnings
from happyhorse_spec.trail import Exchange, Trail
from happyhorse_spec.verdict import said

#: Bytes of a clip that is put into the page; a larger one is linked.
MAX_EMBEDDED = 16 * 2**20

_TEMPLATE = Path(__file__).with_name("page.html.j2")


@dataclass(frozen=True, slots=True)
class Bar:
    """A state on the way: where it begins and how long it is, in percent of the whole."""

    word: str
    seconds: float
    start: float
    width: float


def write_html(path: Path, trails: Sequence[Trail], seconds: float, redactor: Redactor) -> None:
    """Write the page, whole or not at all; raises OSError."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(page(trails, seconds, redactor, path.parent), "utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def page(trails: Sequence[Trail], seconds: float, redactor: Redactor, folder: Path) -> str:
    """The page; clips that are too large for it are linked from `folder`."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_TEMPLATE.read_text("utf-8"))
    passed = sum(trail.has_passed for trail in trails)
    return template.render(
        passed=passed,
        failed=len(trails) - passed,
        seconds=seconds,
        spent=list(spent(trails)) if any(trail.cost for trail in trails) else [],
        specs=[_card(trail, redactor, folder) for trail in trails],
    )


def _card(trail: Trail, redactor: Redactor, folder: Path) -> Mapping[str, Any]:
    """What the page shows of one spec."""
    place = trail.spec.place()
    return {
        "id": redactor.text(trail.spec.id),
        "gist": redactor.text(gist(trail)),
        "passed": trail.has_passed,
        "seconds": trail.seconds,
        "place": redactor.text(f"{place.file}:{place.line}"),
        "outcome": redactor.text(_outcome(trail)),
        "task_id": redactor.text(trail.task_id or ""),
        "cost": str(trail.cost) if trail.cost and trail.cost.most is not None else "",
        "bars": list(_bars(trail)),
        "clip": _clip(trail, folder),
        "facts": _facts(trail),
        "problems": [(redactor.text(str(problem.place)), redactor.text(problem.message)) for problem in trail.problems],
        "warnings": [line.strip() for line in warnings(trail, redactor)],
        "exchanges": [_exchange(exchange, redactor) for exchange in trail.exchanges],
    }


def _outcome(trail: Trail) -> str:
    if trail.refusal:
        return f"refused, {said(trail.refusal)}"
    return trail.steps[-1].word if trail.steps else ("no answer" if trail.sent else "not sent")


def _bars(trail: Trail) -> Iterator[Bar]:
    """The states one after another; the last one, an end, has no length of its own."""
    share = 100 / max(trail.seconds, 1e-9)
    starts = [step.seconds for step in trail.steps]
    for step, end in zip(trail.steps, [*starts[1:], trail.seconds], strict=False):
        yield Bar(step.word, step.seconds, min(100.0, step.seconds * share), max(0.0, (end - step.seconds) * share))


def _clip(trail: Trail, folder: Path) -> str | None:
    """Where the clip is played from: inside the page, or beside it. None where it is no clip."""
    path = trail.saved
    is_clip = trail.clip is not None and trail.clip.get("kind") == "video" and trail.clip.get("condition") != "damaged"
    if path is None or not is_clip or not path.is_file():
        return None
    if path.stat().st_size <= MAX_EMBEDDED:
        return f"data:video/mp4;base64,{b64encode(path.read_bytes()).decode()}"
    try:
        return quote(path.resolve().relative_to(folder.resolve()).as_posix())
    except ValueError:
        return path.resolve().as_uri()


def _facts(trail: Trail) -> str:
    """E.g. `1280 x 720, 3.0 s, 24.0 fps, with sound`."""
    clip = trail.clip
    if not clip or clip.get("width") is None:
        return ""
    sound = {True: ", with sound", False: ", silent"}.get(clip.get("audio") or False, "")
    return f"{clip['width']} × {clip['height']}, {clip.get('duration')} s, {clip.get('fps')} fps{sound}"


def _exchange(exchange: Exchange, redactor: Redactor) -> Mapping[str, Any]:
    return {
        "name": exchange.name,
        "line": redactor.text(f"{exchange.method} {exchange.url}"),
        "status": exchange.status,
        "seconds": exchange.seconds,
        "curl": curl_line(exchange, redactor),
        "request": _json(exchange.body, redactor),
        "answer": _json(exchange.answer, redactor),
    }


def _json(value: Any, redactor: Redactor) -> str:
    return "" if value is None else redactor.text(json.dumps(redactor.value(value), ensure_ascii=False, indent=2))
