"""What an answer is rendered from: every name that a template may use, and what it means.

A scene is one moment of one task (or of none, for an error or a list). Names are worked out when a template asks for
them. A name that is not here is looked up in what the operation adds, e.g. `items` of a list or `detail` of an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from happyhorse_spec.request import Request
from mockserver.lifecycle import State, Task
from mockserver.result import Result, result_of

if TYPE_CHECKING:
    from mockserver.dialect import Dialect
    from mockserver.session import Session


class Scene:
    """One moment: the dialect that speaks, the session, the task if there is one, the time, and what else is known."""

    def __init__(
        self,
        dialect: Dialect,
        session: Session,
        task: Task | None = None,
        *,
        now: float = 0.0,
        origin: str = "",
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.dialect, self.session, self.now, self.origin = dialect, session, now, origin
        self.more: Mapping[str, Any] = more or {}
        self.has_task = task is not None
        if task is not None:
            self.task = task

    def value(self, name: str) -> Any:
        """What a name of a template means here; None where it has no value."""
        if name in self.more:
            return self.more[name]
        meaning = MEANINGS.get(name)
        return meaning(self) if meaning and (self.has_task or name in _TASKLESS) else None

    @cached_property
    def body(self) -> Any:
        return orjson.loads(self.task.request)

    @cached_property
    def request(self) -> Request:
        return Request(self.dialect.provider, self.dialect.provider.modes[self.task.mode], self.body)

    @cached_property
    def result(self) -> Result:
        return result_of(self.request, (self.task.notes or {}).get("facts", {}))

    @cached_property
    def error(self) -> dict[str, Any]:
        """Code, message and status of a failed task, in the provider's catalogue."""
        return self.session.task_error(self.dialect, self.task)

    @cached_property
    def trace_id(self) -> str:
        """One for the whole life of a task, and one for each answer that is about none."""
        return self.kept_id("trace_id") if self.has_task else self.new_id("trace_id")

    def new_id(self, name: str) -> str:
        return self.session.new_id(self.dialect.ids.get(name, "{uuid}"))

    def account_id(self, name: str) -> str:
        """An id that belongs to the account, which is the session."""
        return self.session.derived_id(self.dialect.ids.get(name, "{uuid}"), name)

    def kept_id(self, name: str) -> str:
        """An id that belongs to the task and is the same in every answer."""
        return self.session.derived_id(self.dialect.ids.get(name, "{uuid}"), f"{self.task.id}/{name}")


#: By how much a share of a render may be too small when its moment has come: times are floats of ten digits.
_ROUNDING = 1e-6


def _progress(scene: Scene) -> Any:
    """The provider's figure for how far a task is: by state, and while it runs by the share of its render."""
    table = scene.dialect.data.get("progress", {})
    figure = table.get(scene.task.state)
    if not isinstance(figure, Mapping):
        return figure
    share = _share(scene) + _ROUNDING
    return next(value for bound, value in reversed(list(figure.items())) if share >= float(bound))


def _share(scene: Scene) -> float:
    task, step = scene.task, scene.task.plan[scene.task.step]
    if task.started is None or not step.seconds:
        return 0.0
    return min(1.0, max(0.0, (scene.now - task.started) / step.seconds))


def _whole_for_made(scene: Scene, seconds: float) -> float:
    """Seconds as the examples print them: whole for a made clip, a float for an edited one."""
    return float(seconds) if scene.result.input_seconds else seconds


def _ended(scene: Scene) -> float | None:
    return scene.task.ended


def _elapsed(scene: Scene) -> float | None:
    started, ended = scene.task.started or scene.task.submitted, scene.task.ended
    return None if ended is None else round(ended - started, 3)


_TASKLESS = frozenset({"request_id", "trace_id", "now", "profile"})

#: Name -> what it means in a scene.
MEANINGS: Mapping[str, Callable[[Scene], Any]] = {
    "task_id": lambda scene: scene.task.id,
    "request_id": lambda scene: scene.new_id("request_id"),
    "trace_id": lambda scene: scene.trace_id,
    "api_key_id": lambda scene: scene.account_id("api_key_id"),
    "account_id": lambda scene: scene.account_id("account_id"),
    "submit_request_id": lambda scene: scene.task.request_id,
    "state": lambda scene: scene.dialect.states[scene.task.state],
    "model": lambda scene: scene.request.get("model"),
    "prompt": lambda scene: scene.request.get("prompt"),
    "seed": lambda scene: scene.request.get("seed"),
    "resolution": lambda scene: scene.result.resolution,
    "tier": lambda scene: scene.result.tier,
    "ratio": lambda scene: scene.result.ratio,
    "duration": lambda scene: _whole_for_made(scene, scene.result.output_seconds),
    "billed_seconds": lambda scene: _whole_for_made(scene, scene.result.billed_seconds),
    "input_seconds": lambda scene: _whole_for_made(scene, scene.result.input_seconds),
    "output_seconds": lambda scene: _whole_for_made(scene, scene.result.output_seconds),
    "width": lambda scene: scene.result.width,
    "height": lambda scene: scene.result.height,
    "fps": lambda scene: scene.result.fps,
    "now": lambda scene: scene.now,
    "profile": lambda scene: scene.session.settings.profile,
    "submitted": lambda scene: scene.task.submitted,
    "started": lambda scene: scene.task.started,
    "ended": _ended,
    "elapsed": _elapsed,
    "progress": _progress,
    "video_id": lambda scene: scene.kept_id("video_id"),
    "video_url": lambda scene: scene.session.result_url(scene, "video_url"),
    "cover_url": lambda scene: scene.session.result_url(scene, "cover_url"),
    "code": lambda scene: scene.error["code"] if scene.task.state is State.FAILED else None,
    "message": lambda scene: scene.error["message"] if scene.task.state is State.FAILED else None,
    "status": lambda scene: scene.error["status"] if scene.task.state is State.FAILED else None,
    "request": lambda scene: scene.body,
}
