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


def machine() -> str:
    """What it was measured on, and when."""
    cpu = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in cpu.read_text("utf-8").splitlines() if "model name" in line]
        if cpu.exists()
        else []
    )
    what = names[0] if names else platform.machine()
    return f"{what}, {os.cpu_count()} cores, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}"


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
    return f"{value:,.0f}" * (value >= 100) + f"{value:,.2f}" * (value < 100) + (f" ±{spread:.0%}" if spread else "")


def _against(figure: Figure, name: str) -> list[str]:
    if not name:
        return ["", "", "", ""]
    ratio, wanted = figure.ratio(name), figure.wanted.get(name)
    color = "" if wanted is None else "[green]" if ratio >= wanted else "[red]"
    return [name, _told(figure, name), f"{color}{ratio:.2f}", "" if wanted is None else f"{wanted:g}"]


def keep(figures: Sequence[Figure], path: Path) -> dict[str, Any]:
    """Write the figures down by name."""
    found = {f"{figure.group}: {figure.what}": figure.as_dict() for figure in figures}
    path.write_text(json.dumps({"machine": machine(), "figures": found}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return found


def draw(figures: Sequence[Figure], path: Path) -> None:
    """Bars of every figure that has somebody to compare with, each as a share of the longest."""
    shown = [figure for figure in figures if any(name != "limit" for name in figure.others())]
    rows: list[Mapping[str, Any]] = []
    for figure in shown:
        names = [name for name in figure.samples if name != "limit"]
        longest = max(figure.middle(name) for name in names)
        bars = [
            {"name": name, "share": figure.middle(name) / longest, "told": f"{figure.middle(name):,.4g}"}
            for name in names
        ]
        rows.append(
            {"title": f"{figure.group}: {figure.what}, {figure.unit}", "bars": bars, "more": figure.more_is_better}
        )
    template = Environment(autoescape=True).from_string((HERE / "picture.svg.j2").read_text("utf-8"))
    path.write_text(template.render(rows=rows, machine=machine()), "utf-8")
