"""The README's table and the picture of the benchmark say what was measured."""

from __future__ import annotations

import pytest

from bench import readme, report
from bench.figure import Figure, fallen

README = readme.PAGE.read_text("utf-8")


def test_table_is_as_new_as_the_results() -> None:
    assert "<!-- speed -->" in README
    assert readme.written(README) == README, "make docs"


def test_picture_is_as_new_as_the_results() -> None:
    assert (report.HERE / "results.svg").read_text("utf-8") == report.picture(readme.results()), "make bench"


def figure(ours: float, theirs: float, *, more: bool) -> Figure:
    samples = {"ours": [ours], "theirs": [theirs]}
    return Figure("group", "what", "unit", samples, {"theirs": 0.5}, more_is_better=more)


@pytest.mark.parametrize(
    ("ours", "theirs", "more", "row"),
    [
        (300, 100, True, "| group: what, unit | 300 | theirs 100 (3.00×, wanted 0.5) |"),
        (300, 100, False, "| group: what, unit | 300 | **theirs 100 (0.33×, wanted 0.5)** |"),
        (40, 100, True, "| group: what, unit | 40 | **theirs 100 (0.40×, wanted 0.5)** |"),
    ],
    ids=["faster", "slower", "less"],
)
def test_row_says_how_we_stand(ours: float, theirs: float, more: bool, row: str) -> None:
    results = {"machine": "a machine", "figures": {"group: what": figure(ours, theirs, more=more).as_dict()}}
    assert list(readme.table(results))[-1] == row


@pytest.mark.parametrize(("now", "lost"), [(201, []), (199, ["group: what against theirs: 1.99, was 3.00"])])
def test_ratio_that_falls_by_more_than_a_third_is_told(now: float, lost: list[str]) -> None:
    before, after = figure(300, 100, more=True), figure(now, 100, more=True)
    assert list(fallen({"group: what": after.as_dict()}, {"group: what": before.as_dict()})) == lost
    assert list(fallen({"group: what": after.as_dict()}, {})) == []


def test_limit_falls_for_nobody() -> None:
    before, after = ({"a": Figure("a", "b", "ms", {"ours": [took], "limit": [10.0]}).as_dict()} for took in (1, 100))
    assert list(fallen(after, before)) == []
