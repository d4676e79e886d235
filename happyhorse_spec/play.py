"""One run as a person at a terminal or a CI log sees it: lines while it goes, what came of it, the exit code.

Shared by the commands that send. What runs and where to is theirs; running is `runner.py`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from happyhorse_spec.cost import Cost, totals
from happyhorse_spec.failures import FINDINGS, FINE, NOT_SEEN, Failure, NotSeen
from happyhorse_spec.interpreter import loop_factory
from happyhorse_spec.ledger import Ledger, read_ledger
from happyhorse_spec.pace import expected_seconds, past_seconds
from happyhorse_spec.redaction import Redactor, is_secret
from happyhorse_spec.report.progress import Pace, open_watcher
from happyhorse_spec.report.record import run_record
from happyhorse_spec.report.text import ending, spent, total
from happyhorse_spec.runner import Options, Runner, Watch, stop
from happyhorse_spec.spec import Spec
from happyhorse_spec.standing import Phase, stand
from happyhorse_spec.target import Target
from happyhorse_spec.trail import Kind, Trail

Aim = AbstractAsyncContextManager[Target]

#: What kept a run from looking, in a way that says nothing about the provider.
_UNSEEN = frozenset({Kind.UNREACHABLE, Kind.LEDGER, Kind.BUDGET})


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is written: JSON on standard output instead of text, and files."""

    json: bool = False
    junit: Path | None = None
    html: Path | None = None

    @property
    def stream(self) -> TextIO:
        """Where lines for people go."""
        return sys.stderr if self.json else sys.stdout


def play(trails: Sequence[Trail], aim: Aim, options: Options, outputs: Outputs, ledger: Ledger | None = None) -> int:
    """Run to the end and tell; the exit code. Ctrl-C tells too, and goes on to whoever called."""
    redactor = redactor_of(trail.spec for trail in trails)
    try:
        with (
            open_watcher(len(trails), redactor, _pace(ledger), outputs.stream) as watch,
            asyncio.Runner(loop_factory=loop_factory()) as loop,
        ):
            seconds = loop.run(_run(trails, aim, options, watch, ledger))
    except KeyboardInterrupt:
        for trail in stop(trails):
            print(*ending(trail, redactor), sep="\n", file=outputs.stream)
        _tell(trails, 0.0, outputs, redactor, ledger)
        raise
    _tell(trails, seconds, outputs, redactor, ledger)
    return _exit_code(trails)


def _pace(ledger: Ledger | None) -> Pace:
    """How long tasks take, by the runs beside this one; a mock inside this process keeps its own time."""
    if ledger is None:
        return lambda _: None
    return partial(expected_seconds, past=past_seconds(ledger.path.parent.parent))


async def _run(trails: Sequence[Trail], aim: Aim, options: Options, watch: Watch, ledger: Ledger | None) -> float:
    """Run to the end; the seconds it took."""
    now = asyncio.get_running_loop().time
    began = now()
    async with aim as target:
        await Runner(trails, target, options, watch, ledger).run()
    return now() - began


def redactor_of(specs: Iterable[Spec]) -> Redactor:
    """Hides every key in the environment, and what the specs bring along."""
    secrets = []
    for spec in specs:
        secrets.append(os.environ.get(spec.provider.data["key"]["env"], ""))
        headers = [value for name, value in spec.headers.items() if value and is_secret(name)]
        secrets += [*spec.secrets, *(word for value in headers for word in (value, *value.split()))]
    return Redactor(secrets)


def make_folder(folder: Path) -> None:
    """Make it with its parents; raises Failure."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"{folder}: {error.strerror}; choose another folder") from error


def permit(specs: Sequence[Spec], costs: Sequence[Cost], *, is_given: bool) -> None:
    """Ask whether the money may be spent, unless that is given; raises NotSeen where it may not."""
    if is_given:
        return
    told = "; ".join(totals(zip((spec.provider.name for spec in specs), costs, strict=True)))
    if not sys.stdin.isatty():
        raise NotSeen(f"nothing was sent: this costs money ({told}), and nobody is here to ask; say --yes")
    if not is_confirmed(f"This costs money ({told}). Send?"):
        raise NotSeen("nothing was sent, as you said")


def is_confirmed(question: str) -> bool:
    """Whether a person at the terminal says yes; nobody there says no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    _forget_what_was_typed()
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _forget_what_was_typed() -> None:
    """Whoever typed ahead has not read the question; Windows has no such call."""
    with suppress(ImportError):
        import termios

        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def _tell(trails: Sequence[Trail], seconds: float, outputs: Outputs, redactor: Redactor, ledger: Ledger | None) -> None:
    _tell_unreached(trails, outputs, redactor)
    if outputs.json:
        print(json.dumps(run_record(trails, seconds, redactor), ensure_ascii=False, indent=2))
    else:
        print("", total(trails, seconds), *(spent(trails) if ledger else ()), sep="\n")
    if ledger:
        _tell_rest(ledger.path, outputs)
    try:
        if outputs.junit:
            from happyhorse_spec.report.junit import write_junit

            write_junit(outputs.junit, trails, redactor)
        if outputs.html:
            from happyhorse_spec.report.html import write_html

            write_html(outputs.html, trails, seconds, redactor)
    except OSError as error:
        raise NotSeen(f"the report cannot be written: {error.filename}: {error.strerror}") from error


def _tell_unreached(trails: Sequence[Trail], outputs: Outputs, redactor: Redactor) -> None:
    """Say once for all specs that there was no connection; raises NotSeen where that is all that there is to say."""
    unreached = [trail for trail in trails if trail.is_unreached]
    for told in dict.fromkeys(trail.problems[0].message for trail in unreached):
        names = [trail.spec.id for trail in unreached if trail.problems[0].message == told]
        if len(names) == len(trails):
            raise NotSeen(redactor.text(f"{told}; nothing was sent"))
        print(redactor.text(f"FAIL  {told}; not sent: {', '.join(names)}"), file=outputs.stream)


def _tell_rest(path: Path, outputs: Outputs) -> None:
    """What the ledger says is still to be done, and how."""
    standing = stand(read_ledger(path))
    if all(entry.sent is None for entry in standing.entries.values()):
        return  # nothing was sent, and a run that has sent nothing leaves no ledger
    counts = {phase: len(standing.in_phase(phase)) for phase in Phase}
    told = [f"{counts[phase]} {words}" for phase, words in _REST if counts[phase]]
    if told:
        print(f"{', '.join(told)}: happyhorse-spec resume {path}", file=outputs.stream)


_REST = (
    (Phase.ACCEPTED, "still at the provider"),
    (Phase.LOST, "of which nobody knows whether there is a task"),
    (Phase.PLANNED, "not sent"),
)


def _exit_code(trails: Sequence[Trail]) -> int:
    """1 where something came otherwise; 3 where all that went wrong is that nothing could be looked at."""
    kinds = {problem.kind for trail in trails for problem in trail.problems}
    if not kinds:
        return FINE
    return NOT_SEEN if kinds <= _UNSEEN else FINDINGS
