"""Candidates: hypothesis strategies of values that come near to what a schema wants.

Whatever the schema says of one place is put together, conditions included: a candidate has the right kind, the members
that are needed, listed values, lengths and bounds. It may still break a condition, a `not`, a count of certain items;
who needs a document that satisfies the schema mends it (see `growth.py`) or draws again. Values come from the schema:
its listed values, the values in its examples, and what its patterns match.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from hypothesis import strategies as st

from happyhorse_spec.growth import Place, Schema, plain_texts

Strategy = st.SearchStrategy[Any]
Hints = Mapping[Place, list[Any]]

_LARGEST = 2**53
_MOST_ITEMS = 5
_SCALAR: Strategy = st.none() | st.booleans() | st.integers(-_LARGEST, _LARGEST) | st.text(max_size=20)

#: Any small JSON value, for a member that nobody knows.
ANYTHING: Strategy = st.recursive(
    _SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
#: The name of a member that no schema knows: tomorrow's.
STRANGER = "x_added_later"


class _Said(NamedTuple):
    """A schema that speaks of a place; `sure` where no condition comes before it."""

    schema: Schema
    sure: bool


def _said(schema: Any, sure: bool) -> _Said:
    """`true` and `false` as the schemas that they stand for."""
    return _Said({} if schema is True else {"not": {}} if schema is False else schema, sure)


def candidates(schema: Schema) -> Strategy:
    """Values near to `schema`, which has no `$ref`; texts are any texts."""
    return _Maker({}, dict(_examples(schema.get("examples", ())))).near([_said(schema, True)], ())


def answer_candidates(name: str, schemas: Mapping[str, Schema]) -> Strategy:
    """Answers near to the schema of that name, whose `$ref`s are of the form `#/$defs/name`.

    Texts are those that the examples have at the same place, else under the same name, since a schema says little of
    them (a time is a text). Now and then there is a member that no schema knows, as in an answer of tomorrow.
    """
    own = dict(_examples(schemas[name].get("examples", ())))
    everywhere = dict[str, list[Any]]()
    for schema in schemas.values():
        for place, values in _examples(schema.get("examples", ())):
            everywhere.setdefault("".join(place[-1:]), []).extend(values)
    return _Maker(schemas, own, everywhere).near([_said(schemas[name], True)], ())


def _examples(documents: Iterable[Any], place: Place = ()) -> Iterator[tuple[Place, list[Any]]]:
    """What stands in example documents, by place."""
    documents = list(documents)
    yield place, documents
    members = [document for document in documents if isinstance(document, dict)]
    for name in {name: None for member in members for name in member}:
        yield from _examples([member[name] for member in members if name in member], (*place, name))
    items = [item for document in documents if isinstance(document, list) for item in document]
    if items:
        yield from _examples(items, (*place, "items"))


class _Maker:
    """Makes strategies for the places of one schema."""

    def __init__(self, defs: Mapping[str, Schema], hints: Hints, spoken: Mapping[str, list[Any]] | None = None) -> None:
        """`spoken` are values by the name of their member, in answers, whose texts cannot be made up."""
        self.defs, self.hints, self.spoken = defs, hints, spoken

    def near(self, told: Iterable[_Said], place: Place) -> Strategy:
        said = [part for schema in told for part in self._parts(schema)]
        if values := _listed(said):
            return st.sampled_from(values)
        kinds = _kinds(said)
        return st.one_of(*(getattr(self, f"_{kind}")(said, place) for kind in kinds)) if kinds else ANYTHING

    def _parts(self, said: _Said) -> Iterator[_Said]:
        """Everything that is said of the same place."""
        schema, sure = said
        yield said
        inner = [_said(child, sure) for child in schema.get("allOf", ())]
        inner += [_said(child, False) for child in schema.get("anyOf", ())]
        inner += [_said(schema[word], False) for word in ("then", "else") if word in schema]
        if "$ref" in schema:
            inner.append(_said(self.defs[schema["$ref"].rpartition("/")[2]], sure))
        for part in inner:
            yield from self._parts(part)

    def _null(self, _told: list[_Said], _place: Place) -> Strategy:
        return st.none()

    def _boolean(self, _told: list[_Said], _place: Place) -> Strategy:
        return st.booleans()

    def _integer(self, said: list[_Said], place: Place) -> Strategy:
        low, high = _bounds(said, place, self.hints)
        return st.integers(int(low), int(high))

    def _number(self, said: list[_Said], place: Place) -> Strategy:
        low, high = _bounds(said, place, self.hints)
        return st.integers(int(low), int(high)) | st.floats(low, high, allow_nan=False)

    def _string(self, said: list[_Said], place: Place) -> Strategy:
        known = _texts(self.hints.get(place, ()))
        if self.spoken is not None and (known := known or _texts(self.spoken.get("".join(place[-1:]), ()))):
            return st.sampled_from(known)
        patterns = [part.schema["pattern"] for part in said if "pattern" in part.schema]
        if patterns:
            texts = [text for pattern in patterns for text in plain_texts(pattern)]
            return st.sampled_from(list(dict.fromkeys([*texts, *known]))) | st.from_regex(patterns[0])
        least = max((part.schema.get("minLength", 0) for part in said if part.sure), default=0)
        any_text = st.text(min_size=least, max_size=max(least, 60))
        return any_text | st.sampled_from(known) if known else any_text

    def _array(self, said: list[_Said], place: Place) -> Strategy:
        items = [_said(part.schema["items"], part.sure) for part in said if "items" in part.schema]
        least = max((part.schema.get("minItems", 0) for part in said if part.sure), default=0)
        most = min((part.schema["maxItems"] for part in said if "maxItems" in part.schema), default=_MOST_ITEMS)
        return st.lists(self.near(items, (*place, "items")), min_size=least, max_size=max(least, most))

    def _object(self, said: list[_Said], place: Place) -> Strategy:
        members: dict[str, list[_Said]] = {}
        for schema, sure in said:
            for name, child in schema.get("properties", {}).items():
                members.setdefault(name, []).append(_said(child, sure))
        needed = {name for part in said if part.sure for name in part.schema.get("required", ())}
        members = {name: told for name, told in members.items() if _may_be(told)}
        near = {name: self.near(told, (*place, name)) for name, told in members.items()}
        near |= dict.fromkeys(needed - near.keys(), ANYTHING)
        optional = {name: strategy for name, strategy in near.items() if name not in needed}
        if self.spoken is not None:
            optional[STRANGER] = _SCALAR
        return st.fixed_dictionaries({name: near[name] for name in near if name in needed}, optional=optional)


def _texts(values: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(value for value in values if isinstance(value, str)))


def _may_be(told: list[_Said]) -> bool:
    """Whether a member may be there, and more is said of it than that it is known."""
    return any(said.schema for said in told) and not any(said.schema.get("not") == {} for said in told)


def _listed(said: list[_Said]) -> list[Any]:
    """The values that a place may have, where they are listed: what all lists allow, and some condition's."""
    lists = [(_values(part.schema), part.sure) for part in said if part.schema.keys() & {"enum", "const"}]
    if not lists:
        return []
    union = [value for values, _ in lists for value in values]
    agreed = [value for value in union if all(value in values for values, sure in lists if sure)]
    return list({repr(value): value for value in agreed}.values())


def _values(schema: Schema) -> list[Any]:
    return list(schema["enum"]) if "enum" in schema else [schema["const"]]


#: Keyword -> the kind that it speaks of, where no `type` is told.
_SPEAK_OF = {
    "properties": "object",
    "required": "object",
    "items": "array",
    "contains": "array",
    "pattern": "string",
    "minLength": "string",
    "maxLength": "string",
    "x-maxPromptUnits": "string",
    "minimum": "number",
    "maximum": "number",
    "exclusiveMinimum": "number",
}


def _kinds(said: list[_Said]) -> list[str]:
    """The kinds that a value may have, the plainest first: what all types allow, else what the keywords speak of."""
    told = [part.schema["type"] for part in said if part.sure and "type" in part.schema]
    allowed = [{kinds} if isinstance(kinds, str) else set(kinds) for kinds in told]
    if not allowed:
        words = [word for part in said for word in part.schema]
        return list(dict.fromkeys(_SPEAK_OF[word] for word in words if word in _SPEAK_OF))[:1]
    common = set.intersection(*allowed)
    return [kind for kind in ("null", "boolean", "integer", "number", "string", "array", "object") if kind in common]


def _bounds(said: list[_Said], place: Place, hints: Hints) -> tuple[float, float]:
    """The least and the largest number: the schema's, else those around the examples, else any."""
    known = [value for value in hints.get(place, ()) if isinstance(value, (int, float))]
    lows = [part.schema[word] for part in said for word in ("minimum", "exclusiveMinimum") if word in part.schema]
    highs = [part.schema[word] for part in said for word in ("maximum", "exclusiveMaximum") if word in part.schema]
    low = max(lows, default=0 if known and min(known) >= 0 else -_LARGEST)
    return low, min(highs, default=max(low, 10 * max(known) if known else _LARGEST))
