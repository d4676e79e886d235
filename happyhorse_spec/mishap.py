"""What broke a spec off: of which kind it is, what it is called, and whether it leaves a task behind. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from happyhorse_spec.answers import Answer, UnknownAnswer
from happyhorse_spec.budget import OverBudget
from happyhorse_spec.client import Ambiguous, ExchangeError, Unreachable
from happyhorse_spec.ledger import LedgerError
from happyhorse_spec.media import MediaError
from happyhorse_spec.trail import Kind, Trail
from happyhorse_spec.upload import NotPacked

_KINDS: Mapping[type[Exception], Kind] = MappingProxyType(
    {
        Unreachable: Kind.UNREACHABLE,
        Ambiguous: Kind.AMBIGUOUS,
        UnknownAnswer: Kind.CONTRACT,
        LedgerError: Kind.LEDGER,
        OverBudget: Kind.BUDGET,
    }
)


def kind_of(error: Exception) -> Kind:
    """Of which kind it is."""
    if isinstance(error, NotPacked):
        return error.kind
    is_foreseen = isinstance(error, (ExchangeError, MediaError, OSError))
    return _KINDS.get(type(error), Kind.EXCHANGE if is_foreseen else Kind.INTERNAL)


def is_refused(error: Exception) -> bool:
    """Whether an answer that the contract does not know is a refusal all the same, by its status."""
    return isinstance(error, UnknownAnswer) and 400 <= error.status < 500 and error.status != 408


def is_refusal(answer: Answer, trail: Trail) -> bool:
    """Whether an error leaves no doubt that there is no task; after 408 and 5xx only one that was expected does."""
    return trail.spec.expect.rejected is not None or (answer.status < 500 and answer.status != 408)


def told_of(error: Exception, trail: Trail) -> str:
    """What broke a trail off, and what that leaves behind at the provider."""
    told = words_of(error)
    if trail.task_id:
        return f"{told}; the task's id is {trail.task_id}"
    if trail.sent and not (isinstance(error, Unreachable) or is_refused(error)):
        return f"{told}; it is not known whether there is a task now, and it was not sent again"
    return told


def words_of(error: Exception) -> str:
    """What happened, in one sentence."""
    match error:
        case UnknownAnswer():
            return f"contract violation: {error.difference}"
        case OSError():
            return ": ".join(str(word) for word in (error.filename, error.strerror or error) if word)
        case LedgerError():
            return f"{error}; nothing is done that cannot be written down"
        case ExchangeError() | MediaError() | OverBudget() | NotPacked():
            return str(error)
        case _:
            return f"a fault of this program: {type(error).__name__}: {error}"
