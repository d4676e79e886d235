"""`happyhorse-spec resume`: go on with a run that was interrupted, from its ledger.

What was accepted is followed and its clip saved, what was never sent is sent. A submit whose answer was lost is looked
for in the provider's list of tasks, where it has one; otherwise a person decides. It is never sent again unasked.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Sequence
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from happyhorse_spec.failures import FINDINGS, FINE, Failure
from happyhorse_spec.wording import listing

if TYPE_CHECKING:
    from happyhorse_spec.budget import Budget
    from happyhorse_spec.ledger import Ledger
    from happyhorse_spec.play import Outputs
    from happyhorse_spec.standing import Standing
    from happyhorse_spec.target import Target
    from happyhorse_spec.trail import Trail


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Go on with a run that was interrupted: follow the tasks that were accepted, save their clips, send what was "
        "never sent. A request whose answer was lost is not sent again unless you say so."
    )
    add = parser.add_argument
    add("ledger", nargs="?", type=Path, metavar="LEDGER", help="default: the newest runs/*/ledger.jsonl")
    resend = "send a request again whose answer was lost; if there is a task after all, it is paid twice"
    add("--resend", action="append", default=[], metavar="NAME", help=resend)
    add("--forget", action="append", default=[], metavar="NAME", help="let a request go whose answer was lost")
    add("--task", action="append", default=[], metavar="NAME=ID", help="say which task a lost request has become")
    add(
        "--var", action="append", default=[], metavar="NAME=VALUE", help="as the run had them: a ledger keeps no values"
    )
    add("--yes", action="store_true", help="do not ask before money is spent on what was never sent")
    add("--budget", metavar="AMOUNT", help="instead of the run's own; what the run has spent counts")
    add("--junit", type=Path, metavar="FILE", help="also write a JUnit report")
    add("--html", type=Path, metavar="FILE", help="also write a page with the clips")
    add("--json", action="store_true", help="print the report as JSON; progress goes to standard error")


def run(args: argparse.Namespace) -> int:
    """Take the ledger up, decide about what was lost, and run what is left."""
    from happyhorse_spec.ledger import Ledger
    from happyhorse_spec.play import Outputs

    path = args.ledger or _newest()
    if not path.is_file():
        raise Failure(f"{path} is no file; name the ledger.jsonl of a run")
    with Ledger(path) as ledger:
        return _resume(args, ledger, Outputs(args.json, args.junit, args.html))


def _newest() -> Path:
    found = sorted(Path("runs").glob("*/ledger.jsonl"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise Failure("there is no runs/*/ledger.jsonl here; name the ledger of a run")
    return found[-1]


def _resume(args: argparse.Namespace, ledger: Ledger, outputs: Outputs) -> int:
    from happyhorse_spec.chronicle import trails_of
    from happyhorse_spec.cost import cost_of
    from happyhorse_spec.play import play, redactor_of
    from happyhorse_spec.runner import Options
    from happyhorse_spec.substitution import Values
    from happyhorse_spec.variables import variables

    target = _target(_standing(ledger))
    _decide(args, ledger)
    lost = _settle_lost(ledger, target, outputs)
    standing = _standing(ledger)
    trails = trails_of(standing, Values(variables(args.var), os.environ))
    if standing.run["live"] or args.budget or standing.run["budget"]:
        for trail in trails:
            trail.cost = cost_of(trail.spec, standing.run["server"])
    ledger.redactor = redactor_of(trail.spec for trail in trails)
    if not trails:
        print("nothing else is left to do" if lost else "nothing is left to do", file=outputs.stream)
        return FINDINGS if lost else FINE
    budget = _budget(args.budget or standing.run["budget"], standing, trails)
    _permit(args, standing, trails)
    out = Path(standing.run["out"])
    options = Options(standing.run["jobs"], standing.run["timeout"], out, budget=budget)
    code = play(trails, nullcontext(target), options, outputs, ledger)
    return code or (FINDINGS if lost else FINE)


def _standing(ledger: Ledger) -> Standing:
    from happyhorse_spec.ledger import read_ledger
    from happyhorse_spec.standing import stand

    return stand(read_ledger(ledger.path))


def _permit(args: argparse.Namespace, standing: Standing, trails: Sequence[Trail]) -> None:
    """Ask before money is spent; following what is paid already costs nothing."""
    from happyhorse_spec.play import permit

    new = [trail for trail in trails if trail.task_id is None and not trail.problems]
    costs = [trail.cost for trail in new if trail.cost]
    permit([trail.spec for trail in new], costs, is_given=args.yes or not new or not standing.run["live"])


def _budget(text: str | None, standing: Standing, trails: Sequence[Trail]) -> Budget | None:
    """What is left of the run's budget."""
    from happyhorse_spec.budget import read_budget

    if text is None:
        return None
    budget = read_budget(text, [trail.cost for trail in trails if trail.cost])
    for entry in standing.entries.values():
        if entry.cost and entry.cost["currency"] == budget.currency:
            budget.set(entry.key, Decimal(entry.cost["most"]))
    return budget


def _target(standing: Standing) -> Target:
    """Where the run was sent, with the key as it is now."""
    from happyhorse_spec.contract import load_provider
    from happyhorse_spec.target import live_target, mock_target

    providers = [load_provider(law) for law in dict.fromkeys(e.data["law"] for e in standing.entries.values())]
    if standing.run["live"]:
        return live_target(providers, os.environ, standing.run["server"])
    return mock_target(standing.run["url"], providers)


def _decide(args: argparse.Namespace, ledger: Ledger) -> None:
    """Write down what a person says about requests whose answers were lost."""
    from happyhorse_spec.ledger import Event
    from happyhorse_spec.standing import Phase

    tasks = [option.partition("=")[::2] for option in args.task]
    if any(not (name and task) for name, task in tasks):
        raise Failure("--task takes NAME=ID")
    lost = {entry.key for entry in _standing(ledger).in_phase(Phase.LOST)}
    for name in (*args.resend, *args.forget, *(name for name, _ in tasks)):
        if name not in lost:
            names = listing(sorted(lost), "and") if lost else "none"
            raise Failure(f"{name} is no request whose answer was lost; there is {names}")
    for name in args.resend:
        ledger.write(Event.UNSENT, key=name, why="to be sent again, as asked")
    for name in args.forget:
        ledger.write(Event.FORGOTTEN, key=name)
    for name, task in tasks:
        ledger.write(Event.ACCEPTED, key=name, task_id=task)


def _settle_lost(ledger: Ledger, target: Target, outputs: Outputs) -> int:
    """Take up lost requests that the provider lists, ask about the others; how many stay lost."""
    from happyhorse_spec.ledger import Event
    from happyhorse_spec.lost import certain, look_for, question
    from happyhorse_spec.play import is_confirmed
    from happyhorse_spec.standing import Phase

    standing = _standing(ledger)
    if not standing.in_phase(Phase.LOST):
        return 0
    found = asyncio.run(look_for(standing, target))
    for key, task in certain(found).items():
        print(f"{key}: the provider lists it as task {task}", file=outputs.stream)
        ledger.write(Event.ACCEPTED, key=key, task_id=task)
    for entry in _standing(ledger).in_phase(Phase.LOST):
        print(question(entry, found[entry.key]), file=outputs.stream)
        if is_confirmed(f"Send {entry.key} again, and maybe pay twice?"):
            ledger.write(Event.UNSENT, key=entry.key, why="to be sent again, as asked")
    return len(_standing(ledger).in_phase(Phase.LOST))
