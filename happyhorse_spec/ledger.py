"""The ledger of a run: one JSON line for everything that must outlive this process, on the disk before work goes on.

What is about to be sent is written before it leaves, a task's id as soon as it is known; `standing.py` reads from it
what is still to be done. Appended to, never rewritten: a line that was cut off by the end of a process is the last one,
and is dropped. Holds no body, no key and no signature: a request is sent again from its spec, whose digest stands here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from happyhorse_spec.failures import NotSeen
from happyhorse_spec.redaction import Redactor

#: The form of the lines; another number is another form.
FORMAT = 1
#: Bytes that are kept free on the disk when a request leaves, so that the answer to it can be written down. A task's id
#: takes some hundred; requests that are under way at the same time share them.
ROOM = 2**16

_BLANK = b"\n"


class Event(StrEnum):
    """What a line tells."""

    RUN = "run"  # how the run was started; the first line
    SPEC = "spec"  # a request that is to be sent
    INTENT = "intent"  # it is about to leave
    UNSENT = "unsent"  # it did not leave: no connection came about
    ACCEPTED = "accepted"  # there is a task
    REFUSED = "refused"  # there is none
    UNKNOWN = "unknown"  # nobody here knows whether there is one
    STATE = "state"  # the task is in another state
    RESULT = "result"  # the clip is ready
    SAVED = "saved"  # the clip is on this disk
    SETTLED = "settled"  # what the provider says that it bills
    FORGOTTEN = "forgotten"  # a person said that it does not matter any more


class LedgerError(NotSeen):
    """The ledger cannot be written or read; what it was to witness has not been done."""


class Ledger:
    """A file of lines, for one process at a time. `records` is what it held when it was opened.

    Raises LedgerError where another process has it, the disk is full or a line inside it is damaged.
    """

    def __init__(self, path: Path, redactor: Redactor | None = None) -> None:
        from filelock import FileLock, Timeout

        self.path, self.redactor = path, redactor or Redactor()
        self._is_kept = True
        self._lock = FileLock(path.with_name(f"{path.name}.lock"))
        try:
            with ExitStack() as held:
                held.enter_context(self._lock.acquire(timeout=0))
                self._file = held.enter_context(path.open("r+b" if path.exists() else "x+b", buffering=0))
                self.records, self._end = _read(self._file.read(), path)
                self._size = self._end
                self._file.truncate(self._end)
                _sync_folder(path.parent)
                self._held = held.pop_all()
        except Timeout as error:
            raise LedgerError(f"{path}: another process is writing to it; wait for its end") from error
        except OSError as error:
            raise LedgerError(f"{path}: {error.strerror or error}; nothing was sent") from error

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._file.truncate(self._end)
        self._held.close()
        if not self._is_kept:
            with suppress(OSError):
                self.path.unlink()
                Path(self._lock.lock_file).unlink(missing_ok=True)
                self.path.parent.rmdir()

    def write(self, event: Event, **members: Any) -> None:
        """Append a line; it is on the disk when this returns. Raises LedgerError."""
        self.write_all([(event, members)])

    def write_all(self, events: Iterable[tuple[Event, Mapping[str, Any]]]) -> None:
        """Append lines; all are on the disk when this returns. Raises LedgerError."""
        told = list(events)
        lines = b"".join(self._line(event, members) for event, members in told)
        try:
            if any(event is Event.INTENT for event, _ in told):
                self._make_room(self._end + len(lines) + ROOM)
            self._put(lines, self._end)
            os.fsync(self._file.fileno())
        except OSError as error:
            raise LedgerError(f"the ledger {self.path} cannot be written: {error.strerror or error}") from error
        self._end += len(lines)

    def discard(self) -> None:
        """Leave no file and no empty folder behind, once it is closed; for a run that has sent nothing."""
        self._is_kept = False

    def _line(self, event: Event, members: Mapping[str, Any]) -> bytes:
        record = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event}
        return orjson.dumps(record | self.redactor.value(members)) + b"\n"

    def _make_room(self, size: int) -> None:
        """Blank lines up to a size: a full disk is noticed now, not when a task's id is to be written."""
        if size > self._size:
            self._put(_BLANK * (size - self._size), self._size)

    def _put(self, data: bytes, at: int) -> None:
        self._file.seek(at)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self._size = max(self._size, at + len(data))


def read_ledger(path: Path) -> list[Mapping[str, Any]]:
    """The lines of a ledger, without taking hold of it; raises LedgerError."""
    try:
        return _read(path.read_bytes(), path)[0]
    except OSError as error:
        raise LedgerError(f"{path}: {error.strerror or error}; name the ledger.jsonl of a run") from error


def digest(value: Any) -> str:
    """What tells a request from another without telling what is in it."""
    return sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _read(content: bytes, path: Path) -> tuple[list[Mapping[str, Any]], int]:
    """The records, and where the last one ends. What follows the last whole line was never finished."""
    records: list[Mapping[str, Any]] = []
    end = at = 0
    torn = 0
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        at += len(line)
        text = line.strip(b"\0\r\n ")
        if not text:
            continue
        if torn:
            raise LedgerError(f"{path}:{torn}: the line is damaged; mend it or take it out, then resume again")
        record = _record(text) if line.endswith(b"\n") else None
        if record is None:
            torn = number
        else:
            records.append(record)
            end = at
    return records, end


def _record(text: bytes) -> Mapping[str, Any] | None:
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) and record.get("event") in [*Event] else None


def _sync_folder(folder: Path) -> None:
    """Put a new file's name on the disk too; Windows does so by itself and has no such call."""
    if os.name == "posix":  # pragma: no branch - the tests run there
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
