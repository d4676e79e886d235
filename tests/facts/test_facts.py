"""The law against what the pages say: two writings of the same facts, and a test that they agree."""

import pytest
from table import CHAPTERS, tables

from happyhorse_spec.contract import load_provider, provider_names

TABLES = tables()


@pytest.mark.parametrize("chapter", CHAPTERS)
@pytest.mark.parametrize("name", TABLES)
def test_the_law_says_what_the_pages_say(name, chapter):
    assert list(CHAPTERS[chapter](load_provider(name), TABLES[name])) == []


def test_every_provider_has_its_table():
    assert list(TABLES) == provider_names()
