"""Sessions: what is isolated from everybody else. Tasks, clock, random draws, faults, journal and limits belong to one.

A session is chosen by the URL (`/~name/...`) or by the key (`sk-~name`), and made when it is first named; all other
requests share the session without a name. A name may carry settings (see `settings`). Every random draw comes from the
session's seed: the same seed and the same calls give the same ids and the same bytes.

Memory is bounded. A server keeps `MAX_SESSIONS` sessions; beyond that the one that was used least recently goes, with
all it holds, unless a client waits for an answer in it. A session keeps `MAX_TASKS` tasks, and `MAX_TASK_BYTES` of
them; beyond that the oldest goes, as it would at the end of its retention. Journals have bounds of their own (see
`journal`). Where journals and tasks of all sessions together are larger than `MAX_TOTAL`, journals are emptied, that of
the session used least recently first; where that is not enough, sessions go in that order.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import count
from random import Random
from string import Formatter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from happyhorse_spec.wording import listing, nearest
from mockserver.clock import Clock
from mockserver.faultplan import FaultPlan
from mockserver.grammar import spelled
from mockserver.journal import Journal
from mockserver.lifecycle import Plan, Task, TaskTable
from mockserver.settings import SettingError, Settings, read_name

if TYPE_CHECKING:
    from happyhorse_spec.request import Request
    from mockserver.dialect import Dialect, Rate
    from mockserver.scene import Scene
    from mockserver.uploads import Upload
    from mockserver.webhook import Delivery

#: Where a key names a session.
KEY_NAME = re.compile(r"~([A-Za-z0-9_.-]+(?:,[^,\s]+)*)")

MAX_SESSIONS = 20_000
MAX_TASKS = 100_000
MAX_TASK_BYTES = 256 * 1024 * 1024
MAX_TOTAL = 512 * 1024 * 1024


class Session:
    """One isolated world. `open` counts the requests that are being answered in it; `made` are its first settings."""

    def __init__(self, name: str, settings: Settings, spend: Callable[[int], None] = lambda _: None) -> None:
        self.name = name
        self.settings = self.made = settings
        self.open = 0
        self.clock = Clock(settings.clock, settings.rate, settings.start)
        self.table = TaskTable()
        self.spend = spend
        self.journal = Journal(spend)
        self.faults = FaultPlan()
        #: Model -> how its tasks live, `*` for any; and how the next tasks live, whatever their model.
        self.plans: dict[str, Plan] = {}
        self.next_plans: list[Plan] = []
        self._secret = self._digest("signature")
        self.tokens: dict[str, float] = {}
        self.uploads: dict[str, Upload] = {}
        self._windows: dict[tuple[str, str, str], deque[float]] = {}

    # These two are made when they are needed: they would be half of an idle session.

    @cached_property
    def random(self) -> Random:
        """Where ids and plans are drawn from."""
        return Random(f"{self.made.seed}/{self.name}")

    @cached_property
    def deliveries(self) -> deque[Delivery]:
        """The callbacks that were tried, the newest last."""
        return deque(maxlen=1000)

    @property
    def prefix(self) -> str:
        """What stands before every path of this session's URLs."""
        return f"/~{self.name}" if self.name else ""

    def close(self) -> None:
        """Let go of who waits and of all that is kept; what still ends in the session costs nothing any more."""
        self.clock.stop()
        self.journal.clear()
        self.spend(-self.table.bytes)
        self.spend = self.journal.spend = lambda _: None

    def settle(self) -> float:
        """Bring every task up to the present; the present."""
        now = self.clock.now()
        self.table.settle(now)
        return now

    def take(self, task: Task) -> None:
        """Take a task up, and let go of the oldest where there are too many."""
        table = self.table
        table.submit(task)
        self.spend(task.size)
        while len(table.tasks) > MAX_TASKS or table.bytes > MAX_TASK_BYTES:
            self.forget(table.oldest(), task.submitted)
        table.settle(task.submitted)

    def forget(self, task: Task, now: float) -> None:
        """Let go of a task for good."""
        self.table.forget(task, now)
        self.spend(-task.size)

    def scripted(self, request: Request) -> Plan | None:
        """How the task of this request lives, where somebody has said so: of the next task, of its model, of any."""
        if self.next_plans:
            return self.next_plans.pop(0)
        return self.plans.get(str(request.get("model"))) or self.plans.get("*") if self.plans else None

    def stream(self, name: str) -> Random:
        """A source of random draws beside that of the ids, so that drawing from it changes no id."""
        return Random(f"{self.settings.seed}/{self.name}/{name}")

    def find(self, task_id: str, dialect: Dialect, now: float) -> Task | None:
        """The task with that id, if it is this provider's and not older than the provider keeps tasks."""
        task = self.table.tasks.find(task_id)
        if task is None or task.lane[0] != dialect.name:
            return None
        retention = dialect.data["retention"]
        age = now - task.submitted
        if age <= retention["task_seconds"]["value"]:
            return task
        if age > retention["task_seconds"]["value"] + retention["result_seconds"]["value"]:
            self.forget(task, now)
        return None

    def within(self, rate: Rate, model: str, now: float) -> bool:
        """Count one request about a model against a rate; False where it is one too many."""
        key = (*rate.window, model if rate.of_model else "")
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = deque(maxlen=rate.most)
        if len(window) == rate.most and now - window[0] < rate.seconds:
            return False
        window.append(now)
        return True

    def has_room(self, dialect: Dialect, lane: tuple[str, str]) -> str | None:
        """What is full when a task more would be too many: `running_full`, `queue_full`, or None."""
        if not self.settings.limits:
            self.table.places.clear()
            return None
        running, of_account, refuses, queued = dialect.room
        if running is not None and refuses:
            return "running_full" if self.table.alive(dialect.name) >= running else None
        if running is not None:
            self.table.places[(dialect.name, "") if of_account else lane] = running
        return "queue_full" if queued is not None and self.table.queued(lane) >= queued else None

    def new_id(self, form: str) -> str:
        """A fresh id of a form such as `task_{digits19}`."""
        return _filler(form)(self.random.getrandbits(128))

    def derived_id(self, form: str, text: str) -> str:
        """An id of that form that is always the same for a text."""
        return _filler(form)(int.from_bytes(self._digest(text)[:16]))

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
        """Code, message and HTTP status of a failed task; a word the catalogue lacks stands for itself.

        A script that says FAILED and no more means the provider's own failure: of the generation, else an internal one.
        """
        step, refusals = task.failure, dialect.data["refusals"]
        word = step.error or refusals.get("generation", refusals["internal"])
        error = dialect.provider.error(word)
        if error is None:
            return {"code": word, "message": step.message or word, "status": 500}
        message = step.message if step.message is not None else spelled(error, {"model": task.lane[1]})
        return {"code": error.code, "message": message, "status": error.status}

    def _digest(self, text: str) -> bytes:
        return blake2b(f"{self.settings.seed}/{self.name}/{text}".encode(), digest_size=32).digest()


class Sessions:
    """All sessions of a server, made on first use with the server's settings; the last used one stands last."""

    def __init__(self, settings: Settings, profiles: Collection[str] = (), models: Collection[str] = ()) -> None:
        self._profiles = profiles
        self._models = models
        self.settings = self._changed(settings, {"profile": settings.profile})
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._bytes = 0

    def named(self, text: str) -> Session:
        """The session of `name` or `name,setting=value,...`; raises SettingError, whether it is new or not."""
        return self.get(*read_name(text))

    def get(self, name: str = "", changes: Mapping[str, Any] = MappingProxyType({})) -> Session:
        """The session of that name, made with changed settings where it is new; "" is that without a name."""
        session = self._sessions.get(name)
        if session is None:
            return self.make(name, changes)
        self._sessions.move_to_end(name)
        return session

    def make(self, name: str, changes: Mapping[str, Any]) -> Session:
        """A new session, in the place of the one that has its name; raises SettingError."""
        settings = self._changed(self.settings, changes)
        self.drop(name)
        self._make_room()
        session = self._sessions[name] = Session(name, settings, self._spend)
        return session

    def change(self, session: Session, changes: Mapping[str, Any]) -> None:
        """Change the settings of a session from here on; raises SettingError."""
        session.settings = self._changed(session.settings, changes)

    def check_models(self, names: Iterable[str]) -> None:
        """Raise SettingError for what is neither a model here nor `*`: a life of its tasks would never be played."""
        unknown = next((name for name in names if name not in ("*", *self._models)), None)
        if self._models and unknown is not None:
            meant = nearest(unknown, self._models)
            hint = f"did you mean {meant}?" if meant else f"it may be *, {listing(list(self._models))}"
            raise SettingError(f"{unknown!r:.80} is no model here; {hint}")

    def free_name(self) -> str:
        """A name that no session has."""
        return next(name for number in count(1) if (name := f"s{number}") not in self._sessions)

    def reset(self, session: Session) -> Session:
        """The session as it was when it was made: no tasks, no faults, an empty journal, the clock at its start."""
        self.drop(session.name)
        fresh = self._sessions[session.name] = Session(session.name, session.made, self._spend)
        return fresh

    def drop(self, name: str) -> bool:
        """Forget a session; who waits in it is let go. False where there is none."""
        session = self._sessions.pop(name, None)
        if session is None:
            return False
        session.close()
        return True

    def __contains__(self, name: str) -> bool:
        return name in self._sessions

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def _changed(self, settings: Settings, changes: Mapping[str, Any]) -> Settings:
        profile = changes.get("profile")
        if profile is not None and profile not in self._profiles:
            known = ", ".join(sorted(self._profiles)) or "none"
            raise SettingError(f"profile is {profile!r}; the profiles here are: {known}")
        return settings.but(**changes)

    def _make_room(self) -> None:
        """Drop the session used least recently; one in which somebody waits counts as used."""
        for _ in range(len(self._sessions)):
            if len(self._sessions) < MAX_SESSIONS:
                return
            name, session = next(iter(self._sessions.items()))
            if session.open:
                self._sessions.move_to_end(name)
            else:
                self.drop(name)

    def _spend(self, size: int) -> None:
        self._bytes += size
        if self._bytes > MAX_TOTAL:
            self._relieve()

    def _relieve(self) -> None:
        """Empty journals, then drop sessions, each time the one used least recently first, until a tenth is free."""
        relief: tuple[Callable[[Session], object], ...] = (lambda session: session.journal.clear(), self._drop_idle)
        for relieve in relief:
            for session in self:
                if self._bytes <= MAX_TOTAL * 0.9:
                    return
                relieve(session)

    def _drop_idle(self, session: Session) -> None:
        if not session.open:
            self.drop(session.name)


@lru_cache(maxsize=256)
def _filler(form: str) -> Callable[[int], str]:
    """What makes ids of a form from 128 bits: of {uuid}, {hex32}, {digits19} and other lengths."""
    parts = [(text, _word(name) if name else None) for text, name, _, _ in Formatter().parse(form)]
    if len(parts) == 1 and not parts[0][0] and parts[0][1]:
        return parts[0][1]
    return lambda bits: "".join(text + (word(bits) if word else "") for text, word in parts)


def _word(name: str) -> Callable[[int], str]:
    if name == "uuid":
        return _uuid
    kind, length = name.rstrip("0123456789"), int(name.lstrip("abcdefghijklmnopqrstuvwxyz") or 0)
    if kind == "hex":
        return lambda bits: f"{bits:032x}"[:length]
    low = 10 ** (length - 1)
    return lambda bits: str(low + bits % (9 * low))


def _uuid(bits: int) -> str:
    text = bits.to_bytes(16).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[bits & 3]}{text[17:20]}-{text[20:]}"
