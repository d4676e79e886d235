"""`happyhorse-spec run`: send request specs to a mock or to a provider and report what came of them.

Here is which specs run, where they go and what is printed; running them is `runner.py`. Without `--url` or `--live` a
mock is started inside this process, whose clock jumps to the next event with every poll: nothing waits.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import date
from fnmatch import fnmatchcase
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from happyhorse_spec.failures import FINE, Failure
from happyhorse_spec.wording import listing

if TYPE_CHECKING:
    from happyhorse_spec.contract import Provider
    from happyhorse_spec.play import Aim, Outputs
    from happyhorse_spec.runner import Options
    from happyhorse_spec.spec import Spec
    from happyhorse_spec.target import Target
    from happyhorse_spec.trail import Trail

_JOBS, _LIVE_JOBS = 8, 2
_RUNS = Path("runs")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Send request specs to a provider and compare what comes with what they expect. Without --url or --live they "
        "go to a mock inside this process. Exit codes: 0 all came true, 1 something did not, 2 wrong usage or a spec "
        "that cannot be read, 3 nothing could be looked at: no key, no connection."
    )
    add = parser.add_argument
    add("files", nargs="*", metavar="FILE|FOLDER", help="default: the specs of this package")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url", help="send to the mock that runs at this URL")
    live = "send to the provider with the key of its environment variable; costs money, so name the files"
    where.add_argument("--live", action="store_true", help=live)
    add("--server", metavar="URL", help="with --live: which of the provider's servers")
    add("--provider", action="append", metavar="NAME", help="only specs for this provider")
    add("--tag", action="append", default=[], metavar="TAG", help="only specs with this tag, or with all of several")
    add("--name", metavar="PATTERN", help="only specs whose name, or provider/name, matches; * is any text")
    add("--var", action="append", default=[], metavar="NAME=VALUE", help="for ${var.NAME}; JSON keeps its type")
    jobs = f"specs at a time, in the order of the files (default: {_JOBS}, with --live {_LIVE_JOBS})"
    add("--jobs", type=_more_than_nothing(int), metavar="N", help=jobs)
    timeout = "for a spec without `within` (default: %(default)g)"
    add("--timeout", type=_more_than_nothing(float), default=1800.0, metavar="SECONDS", help=timeout)
    out = "keep the clips here; a live run keeps them and its ledger, without this in runs/DATE-N"
    add("--out", type=Path, metavar="FOLDER", help=out)
    add("--ledger", type=Path, metavar="FILE", help="with --url: write down every step, so that `resume` can go on")
    add("--dry-run", action="store_true", help="say what it would cost, and send nothing")
    add("--yes", action="store_true", help="with --live: do not ask before money is spent")
    add("--budget", metavar="AMOUNT", help="send nothing that might pass it, e.g. '5.00 USD'")
    add("--strict", action="store_true", help="a member of an answer that is not in the contract is a failure")
    add("--junit", type=Path, metavar="FILE", help="also write a JUnit report")
    add("--html", type=Path, metavar="FILE", help="also write a page with the clips, which --out keeps")
    add("--json", action="store_true", help="print the report as JSON; progress goes to standard error")


def run(args: argparse.Namespace) -> int:
    """Run the specs that are asked for; the exit code says what came of them."""
    _must_fit(args)
    specs = _chosen(args)
    if args.dry_run:
        from happyhorse_spec.report.costs import print_costs

        print_costs(specs, args.server)
        return FINE
    return _run(args, specs, _aim(args, specs))


def _run(args: argparse.Namespace, specs: Sequence[Spec], aim: Aim) -> int:
    from happyhorse_spec.cost import cost_of
    from happyhorse_spec.play import Outputs, make_folder, play
    from happyhorse_spec.standing import keys
    from happyhorse_spec.trail import Trail

    for file in filter(None, (args.junit, args.html)):
        make_folder(file.parent)
    trails = [Trail(spec, key=key) for key, spec in zip(keys(specs), specs, strict=True)]
    if args.live or args.budget:
        for trail in trails:
            trail.cost = cost_of(trail.spec, args.server)
    outputs = Outputs(args.json, args.junit, args.html)
    if args.live or args.ledger:
        return _run_with_ledger(args, trails, aim, outputs)
    if args.out:
        make_folder(args.out)
    return play(trails, aim, _options(args, trails, args.out), outputs)


def _options(args: argparse.Namespace, trails: Sequence[Trail], out: Path | None) -> Options:
    from happyhorse_spec.budget import read_budget
    from happyhorse_spec.runner import Options

    costs = [trail.cost for trail in trails if trail.cost]
    budget = read_budget(args.budget, costs) if args.budget else None
    return Options(
        args.jobs or (_LIVE_JOBS if args.live else _JOBS), args.timeout, out, budget=budget, is_strict=args.strict
    )


def _must_fit(args: argparse.Namespace) -> None:
    """Raises Failure for options that make no sense together."""
    if args.server and not args.live:
        raise Failure("--server goes with --live; without it nothing is sent to a provider")
    if args.live and not args.files:
        raise Failure("--live costs money: name the files or folders to send")
    if args.ledger and not args.url:
        why = "a live run writes one by itself" if args.live else "the tasks of a mock inside this process end with it"
        raise Failure(f"--ledger goes with --url; {why}")


def _run_with_ledger(args: argparse.Namespace, trails: Sequence[Trail], aim: Aim, outputs: Outputs) -> int:
    from happyhorse_spec.chronicle import begin, drop_if_unsent
    from happyhorse_spec.ledger import Ledger
    from happyhorse_spec.play import make_folder, permit, play, redactor_of

    path = _ledger_path(args)
    options = _options(args, trails, args.out or path.parent)
    specs = [trail.spec for trail in trails]
    permit(specs, [trail.cost for trail in trails if trail.cost], is_given=args.yes or not args.live)
    make_folder(path.parent)
    try:
        with Ledger(path, redactor_of(specs)) as ledger:
            begin(ledger, trails, _start(args, options))
            try:
                return play(trails, aim, options, outputs, ledger)
            finally:
                drop_if_unsent(ledger)
    finally:
        if not (args.ledger or args.out):
            with suppress(OSError):  # it holds other runs
                _RUNS.rmdir()


def _start(args: argparse.Namespace, options: Options) -> dict[str, Any]:
    """What `resume` needs to know; of variables no values."""
    names = [option.partition("=")[0] for option in args.var]
    budget = f"{options.budget.limit} {options.budget.currency}" if options.budget else None
    where = {
        "live": args.live,
        "server": args.server,
        "url": args.url,
        "out": str(options.out and options.out.resolve()),
    }
    return {**where, "timeout": options.timeout, "jobs": options.jobs, "vars": names, "budget": budget}


def _ledger_path(args: argparse.Namespace) -> Path:
    """Where a new ledger goes; raises Failure where there is one already."""
    path: Path = args.ledger or (args.out or _new_folder()) / "ledger.jsonl"
    if path.exists():
        raise Failure(
            f"{path} is the ledger of another run: go on with `happyhorse-spec resume {path}`, or choose another"
        )
    return path


def _new_folder() -> Path:
    """A folder for one run: runs/DATE-N."""
    today = date.today().isoformat()  # noqa: DTZ011 - the folder is for people, who live by local dates
    return next(folder for number in count(1) if not (folder := _RUNS / f"{today}-{number}").exists())


def _more_than_nothing(kind: type[Any]) -> Callable[[str], Any]:
    def number(text: str) -> Any:
        value = kind(text)
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"it is {text}; it must be above 0")
        return value

    number.__name__ = "number"
    return number


def _chosen(args: argparse.Namespace) -> list[Spec]:
    """The specs that all options leave; raises Failure where there is none, since nothing would look like success."""
    from happyhorse_spec.spec_reader import SPECS, read_specs
    from happyhorse_spec.substitution import Values
    from happyhorse_spec.variables import variables

    specs = read_specs(args.files or [SPECS], Values(variables(args.var), os.environ))
    found = [spec for spec in specs if _is_wanted(spec, args)]
    if not found:
        names = listing(sorted({spec.provider.name for spec in specs}), "and")
        tags = listing(sorted({tag for spec in specs for tag in spec.tags}), "and")
        raise Failure(f"none of {len(specs)} specs is left; they are for {names}, their tags are {tags}")
    return found


def _is_wanted(spec: Spec, args: argparse.Namespace) -> bool:
    names = (spec.name, spec.id)
    return (
        (not args.provider or spec.provider.name in args.provider)
        and set(args.tag) <= set(spec.tags)
        and (args.name is None or any(fnmatchcase(name, args.name) for name in names))
    )


def _aim(args: argparse.Namespace, specs: Sequence[Spec]) -> Aim:
    """Where the specs go; raises Failure or NotSeen before anything is sent."""
    from happyhorse_spec.target import live_target, mock_target, told_apart

    providers = told_apart(spec.provider for spec in specs)
    if args.live:
        return nullcontext(live_target(providers, os.environ, args.server))
    if args.url:
        return nullcontext(mock_target(args.url, providers))
    return _embedded(sorted({spec.law for spec in specs}), providers)


@asynccontextmanager
async def _embedded(laws: Sequence[str], providers: Sequence[Provider]) -> AsyncIterator[Target]:
    """A mock inside this process, asked without a pause."""
    from happyhorse_spec.target import mock_target
    from mockserver.clock import ClockMode
    from mockserver.server import MockServer
    from mockserver.settings import Settings

    async with MockServer(Settings(clock=ClockMode.JUMP), providers=laws) as mock:
        yield mock_target(mock.url, providers, is_own=True)
