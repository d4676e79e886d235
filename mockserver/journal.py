"""The journal: every exchange of a session, kept within bounds, without secrets.

On the hot path an exchange is only a handful of references (`Entry`); it becomes something to read (`Exchange`) when
somebody reads it, and that is the only way out: what is read is redacted. Rules of keeping:

- a session keeps its last `MAX_EXCHANGES` exchanges, and `MAX_BYTES` of bodies and answers
- of a body or an answer `MAX_BODY` bytes are kept; data URLs are shortened first, so that the rest stays readable
- where all journals of a server together are too large, that of the session that was used least recently is emptied
  first (see `session.Sessions`)
- calls to the control API are not noted
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson

from mockserver.clock import stopwatch
from mockserver.faults import Fault, Moment
from mockserver.redaction import redacted, redacted_header, without_files

if TYPE_CHECKING:
    from mockserver.dialect import Operation

MAX_EXCHANGES = 10_000
MAX_BYTES = 16 * 1024 * 1024
MAX_BODY = 64 * 1024

#: What an entry takes beside its bodies, in bytes: measured, with six headers.
ENTRY_BYTES = 1000

RawHeaders = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as they may be shown.

    `number` counts the session's requests from 1 in the order of their arrival; `at` is session time in seconds since
    1970, `seconds` wall time from the request to its answer. `path` is without the session's prefix. `status` is None
    while the answer is on its way, and where the connection was cut instead. `fault` is the word that was met.
    """

    number: int
    at: float
    seconds: float | None
    method: str
    path: str
    provider: str | None
    operation: str | None
    headers: Mapping[str, str]
    body: str
    status: int | None
    answer: str
    task_id: str | None = None
    state: str | None = None
    fault: str | None = None

    @property
    def json(self) -> Any:
        """The body as JSON, None where it is none."""
        return _json(self.body)

    def as_dict(self) -> dict[str, Any]:
        """The exchange as JSON; bodies are values where they are JSON, else text."""
        shown = {name: getattr(self, name) for name in self.__slots__}
        return {**shown, "body": _shown(self.body), "answer": _shown(self.answer)}


@dataclass(slots=True, eq=False, repr=False)
class Entry:
    """An exchange while it goes on, and as it is kept: filled in as it becomes known.

    `headers` are names and values in turn, one per line: a tuple for each would be half of what an entry takes. `size`
    is what keeping it takes in bytes, once it is over; `cut` how long body and answer were where they were cut.
    """

    number: int
    at: float
    method: str
    path: str
    headers: bytes
    began: float
    body: bytes = b""
    operation: Operation | None = None
    place: str | None = None
    task_id: str | None = None
    state: str | None = None
    fault: Fault | None = None
    status: int | None = None
    answer: bytes = b""
    seconds: float | None = None
    cut: tuple[int, int] = (0, 0)
    size: int = 0

    @property
    def meets_it_here(self) -> bool:
        """Whether the fault is one of this very answer; that of a URL is met when the file is fetched."""
        return self.place is not None or (self.fault is not None and self.fault.moment is not Moment.SUCCESS)

    def exchange(self) -> Exchange:
        """What of it may be read."""
        operation = self.operation
        return Exchange(
            number=self.number,
            at=self.at,
            seconds=self.seconds,
            method=self.method,
            path=redacted(self.path),
            provider=operation.dialect.name if operation else None,
            operation=operation.name if operation else self.place,
            headers={name: redacted_header(name, value) for name, value in _text(self.headers)},
            body=_readable(self.body, self.cut[0]),
            status=self.status,
            answer=_readable(self.answer, self.cut[1]),
            task_id=self.task_id,
            state=self.state,
            fault=self.fault.word if self.fault and self.fault.name != "ok" else None,
        )


@dataclass(slots=True, eq=False)
class Journal:
    """The exchanges of one session. `spend` is told how many bytes more (or less) the journal takes."""

    spend: Callable[[int], None]
    count: int = 0
    bytes: int = 0
    _entries: deque[Entry] = field(default_factory=deque)

    def open(self, method: str, path: str, headers: RawHeaders, at: float) -> Entry:
        """Note a request that has come."""
        self.count += 1
        entry = Entry(self.count, at, method, path, b"\n".join(chain.from_iterable(headers)), stopwatch())
        self._entries.append(entry)
        return entry

    def close(self, entry: Entry) -> None:
        """Note that an exchange is over, and let go of the oldest where there are too many."""
        entry.seconds = stopwatch() - entry.began
        # What orjson writes holds a page of memory, however short it is; a copy does not.
        entry.answer = bytes(memoryview(entry.answer))
        size = len(entry.body) + len(entry.answer)
        if size > MAX_BODY:
            size = _cut(entry)
        entry.size = size = ENTRY_BYTES + size
        entries = self._entries
        if entries and entry.number >= entries[0].number:
            while len(entries) > MAX_EXCHANGES or (self.bytes + size > MAX_BYTES and len(entries) > 1):
                size -= entries.popleft().size
            self.bytes += size
            self.spend(size)

    def clear(self) -> None:
        """Forget everything; numbers go on."""
        self._entries.clear()
        self.spend(-self.bytes)
        self.bytes = 0

    def __iter__(self) -> Iterator[Exchange]:
        """Everything that is kept, oldest first."""
        return (entry.exchange() for entry in list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def last(self, count: int, after: int = 0) -> list[Exchange]:
        """The newest exchanges, those with a higher number than `after`; the oldest of them first."""
        return [entry.exchange() for entry in list(self._entries)[-count:] if entry.number > after]


def _cut(entry: Entry) -> int:
    """Cut body and answer to what is kept of them; how long they are then, together."""
    (entry.body, body), (entry.answer, answer) = _shortened(entry.body), _shortened(entry.answer)
    entry.cut = body, answer
    return len(entry.body) + len(entry.answer)


def _shortened(body: bytes) -> tuple[bytes, int]:
    """What is kept of a body, and how long it was if that is not all but its files."""
    short = without_files(body) if len(body) > MAX_BODY else body
    return short[:MAX_BODY], len(body) if len(short) > MAX_BODY else 0


def _readable(body: bytes, cut: int) -> str:
    """The body as text without secrets, with a note where it was cut."""
    text = redacted(body.decode("utf-8", "replace"))
    return f"{text}…(cut, {cut} bytes)" if cut else text


def _text(headers: bytes) -> Iterator[tuple[str, str]]:
    parts = iter(headers.split(b"\n"))
    for name, value in zip(parts, parts, strict=False):
        yield name.decode("ascii", "replace"), value.decode("utf-8", "replace")


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _shown(text: str) -> Any:
    value = _json(text)
    return text if value is None else value
