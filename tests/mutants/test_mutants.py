"""A few mutants of the law, drawn by chance, in every run of the suite; `make mutants` makes all of them."""

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "facts"))

from killing import Excuses, Shelf, Suite
from mutators import Mutant, mutants

from happyhorse_spec.contract import provider_names

pytestmark = pytest.mark.usefixtures("unmeasured")

SAMPLE = 40


@pytest.fixture(scope="module")
def shelf():
    return Shelf()


@pytest.fixture(scope="module")
def suite():
    return Suite()


@pytest.mark.parametrize("provider", provider_names())
def test_a_sample_of_mutants_is_killed(shelf, suite, provider):
    made = [mutant for mutant in shelf.mutants() if mutant.file.startswith(f"{provider}/")]
    excuses = Excuses("law")
    drawn = [mutant for mutant in random.Random(provider).sample(made, SAMPLE) if not excuses.pattern(str(mutant))]
    assert [str(mutant) for mutant in drawn if suite.kills(shelf, mutant) is None] == []


def test_what_only_a_person_reads_kills_nothing(shelf, suite):
    renamed = Mutant("imini/provider.yaml", (), "title changed", lambda data: data.update(title="Another"))
    assert suite.kills(shelf, renamed) is None


def test_no_mutant_is_made_twice(shelf):
    names = [str(mutant) for mutant in shelf.mutants()]
    assert len(names) == len(set(names))


def test_a_mutant_differs_from_the_law(shelf):
    laws = {str(path): document for path, document in shelf.files.items()}
    for mutant in random.Random(0).sample(list(shelf.mutants()), 50):
        (document,) = (document for path, document in laws.items() if path.endswith(f"/{mutant.file}"))
        assert mutant.made(document) != document, str(mutant)


#: Schema -> what is done to it.
MISTAKES = [
    ({"type": "integer", "minimum": 3}, {"type dropped", "minimum dropped", "minimum 3 -> 4", "minimum 3 -> 2"}),
    ({"enum": ["a", "b"]}, {"enum without 'a'", "enum without 'b'", "enum with 'ax'", "enum dropped"}),
    ({"required": ["a"], "properties": {"a": {}, "b": {}}}, {"a optional", "b required"}),
    ({"pattern": "^(a|b)$"}, {"pattern without ^", "pattern without $", "pattern without a", "pattern without b"}),
    ({"if": {}, "then": {}, "else": {}}, {"if inverted", "else dropped"}),
    ({"exclusiveMinimum": 8}, {"exclusiveMinimum -> minimum"}),
    ({"default": True}, {"default changed", "default dropped"}),
]


@pytest.mark.parametrize(("schema", "mistakes"), MISTAKES)
def test_mistakes_that_somebody_could_make_are_made(schema, mistakes):
    assert mistakes <= {mutant.what for mutant in mutants("a.json", schema)}


def test_words_pointers_and_numbers_of_a_provider_are_changed():
    data = {"states": {"pending": "PENDING", "running": "RUNNING"}, "limits": {"submit": {"per_second": 5}}}
    made = {mutant.what: mutant.made(data) for mutant in mutants("provider.yaml", data)}
    assert made["pending and running swapped"]["states"] == {"pending": "RUNNING", "running": "PENDING"}
    assert made["per_second 5 -> 6"]["limits"] == {"submit": {"per_second": 6}}
