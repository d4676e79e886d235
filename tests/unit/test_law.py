"""The law of every provider alike: what schemas/ promises, whoever wrote it. A folder dropped there is tested here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from checking import LAW_FILES

from happyhorse_spec import audit
from happyhorse_spec.contract import SCHEMAS, Provider, load_provider, provider_names
from happyhorse_spec.engine import Judge, compile_schema
from happyhorse_spec.twins import twins

ROOT = SCHEMAS.parent
PACKAGES = (ROOT / "happyhorse_spec", ROOT / "mockserver")
PROVIDERS = provider_names()
MODES = [(name, mode) for name in PROVIDERS for mode in load_provider(name).modes]

every_provider = pytest.mark.parametrize("name", PROVIDERS)
both_engines = pytest.mark.parametrize("reference", [False, True], ids=["fast", "reference"])


def check_jsonschema(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), f"a key stands twice among {names}"
    return dict(pairs)


def test_every_schema_is_one_by_the_official_metaschema() -> None:
    done = check_jsonschema("--check-metaschema", *SCHEMAS.glob("*.json"), *SCHEMAS.glob("*/*.json"))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("metaschema", "files"),
    [
        ("vocabulary.schema.json", LAW_FILES),
        ("provider.schema.json", [f"{name}/provider.yaml" for name in PROVIDERS]),
        ("sources.schema.json", ["sources.yaml"]),
    ],
)
def test_an_editor_sees_no_error_in_the_law(metaschema: str, files: list[str]) -> None:
    done = check_jsonschema("--schemafile", SCHEMAS / metaschema, *(SCHEMAS / file for file in files))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", sorted(str(path.relative_to(SCHEMAS)) for path in SCHEMAS.rglob("*.json")))
def test_no_key_stands_twice(file: str) -> None:
    json.loads((SCHEMAS / file).read_text("utf-8"), object_pairs_hook=unique)


@pytest.mark.parametrize(("name", "mode"), MODES)
def test_plain_schema_gives_the_verdict_in_another_validator(name: str, mode: str, tmp_path: Path) -> None:
    provider = load_provider(name)
    law = provider.modes[mode].request
    found = [twin for rule in law.book.rules if (twin := twins(provider, rule))]
    bodies = [body for twin in found for body in (twin.passes, twin.breaks)]
    files = [tmp_path / f"{number}.json" for number in range(len(bodies))]
    for file, body in zip(files, bodies, strict=True):
        file.write_text(json.dumps(body), "utf-8")
    done = check_jsonschema("-o", "json", "--schemafile", SCHEMAS / name / f"{mode}.request.schema.json", *files)
    refused = {Path(error["filename"]) for error in json.loads(done.stdout)["errors"]}
    assert refused == {file for file, body in zip(files, bodies, strict=True) if law.judge(body)}
    assert 0 < len(refused) < len(files)


@every_provider
def test_audit_has_nothing_to_say(name: str) -> None:
    assert list(audit.audit(load_provider(name))) == []


@every_provider
def test_every_rule_is_proved_by_a_twin(name: str) -> None:
    assert list(audit.unproved_rules(load_provider(name))) == []


def test_every_source_is_cited() -> None:
    assert list(audit.unused_sources(map(load_provider, PROVIDERS))) == []


def examples() -> Iterator[Any]:
    for name in PROVIDERS:
        provider = load_provider(name)
        for endpoint in provider.endpoints.values():
            for answer in sorted({*endpoint.answers, *envelopes(provider, endpoint.name)}):
                for number, example in enumerate(provider.answer_schemas["$defs"][answer]["examples"]):
                    yield pytest.param(
                        provider, endpoint.name, answer, example, id=f"{name}-{endpoint.name}-{answer}-{number}"
                    )


def envelopes(provider: Provider, endpoint: str) -> set[str]:
    return {provider.errors[key].answer for key in provider.endpoints[endpoint].errors}


@cache
def answer_judge(provider: str, answer: str, reference: bool) -> Judge:
    schemas = load_provider(provider).answer_schemas["$defs"]
    return compile_schema({**schemas[answer], "$defs": schemas}, reference=reference)


@both_engines
@pytest.mark.parametrize(("provider", "endpoint", "answer", "example"), list(examples()))
def test_example_is_taken_for_its_answer_alone(
    provider: Provider, endpoint: str, answer: str, example: Any, reference: bool
) -> None:
    errors = envelopes(provider, endpoint)
    possible = {*provider.endpoints[endpoint].answers, *errors}
    fits = {name for name in possible if not answer_judge(provider.name, name, reference)(example)}
    assert answer in fits
    assert fits - errors == {answer} - errors


def owned_words() -> set[str]:
    """What belongs into schemas/ alone: names of providers, ids of models, hosts and their domains."""
    hosts = {
        str(server["url"]).partition("//")[2] for name in PROVIDERS for server in load_provider(name).data["servers"]
    }
    models = {model for provider in map(load_provider, PROVIDERS) for model in provider.models}
    return {word.lower() for word in {*PROVIDERS, *models, *hosts, *(host.split(".")[-2] for host in hosts)}}


@pytest.mark.parametrize(
    "file", [str(path.relative_to(ROOT)) for package in PACKAGES for path in sorted(package.rglob("*.py"))]
)
def test_no_python_file_names_a_provider_or_a_model(file: str) -> None:
    text = (ROOT / file).read_text("utf-8").lower()
    assert [word for word in sorted(owned_words()) if word in text] == []
    assert re.findall(r"happyhorse-\d", text) == []
