"""The ledger of conflicts has every disagreement of the law, decided and with its reason, and is as new as the law."""

import re

import conflicts
import pytest
from pages import PROVIDERS

from happyhorse_spec.contract import load_sources
from happyhorse_spec.disputes import disputes

PAGE = conflicts.PAGE.read_text("utf-8")
DISPUTES = [
    pytest.param(provider, dispute, id=f"{provider.name}-{dispute.topic}")
    for provider in PROVIDERS
    for dispute in disputes(provider)
]


def section(title):
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(text):
    """The cells of each row of the tables in a text."""
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]


def test_page_is_as_new_as_the_law():
    assert conflicts.written(PAGE) == PAGE, "make docs"


@pytest.mark.parametrize(("provider", "dispute"), DISPUTES)
def test_dispute_stands_in_its_section_with_sources_and_reason(provider, dispute):
    found = [row for row in rows(section(conflicts.title(provider))) if dispute.why in row]
    cited = {key for row in found for cell in row for key in re.findall(r"\[([a-z][\w-]*)\]", cell)}
    assert {source.key for claim in dispute.claims for source in claim.sources} <= cited


def test_every_difference_has_a_cell_for_each_provider():
    found = rows(section("Between the providers"))
    assert all(len(row) == 1 + len(PROVIDERS) for row in found)
    assert {tuple(conflicts.row(difference)) for difference in conflicts.DIFFERENCES} <= set(map(tuple, found))


def test_every_cited_source_leads_somewhere():
    defined = set(re.findall(r"^\[([\w-]+)\]: \S", PAGE, re.MULTILINE))
    assert defined == {key for key in load_sources() if f"[{key}]" in PAGE.split("## Sources")[0]}


def test_no_cell_is_written_for_a_machine():
    assert re.findall(r'\{"|\^\(|None|\\\\', PAGE) == []


@pytest.mark.parametrize("link", re.findall(r"\]\(#([\w-]+)\)", PAGE))
def test_overview_leads_to_its_section(link):
    assert link in [title.lower().replace(" ", "-") for title in re.findall(r"^## (.+)$", PAGE, re.MULTILINE)]
