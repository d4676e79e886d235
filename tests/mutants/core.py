"""Runs mutmut on the pure core (see pyproject.toml) and names the mutants that live by the line that they change."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "facts"))

from killing import Excuses
from mutmut.__main__ import (
    SourceFileMutationData,
    get_diff_for_mutant,
    status_by_exit_code,
    walk_mutatable_files,
)


def outcomes() -> Iterator[tuple[str, str, Path]]:
    """(name, status, file) of every mutant of the last run."""
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        for name, code in data.exit_code_by_key.items():
            yield name, status_by_exit_code[code], path


def spelled(name: str, path: Path) -> str:
    """`happyhorse_spec.prompt.too_long: return None -> return 1`."""
    lines = get_diff_for_mutant(name, path=path).splitlines()
    old = " ".join(line[1:].strip() for line in lines if line.startswith("-") and not line.startswith("---"))
    new = " ".join(line[1:].strip() for line in lines if line.startswith("+") and not line.startswith("+++"))
    return f"{name.rpartition('__mutmut_')[0]}: {old} -> {new}"


def main() -> int:
    shutil.rmtree("mutants", ignore_errors=True)  # what mutmut remembers does not know of new tests
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", "run", *sys.argv[1:]], capture_output=True, text=True, check=False
    )
    found = list(outcomes())
    if not found:
        print(done.stdout[-2000:] + done.stderr[-2000:])
        return 1
    excuses, excused = Excuses("core"), Counter[str]()
    alive = []
    for name, status, path in found:
        if status in ("survived", "no tests", "suspicious"):
            text = spelled(name, path)
            pattern = excuses.pattern(text)
            excused.update([pattern] if pattern else [])
            alive += [] if pattern else [f"{text} ({status})"]
    for text in alive:
        print(f"alive       {text}")
    for pattern, count in excused.items():
        print(f"equivalent  {count} x {pattern}: {excuses.reasons[pattern]}")
    counted = len(found) - excused.total()
    killed = counted - len(alive)
    counts = f"{len(found)} made, {killed} killed, {excused.total()} equivalent, {len(alive)} alive"
    print(f"core        {counts}: {100 * killed / counted:.1f} %")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
