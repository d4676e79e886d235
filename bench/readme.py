"""Writes the table of README.md that says how fast it is, from results.json: `python -m bench.readme`.

`make bench` measures and writes the results, `make docs` the table; a test fails where it is older than they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bench.report import HERE, figure_in_words

PAGE = HERE.parent / "README.md"
_PART = re.compile(r"(?<=<!-- speed -->\n).*?(?=<!-- end -->)", re.DOTALL)


def table(results: Mapping[str, Any]) -> Iterator[str]:
    """One row per figure: ours, the others, how many times as well we do, and what is wanted of that."""
    yield results["machine"] + "."
    yield ""
    yield "| figure | here | compared with |\n|---|---|---|"
    for name, figure in results["figures"].items():
        ours, *others = figure["medians"]
        row = "; ".join(_against(figure, other) for other in others)
        yield f"| {name}, {figure['unit']} | {_told(figure, ours)} | {row} |"


def _told(figure: Mapping[str, Any], name: str) -> str:
    spread = figure["spreads"][name]
    return figure_in_words(figure["medians"][name]) + (f" ±{spread:.0%}" if spread else "")


def _against(figure: Mapping[str, Any], name: str) -> str:
    """E.g. `Prism 2,100 ±5% (4.20×, wanted 3.5)`; in bold where it is less than wanted."""
    ratio, wanted = figure["ratios"][name], figure["wanted"].get(name)
    told = f"{name} {_told(figure, name)} ({ratio:.2f}×{'' if wanted is None else f', wanted {wanted:g}'})"
    return told if wanted is None or ratio >= wanted else f"**{told}**"


def results() -> Mapping[str, Any]:
    """What was measured last."""
    kept: Mapping[str, Any] = json.loads((HERE / "results.json").read_text("utf-8"))
    return kept


def written(page: str) -> str:
    """The page with its table made anew from the results."""
    return _PART.sub(lambda _: "\n".join(table(results())) + "\n", page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
