"""What of a provider's folder does not load: rules without a source, files that are no law or cannot be read."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from checking import LAW_FILES

from happyhorse_spec import audit
from happyhorse_spec.contract import SCHEMAS, Law, Provider, load_provider, load_sources, provider_names
from happyhorse_spec.rules import CONSTRAINTS, LawError, RuleBook, rule_book

PROVIDERS = provider_names()

Edited = Callable[[str, str, Callable[[Any], object]], str]


def at(schema: Any, path: Iterable[str | int]) -> Any:
    for part in path:
        schema = schema[part]
    return schema


def subschemas(schema: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every subschema of a file that judges a value, with its path."""
    yield path, schema
    members: list[tuple[str | int, ...]] = [
        (word, name) for word in ("properties", "$defs") for name in schema.get(word, ())
    ]
    members += [(word,) for word in ("items", "then", "else") if word in schema]
    members += [("allOf", index) for index in range(len(schema.get("allOf", ())))]
    for member in members:
        yield from subschemas(at(schema, member), (*path, *member))


def constraints() -> Iterator[Any]:
    for file in LAW_FILES:
        for path, schema in subschemas(json.loads((SCHEMAS / file).read_text("utf-8"))):
            if not CONSTRAINTS.isdisjoint(schema):
                yield pytest.param(file, path, id="/".join((file, *map(str, path))))


@pytest.mark.parametrize(("file", "path"), list(constraints()))
def test_constraint_without_its_source_does_not_load(file: str, path: tuple[str | int, ...], edited: Edited) -> None:
    name, _, own = file.partition("/")
    folder = edited(name, own, lambda schema: at(schema, path).pop("x-source"))
    with pytest.raises(LawError, match="'x-source' is a required property"):
        load_provider(folder)


def rules() -> Iterator[Any]:
    for name in PROVIDERS:
        for law in laws(load_provider(name)):
            for (path, keyword), rule in law.book.by_place.items():
                yield pytest.param(law.book, path, keyword, None, id=rule.id)
            for (path, member), rule in law.book.required.items():
                yield pytest.param(law.book, path, "required", member, id=rule.id)


def laws(provider: Provider) -> Iterator[Law]:
    yield provider.any
    yield from (law for mode in provider.modes.values() for law in (mode.request, mode.advice))
    yield from provider.media.values()


@pytest.mark.parametrize(("book", "path", "keyword", "member"), list(rules()))
def test_rule_without_its_own_source_does_not_load(
    book: RuleBook, path: tuple[str | int, ...], keyword: str, member: str | None
) -> None:
    schema = copy.deepcopy(book.schema)
    holder = at(schema, path)
    for annotated in (holder, holder.get("properties", {}).get(member, {})):
        source = annotated.get("x-source", {})
        annotated["x-source"] = {key: value for key, value in spelt_out(source, annotated).items() if key != keyword}
    advice = any(rule.effect != "reject" for rule in book.rules)
    with pytest.raises(LawError, match="has no source; add x-source"):
        rule_book(schema, "law", load_sources(), advice=advice)


def spelt_out(source: Any, schema: Any) -> dict[str, Any]:
    """An `x-source` that speaks for all keywords of its object, by keyword."""
    return source if isinstance(source, dict) else dict.fromkeys((*CONSTRAINTS.intersection(schema), "default"), source)


def added(**subschema: Any) -> Callable[[Any], object]:
    """An edit that asks something of a new member `extra`, under a case of its own."""
    addition = {"x-case": "added", "properties": {"extra": subschema}}
    return lambda schema: schema.setdefault("allOf", []).append(addition)


def twice(schema: Any) -> None:
    for _ in range(2):
        added(type="string", **{"x-source": "absence"})(schema)


REQUEST, ADVICE = "t2v.request.schema.json", "t2v.advice.schema.json"

#: File, edit, what the error says.
LAWLESS: dict[str, tuple[str, Callable[[Any], object], str]] = {
    "unknown annotation": (REQUEST, lambda schema: schema.update({"x-sauce": "absence"}), "'x-sauce' was unexpected"),
    "unknown keyword": (REQUEST, added(oneOf=[]), "'oneOf' was unexpected"),
    "annotation of an unknown keyword": (REQUEST, added(**{"x-fix": {"minimun": "..."}}), "minimun"),
    "conflict about an unknown keyword": (
        REQUEST,
        added(**{"x-conflict": [{"keyword": "minimun", "value": 2, "source": "absence", "why": "Somebody said so."}]}),
        "minimun",
    ),
    "rule id used twice": (REQUEST, twice, r"rule \w+\.t2v\.extra\.type@added stands twice; give one branch an x-case"),
    "choice without a reason": (
        REQUEST,
        added(type="string", **{"x-source": "chosen"}),
        "extra.type@added is chosen and gives no reason; add x-why",
    ),
    "choice without a reason among sources": (
        REQUEST,
        added(type="string", **{"x-source": ["absence", "chosen"]}),
        "is chosen and gives no reason",
    ),
    "unknown source": (
        REQUEST,
        added(type="string", **{"x-source": "hearsay"}),
        "extra.type@added cites hearsay, which sources.yaml does not have",
    ),
    "conflict about a limit without a reason": (
        REQUEST,
        added(
            type="string",
            **{"x-source": "absence", "x-conflict": [{"keyword": "type", "value": 2, "source": "absence"}]},
        ),
        "'why' is a required property",
    ),
    "unknown source of a conflict": (
        REQUEST,
        added(
            type="string",
            **{
                "x-source": "absence",
                "x-conflict": [{"keyword": "type", "value": 2, "source": "hearsay", "why": "Somebody said so."}],
            },
        ),
        "cites hearsay",
    ),
    "default without a source": (REQUEST, added(default=1, **{"x-source": {"type": "absence"}}), "has no source"),
    "advice without an effect": (
        ADVICE,
        added(type="string", **{"x-source": "absence"}),
        "x-effect belongs to each rule of an advice schema and to no other",
    ),
    "rejection with an effect": (
        REQUEST,
        added(type="string", **{"x-source": "absence", "x-effect": "ignore"}),
        "x-effect belongs to each rule of an advice schema and to no other",
    ),
    "pattern that is none": (REQUEST, added(pattern="(", **{"x-source": "absence"}), "is not a 'regex'"),
    "condition that is no schema": (
        REQUEST,
        lambda schema: schema.update({"if": {"type": "text"}, "then": {}}),
        "text",
    ),
    "reference to nothing": (
        REQUEST,
        added(**{"$ref": "parts.schema.json#/$defs/nothing"}),
        "parts.schema.json has no /\\$defs/nothing",
    ),
    "reference to no file": (REQUEST, added(**{"$ref": "bits.schema.json#/$defs/body"}), "bits.schema.json"),
    "reference to itself": (REQUEST, added(**{"$ref": "#/allOf"}), "refers to itself"),
    "constraint without a source in a shared piece": (
        "parts.schema.json",
        lambda schema: schema["$defs"].update({"spare": {"type": "string"}}),
        "'x-source' is a required property",
    ),
}


@pytest.mark.parametrize("case", LAWLESS)
def test_lawless_file_does_not_load(case: str, edited: Edited) -> None:
    file, edit, complaint = LAWLESS[case]
    with pytest.raises(LawError, match=complaint):
        load_provider(edited(PROVIDERS[0], file, edit))


#: Edit of provider.yaml, what the error says.
UNCLOSED: dict[str, tuple[Callable[[Any], object], str]] = {
    "unknown section": (lambda data: data.update(notes=1), "the top: .*'notes' was unexpected"),
    "unknown key of an endpoint": (
        lambda data: data["endpoints"]["submit"].update(methods="GET"),
        "endpoints/submit: .*'methods' was unexpected",
    ),
    "unknown mode": (lambda data: data["modes"].update(a2v={}), "a2v"),
    "unknown notice": (lambda data: data["refusals"].update(no_kee="no_key"), "no_kee"),
    "server without a source": (lambda data: data["servers"][0].pop("source"), "servers/0: 'source' is a required"),
    "key without a source": (lambda data: data["key"].pop("source"), "key: 'source' is a required"),
    "endpoint without a source": (lambda data: data["endpoints"]["poll"].pop("source"), "'source' is a required"),
    "error without a source": (
        lambda data: data["errors"].update(odd={"status": 400, "code": "Odd", "message": "odd"}),
        "errors/odd: 'source' is a required",
    ),
    "error of an unknown source": (
        lambda data: data["errors"].update(odd={"status": 400, "code": "Odd", "message": "odd", "source": "hearsay"}),
        "error odd cites hearsay, which sources.yaml does not have",
    ),
    "limit without a source": (lambda data: data["limits"].update(query={"per_second": 1}), "limits/query"),
    "lifetime without a source": (lambda data: data["retention"].update(task_seconds={"value": 1}), "retention/task"),
    "choice without a reason": (
        lambda data: data["retention"].update(task_seconds={"value": 1, "source": "chosen"}),
        "retention/task_seconds: 'why' is a required property",
    ),
    "choice without a reason among sources": (
        lambda data: data["key"].update(source=["absence", "chosen"]),
        "key: 'why' is a required property",
    ),
    "watermark without its text": (lambda data: data["result"].pop("watermark_text"), "'watermark_text' is a required"),
    "price of no day": (
        lambda data: data.update(
            prices=[{"scope": "all", "currency": "USD", "models": "a", "per_second": {"720P": 1}}]
        ),
        "prices/0",
    ),
    "conflict without a choice": (
        lambda data: data.update(
            conflicts=[{"topic": "a", "values": [{"value": 1, "source": "absence"}], "why": "Somebody said so."}]
        ),
        "conflicts/0: 'choice' is a required property",
    ),
    "conflict with an empty choice": (
        lambda data: data.update(
            conflicts=[
                {"topic": "a", "values": [{"value": 1, "source": "absence"}], "choice": "", "why": "Somebody said so."}
            ]
        ),
        "conflicts/0/choice: '' should be non-empty",
    ),
    "conflict without a reason": (
        lambda data: data.update(
            conflicts=[{"topic": "a", "values": [{"value": 1, "source": "absence"}], "choice": "a"}]
        ),
        "conflicts/0: 'why' is a required property",
    ),
}


@pytest.mark.parametrize("case", UNCLOSED)
def test_provider_file_is_closed_and_sourced(case: str, edited: Edited) -> None:
    edit, complaint = UNCLOSED[case]
    with pytest.raises(LawError, match=complaint):
        load_provider(edited(PROVIDERS[0], "provider.yaml", edit))


#: File, text, what the error says.
UNREADABLE = {
    "a key twice": ("provider.yaml", "title: a\ntitle: b\n", "provider.yaml:2:1: .*title.* twice"),
    "no mapping": ("provider.yaml", "- a\n", "must hold one mapping"),
    "no YAML": ("provider.yaml", "title: [\n", "provider.yaml:.* not YAML"),
    "nothing": ("provider.yaml", "", "provider.yaml: it is empty"),
    "no JSON": ("t2v.request.schema.json", "{", "t2v.request.schema.json"),
    "a source of a kind of its own": (
        "sources.yaml",
        "mine: {kind: heard, seen: '2026', title: a, url: ''}",
        "sources.yaml: mine/kind: 'heard' is not one of",
    ),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_file_is_named(case: str, edited: Edited) -> None:
    file, text, complaint = UNREADABLE[case]
    folder = edited(PROVIDERS[0], "provider.yaml", lambda _: None)
    Path(folder, file).unlink(missing_ok=True)
    Path(folder, file).write_text(text, "utf-8")
    with pytest.raises(LawError, match=complaint):
        load_provider(folder)


def test_folder_of_the_user_brings_its_own_sources(edited: Edited) -> None:
    folder = edited(PROVIDERS[0], "provider.yaml", lambda data: data["key"].update(source="mine"))
    Path(folder, "sources.yaml").write_text('mine: {kind: observed, seen: 2026-11-02, title: Our gateway, url: ""}')
    provider = load_provider(folder)
    assert provider.sources["mine"].seen == "2026-11-02"
    assert list(audit.audit(provider)) == []


def test_unknown_provider_is_told_the_known_ones() -> None:
    with pytest.raises(LawError, match=f"there is no provider nobody; use one of {', '.join(PROVIDERS)}"):
        load_provider("nobody")
