"""Faults of what is told about a finished task: success without a URL, or with one that fails; a state of the past."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mockserver.faults import MEETS, Moment
from mockserver.lifecycle import State, Task

if TYPE_CHECKING:
    from mockserver.call import Call

_SUCCESS = frozenset({Moment.SUCCESS})
_TOLD_BEFORE = frozenset({Moment.SUCCESS, Moment.AFTERWARDS})


@dataclass(slots=True)
class Told:
    """What is said of a task: a state, and values that replace what the names of its answer mean."""

    state: State
    values: Mapping[str, Any]


#: What is said where nothing is changed: the state itself. Ready made, since every answer needs one.
_TRUTHS: Mapping[State, Told] = {state: Told(state, {}) for state in State}


def truth(task: Task) -> Told:
    """What is so."""
    return _TRUTHS[task.state]


def told(call: Call, task: Task) -> Told:
    """What the call's answer says of a task; notes the fault that it meets."""
    if task.state is not State.SUCCEEDED or call.entry.fault is not None:
        return truth(task)
    moments = _TOLD_BEFORE if task.told is State.SUCCEEDED else _SUCCESS
    endpoint = MEETS[call.operation.name]
    fault = call.session.faults.meet(endpoint, call.now, call.entry.number, task.id, moments=moments)
    if fault is None:
        return truth(task)
    call.entry.fault = fault
    if fault.name.startswith("url-"):
        call.session.faults.spoil(task.id, fault)
    return _LIES.get(fault.name, _truth)(call, task)


def _truth(_call: Call, task: Task) -> Told:
    return truth(task)


def _without_url(_call: Call, task: Task) -> Told:
    return Told(task.state, {"video_url": None, "cover_url": None})


def _stale(call: Call, _task: Task) -> Told:
    figures = call.dialect.data.get("progress", {}).get(State.RUNNING)
    progress = list(figures.values())[-1] if isinstance(figures, Mapping) else figures
    word = call.dialect.states[State.RUNNING]
    return Told(State.RUNNING, {"state": word, "progress": progress, "ended": None, "elapsed": None})


_LIES: Mapping[str, Callable[[Call, Task], Told]] = {"no-url": _without_url, "stale": _stale}
