"""Makes every mutant of the law, or those whose name holds all of the given words, and names those that live."""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "facts"))

from killing import Excuses, Shelf, Suite

#: A mutant that hangs is dead.
SECONDS = 120

SHELF, SUITE = Shelf(), Suite()
MADE = list(SHELF.mutants())


def judge(index: int) -> tuple[int, str | None]:
    signal.signal(signal.SIGALRM, _hung)
    signal.alarm(SECONDS)
    try:
        return index, SUITE.kills(SHELF, MADE[index])
    finally:
        signal.alarm(0)


def _hung(*_: object) -> None:
    raise TimeoutError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python tests/mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutants whose name holds all of them")
    parser.add_argument("--sample", type=int, help="so many of them, drawn by chance")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    chosen = [index for index, mutant in enumerate(MADE) if all(word in str(mutant) for word in asked.words)]
    if asked.sample is not None:
        chosen = sorted(random.Random(asked.seed).sample(chosen, min(asked.sample, len(chosen))))
    began = time.monotonic()
    with get_context("fork").Pool(asked.jobs) as pool:
        results = dict(pool.imap_unordered(judge, chosen, chunksize=8))
    return report(results, time.monotonic() - began)


def report(results: dict[int, str | None], seconds: float) -> int:
    excuses = Excuses("law")
    lives = [str(MADE[index]) for index, killer in sorted(results.items()) if killer is None]
    excused = Counter(pattern for name in lives if (pattern := excuses.pattern(name)))
    alive = [name for name in lives if not excuses.pattern(name)]
    for name in alive:
        print(f"alive       {name}")
    for pattern, count in excused.items():
        print(f"equivalent  {count} x {pattern}: {excuses.reasons[pattern]}")
    killers = Counter(killer for killer in results.values() if killer)
    print("killed by   " + ", ".join(f"{name} {count}" for name, count in killers.most_common()))
    killed, counted = killers.total(), len(results) - excused.total()
    score = 100 * killed / counted if counted else 100.0
    counts = f"{len(results)} made, {killed} killed, {excused.total()} equivalent, {len(alive)} alive"
    print(f"law         {counts}: {score:.1f} % in {seconds:.0f} s")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
