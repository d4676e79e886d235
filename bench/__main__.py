"""`python -m bench [--quick] [--check] [GROUP ...]`: measure, print one table, write results.json and results.svg.

`--quick` takes a minute and writes nothing; with `--check` it fails where a ratio fell by more than a third since the
committed results.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Iterator

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
    figures = list(_measure(args.groups or (_QUICK if args.quick else _GROUPS), args.quick))
    report.show(figures)
    if args.check:
        lost = list(
            fallen(
                {f"{f.group}: {f.what}": f.as_dict() for f in figures},
                json.loads(_RESULTS.read_text("utf-8"))["figures"],
            )
        )
        print(*lost, sep="\n", end="\n" if lost else "")
        return bool(lost)
    if not args.quick and not args.groups:
        report.keep(figures, _RESULTS)
        report.draw(figures, _RESULTS.with_suffix(".svg"))
    return 0


def _measure(groups: tuple[str, ...] | list[str], quick: bool) -> Iterator[Figure]:
    for group in groups:
        print(f"measuring: {group}", file=sys.stderr)
        yield from importlib.import_module(f"bench.{group}").figures(quick)


if __name__ == "__main__":
    sys.exit(main())
