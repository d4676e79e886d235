"""One request on its way through the mock: what came, who it belongs to, and the two ways to answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from happyhorse_spec import pointer
from mockserver.grammar import spelled
from mockserver.lifecycle import Task
from mockserver.mislead import Told, told, truth
from mockserver.scene import Scene

if TYPE_CHECKING:
    from aiohttp.web import BaseRequest

    from mockserver.dialect import Dialect, Operation
    from mockserver.journal import Entry
    from mockserver.session import Session
    from mockserver.webhook import Courier


@dataclass(slots=True)
class Reply:
    """HTTP status, JSON value, headers."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The provider answers with one of its errors: the key in its catalogue, and values for the message."""

    def __init__(self, error: str, values: Mapping[str, Any] | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.values = values or {}


@dataclass(slots=True)
class Call:
    """A request that a route was found for. `origin` is scheme and host as the client wrote them, `authorization` the
    header with the key; `entry` is its line in the journal."""

    request: BaseRequest
    session: Session
    dialect: Dialect
    operation: Operation
    params: Mapping[str, str]
    origin: str
    authorization: str
    now: float
    courier: Courier
    entry: Entry
    raw: bytes = b""
    body: Any = None
    key: str = ""
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def task_id(self) -> str | None:
        """The task that the request names, in its path or in its body."""
        if "task_id" in self.params:
            return self.params["task_id"]
        place = self.operation.data.get("reads", {}).get("task_id")
        named = pointer.follow(self.body, place) if place else None
        return None if named is None else str(named)

    def may_hold(self, text: bytes) -> bool:
        """Whether the body can hold a text, told from its bytes, which say it where none is escaped."""
        return text in self.raw or b"\\" in self.raw

    def refusal(self, noticed: str, **values: Any) -> Refused:
        """The provider's error for something that the engine noticed; its violation where it names none."""
        refusals = self.dialect.data["refusals"]
        return Refused(refusals.get(noticed) or refusals["violation"], {"detail": noticed.replace("_", " "), **values})

    def scene(self, task: Task | None = None, **more: Any) -> Scene:
        return Scene(self.dialect, self.session, task, now=self.now, origin=self.origin, more=more)

    def answer(self, name: str, scene: Scene) -> Reply:
        """Render one of the endpoint's answers, with the status that the endpoint gives it."""
        status = self.operation.endpoint.answers.get(name, 200)
        return Reply(status, self.dialect.answers[name](scene), self.dialect.headers(scene))

    def about(self, task: Task) -> Reply:
        """The answer to "how is this task": that of its state."""
        said = self.tell(task)
        return self.answer(self.operation.prefix + said.state, self.scene(task, **said.values))

    def tell(self, task: Task) -> Told:
        """What is told of a task now, which is noted in the task and in the journal."""
        said = told(self, task) if self.session.faults else truth(task)
        task.told = said.state
        self.entry.task_id, self.entry.state = task.id, said.state
        return said


def refused(
    dialect: Dialect,
    session: Session,
    error_key: str,
    values: Mapping[str, Any],
    now: float,
    status: int | None = None,
) -> Reply:
    """An error of the catalogue in its envelope, with the status of its row or another one."""
    error = dialect.provider.errors[error_key]
    status = status or error.status
    words = {**error.data, **values}
    more = {**words, "code": error.code, "message": spelled(error, values), "status": status}
    scene = Scene(dialect, session, now=now, more={name: value for name, value in more.items() if name != "source"})
    return Reply(status, dialect.answers[error.answer](scene), dialect.headers(scene))
