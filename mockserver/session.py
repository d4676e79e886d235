"""Sessions: what is isolated from everybody else. Tasks, clock, random draws and limits belong to one session.

A session is chosen by the URL (`/~name/...`) or by the key (`sk-~name`), and made when it is first named; all other
requests share the session without a name. Every random draw comes from the session's seed: the same seed and the same
calls give the same ids and the same bytes.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mockserver.clock import Clock, ClockMode
from mockserver.grammar import spelled
from mockserver.lifecycle import Task, TaskTable
from mockserver.scripts import Pace

if TYPE_CHECKING:
    from mockserver.dialect import Dialect
    from mockserver.scene import Scene
    from mockserver.uploads import Upload
    from mockserver.webhook import Delivery

SESSION_NAME = re.compile(r"~([A-Za-z0-9_.-]{1,64})")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a session plays. `validation` None means the provider's default; `start` is seconds since 1970 or now."""

    clock: ClockMode = ClockMode.REAL
    rate: float = 1.0
    start: float | None = None
    seed: int = 0
    pace: Pace = Pace.DESK
    limits: bool = False
    validation: str | None = None
    fetch_media: bool = False

    def but(self, **changes: Any) -> Settings:
        return replace(self, **changes)


class Session:
    """One isolated world."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.clock = Clock(settings.clock, settings.rate, settings.start)
        self.random = Random(f"{settings.seed}/{name}")
        self.table = TaskTable()
        self._secret = self._digest("signature")
        self.deliveries: deque[Delivery] = deque(maxlen=1000)
        self.tokens: dict[str, float] = {}
        self.uploads: dict[str, Upload] = {}
        self._windows: dict[tuple[str, str], deque[float]] = {}

    @property
    def prefix(self) -> str:
        """What stands before every path of this session's URLs."""
        return f"/~{self.name}" if self.name else ""

    def settle(self) -> float:
        """Bring every task up to the present; the present."""
        now = self.clock.now()
        self.table.settle(now)
        return now

    def find(self, task_id: str, dialect: Dialect, now: float) -> Task | None:
        """The task with that id, if it is this provider's and not older than the provider keeps tasks."""
        task = self.table.tasks.get(task_id)
        if task is None or task.lane[0] != dialect.name:
            return None
        retention = dialect.data["retention"]
        age = now - task.submitted
        if age <= retention["task_seconds"]["value"]:
            return task
        if age > retention["task_seconds"]["value"] + retention["result_seconds"]["value"]:
            self.table.forget(task)
        return None

    def within_rate(self, dialect: Dialect, limit: str, now: float) -> bool:
        """Count one request against a rate of the provider; False where it is one too many."""
        rate = dialect.data["limits"].get(limit, {}).get("per_second")
        if rate is None or not self.settings.limits:
            return True
        window = self._windows.setdefault((dialect.name, limit), deque(maxlen=rate))
        if len(window) == rate and now - window[0] < 1.0:
            return False
        window.append(now)
        return True

    def has_room(self, dialect: Dialect, lane: tuple[str, str]) -> str | None:
        """What is full when a task more would be too many: `running_full`, `queue_full`, or None."""
        if not self.settings.limits:
            return None
        limits = dialect.data["limits"]
        places = limits.get("running", {}).get("tasks")
        if places is not None and "running_full" in dialect.data["refusals"]:
            return "running_full" if self.table.alive(dialect.name) >= places else None
        self.table.places[lane] = places
        queue = limits.get("queued", {}).get("tasks")
        return "queue_full" if queue is not None and self.table.queued(lane) >= queue else None

    def new_id(self, form: str) -> str:
        """A fresh id of a form such as `task_{digits19}`."""
        return _fill(form, self.random.getrandbits(128))

    def derived_id(self, form: str, text: str) -> str:
        """An id of that form that is always the same for a text."""
        return _fill(form, int.from_bytes(self._digest(text)[:16]))

    def result_url(self, scene: Scene, name: str) -> str | None:
        """The signed URL of a task's clip or cover, or None where the provider has none."""
        form = scene.dialect.ids.get(name)
        ended = scene.task.ended
        if form is None or ended is None:
            return None
        keeps = scene.dialect.data["retention"]["result_seconds"]["value"]
        expires = int(ended + keeps)
        path = form.format(name=scene.task.id, expires=expires, signature=self.sign(scene.task.id, expires))
        return f"{scene.origin}{self.prefix}{path}"

    def sign(self, name: str, expires: int) -> str:
        """The signature that a result URL carries, ready for a query."""
        return quote(blake2b(f"{name}/{expires}".encode(), key=self._secret, digest_size=15).hexdigest())

    def task_error(self, dialect: Dialect, task: Task) -> dict[str, Any]:
        """Code, message and HTTP status of a failed task; a word the catalogue lacks stands for itself."""
        step = task.failure
        error = dialect.provider.error(step.error or "")
        if error is None:
            return {"code": step.error, "message": step.message or step.error, "status": 500}
        message = step.message if step.message is not None else spelled(error, {"model": task.lane[1]})
        return {"code": error.code, "message": message, "status": error.status}

    def _digest(self, text: str) -> bytes:
        return blake2b(f"{self.settings.seed}/{self.name}/{text}".encode(), digest_size=32).digest()


class Sessions:
    """All sessions of a server, made on first use with the server's settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._sessions: dict[str, Session] = {}

    def get(self, name: str) -> Session:
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = Session(name, self.settings)
        return session

    def drop(self, name: str) -> bool:
        return self._sessions.pop(name, None) is not None

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))


def _fill(form: str, bits: int) -> str:
    return form.format_map(_Digits(bits))


class _Digits(Mapping[str, str]):
    """The words of an id form, made from 128 bits: {uuid}, {hex32}, {digits19} and other lengths."""

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def __getitem__(self, word: str) -> str:
        if word == "uuid":
            text = f"{self._bits:032x}"
            return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[self._bits & 3]}{text[17:20]}-{text[20:]}"
        kind, length = word.rstrip("0123456789"), int(word.lstrip("abcdefghijklmnopqrstuvwxyz") or 0)
        if kind == "hex":
            return f"{self._bits:032x}"[:length]
        return str(10 ** (length - 1) + self._bits % (9 * 10 ** (length - 1)))

    def __iter__(self) -> Iterator[str]:
        return iter(("uuid", "hex32", "digits19"))

    def __len__(self) -> int:
        return 3
