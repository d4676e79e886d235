"""What each documented operation does, for any provider: one function per operation, found in a table by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.check import rejected
from happyhorse_spec.contract import Mode
from happyhorse_spec.request import Request
from mockserver.call import Call, Refused, Reply
from mockserver.grammar import refusal
from mockserver.lifecycle import Plan, State, Task
from mockserver.listing import list_tasks
from mockserver.scripts import draw_plan, failing_plan, read_order, refused_plan

Operate = Callable[[Call], Awaitable[Reply]]


async def submit(call: Call) -> Reply:
    """Judge the request, take the task up, and answer now, at its end, or line by line."""
    task = accept(call)
    delivery = next(d for d in call.operation.deliveries if _fits(d, call))
    if delivery.how == "wait":
        return await _wait(call, task)
    return call.answer("submitted", call.scene(task))


async def poll(call: Call) -> Reply:
    """How one task is."""
    task_id = call.params.get("task_id") or pointer.follow(call.body, call.operation.data["reads"]["task_id"])
    return await look(call, str(task_id))


async def look(call: Call, task_id: str) -> Reply:
    """The answer about a task id, known or not."""
    session = call.session
    session.clock.jump_to(session.table.next_due())
    call.now = session.settle()
    task = session.find(task_id, call.dialect, call.now)
    if task is None:
        return _unknown(call, task_id)
    session.table.poll(task, call.now)
    return call.about(task)


async def batch(call: Call) -> Reply:
    """How several tasks are; ids that are not known are left out."""
    ids = pointer.follow(call.body, call.operation.data["reads"]["task_ids"])
    if not isinstance(ids, list):
        raise call.refusal("violation")
    found = [call.session.find(str(task_id), call.dialect, call.now) for task_id in ids]
    items = [call.about(task).body for task in found if task]
    return call.answer("batch", call.scene(items=items, count=len(items)))


async def cancel(call: Call) -> Reply:
    """Cancel a task that is PENDING."""
    task = call.session.find(call.params["task_id"], call.dialect, call.now)
    if task is None or not call.session.table.cancel(task, call.now):
        raise call.refusal("cancel")
    return call.answer("cancel_accepted", call.scene(task))


async def listing(call: Call) -> Reply:
    return list_tasks(call)


OPERATIONS: Mapping[str, Operate] = {
    "submit": submit,
    "poll": poll,
    "batch": batch,
    "cancel": cancel,
    "list": listing,
}


def accept(call: Call) -> Task:
    """The task that a submit makes; raises Refused where the provider would."""
    findings = rejected(call.body, call.dialect.provider)
    mode = call.dialect.provider.mode_of(call.body)
    first = [found for found in findings if found.rule.id.startswith(f"{call.dialect.name}.any.")]
    if mode is None or (findings and (first or _moment(call) == "documented")):
        raise Refused(*refusal(findings, call.dialect.provider)) if findings else call.refusal("violation")
    wrong = refusal(findings, call.dialect.provider) if findings else None
    request = Request(call.dialect.provider, mode, call.body)
    task = _task(call, mode, request, _plan(call, mode, request, wrong))
    call.session.table.submit(task)
    call.session.settle()
    return task


def _plan(call: Call, mode: Mode, request: Request, wrong: Any) -> Plan:
    settings, timing = call.session.settings, call.dialect.data["timing"]
    random = call.session.random
    if wrong:
        error = call.dialect.provider.errors[wrong.error]
        return refused_plan(timing, settings.pace, random, wrong.error, error.message.format_map(wrong.values))
    order = read_order(request.get("prompt"))
    if order.refuse:
        raise _ordered(call, order.refuse)
    if order.plan:
        return order.plan
    plan = draw_plan(timing, mode.name, settings.pace, random)
    return failing_plan(plan, order.fail) if order.fail else plan


def _ordered(call: Call, word: str) -> Refused:
    """The refusal that a prompt or a key asks for by an error's key or code."""
    error = call.dialect.provider.error(word)
    return Refused(error.key, {"detail": error.message}) if error else call.refusal("violation", detail=word)


def _task(call: Call, mode: Mode, request: Request, plan: Plan) -> Task:
    session, ids = call.session, call.dialect.ids
    lane = (call.dialect.name, str(request.get("model")))
    return Task(
        id=session.new_id(ids.get("task_id", "{uuid}")),
        lane=lane,
        plan=plan,
        submitted=call.now,
        mode=mode.name,
        request=call.raw,
        request_id=session.new_id(ids.get("request_id", "{uuid}")),
    )


def _moment(call: Call) -> str:
    """When a violation is told: `documented` (at submit) or `observed` (by the task)."""
    moment: str = call.session.settings.validation or call.dialect.data["validation"]["default"]
    return moment


def _fits(delivery: Any, call: Call) -> bool:
    accepts = delivery.accept is None or delivery.accept in call.request.headers.get("Accept", "")
    return accepts and delivery.matches(call.body)


async def _wait(call: Call, task: Task) -> Reply:
    """Hold the connection until the task has ended."""
    session = call.session
    while not task.final:
        await session.clock.until(session.table.next_due())
        call.now = session.settle()
    scene = call.scene(task)
    if task.state is State.SUCCEEDED:
        return call.answer(call.operation.data.get("result_answer", "result"), scene)
    raise call.refusal("generation", detail=scene.error["message"])


def _unknown(call: Call, task_id: str) -> Reply:
    name = call.operation.prefix + "unknown"
    if name in call.dialect.answers:
        return call.answer(name, call.scene(task_id=task_id))
    raise call.refusal("unknown_task", task_id=task_id)
