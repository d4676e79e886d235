"""Lines while a run goes: on a terminal with a bar and what is under way, in a log one plain line for each spec."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO

from happyhorse_spec.redaction import Redactor
from happyhorse_spec.report.text import course, ending
from happyhorse_spec.spec import Spec
from happyhorse_spec.trail import Trail

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


#: How many seconds a spec is expected to take; None where nobody knows.
Pace = Callable[[Spec], float | None]


class Watcher(AbstractContextManager["Watcher"], Protocol):
    """Is told of every step of every trail."""

    def __call__(self, trail: Trail) -> None: ...


def open_watcher(count: int, redactor: Redactor, pace: Pace, stream: TextIO = sys.stdout) -> Watcher:
    """The lines that suit the stream."""
    return Screen(count, redactor, pace, stream) if stream.isatty() else Log(redactor, stream)


class Log:
    """One line for each spec that has ended, and below it why it failed."""

    def __init__(self, redactor: Redactor, stream: TextIO) -> None:
        self._redactor, self._stream = redactor, stream

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def __call__(self, trail: Trail) -> None:
        if trail.is_done and not trail.is_unreached:
            print(*ending(trail, self._redactor), sep="\n", file=self._stream, flush=True)


class Screen:
    """The same lines above a bar for all, and below it a bar for each that is under way, as long as it is expected."""

    def __init__(self, count: int, redactor: Redactor, pace: Pace, stream: TextIO) -> None:
        self._redactor, self._pace = redactor, pace
        self._bars = _bars(stream)
        self._all = self._bars.add_task("specs", total=count)
        self._rows: dict[int, TaskID] = {}  # by the identity of the trail: names may repeat

    def __enter__(self) -> Screen:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, trail: Trail) -> None:
        name = id(trail)
        if trail.is_done:
            first, *rest = ending(trail, self._redactor)
            if not trail.is_unreached:
                self._bars.console.print(_coloured(first, trail), soft_wrap=True)
                for line in rest:
                    self._bars.console.print(line, soft_wrap=True, markup=False)
            self._bars.advance(self._all)
            if name in self._rows:
                self._bars.remove_task(self._rows.pop(name))
        else:
            stage = course(trail) if trail.steps else "sending" if trail.sent else "uploading"
            text = self._redactor.text(f"{trail.spec.id}: {stage}")
            if name not in self._rows:
                self._rows[name] = self._bars.add_task(text, total=None, expected=self._pace(trail.spec))
            self._bars.update(self._rows[name], description=text)


def _bars(stream: TextIO) -> Progress:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    class Bar(ProgressColumn):
        """All specs by their number; one spec by the time that it is expected to take."""

        def render(self, task: Task) -> ProgressBar:
            expected = task.fields.get("expected")
            if task.total is not None or expected is None:
                return ProgressBar(task.total, task.completed, width=20, pulse=task.total is None)
            return ProgressBar(expected, min(task.elapsed or 0.0, expected), width=20)

    class Whole(ProgressColumn):
        """`3/8`, `of 80 s`."""

        def render(self, task: Task) -> Text:
            expected = task.fields.get("expected")
            told = f"of {expected:.0f} s" if expected else ""
            return Text(f"{task.completed:.0f}/{task.total:.0f}" if task.total is not None else told)

    text = TextColumn("{task.description}", markup=False)
    return Progress(
        Bar(), TimeElapsedColumn(), Whole(), text, console=Console(file=stream, highlight=False), transient=True
    )


def _coloured(line: str, trail: Trail) -> object:
    from rich.text import Text

    text = Text(line)
    text.stylize("green" if trail.has_passed else "bold red", 0, 4)
    return text
