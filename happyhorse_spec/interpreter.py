"""What this package asks of the interpreter: which event loop it runs, and when its collector walks the objects."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

#: So many new objects before the collector looks at the youngest, and so many looks before it looks at older ones.
#: It walks 1,000 objects in half a millisecond to one and a half, and nobody is answered meanwhile.
_COLLECTED_AFTER = (1_000, 1, 25_000)


def loop_factory() -> Callable[[], AbstractEventLoop] | None:
    """uvloop's event loop where it is installed, else asyncio's own."""
    try:
        import uvloop
    except ImportError:  # pragma: no cover - the tests have it
        return None
    factory: Callable[[], AbstractEventLoop] = uvloop.new_event_loop
    return factory


@contextmanager
def nothing_collected() -> Iterator[None]:
    """What is loaded stays; to walk it again and again is an eighth of the start."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def kept() -> Iterator[None]:
    """`nothing_collected`, in a program of somebody else: afterwards the collector passes over all that there is.

    To find at the end that all of it is garbage would take half as long as to load it. What is garbage before is
    collected before, since it would stay.
    """
    gc.collect()
    with nothing_collected():
        yield
        gc.freeze()


def settle_memory() -> None:  # pragma: no cover - it would hold for the process of the tests
    """Keep the garbage collector from walking the law and the tasks again and again, which stops every answer.

    What is loaded stays, and tasks and exchanges have no cycles: they go by their reference counts. What a request
    leaves in cycles is young when it dies.
    """
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)
