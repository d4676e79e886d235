"""`happyhorse-spec run`: send request specs to a mock or to a provider and report what came of them.

Here is which specs run, where they go and what is printed; running them is `runner.py`. Without `--url` or `--live` a
mock is started inside this process, whose clock jumps to the next event with every poll: nothing waits.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from happyhorse_spec.failures import FINDINGS, FINE, NOT_SEEN, Failure
from happyhorse_spec.wording import listing

if TYPE_CHECKING:
    from happyhorse_spec.contract import Provider
    from happyhorse_spec.redaction import Redactor
    from happyhorse_spec.runner import Options, Watch
    from happyhorse_spec.spec import Spec
    from happyhorse_spec.target import Target
    from happyhorse_spec.trail import Trail

_JOBS, _LIVE_JOBS = 8, 2


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
    jobs = f"specs at a time (default: {_JOBS}, with --live {_LIVE_JOBS})"
    add("--jobs", type=_more_than_nothing(int), metavar="N", help=jobs)
    timeout = "for a spec without `within` (default: %(default)g)"
    add("--timeout", type=_more_than_nothing(float), default=1800.0, metavar="SECONDS", help=timeout)
    add("--out", type=Path, metavar="FOLDER", help="keep the clips here")
    add("--junit", type=Path, metavar="FILE", help="also write a JUnit report")
    add("--json", action="store_true", help="print the report as JSON; progress goes to standard error")


def run(args: argparse.Namespace) -> int:
    """Run the specs that are asked for; the exit code says what came of them."""
    from happyhorse_spec.runner import Options

    if args.server and not args.live:
        raise Failure("--server goes with --live; without it nothing is sent to a provider")
    if args.live and not args.files:
        raise Failure("--live costs money: name the files or folders to send")
    specs = _chosen(args)
    aim = _aim(args, specs)
    for folder in filter(None, (args.out, args.junit and args.junit.parent)):
        _make(folder)
    jobs = args.jobs or (_LIVE_JOBS if args.live else _JOBS)
    return _run(args, specs, aim, Options(jobs=jobs, timeout=args.timeout, out=args.out))


def _more_than_nothing(kind: type[Any]) -> Callable[[str], Any]:
    def number(text: str) -> Any:
        value = kind(text)
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"{text} is not more than 0")
        return value

    number.__name__ = "number"
    return number


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"{folder}: {error.strerror}; choose another folder") from error


def _chosen(args: argparse.Namespace) -> list[Spec]:
    """The specs that all options leave; raises Failure where there is none, since nothing would look like success."""
    from happyhorse_spec.spec_reader import SPECS, read_specs
    from happyhorse_spec.substitution import Values

    specs = read_specs(args.files or [SPECS], Values(_variables(args.var), os.environ))
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


def _variables(options: Sequence[str]) -> dict[str, Any]:
    variables = {}
    for option in options:
        name, equals, text = option.partition("=")
        if not equals or not name:
            raise Failure("--var takes NAME=VALUE")
        try:
            variables[name] = orjson.loads(text)
        except orjson.JSONDecodeError:
            variables[name] = text
    return variables


def _aim(args: argparse.Namespace, specs: Sequence[Spec]) -> AbstractAsyncContextManager[Target]:
    """Where the specs go; raises Failure or NotSeen before anything is sent."""
    from happyhorse_spec.target import live_target, mock_target

    providers = list({spec.provider.name: spec.provider for spec in specs}.values())
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


def _run(
    args: argparse.Namespace,
    specs: Sequence[Spec],
    aim: AbstractAsyncContextManager[Target],
    options: Options,
) -> int:
    from happyhorse_spec.report.progress import open_watcher
    from happyhorse_spec.runner import stop
    from happyhorse_spec.trail import Trail

    trails = [Trail(spec) for spec in specs]
    redactor = _redactor(specs)
    try:
        with open_watcher(len(trails), redactor, sys.stderr if args.json else sys.stdout) as watch:
            seconds = asyncio.run(_play(trails, aim, options, watch))
    except KeyboardInterrupt:
        stop(trails)
        _tell(args, trails, 0.0, redactor)
        raise
    _tell(args, trails, seconds, redactor)
    return _exit_code(trails)


async def _play(
    trails: Sequence[Trail], aim: AbstractAsyncContextManager[Target], options: Options, watch: Watch
) -> float:
    """Run to the end; the seconds it took."""
    from happyhorse_spec.runner import Runner

    now = asyncio.get_running_loop().time
    began = now()
    async with aim as target:
        await Runner(trails, target, options, watch).run()
    return now() - began


def _redactor(specs: Sequence[Spec]) -> Redactor:
    """Hides every key in the environment, and what the specs bring along."""
    from happyhorse_spec.redaction import Redactor, is_secret

    secrets = [os.environ.get(spec.provider.data["key"]["env"], "") for spec in specs]
    for spec in specs:
        headers = [value for name, value in spec.headers.items() if value and is_secret(name)]
        secrets += [*spec.secrets, *(word for value in headers for word in (value, *value.split()))]
    return Redactor(secrets)


def _tell(args: argparse.Namespace, trails: Sequence[Trail], seconds: float, redactor: Redactor) -> None:
    from happyhorse_spec.report.junit import write_junit
    from happyhorse_spec.report.record import run_record
    from happyhorse_spec.report.text import details, total

    if args.json:
        print(json.dumps(run_record(trails, seconds, redactor), ensure_ascii=False, indent=2))
    else:
        for trail in trails:
            if not trail.has_passed:
                print("", *details(trail, redactor), sep="\n")
        print("", total(trails, seconds), sep="\n")
    if args.junit:
        write_junit(args.junit, trails, redactor)


def _exit_code(trails: Sequence[Trail]) -> int:
    """1 where something came otherwise; 3 where all that went wrong is that no connection came about."""
    from happyhorse_spec.trail import Kind

    kinds = {problem.kind for trail in trails for problem in trail.problems}
    if not kinds:
        return FINE
    return NOT_SEEN if kinds == {Kind.UNREACHABLE} else FINDINGS
