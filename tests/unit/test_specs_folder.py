"""The specs that come with the package: valid for editors, true to the validator, complete."""

import subprocess
import sys
from collections import Counter

import pytest

from happyhorse_spec.check import check_body
from happyhorse_spec.contract import SCHEMAS, load_provider, load_sources, provider_names
from happyhorse_spec.spec_reader import SPECS, read_specs

ALL = read_specs([SPECS])
REJECTED = [spec for spec in ALL if spec.expect.rejected is not None]
ACCEPTED = [spec for spec in ALL if spec.expect.rejected is None]


def identity(spec):
    return spec.id


def rejections(spec):
    return [found.rule.id for found in check_body(spec.body, spec.provider) if found.effect == "reject"]


def test_every_file_satisfies_the_schema_for_editors():
    files = sorted(map(str, SPECS.glob("*/*.yaml")))
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(SCHEMAS / "spec.schema.json"), *files]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("file", sorted(SPECS.glob("*/*")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_file_names_its_schema_and_its_spec(file):
    first, second, *_ = file.read_text("utf-8").splitlines()
    assert first == "# yaml-language-server: $schema=../../schemas/spec.schema.json"
    assert second.startswith("# ")
    assert second.endswith((".", ";"))
    (folder,) = {spec.provider.name for spec in read_specs([file])}
    assert folder == file.parent.name
    assert all(spec.name.split(" [")[0] == file.stem for spec in read_specs([file]))


@pytest.mark.parametrize("spec", ALL, ids=identity)
def test_sources_are_known(spec):
    assert spec.sources
    assert set(spec.sources) <= load_sources().keys()


@pytest.mark.parametrize("spec", ACCEPTED, ids=identity)
def test_what_is_to_be_accepted_is_valid(spec):
    assert rejections(spec) == []


@pytest.mark.parametrize("spec", REJECTED, ids=identity)
def test_what_is_to_be_rejected_breaks_its_rule_alone(spec):
    rule = spec.expect.rejected["rule"]
    assert rejections(spec) == ([rule] if ".submit.header." not in rule else [])
    assert "rejected" in spec.tags


@pytest.mark.parametrize("name", provider_names())
def test_every_mode_has_a_documented_spec(name):
    provider = load_provider(name)
    specs = [spec for spec in ACCEPTED if spec.provider is provider and "documented" in spec.tags]
    assert {provider.mode_of(spec.body).name for spec in specs} == set(provider.modes)


@pytest.mark.parametrize("name", provider_names())
def test_every_documented_example_is_a_spec(name):
    provider = load_provider(name)
    bodies = [spec.body for spec in ALL if spec.provider is provider]
    for mode in provider.modes.values():
        for example in mode.request.book.schema.get("examples", ()):
            assert example in bodies


@pytest.mark.parametrize("name", provider_names())
def test_every_kind_of_constraint_has_a_rejected_spec(name):
    provider = load_provider(name)
    laws = [provider.any, *(mode.request for mode in provider.modes.values())]
    kinds = {rule.keyword for law in laws for rule in law.book.rules}
    by_id = {rule.id: rule.keyword for rule in provider.rules()}
    broken = {by_id.get(spec.expect.rejected["rule"]) for spec in REJECTED if spec.provider is provider}
    assert kinds - broken == set()


def test_names_are_unique():
    assert [name for name, count in Counter(spec.id for spec in ALL).items() if count > 1] == []
