"""Files on their way to and from the storage, with the faults that are planned for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from happyhorse_spec.contract import ProviderError
from mockserver import downloads, uploads
from mockserver.faultplan import ON_ARRIVAL
from mockserver.faults import Fault, Moment
from mockserver.journal import Entry
from mockserver.session import Session
from mockserver.storage import CODES, Denied, refuse

Serve = Callable[[], Awaitable[web.StreamResponse]]
#: The error with a key or a code, of any provider: whose file it is, the storage does not know.
FindError = Callable[[str], ProviderError | None]


def endpoint_of(path: str) -> str | None:
    """`download` or `upload` where the path is one of the storage, else None."""
    if path.startswith(downloads.PREFIX):
        return "download"
    return "upload" if path == uploads.PATH else None


async def transfer(
    request: web.BaseRequest, session: Session, entry: Entry, serve: Serve, find_error: FindError
) -> web.StreamResponse:
    """What `serve` answers, or what the fault says that is met first."""
    fault = _meet(session, entry) if session.faults else None
    if fault is None:
        return await serve()
    entry.fault = fault
    if fault.name in ("status", "error", "url-403", "url-404"):
        return refuse(request, session, _denied(fault, find_error))
    if fault.name == "delay":
        await session.clock.reach(entry.at + fault.figure)
    elif fault.moment is Moment.BEFORE and fault.name != "ok":
        return web.Response(status=502)
    return await serve()


def _meet(session: Session, entry: Entry) -> Fault | None:
    """What is planned for the transfer, else what became of the URL when the task's success was told."""
    place = str(entry.place)
    fault = session.faults.meet(place, entry.at, entry.number, entry.task_id, moments=ON_ARRIVAL)
    return fault or session.faults.spoilt.get(entry.task_id or "")


def _denied(fault: Fault, find_error: FindError) -> Denied:
    """The storage's refusal with the fault's status; for one that it does not have, its internal error."""
    error = find_error(fault.word.partition(":")[0]) if fault.name == "error" else None
    status = error.status if error else int(fault.figure or fault.name[-3:])
    code = next((code for code, (usual, _) in CODES.items() if usual == status), "InternalError")
    denied = Denied(code, headers={"Retry-After": fault.option} if fault.option else None)
    denied.status = status
    return denied
