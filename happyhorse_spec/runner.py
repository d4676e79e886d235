"""Runs specs in their order, several at a time: submit, follow, collect, judge; each step can stand alone.

Where requests go and with which key is a `Target`; how they travel is `client.py`; whether it came as expected is
`verdict.py`. A spec that the validator rejects is not sent to a live endpoint, unless a rejection is what it expects.
With a ledger every step is written down before the next one is taken; a trail that has a task already is only followed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from happyhorse_spec.answers import Answer, UnknownAnswer
from happyhorse_spec.attachments import spec_findings
from happyhorse_spec.budget import Budget
from happyhorse_spec.client import Client, ExchangeError, Patience, Unreachable, filled, open_session
from happyhorse_spec.contract import Provider
from happyhorse_spec.cost import Cost, settled
from happyhorse_spec.enclosure import Parcel, parcels, with_stand_ins
from happyhorse_spec.ledger import Event, Ledger
from happyhorse_spec.media import probe_file
from happyhorse_spec.mishap import is_refusal, is_refused, kind_of, told_of, words_of
from happyhorse_spec.spec import FINAL, Spec
from happyhorse_spec.target import Target
from happyhorse_spec.trail import Exchange, Kind, Trail
from happyhorse_spec.upload import NotPacked, packed
from happyhorse_spec.verdict import judge, said, spoken

if TYPE_CHECKING:
    import aiohttp

Watch = Callable[[Trail], None]

#: Seconds between two polls where neither the spec nor the provider says; chosen, within what providers advise.
POLL_SECONDS = 5.0

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_SUFFIX = re.compile(r"\.(mp4|mov|webm|mkv)(?=$|[?#])")


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: specs at a time, seconds for one that has no `within`, the folder that keeps clips, what to spend.

    `is_strict`: a member of an answer that the contract does not know is a failure.
    """

    jobs: int = 8
    timeout: float = 1800.0
    out: Path | None = None
    patience: Patience = field(default_factory=Patience)
    budget: Budget | None = None
    is_strict: bool = False


class Runner:
    """Runs specs against a target. The trails are the caller's, so that a run that is stopped can be told."""

    def __init__(
        self,
        trails: Sequence[Trail],
        target: Target,
        options: Options,
        watch: Watch,
        ledger: Ledger | None = None,
    ) -> None:
        self.trails, self.target, self.options, self.watch = trails, target, options, watch
        self.ledger = ledger
        self._turns: dict[str, float] = {}
        self._places: dict[str, asyncio.Semaphore] = {}
        self._silent: dict[str, str | None] = {}  # base -> why nobody was there at first, None once somebody was

    async def run(self) -> None:
        """Run every spec to its end."""
        waiting = iter(self.trails)
        with self._folder() as folder:
            async with open_session(direct=self.target.is_direct) as http, asyncio.TaskGroup() as group:
                for _ in range(min(self.options.jobs, len(self.trails))):
                    group.create_task(self._work(waiting, http, Path(folder)))

    def _folder(self) -> AbstractContextManager[str | Path]:
        """Where clips go; those that are measured and not kept into a folder that lasts as long as the run."""
        if self.options.out or not any(trail.spec.expect.clip for trail in self.trails):
            return nullcontext(self.options.out or Path())
        from tempfile import TemporaryDirectory

        return TemporaryDirectory(prefix="happyhorse-spec-")

    async def _work(self, waiting: Iterator[Trail], http: aiohttp.ClientSession, folder: Path) -> None:
        for trail in waiting:
            provider = trail.spec.provider
            base = self.target.base(provider, _UNSAFE.sub("-", trail.spec.id)[:64])
            client = Client(provider, http, base, self.target.keys[provider.name], self.options.patience)
            async with self._place(provider):
                await self._run(trail, client, folder)

    def _place(self, provider: Provider) -> asyncio.Semaphore:
        """One of the places for tasks that a live provider has at a time."""
        most = provider.data["limits"].get("running", {}).get("tasks")
        places = most if most and self.target.is_live else self.options.jobs
        return self._places.setdefault(provider.name, asyncio.Semaphore(places))

    async def _run(self, trail: Trail, client: Client, folder: Path) -> None:
        trail.began = _now()
        try:
            if trail.task_id is None and not trail.problems:
                listed = parcels(trail.spec.body, trail.spec.provider, trail.spec.folder)
                trail.body = with_stand_ins(trail.spec.body, listed)
                trail.findings = [found for found in spec_findings(trail.spec) if found.effect == "reject"]
                if self._may_send(trail, listed):
                    await self._send_first(trail, listed, client)
                else:
                    self._note(trail, Event.REFUSED, why="the validator rejects it; it was not sent")
            await self.follow(trail, client)
            await self.collect(trail, client, folder)
        except Exception as error:  # whatever it is: the other specs may have tasks that are paid for
            if isinstance(error, UnknownAnswer):
                _keep(trail, client, error.status, error.body)
            trail.fail(kind_of(error), told_of(error, trail), error.at if isinstance(error, NotPacked) else "")
        trail.problems += judge(trail)
        if self.options.is_strict:
            for message in trail.warnings:
                trail.fail(Kind.CONTRACT, message)
        trail.ended = _now()
        self.watch(trail)

    def _may_send(self, trail: Trail, listed: Sequence[Parcel]) -> bool:
        """Whether a request leaves: nowhere with a local file that the validator rejects, live with nothing of that."""
        if trail.spec.expect.rejected is not None:
            return True
        places = {parcel.at for parcel in listed}
        return not any(self.target.is_live or found.pointer in places for found in trail.findings)

    async def _send_first(self, trail: Trail, listed: Sequence[Parcel], client: Client) -> None:
        """Files, then the request; not where nobody has been there from the beginning."""
        told = self._silent.get(client.base)
        if told:
            raise Unreachable(told)
        try:
            await self._pack(trail, listed, client)
            await self.submit(trail, client)
        except (Unreachable, NotPacked) as error:
            if kind_of(error) is Kind.UNREACHABLE:
                self._silent.setdefault(client.base, str(error))
            raise
        self._silent[client.base] = None

    async def _pack(self, trail: Trail, listed: Sequence[Parcel], client: Client) -> None:
        """Set the money aside, then bring the local files to where the provider reads them, which is free."""
        if self.options.budget:
            self.options.budget.take(trail.key, trail.cost or Cost())
        if not listed:
            return
        self.watch(trail)
        try:
            trail.body = await packed(trail, listed, client, _now)
        except Exception:
            if self.options.budget:
                self.options.budget.set(trail.key, Decimal(0))
            raise

    async def submit(self, trail: Trail, client: Client) -> None:
        """Send the request; afterwards `trail` has a task id, or the provider's refusal."""
        spec = trail.spec
        await self._take_turn(spec.provider)
        endpoint = spec.provider.endpoints["submit"]
        sent = f"{endpoint.method} {client.url(endpoint)}"
        self._note(trail, Event.INTENT, sent=sent, cost=trail.cost.record() if trail.cost else None)
        earlier, trail.began, trail.sent = trail.began, _now(), sent
        trail.exchanges = [each._replace(seconds=each.seconds + earlier - trail.began) for each in trail.exchanges]
        self.watch(trail)
        answer = trail.answer = await self._send(trail, client)
        _warn(trail, answer)
        _keep(trail, client, answer.status, answer.body)
        if answer.is_error:
            trail.refusal = answer
            self._refuse(trail, Event.REFUSED if is_refusal(answer, trail) else Event.UNKNOWN, said(answer))
            return
        trail.task_id = str(answer.value("task_id"))
        self._note(trail, Event.ACCEPTED, task_id=trail.task_id)
        is_over = answer.name == endpoint.data.get("result_answer")
        self._reach(trail, answer, "succeeded" if is_over else "pending")

    async def _send(self, trail: Trail, client: Client) -> Answer:
        """The answer to the submit, an error or one that names a task; what came instead is written down."""
        try:
            answer = await client.submit(trail.body, trail.spec.headers, self._seconds(trail))
            task_id = answer.value("task_id")
            if not answer.is_error and not (isinstance(task_id, str) and task_id):
                raise UnknownAnswer(answer.status, "the answer to the submit names no task", answer.body)
            return answer
        except (ExchangeError, UnknownAnswer) as error:
            event = Event.UNSENT if isinstance(error, Unreachable) else Event.UNKNOWN
            self._refuse(trail, Event.REFUSED if is_refused(error) else event, words_of(error))
            raise

    async def follow(self, trail: Trail, client: Client) -> None:
        """Poll the task until it ends, if the spec wants to know."""
        if trail.task_id is None or _is_over(trail) or not _is_followed(trail.spec):
            return
        left = trail.began + self._seconds(trail) - _now()
        try:
            async with asyncio.timeout(left):
                while not _is_over(trail):
                    await self._poll(trail, trail.task_id, client)
        except TimeoutError:
            told = f"the task is {spoken(trail, trail.state or '')} after {self._seconds(trail):g} s"
            trail.fail(Kind.DEADLINE, f"{told}; its id is {trail.task_id}", "/expect/within")

    async def _poll(self, trail: Trail, task_id: str, client: Client) -> None:
        answer = await client.poll(task_id, trail.spec.headers)
        if answer.is_error or trail.answer is None or answer.name != trail.answer.name:
            _keep(trail, client, answer.status, answer.body)
        if answer.is_error:
            raise ExchangeError(f"the poll of task {task_id} was refused: {said(answer)}")
        _warn(trail, answer)
        prefix = trail.spec.provider.endpoints["poll"].data.get("answer_prefix", "")
        self._reach(trail, answer, answer.name.removeprefix(prefix))
        if not _is_over(trail):
            await asyncio.sleep(self._pause(trail))

    async def collect(self, trail: Trail, client: Client, folder: Path) -> None:
        """Download and probe the clip, if it is to be kept or measured."""
        wanted = trail.spec.expect.clip or self.options.out
        if trail.state != "succeeded" or trail.answer is None:
            return
        self._settle(trail, trail.answer)
        if not wanted:
            return
        url = trail.answer.value("video_url")
        if not isinstance(url, str):
            raise UnknownAnswer(trail.answer.status, "the answer names no clip", trail.answer.body)
        found = _SUFFIX.search(url)
        name = _UNSAFE.sub("-", f"{trail.spec.id}-{trail.task_id}")[:150]
        path = folder / f"{name}{found[0] if found else '.mp4'}"
        self._note(trail, Event.RESULT, url=url.partition("?")[0], until=_until(trail.spec.provider))
        await client.download(url, path)
        trail.saved = path if self.options.out else None
        self._note(trail, Event.SAVED, file=str(path.resolve()), bytes=path.stat().st_size)
        trail.clip = probe_file(path)  # it reads an index; to wake a thread takes longer
        if not self.options.out:
            path.unlink()

    def _settle(self, trail: Trail, answer: Answer) -> None:
        """Take down what is billed, where the answer says it."""
        trail.settled = settled(trail.cost, answer, trail.spec)
        if trail.settled is None:
            return
        seconds, money = trail.settled
        currency = trail.cost.currency if trail.cost and money is not None else None
        self._note(trail, Event.SETTLED, seconds=str(seconds), amount=money and str(money), currency=currency)
        if self.options.budget and money is not None:
            self.options.budget.set(trail.key, money)

    async def _take_turn(self, provider: Provider) -> None:
        """Keep to the rate of submits that a live provider allows."""
        rate = provider.data["limits"].get("submit", {}).get("per_second")
        if rate and self.target.is_live:
            turn = max(_now(), self._turns.get(provider.name, 0.0))
            self._turns[provider.name] = turn + 1 / rate
            await asyncio.sleep(turn - _now())

    def _reach(self, trail: Trail, answer: Answer, state: str) -> None:
        trail.answer, trail.state = answer, state
        if trail.reach(spoken(trail, state), _now()):
            self._note(trail, Event.STATE, state=state)
            word = trail.steps[-1].word
            if word in trail.spec.fail_on:
                trail.fail(Kind.EXPECTATION, f"the task is {word}, at which it fails", "/poll/fail_on")
        self.watch(trail)

    def _refuse(self, trail: Trail, event: Event, why: str) -> None:
        """Take down that no task is known; unless there may be one, the money is free again."""
        self._note(trail, event, why=why)
        if self.options.budget and event is not Event.UNKNOWN:
            self.options.budget.set(trail.key, Decimal(0))

    def _note(self, trail: Trail, event: Event, **members: Any) -> None:
        if self.ledger:
            self.ledger.write(event, key=trail.key, **members)

    def _seconds(self, trail: Trail) -> float:
        return trail.spec.expect.within or self.options.timeout

    def _pause(self, trail: Trail) -> float:
        """Seconds until the next poll. A mock is asked again when its task is twice as old, for it may be quick."""
        spec, slowest = trail.spec, self.target.slowest
        advised = spec.provider.data.get("timing", {}).get("poll_seconds", {}).get("value", POLL_SECONDS)
        own = advised if spec.interval is None else spec.interval
        return float(own if slowest is None else min(own, slowest, _now() - trail.began))


def _keep(trail: Trail, client: Client, status: int, answer: Any) -> None:
    """Keep the last exchange for the reports: a submit, or the poll of a task that is known."""
    endpoint = client.provider.endpoints["poll" if trail.task_id else "submit"]
    body = filled(endpoint.data.get("body"), trail.task_id) if trail.task_id else trail.body
    headers = client.shown_headers(endpoint, body, trail.spec.headers)
    url = client.url(endpoint, trail.task_id or "")
    seconds = _now() - trail.began
    trail.exchanges.append(Exchange(endpoint.name, endpoint.method, url, headers, body, status, answer, seconds))


def _warn(trail: Trail, answer: Answer) -> None:
    """Say which members of an answer are news."""
    for at in answer.added:
        trail.warn(f"{at} of the answer {answer.name} is not in the contract")


def _is_over(trail: Trail) -> bool:
    """Whether the task is followed no further: at its end, at the state that the spec names, at one that fails it."""
    return trail.state in FINAL or trail.has_reached_until or bool(trail.problems)


def _is_followed(spec: Spec) -> bool:
    """Whether the end of the task matters; where violations are told by the task, a rejection is its end."""
    is_told_later = "observed" in spec.provider.data.get("validation", {})
    is_wanted = spec.expect.state is not None or spec.until is not None
    return is_wanted or (spec.expect.rejected is not None and is_told_later)


def stop(trails: Sequence[Trail]) -> list[Trail]:
    """Say of every spec that had not ended what is known of it; those specs."""
    stopped = [trail for trail in trails if not trail.is_done]
    for trail in stopped:
        if trail.task_id:
            told = f"stopped; task {trail.task_id} goes on at the provider"
        elif trail.sent:
            told = "stopped while the submit was under way: it is not known whether there is a task"
        else:
            told = "stopped before it was sent"
        trail.fail(Kind.INTERRUPTED, told)
        trail.ended = trail.began
    return stopped


def _until(provider: Provider) -> str | None:
    """When a result that is ready now is gone, at the latest."""
    seconds = provider.data["retention"].get("result_seconds")
    if seconds is None:
        return None
    return (datetime.now(UTC) + timedelta(seconds=seconds["value"])).isoformat(timespec="seconds")


def _now() -> float:
    return asyncio.get_running_loop().time()
