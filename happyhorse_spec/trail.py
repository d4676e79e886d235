"""What happened to one spec: what was sent, how its states went, why it failed. Reports are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from happyhorse_spec.answers import Answer
from happyhorse_spec.cost import Cost
from happyhorse_spec.findings import Finding
from happyhorse_spec.spec import Place, Spec


class Kind(StrEnum):
    """Why a spec failed."""

    EXPECTATION = "expectation"  # it came otherwise than the spec says
    VALIDATOR = "validator"  # the validator rejects a request that was expected to be accepted
    DEADLINE = "deadline"  # the task had not ended in time
    CONTRACT = "contract"  # an answer that the provider's contract does not know
    AMBIGUOUS = "ambiguous"  # a submit without an answer: there may be a task, and there may be none
    EXCHANGE = "exchange"  # a poll or a download gave up
    UNREACHABLE = "unreachable"  # no connection: nothing was sent
    INTERNAL = "internal"  # a fault of this program
    INTERRUPTED = "interrupted"  # the run was stopped before this spec had ended
    BUDGET = "budget"  # it might have cost more than the run may
    LEDGER = "ledger"  # what was to happen, or had happened, could not be written down


class Problem(NamedTuple):
    """One reason why a spec failed, in a sentence, and the member of the spec that it is about."""

    kind: Kind
    message: str
    place: Place


class Step(NamedTuple):
    """A state in the provider's word, the seconds from the submit until it was first seen, the answer that told it."""

    word: str
    seconds: float
    answer: Answer | None = None


class Exchange(NamedTuple):
    """One request and its answer, in the endpoint's name; of the key `headers` have the name of its variable.

    `seconds` count from the submit; an upload comes before it.
    """

    name: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: Any
    status: int
    answer: Any
    seconds: float


@dataclass(slots=True)
class Trail:
    """One spec on its way. `sent` is method and URL, None while nothing has left; `state` is the engine's word.

    `body` is what is sent: that of the spec with the URLs of its local files, or the files themselves. `files` are the
    digests of those with which the run was planned. `exchanges` are uploads, the submit and the polls that told
    something new. Times are seconds of the event loop's clock. `refusal` is the error that answered the submit;
    `key` is what the ledger calls this spec. `cost` is the estimate, `settled` the seconds that are billed and their
    price.
    """

    spec: Spec
    body: Any = None
    files: Mapping[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    began: float = 0.0
    ended: float | None = None
    sent: str | None = None
    steps: list[Step] = field(default_factory=list)
    answer: Answer | None = None
    refusal: Answer | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    task_id: str | None = None
    state: str | None = None
    clip: Mapping[str, Any] | None = None
    saved: Path | None = None
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    key: str = ""
    cost: Cost | None = None
    settled: tuple[Decimal, Decimal | None] | None = None

    @property
    def is_done(self) -> bool:
        return self.ended is not None

    @property
    def has_reached_until(self) -> bool:
        """Whether the task is in the state at which its spec stops following it."""
        return bool(self.steps) and self.steps[-1].word == self.spec.until

    @property
    def has_passed(self) -> bool:
        return self.is_done and not self.problems

    @property
    def is_unreached(self) -> bool:
        """Whether all that went wrong is that there was no connection, which is told once for all specs."""
        return bool(self.problems) and all(problem.kind is Kind.UNREACHABLE for problem in self.problems)

    @property
    def seconds(self) -> float:
        """How long it took; 0 while it runs."""
        return 0.0 if self.ended is None else self.ended - self.began

    def reach(self, word: str, now: float) -> bool:
        """Note a state when it is seen for the first time in a row; whether it is new."""
        is_new = not self.steps or self.steps[-1].word != word
        if is_new:
            self.steps.append(Step(word, now - self.began, self.answer))
        return is_new

    def warn(self, message: str) -> None:
        """Note what is no failure, once."""
        if message not in self.warnings:
            self.warnings.append(message)

    def fail(self, kind: Kind, message: str, at: str = "") -> None:
        self.problems.append(Problem(kind, message, self.spec.place(at)))
