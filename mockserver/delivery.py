"""The three ways in which a submit answers: at once, when the task has ended, or line by line until then."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from mockserver.call import Call, Refused, Reply, refused
from mockserver.lifecycle import State, Task


class Stream(NamedTuple):
    """An answer of several JSON lines, each sent when it comes about."""

    lines: AsyncGenerator[Any, None]
    media_type: str
    headers: Mapping[str, str] = {}


async def answer(call: Call, task: Task) -> Reply:
    """The documented answer to an asynchronous submit."""
    call.tell(task)
    return call.answer("submitted", call.scene(task))


async def wait(call: Call, task: Task) -> Reply:
    """Hold the connection until the task has ended, or the provider gives up waiting."""
    patience = call.dialect.data["timing"].get("wait_seconds", {}).get("value")
    deadline = task.submitted + patience if patience else None
    while not task.final:
        await _next(call, _soonest(call.session.table.next_due(), deadline))
        if deadline is not None and call.now >= deadline and not task.final:
            raise call.refusal("timeout")
    if task.state is not State.SUCCEEDED:
        raise _failure(call, task)
    return _result(call, task)


async def stream(call: Call, task: Task) -> Stream:
    """Progress lines while the task lives, its result or its error as the last line."""
    return Stream(_lines(call, task), "application/x-ndjson", call.dialect.headers(call.scene(task)))


DELIVERIES: Mapping[str, Callable[[Call, Task], Awaitable[Reply | Stream]]] = {
    "answer": answer,
    "wait": wait,
    "stream": stream,
}


def choose(call: Call) -> str:
    """The name of the delivery that the request asks for: the first of the endpoint's that fits."""
    if len(call.operation.deliveries) == 1:
        return call.operation.deliveries[0].how
    accepted = call.request.headers.get("Accept", "").lower()
    for delivery in call.operation.deliveries:
        if (delivery.accept is None or delivery.accept in accepted) and delivery.matches(call.body):
            return delivery.how
    return "answer"


async def _lines(call: Call, task: Task) -> AsyncGenerator[Any, None]:
    told = None
    while not task.final:
        scene = call.scene(task)
        progress = scene.value("progress")
        if progress != told:
            told = progress
            yield call.answer(call.operation.data["progress_answer"], scene).body
        await _next(call, _soonest(call.session.table.next_due(), _next_figure(call, task)))
    if task.state is State.SUCCEEDED:
        yield _result(call, task).body
    else:
        failure = _failure(call, task)
        yield refused(call.dialect, call.session, failure.error, failure.values, call.now).body


def _result(call: Call, task: Task) -> Reply:
    """The answer that ends a waiting submit well."""
    return call.answer(call.operation.data.get("result_answer", "result"), call.scene(task, **call.tell(task).values))


def _failure(call: Call, task: Task) -> Refused:
    """The error that tells a waiting client of a failed task: its own row, else that of a failed generation. It has
    the trace of the call, which earlier lines and the header have told already."""
    call.tell(task)
    scene = call.scene(task)
    words = {"detail": scene.error["message"], "trace_id": scene.trace_id}
    error = call.dialect.provider.error(task.failure.error or "")
    return Refused(error.key, words) if error else call.refusal("generation", **words)


async def _next(call: Call, moment: float | None) -> None:
    await call.session.clock.until(moment)
    call.now = call.session.settle()


def _next_figure(call: Call, task: Task) -> float | None:
    """When the progress of a running task takes its next value."""
    figures = call.dialect.data.get("progress", {}).get(task.state)
    step = task.plan[task.step]
    if not isinstance(figures, Mapping) or task.started is None:
        return None
    moments = (task.started + float(share) * step.seconds for share in figures)
    return min((moment for moment in moments if moment > call.now), default=None)


def _soonest(*moments: float | None) -> float | None:
    return min((moment for moment in moments if moment is not None), default=None)
