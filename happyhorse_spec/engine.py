"""The two JSON Schema engines behind one function: body in, breaches out.

`jsonschema-rs` judges where it is installed; `jsonschema` is the reference that proves it and serves where the other
has no wheel. Both see the same dereferenced schema, so a breach is named by the path of its keyword in that schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from happyhorse_spec.prompt import dangling_reference, too_long

Path = tuple[str | int, ...]

#: Custom keyword -> (limit, instance) -> why it is broken, or None.
KEYWORDS: Mapping[str, Callable[[Mapping[str, Any], object], str | None]] = {
    "x-maxPromptUnits": too_long,
    "x-promptReferences": dangling_reference,
}


class Breach(NamedTuple):
    """A broken keyword: where in the instance, where in the schema (the keyword's parent), which one."""

    path: Path
    schema_path: Path
    keyword: str


Judge = Callable[[object], list[Breach]]


def compile_schema(schema: Mapping[str, Any], *, reference: bool = False) -> Judge:
    """A function that lists the breaches of an instance; `reference` asks for the pure Python engine."""
    if not reference:
        try:
            return _fast(schema)
        except ImportError:
            pass
    return _slow(schema)


def matcher(schema: Mapping[str, Any]) -> Callable[[object], bool]:
    """A function that says whether an instance satisfies `schema`, by the engine that is installed."""
    try:
        import jsonschema_rs
    except ImportError:
        import jsonschema

        return jsonschema.Draft202012Validator(schema).is_valid
    is_valid: Callable[[object], bool] = jsonschema_rs.Draft202012Validator(schema).is_valid
    return is_valid


def _fast(schema: Mapping[str, Any]) -> Judge:
    import jsonschema_rs

    errors = jsonschema_rs.Draft202012Validator(schema, keywords=_CLASSES).iter_errors

    def judge(instance: object) -> list[Breach]:
        return [
            Breach(tuple(error.instance_path), tuple(error.schema_path[:-1]), error.schema_path[-1])
            for error in errors(instance)
        ]

    return judge


def _slow(schema: Mapping[str, Any]) -> Judge:
    import jsonschema
    from jsonschema.validators import extend

    checks: Any = {name: _generator(check) for name, check in KEYWORDS.items()}
    errors = extend(jsonschema.Draft202012Validator, checks)(schema).iter_errors

    def judge(instance: object) -> list[Breach]:
        found = errors(instance)
        return [Breach(tuple(e.absolute_path), tuple(e.absolute_schema_path)[:-1], str(e.validator)) for e in found]

    return judge


def _generator(check: Callable[[Mapping[str, Any], object], str | None]) -> Callable[..., Iterator[Exception]]:
    """A custom keyword in the reference engine's form."""

    def errors(_validator: object, limit: Mapping[str, Any], instance: object, _schema: object) -> Iterator[Exception]:
        from jsonschema import ValidationError

        if reason := check(limit, instance):
            yield ValidationError(reason)

    return errors


def _keyword_class(check: Callable[[Mapping[str, Any], object], str | None]) -> type:
    """A custom keyword in the fast engine's form."""

    class Keyword:
        def __init__(self, _parent: object, limit: Mapping[str, Any], _path: object) -> None:
            self.limit = limit

        def validate(self, instance: object) -> None:
            if reason := check(self.limit, instance):
                raise ValueError(reason)

    return Keyword


_CLASSES = {name: _keyword_class(check) for name, check in KEYWORDS.items()}
