"""`python -m bench [--quick] [--check] [GROUP ...]`: measure, print one table, write results.json and results.svg.

`--quick` takes a minute and writes nothing; with `--check` it fails where a ratio fell by more than a third since the
committed results, and is as low when it is measured again.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Iterable, Iterator

from bench import report
from bench.figure import Figure, fallen

_GROUPS = ("validator", "mock", "scale", "command", "runner", "start")
_RESULTS = report.HERE / "results.json"
#: What a minute has room for: what no other process or the machine's mood decides.
_QUICK = ("validator", "mock", "command")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=", ".join(_GROUPS))
    parser.add_argument("--quick", action="store_true", help="a minute's worth, without the peers")
    parser.add_argument("--check", action="store_true", help="fail where a ratio fell by more than a third")
    args = parser.parse_args()
    # Who installs a package has its byte code; without it every start would compile this project, and no other.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    groups = args.groups or (_QUICK if args.quick else _GROUPS)
    figures = list(_measure(groups, args.quick))
    report.show(figures)
    if args.check:
        lost = _lost(figures) and _lost(_measure(groups, args.quick))
        print(*lost, sep="\n", end="\n" if lost else "")
        return bool(lost)
    if not args.quick and not args.groups:
        report.keep(figures, _RESULTS)
    return 0


def _lost(figures: Iterable[Figure]) -> list[str]:
    now = {f"{figure.group}: {figure.what}": figure.as_dict() for figure in figures}
    return list(fallen(now, json.loads(_RESULTS.read_text("utf-8"))["figures"]))


def _measure(groups: tuple[str, ...] | list[str], quick: bool) -> Iterator[Figure]:
    for group in groups:
        print(f"measuring: {group}", file=sys.stderr)
        yield from importlib.import_module(f"bench.{group}").figures(quick)


if __name__ == "__main__":
    sys.exit(main())
