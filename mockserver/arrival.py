"""What a request meets on its arrival: the fault that is planned for it, before anybody looks at its key.

A fault that stands for the operation is answered here, in the provider's own words where it is an error; one that
changes how an answer is sent is only noted (see `misbehave`), and so is what a prompt orders for later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b
from itertools import islice

from happyhorse_spec.contract import ProviderError
from mockserver.call import Call, Reply, refused
from mockserver.faultplan import MAX_PLANNED, ON_ARRIVAL
from mockserver.faults import MEETS, Fault, FaultError, Moment, read_faults
from mockserver.lifecycle import Task
from mockserver.scripts import read_order

#: How a prompt that orders faults looks before it is parsed, and what orders them in a key.
_MARKER = "[[fault"
_KEY = re.compile(r"fail-([A-Za-z0-9_.:=*-]*[A-Za-z0-9_.])")

#: Endpoints whose requests belong to no task: what a prompt ordered there would never be met.
_UNTOLD = ("list", "upload")

#: HTTP status -> what the engine notices when it answers so by itself.
_USUAL: Mapping[int, str] = {
    400: "violation",
    401: "wrong_key",
    404: "unknown_task",
    429: "submit_rate",
    500: "internal",
}


def orders_fault(call: Call) -> bool:
    """Whether a request looks as if its key or its prompt ordered a fault."""
    return "fail-" in call.authorization or (call.raw != b"" and _MARKER in _prompt(call))


async def meet(call: Call) -> Reply | None:
    """The answer in place of the operation's, where a fault says so; raises Refused where nonsense is ordered."""
    fault = _met(call)
    if fault is None:
        return None
    call.entry.fault = fault
    if fault.name in ("status", "error"):
        return _error(call, fault)
    if fault.name == "delay":
        await call.session.clock.reach(call.now + fault.figure)
        call.now = call.session.settle()
    elif fault.moment is Moment.BEFORE and fault.name != "ok":
        return Reply(502, None)
    return None


def _met(call: Call) -> Fault | None:
    """What the key orders, else what is planned."""
    if found := _KEY.search(call.authorization):
        return _of_key(call, found[1])
    endpoint = MEETS.get(call.operation.name)
    if endpoint is None:
        return None
    scope = _order_for_prompt(call) if _MARKER in _prompt(call) else ""
    number, task_id = call.entry.number, call.task_id
    return call.session.faults.meet(endpoint, call.now, number, task_id, scope=scope, moments=ON_ARRIVAL)


def _of_key(call: Call, word: str) -> Fault:
    """The one fault that every request with this key meets; the account, which is of plans, does not have it."""
    with _told(call):
        faults = _read(call, MEETS.get(call.operation.name, "list"), word)
        if len(faults) != 1 or faults[0].moment not in ON_ARRIVAL:
            raise FaultError(f"{word!r:.40} cannot be ordered by a key; every request meets the one word that it has")
    return faults[0]


def order_for_task(call: Call, task: Task, faults: Iterable[tuple[str, str]]) -> None:
    """Plan what the prompt of a task orders for the requests about it: faults by endpoint."""
    with _told(call):
        for endpoint, words in faults:
            if endpoint != "submit":
                call.session.faults.order(endpoint, _read(call, endpoint, words), task.id)


def _order_for_prompt(call: Call) -> str:
    """Plan what a prompt orders for its own submits, once; the scope of that plan."""
    prompt = _prompt(call)
    scope = blake2b(prompt.encode("utf-8", "replace"), digest_size=16).hexdigest()
    with _told(call):
        orders = [(endpoint, _read(call, endpoint, words)) for endpoint, words in read_order(prompt).faults]
        if untold := next((endpoint for endpoint, _ in orders if endpoint in _UNTOLD), None):
            raise FaultError(f"a prompt orders no fault of {untold}, which is about no task")
        own = [fault for endpoint, faults in orders if endpoint == "submit" for fault in faults]
        call.session.faults.order_once("submit", own, scope)
    return scope


def _prompt(call: Call) -> str:
    prompt = call.dialect.prompt_of(call.body)
    return prompt if isinstance(prompt, str) else ""


def _read(call: Call, endpoint: str, words: str) -> list[Fault]:
    provider = call.dialect.provider
    faults = read_faults(words.split(","), endpoint, lambda word: provider.error(word) is not None)
    return list(islice(faults, MAX_PLANNED + 1))


@contextmanager
def _told(call: Call) -> Iterator[None]:
    """Faults that cannot be planned, as a refusal."""
    try:
        yield
    except FaultError as error:
        raise call.refusal("violation", detail=str(error)) from None


def _error(call: Call, fault: Fault) -> Reply:
    word = fault.word.partition(":")[0]
    error = _by_status(call, int(fault.figure)) if fault.name == "status" else call.dialect.provider.error(word)
    key = error.key if error else call.dialect.data["refusals"]["violation"]
    status = int(fault.figure) or None
    reply = refused(call.dialect, call.session, key, {"detail": f"ordered by the fault {word}"}, call.now, status)
    return replace(reply, headers={**reply.headers, "Retry-After": fault.option}) if fault.option else reply


def _by_status(call: Call, status: int) -> ProviderError:
    """The error that the endpoint most likely answers with that status; where it has none, its internal error."""
    errors, refusals = call.dialect.provider.errors, call.dialect.data["refusals"]
    own = [key for key in call.operation.endpoint.errors if errors[key].status == status]
    usual = refusals.get(_USUAL.get(status, ""))
    if usual and errors[usual].status == status and (usual in own or not own):
        return errors[usual]
    any_with_it = (key for key, error in errors.items() if error.status == status)
    return errors[next(iter([*own, *any_with_it]), refusals.get("internal", refusals["violation"]))]
