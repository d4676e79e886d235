"""What the control API can do: one function for each operation of its description, found in a table by its id.

Bad words raise ValueError (400), a task that is not there LookupError (404); the message is one sentence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from mockserver.answers import TIME_FORMATS
from mockserver.clock import ClockMode
from mockserver.control_spec import description
from mockserver.faultplan import FaultPlan
from mockserver.faults import WORDS
from mockserver.lifecycle import LifecycleError, State, Task
from mockserver.redaction import redacted
from mockserver.scenario import order_faults, read_fault_lists, read_scenario
from mockserver.scripts import read_plan, spell_plan, spell_step
from mockserver.session import Session
from mockserver.settings import read_settings
from mockserver.verify import read_expectation
from mockserver.verify import verify as verified

if TYPE_CHECKING:
    from mockserver.server import MockServer


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of whom: the server, the session that was named, and the parts of the request."""

    server: MockServer
    session: Session
    params: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any

    def task(self) -> Task:
        """The task that the path names, at its present state."""
        self.session.settle()
        task = self.session.table.tasks.get(self.params["task_id"])
        if task is None:
            raise LookupError(f"the session has no task {self.params['task_id'][:80]}")
        return task


async def health(ask: Ask) -> Any:
    from importlib.metadata import version

    server = ask.server
    return {
        "status": "ok",
        "version": version("happyhorse-spec"),
        "providers": server.base_urls(),
        "sessions": len(server.sessions),
    }


async def describe(ask: Ask) -> Any:
    whole, named = description()["servers"]
    url = ask.server.url
    return {**description(), "servers": [{**whole, "url": url}, {**named, "url": f"{url}/~{{session}}"}]}


async def words(_: Ask) -> Any:
    return {name: {**_meaning(name), "endpoints": word.endpoints} for name, word in WORDS.items()}


async def list_sessions(ask: Ask) -> Any:
    return [_session(ask.server, session) for session in ask.server.sessions]


async def create_session(ask: Ask) -> Any:
    name = ask.body.get("name") or ask.server.sessions.free_name()
    return _session(ask.server, ask.server.sessions.make(name, read_settings(ask.body.get("settings", {}))))


async def show_session(ask: Ask) -> Any:
    return _session(ask.server, ask.session)


async def change_session(ask: Ask) -> Any:
    ask.server.sessions.change(ask.session, read_settings(ask.body))
    return _session(ask.server, ask.session)


async def delete_session(ask: Ask) -> Any:
    ask.server.sessions.drop(ask.session.name)


async def reset_session(ask: Ask) -> Any:
    return _session(ask.server, ask.server.sessions.reset(ask.session))


async def begin_scenario(ask: Ask) -> Any:
    """A scenario that names a session plays there, else in the one that was asked."""
    scenario = read_scenario({"session": ask.session.name, **ask.body}, ask.server.is_error)
    return _session(ask.server, scenario.begin(ask.server.sessions))


async def show_clock(ask: Ask) -> Any:
    return _clock(ask.session)


async def switch_clock(ask: Ask) -> Any:
    ask.session.clock.switch(ClockMode(ask.body["clock"]), ask.body.get("rate", 1.0))
    return _clock(ask.session)


async def advance_clock(ask: Ask) -> Any:
    clock = ask.session.clock
    seconds = ask.body.get("seconds")
    if seconds is None:
        moment = _next(ask.session)
        seconds = max(0.0, moment - clock.now()) if moment is not None else 0.0
    await clock.run(seconds)
    return _clock(ask.session)


async def list_tasks(ask: Ask) -> Any:
    ask.session.settle()
    return [_task(task) for task in islice(ask.session.table.newest_first(), ask.query["limit"])]


async def show_task(ask: Ask) -> Any:
    return _full_task(ask)


async def script_task(ask: Ask) -> Any:
    task, session = ask.task(), ask.session
    plan = read_plan(ask.body["plan"], task.state)
    if strange := ask.server.dialects[task.lane[0]].unspoken(plan):
        raise LifecycleError(f"no task of {task.lane[0]} is ever {strange.upper()}")
    session.table.replan(task, plan, session.clock.now())
    session.settle()
    session.clock.wake()
    return _full_task(ask)


async def show_plans(ask: Ask) -> Any:
    session = ask.session
    plans = {model: spell_plan(plan) for model, plan in session.plans.items()}
    return {"plans": plans, "tasks": [spell_plan(plan) for plan in session.next_plans]}


async def set_plans(ask: Ask) -> Any:
    ask.server.sessions.check_models(ask.body.get("plans", ()))
    plans = {model: read_plan(text) for model, text in ask.body.get("plans", {}).items()}
    tasks = [read_plan(text) for text in ask.body.get("tasks", ())]
    ask.session.plans, ask.session.next_plans = plans, tasks
    return await show_plans(ask)


async def show_faults(ask: Ask) -> Any:
    return ask.session.faults.account()


async def set_faults(ask: Ask) -> Any:
    faults = read_fault_lists(ask.body, ask.server.is_error)
    ask.session.faults = FaultPlan()
    order_faults(ask.session, faults)
    return ask.session.faults.account()


async def add_faults(ask: Ask) -> Any:
    order_faults(ask.session, read_fault_lists(ask.body, ask.server.is_error))
    return ask.session.faults.account()


async def clear_faults(ask: Ask) -> Any:
    ask.session.faults = FaultPlan()


async def show_journal(ask: Ask) -> Any:
    found = ask.session.journal.last(ask.query["limit"], after=ask.query["after"] or 0)
    return [exchange.as_dict() for exchange in found]


async def clear_journal(ask: Ask) -> Any:
    ask.session.journal.clear()


async def verify(ask: Ask) -> Any:
    expected = [read_expectation(words) for words in ask.body["expect"]]
    verdicts = verified(list(ask.session.journal), expected, ordered=ask.body.get("ordered", False))
    return {"met": all(verdict.met for verdict in verdicts), "verdicts": [verdict.as_dict() for verdict in verdicts]}


async def show_deliveries(ask: Ask) -> Any:
    return [{**asdict(delivery), "url": redacted(delivery.url)} for delivery in ask.session.deliveries]


async def show_limits(ask: Ask) -> Any:
    ask.session.settle()
    providers = {name: _limits(ask.session, name, dialect.data) for name, dialect in ask.server.dialects.items()}
    return {"enforced": ask.session.settings.limits, "providers": providers}


Action = Callable[[Ask], Awaitable[Any]]

#: Id of an operation in the description -> what does it.
ACTIONS: Mapping[str, Action] = {
    action.__name__: action
    for action in (
        *(health, describe, words, list_sessions, create_session),
        *(show_session, change_session, delete_session, reset_session, begin_scenario),
        *(show_clock, switch_clock, advance_clock, list_tasks, show_task, script_task, show_plans, set_plans),
        *(show_faults, set_faults, add_faults, clear_faults),
        *(show_journal, clear_journal, verify, show_deliveries, show_limits),
    )
}


#: What is shown of a task as it is.
_SHOWN = ("id", "mode", "state", "submitted", "started", "ended", "due", "told")


def _session(server: MockServer, session: Session) -> dict[str, Any]:
    url = server.url + session.prefix
    return {
        "name": session.name,
        "url": url,
        "control": f"{url}/_happyhorse",
        "providers": server.base_urls(session.name),
        "settings": session.settings.as_dict(),
        "clock": _clock(session),
        "tasks": len(session.table.tasks),
        "exchanges": len(session.journal),
        "waiting": session.open,
    }


def _clock(session: Session) -> dict[str, Any]:
    now = session.settle()
    clock = session.clock
    return {
        "now": now,
        "time": TIME_FORMATS["iso"](now),
        "clock": clock.mode,
        "rate": clock.rate,
        "next": _next(session),
    }


def _next(session: Session) -> float | None:
    """When the next thing happens by time alone."""
    moments = (session.table.next_due(), session.clock.next_awaited())
    return min((moment for moment in moments if moment is not None), default=None)


def _task(task: Task) -> dict[str, Any]:
    shown = {name: getattr(task, name) for name in _SHOWN}
    steps = [spell_step(step) for step in task.plan]
    return {**shown, "provider": task.lane[0], "model": task.lane[1], "plan": steps}


def _full_task(ask: Ask) -> dict[str, Any]:
    task = ask.task()
    shown = {**_task(task), "request": orjson.loads(redacted(task.request.decode()))}
    if task.state is State.FAILED:
        shown["error"] = ask.session.task_error(ask.server.dialects[task.lane[0]], task)
    return shown


def _limits(session: Session, provider: str, data: Mapping[str, Any]) -> dict[str, Any]:
    lanes = [lane for lane in session.table.lanes() if lane[0] == provider]
    running = {model: session.table.running.get((name, model), 0) for name, model in lanes}
    return {
        "limits": data["limits"],
        "running": running,
        "queued": {model: session.table.queued((name, model)) for name, model in lanes},
    }


def _meaning(name: str) -> dict[str, Any]:
    word = WORDS[name]
    option = {"option": f":{word.option}=..."} if word.option else {}
    return {"written": word.written, "does": word.does, **option}
