"""The two JSON Schema engines behind one function: body in, breaches out.

`jsonschema-rs` judges where it is installed; `jsonschema` is the reference that proves it and serves where the other
has no wheel. Both see the same dereferenced schema, so a breach is named by the path of its keyword in that schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from happyhorse_spec.prompt import dangling_reference, too_long

Path = tuple[str | int, ...]

# https://tc39.es/ecma262/#sec-compiletocharset
_SPACE = r"\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_IN_CLASS = {r"\d": "0-9", r"\w": "0-9A-Z_a-z", r"\s": _SPACE}
_IN_PATTERN = {
    "$": r"\Z",
    **{word: f"[{members}]" for word, members in _IN_CLASS.items()},
    **{word.upper(): f"[^{members}]" for word, members in _IN_CLASS.items()},
}

#: Says whether an instance breaks a keyword.
Check = Callable[[object], bool]

#: Custom keyword -> (its limit, pointer of the value it judges) -> its check.
KEYWORDS: Mapping[str, Callable[..., Check]] = {
    "x-maxPromptUnits": too_long,
    "x-promptReferences": dangling_reference,
}


@dataclass(slots=True)
class Breach:
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
    """A function that says whether an instance satisfies `schema`; a format such as `regex` counts."""
    try:
        is_valid: Callable[[object], bool] = _rust(schema, validate_formats=True).is_valid
    except ImportError:
        is_valid = reference_validator(schema).is_valid
    return is_valid


def sieve(schemas: Sequence[Mapping[str, Any]], own: Iterable[tuple[str, str, Any]]) -> Callable[[object], bool]:
    """A function that says True only of an instance that breaks nothing; where it says False, the judges know more.

    It asks the fast engine once for all schemas, and takes the keywords that are `own` to this package (pointer,
    keyword, limit) aside: the engine would make a copy of the instance for each. Without the fast engine it says False.
    """
    try:
        is_valid = _rust({"allOf": list(schemas)}).is_valid
    except ImportError:
        return lambda _: False
    checks = [KEYWORDS[keyword](limit, at) for at, keyword, limit in own]

    def passes(instance: object) -> bool:
        if not is_valid(instance):
            return False
        for is_broken in checks:  # noqa: SIM110 - `all` takes twice as long
            if is_broken(instance):
                return False
        return True

    return passes


def reference_validator(schema: Mapping[str, Any]) -> Any:
    """The validator of `jsonschema` for a schema, formats included, that says what `matcher` says, with the reasons.

    The bare class of the library reads patterns as Python does, and so finds nothing where `matcher` refuses.
    """
    validator = _reference_class()
    return validator(schema, format_checker=validator.FORMAT_CHECKER)


def _rust(schema: Mapping[str, Any], **options: Any) -> Any:
    """The fast engine for a schema; its regular expressions in the plain dialect, which is ten times as fast at `\\b`.

    Only a pattern that looks ahead or back has to have the other dialect.
    """
    import jsonschema_rs

    try:
        plain = jsonschema_rs.RegexOptions()
        return jsonschema_rs.Draft202012Validator(dict(schema), pattern_options=plain, **options)
    except ValueError:
        return jsonschema_rs.Draft202012Validator(dict(schema), **options)


def _fast(schema: Mapping[str, Any]) -> Judge:
    # Masked, since the engine writes every value out otherwise; the sentences of `findings.py` are our own. It takes
    # longer with keywords of ours, even where the schema has none of them.
    own = {name: keyword for name, keyword in _CLASSES.items() if name in str(schema)}
    errors = _rust(schema, keywords=own, mask="").iter_errors

    def judge(instance: object) -> list[Breach]:
        breaches = []
        for error in errors(instance):
            *place, keyword = error.schema_path
            if keyword == "maxContains":
                keyword = _counting_keyword(schema, error)
            breaches.append(Breach(tuple(error.instance_path), tuple(place), keyword))
        return breaches

    return judge


def _counting_keyword(schema: Any, error: Any) -> str:
    """The broken keyword; `jsonschema-rs` calls it `maxContains` too where nothing fits `contains` beside it."""
    for part in error.schema_path[:-1]:
        schema = schema[part]
    return "maxContains" if any(map(matcher(schema["contains"]), error.instance)) else "contains"


def _slow(schema: Mapping[str, Any]) -> Judge:
    errors = _reference_class()(schema).iter_errors

    def judge(instance: object) -> list[Breach]:
        found = errors(instance)
        return [Breach(tuple(e.absolute_path), tuple(e.absolute_schema_path)[:-1], str(e.validator)) for e in found]

    return judge


@cache
def _reference_class() -> Any:
    """The validator of `jsonschema` with our keywords, and with patterns as JSON Schema means them."""
    import jsonschema
    from jsonschema import validators

    own = {name: _generator(check, "breaks") for name, check in KEYWORDS.items()}
    extend: Any = validators.extend
    return extend(jsonschema.Draft202012Validator, {**own, "pattern": _generator(_no_match, "does not match")})


def _no_match(pattern: str) -> Check:
    return lambda instance: isinstance(instance, str) and not re.search(_in_python(pattern), instance)


@cache
def _in_python(pattern: str) -> str:
    """An ECMA 262 pattern in Python's spelling, where `$` may stand before a newline and `\\d` takes any digit."""
    inside, words = False, []
    for word in re.findall(r"\\.|.", pattern, re.DOTALL):
        inside = word == "[" or (inside and word != "]")
        words.append((_IN_CLASS if inside else _IN_PATTERN).get(word, word))
    return "".join(words)


def _generator(check: Callable[[Any], Check], verb: str) -> Callable[..., Iterator[Exception]]:
    """A keyword in the reference engine's form."""

    def errors(_validator: object, limit: Any, instance: object, _schema: object) -> Iterator[Exception]:
        from jsonschema import ValidationError

        if check(limit)(instance):
            yield ValidationError(f"{verb} {limit}")

    return errors


def _keyword_class(check: Callable[[Any], Check]) -> type:
    """A custom keyword in the fast engine's form."""

    class Keyword:
        def __init__(self, _parent: object, limit: Any, _path: object) -> None:
            self.is_broken = check(limit)

        def validate(self, instance: object) -> None:
            if self.is_broken(instance):
                raise ValueError

    return Keyword


_CLASSES = {name: _keyword_class(check) for name, check in KEYWORDS.items()}
