"""Submits whose answer was lost: what the provider's list of tasks says about them, where it has one.

A task is taken for the lost one if it is of the same model, was made while the submit was under way, and is no other
task of this ledger. More than one such task, or none, is a matter for a person: nothing here sends a submit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.answers import UnknownAnswer, places
from happyhorse_spec.client import Client, ExchangeError, open_session
from happyhorse_spec.contract import load_provider
from happyhorse_spec.standing import Entry, Phase, Standing
from happyhorse_spec.target import Target
from happyhorse_spec.wording import listing

#: Seconds between the intent and the task's time at most: a submit that takes a minute, clocks that differ by two.
NEAR = 180.0
#: Pages of a list that are read; what was made long ago stands on later ones.
PAGES = 20


async def look_for(standing: Standing, target: Target) -> dict[str, list[str] | None]:
    """For each lost request the ids of the tasks that it may have become; None where no list can be read."""
    known = [entry.task_id for entry in standing.entries.values() if entry.task_id]
    found = {}
    async with open_session(direct=target.is_direct) as http:
        for entry in standing.in_phase(Phase.LOST):
            provider = load_provider(entry.data["law"])
            client = Client(provider, http, target.base(provider, ""), target.keys[provider.name])
            try:
                found[entry.key] = await _find(entry, client, known)
            except (ExchangeError, UnknownAnswer):
                found[entry.key] = None
    return found


def certain(found: Mapping[str, list[str] | None]) -> dict[str, str]:
    """The requests of which there is one task each, which no other lost request may have become."""
    claimed = Counter(task for tasks in found.values() for task in tasks or ())
    sole = {key: tasks[0] for key, tasks in found.items() if tasks and len(tasks) == 1}
    return {key: task for key, task in sole.items() if claimed[task] == 1}


def question(entry: Entry, tasks: Sequence[str] | None) -> str:
    """What a person has to know to decide about a lost request, and how to say it."""
    listed = "there is no list of tasks to look it up in" if tasks is None else "the provider lists no such task"
    if tasks:
        listed = f"it may be task {listing(tasks)}"
    return (
        f"{entry.key}: whether there is a task is not known ({entry.why}); {listed}. It is not sent again by itself. "
        f"Say --task {entry.key}=ID, --resend {entry.key} (paid twice, if there is a task) or --forget {entry.key}"
    )


async def _find(entry: Entry, client: Client, known: Sequence[str]) -> list[str] | None:
    if "list" not in client.provider.endpoints or entry.at is None:
        return None
    sent = datetime.fromisoformat(entry.at).timestamp()
    found = []
    for page in range(1, PAGES + 1):
        answer = await client.list({"page_no": str(page)})
        if answer.is_error:
            return None
        items = answer.value("items")
        found += [_task(item, client) for item in items if _may_be(item, client, entry.data["model"], sent)]
        if page >= int(answer.value("total_page") or 0):
            break
    return [task for task in dict.fromkeys(found) if task and task not in known]


def _may_be(item: Any, client: Client, model: str | None, sent: float) -> bool:
    made = _read(item, client, "submitted")
    is_near = isinstance(made, (int, float)) and abs(made / 1000 - sent) <= NEAR
    return is_near and _read(item, client, "model") == model


def _task(item: Any, client: Client) -> str:
    return str(_read(item, client, "task_id") or "")


def _read(item: Any, client: Client, name: str) -> Any:
    template: Mapping[str, Any] = client.provider.data["answers"]["list_item"]
    return next(_values(item, template, name), None)


def _values(item: Any, template: Mapping[str, Any], name: str) -> Iterator[Any]:
    return (pointer.follow(item, at) for at, words in places(template, name) if words is None)
