"""What each documented operation does, for any provider: one function per operation, found in a table by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import orjson

from happyhorse_spec import pointer
from happyhorse_spec.check import verdict
from happyhorse_spec.contract import Mode
from happyhorse_spec.findings import Finding
from happyhorse_spec.request import Request
from mockserver.arrival import order_for_task
from mockserver.call import Call, Refused, Reply
from mockserver.delivery import DELIVERIES, Stream, choose
from mockserver.grammar import refusal, spelled
from mockserver.inspection import UNSEEN, inspect, names_files
from mockserver.journal import MAX_BODY
from mockserver.lifecycle import Plan, Task
from mockserver.listing import list_tasks, page
from mockserver.redaction import without_long_texts
from mockserver.scripts import Order, draw_plan, failing_plan, read_order, refused_plan
from mockserver.uploads import grant

#: The most that is kept of a request, in bytes; the documented fields take a tenth of it.
MAX_KEPT = 256 * 1024
#: Temporary keys that a session knows; the oldest gives way, and is a key like any other from then on.
KEPT_TOKENS = 10_000

Operate = Callable[[Call], Awaitable[Reply | Stream]]


async def submit(call: Call) -> Reply | Stream:
    """Judge the request, take the task up, and answer now, at its end, or line by line."""
    task = await accept(call)
    call.courier.watch(call, task)
    deliver = DELIVERIES[choose(call)]
    return await deliver(call, task)


async def poll(call: Call) -> Reply:
    """How one task is."""
    task_id = str(call.task_id)
    _move_on(call)
    task = call.session.find(task_id, call.dialect, call.now)
    return _tell(call, task) if task else _unknown(call, task_id)


async def batch(call: Call) -> Reply:
    """How several tasks are, each once; ids that are not known are left out."""
    ids = pointer.follow(call.body, call.operation.data["reads"]["task_ids"])
    if not isinstance(ids, list):
        raise call.refusal("violation")
    _move_on(call)
    found = [call.session.find(task_id, call.dialect, call.now) for task_id in dict.fromkeys(map(str, ids))]
    items = [_tell(call, task).body for task in found if task]
    return call.answer("batch", call.scene(items=items, count=len(items)))


async def cancel(call: Call) -> Reply:
    """Cancel a task that is PENDING."""
    task = call.session.find(call.params["task_id"], call.dialect, call.now)
    if task is None or not call.session.table.cancel(task, call.now):
        raise call.refusal("cancel")
    return call.answer("cancel_accepted", call.scene(task))


async def listing(call: Call) -> Reply:
    """One page of the tasks."""
    return list_tasks(call)


async def limits(call: Call) -> Reply:
    """The limits of the provider's models, one page."""
    wanted = call.query.get("model", call.query.get("name", ""))
    models = [model for model in call.dialect.provider.models if wanted in model]
    render = call.dialect.answers["limits_item"]
    return call.answer("limits", page(call, models, lambda model: render(call.scene(model=model))))


async def token(call: Call) -> Reply:
    """A temporary key."""
    expires = call.now + int(call.query["expire_in_seconds"])
    key = call.session.new_id(call.dialect.ids["token"])
    call.session.tokens[key] = expires
    if len(call.session.tokens) > KEPT_TOKENS:
        del call.session.tokens[next(iter(call.session.tokens))]
    return call.answer("token", call.scene(token=key, expires=int(expires)))


OPERATIONS: Mapping[str, Operate] = {
    "submit": submit,
    "poll": poll,
    "batch": batch,
    "cancel": cancel,
    "list": listing,
    "upload_policy": grant,
    "limits": limits,
    "token": token,
}


async def accept(call: Call) -> Task:
    """The task that a submit makes; raises Refused where the provider would."""
    mode, findings = verdict(call.body, call.dialect.provider)
    first = findings and [found for found in findings if found.rule.id.startswith(f"{call.dialect.name}.any.")]
    if mode is None or first:
        raise Refused(*refusal(findings, call.dialect.provider)) if findings else call.refusal("violation")
    seen = await inspect(call, mode) if not findings and names_files(call) else UNSEEN
    wrong = _wrong(call, findings or seen.findings) or seen.download_error
    if wrong and _moment(call) == "documented":
        raise wrong
    request = Request(call.dialect.provider, mode, call.body)
    if seen is not UNSEEN:
        call.now = call.session.settle()
    lane = (call.dialect.name, str(request.get("model")))
    order = read_order(request.get("prompt"))
    plan = _plan(call, mode, request, wrong, order)
    if full := call.session.has_room(call.dialect, lane):
        raise call.refusal(full)
    task = _task(call, mode, lane, plan)
    task.notes = {"facts": seen.facts} if seen.facts else None
    call.session.take(task)
    if order.faults:
        order_for_task(call, task, order.faults)
    return task


def _wrong(call: Call, findings: list[Finding]) -> Refused | None:
    """The provider's error for what was found, if anything was."""
    return Refused(*refusal(findings, call.dialect.provider)) if findings else None


def _plan(call: Call, mode: Mode, request: Request, wrong: Refused | None, order: Order) -> Plan:
    pace, random, spans = call.session.settings.pace, call.session.random, call.dialect.spans[mode.name]
    if wrong:
        error = call.dialect.provider.errors[wrong.error]
        return refused_plan(spans, pace, random, wrong.error, spelled(error, wrong.values))
    if order.refuse:
        raise _ordered(call, order.refuse)
    if ordered := order.plan or call.session.scripted(request):
        return _playable(call, ordered)
    plan = draw_plan(spans, pace, random)
    return failing_plan(plan, order.fail) if order.fail else plan


def _playable(call: Call, plan: Plan) -> Plan:
    """The plan itself; raises Refused where the provider has no word for one of its states."""
    if strange := call.dialect.unspoken(plan):
        raise call.refusal("violation", detail=f"ordered: {strange.upper()}, which no task of this provider ever is")
    return plan


def _ordered(call: Call, word: str) -> Refused:
    """The refusal that a prompt or a key asks for by an error's key or code."""
    error = call.dialect.provider.error(word)
    return Refused(error.key, {"detail": error.message}) if error else call.refusal("violation", detail=word)


def _task(call: Call, mode: Mode, lane: tuple[str, str], plan: Plan) -> Task:
    session, ids = call.session, call.dialect.ids
    return Task(
        id=session.new_id(ids.get("task_id", "{uuid}")),
        lane=lane,
        plan=plan,
        submitted=call.now,
        mode=mode.name,
        request=_kept(call),
        request_id=session.new_id(ids.get("request_id", "{uuid}")),
    )


def _kept(call: Call) -> bytes:
    """What is kept of the body: of a large one not the files. Raises Refused where it is large without them too."""
    if len(call.raw) <= MAX_BODY:
        return call.raw
    kept = orjson.dumps(without_long_texts(call.body))
    if len(kept) > MAX_KEPT:
        raise call.refusal("too_large")
    return kept


def _moment(call: Call) -> str:
    """When a violation is told: `documented` (at submit) or `observed` (by the task), where the provider has both."""
    wanted, known = call.session.settings.validation, call.dialect.data["validation"]
    return str(wanted if wanted in known else known["default"])


def _move_on(call: Call) -> None:
    """A question about tasks moves a jumping clock to the next event."""
    if call.session.clock.jump_to(call.session.table.next_due()):
        call.now = call.session.settle()


def _tell(call: Call, task: Task) -> Reply:
    """The answer about a task, which counts as one poll of it."""
    if call.session.table.poll(task, call.now):
        call.session.clock.wake()
    return call.about(task)


def _unknown(call: Call, task_id: str) -> Reply:
    name = call.operation.prefix + "unknown"
    if name in call.dialect.answers:
        return call.answer(name, call.scene(task_id=task_id))
    raise call.refusal("unknown_task", task_id=task_id)
