"""The list of tasks: filters, a window of a day, pages; newest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from math import ceil
from typing import Any, TypeVar

from mockserver.answers import Template
from mockserver.call import Call, Reply
from mockserver.lifecycle import Task
from mockserver.scene import Scene

Item = TypeVar("Item")

_DAY = 86400.0
#: What a query may ask of a task; without it no task is looked at that is not on the page.
_FILTERS = frozenset({"task_id", "model_name", "status", "api_key_id", "region"})
#: Those of them that the item alone can answer.
_TOLD = ("api_key_id", "region")
_CHINA = timezone(timedelta(hours=8))


def list_tasks(call: Call) -> Reply:
    """One page of the session's tasks with this provider."""
    start, end = _window(call)
    oldest = call.now - call.dialect.data["retention"]["task_seconds"]["value"]
    tasks, places = call.session.table.between(call.dialect.name, max(start, oldest), end)
    found: Sequence[int] = places[::-1]
    render = call.dialect.answers["list_item"]
    if _FILTERS & call.query.keys():
        found = [place for place in found if _wanted(tasks[place], call, render)]
    return call.answer("listed", page(call, found, lambda place: render(call.scene(tasks[place]))))


def page(call: Call, found: Sequence[Item], render: Callable[[Item], Any]) -> Scene:
    """The scene of one page of `found`, as the query's `page_no` and `page_size` ask."""
    number, size = int(call.query["page_no"]), int(call.query["page_size"])
    items = [render(item) for item in found[(number - 1) * size : number * size]]
    pages = ceil(len(found) / size)
    return call.scene(items=items, total=len(found), total_page=pages, page_no=number, page_size=size)


def _wanted(task: Task, call: Call, render: Template) -> bool:
    query = call.query
    told = {name: query[name] for name in _TOLD if name in query}
    if told and not told.items() <= render(call.scene(task)).items():
        return False
    return (
        query.get("task_id", task.id) == task.id
        and query.get("model_name", task.lane[1]) == task.lane[1]
        and query.get("status", call.dialect.states[task.state]) == call.dialect.states[task.state]
    )


def _window(call: Call) -> tuple[float, float]:
    """From and to in seconds: as asked, else the day before the end, else the day up to now."""
    start, end = _moment(call, "start_time"), _moment(call, "end_time")
    if start is None and end is None:
        return call.now - _DAY, call.now
    if start is None or end is None:
        return (end - _DAY, end) if end is not None else (start or 0.0, (start or 0.0) + _DAY)
    if not 0 <= end - start <= _DAY:
        raise call.refusal("query")
    return start, end


def _moment(call: Call, name: str) -> float | None:
    text = call.query.get(name)
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=_CHINA).timestamp()
    except ValueError:
        raise call.refusal("query") from None
