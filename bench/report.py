"""Figures as a table, as JSON, and as a picture. Nothing is measured here."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment
from rich.console import Console
from rich.table import Table

from bench.figure import Figure

HERE = Path(__file__).parent
#: How busy the machine was with others when the benchmark began.
_LOAD = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def machine() -> str:
    """What it was measured on, and when."""
    cpu = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in cpu.read_text("utf-8").splitlines() if "model name" in line]
        if cpu.exists()
        else []
    )
    what = names[0] if names else platform.machine()
    return f"{what}, {os.cpu_count()} cores, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}, load {_LOAD:.1f} before"


def show(figures: Sequence[Figure]) -> None:
    """Print the table; what falls short is marked."""
    table = Table(title=machine(), title_justify="left")
    for name in ("", "figure", "unit", "median", "against", "median", "ratio", "wanted"):
        table.add_column(name, justify="right" if name in ("median", "ratio", "wanted") else "left")
    for figure in figures:
        first = [figure.group, figure.what, figure.unit, _told(figure, figure.ours)]
        for name in figure.others() or [""]:
            table.add_row(*first, *_against(figure, name))
            first = ["", "", "", ""]
    Console(width=None if os.isatty(1) else 150).print(table)


def _told(figure: Figure, name: str) -> str:
    value, spread = figure.middle(name), figure.spread(name)
    return figure_in_words(value) + (f" ±{spread:.0%}" if spread else "")


def _against(figure: Figure, name: str) -> list[str]:
    if not name:
        return ["", "", "", ""]
    ratio, wanted = figure.ratio(name), figure.wanted.get(name)
    color = "" if wanted is None else "[green]" if ratio >= wanted else "[red]"
    return [name, _told(figure, name), f"{color}{ratio:.2f}", "" if wanted is None else f"{wanted:g}"]


def keep(figures: Sequence[Figure], path: Path) -> None:
    """Write the figures down by name, and draw them."""
    found = {f"{figure.group}: {figure.what}": figure.as_dict() for figure in figures}
    results = {"machine": machine(), "figures": found}
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    path.with_suffix(".svg").write_text(picture(results), "utf-8")


def picture(results: Mapping[str, Any]) -> str:
    """Bars of every figure, each as a share of the longest, and a line where ours has to end."""
    panels = [_panel(name, figure) for name, figure in results["figures"].items() if figure["ratios"]]
    template = Environment(autoescape=True).from_string((HERE / "picture.svg.j2").read_text("utf-8"))
    return template.render(panels=panels, machine=results["machine"]) + "\n"


def _panel(title: str, figure: Mapping[str, Any]) -> Mapping[str, Any]:
    medians, more = figure["medians"], figure["more_is_better"]
    bounds = [
        medians[name] * ratio if more else medians[name] / ratio
        for name, ratio in figure["wanted"].items()
        if name in medians
    ]
    wanted = (max if more else min)(bounds, default=None)
    shown = {name: value for name, value in medians.items() if name != "limit"}
    longest = max([*shown.values(), wanted or 0]) or 1
    bars = [{"name": name, "share": value / longest, "told": figure_in_words(value)} for name, value in shown.items()]
    line = wanted / longest if wanted else None
    # Our own figure stands behind the line where it would stand under it.
    beside = line is not None and 0 <= line - bars[0]["share"] < 0.15
    bars[0]["end"] = line if beside else bars[0]["share"]
    return {"title": title, "unit": figure["unit"], "more": more, "bars": bars, "wanted": line}


def figure_in_words(value: float) -> str:
    """Three digits, or all of those before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
