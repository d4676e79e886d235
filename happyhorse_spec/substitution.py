"""`${matrix.resolution}`, `${var.NAME}`, `${env.NAME}`: values put into a spec. There is no other syntax.

A text that is exactly one reference becomes the value, whatever its type; inside a longer text the value is written
out. `$${` stands for `${` itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.findings import show
from happyhorse_spec.wording import listing, nearest

#: Variants of one spec: more is a typing error, or hours of a mock and a fortune live.
MAX_VARIANTS = 1000

_SURROGATE = re.compile("[\ud800-\udfff]")  # how Python shows bytes that are no text
_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}")


class SubstitutionError(Exception):
    """A reference to something that is not there; `pointer` says where in the spec it stands."""

    def __init__(self, message: str, at: str) -> None:
        super().__init__(message)
        self.pointer = at


@dataclass(frozen=True, slots=True)
class Values:
    """What references can name. `env` is the environment: what is taken from it counts as secret."""

    var: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    matrix: Mapping[str, Any] = field(default_factory=dict)


def variants(matrix: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """Every combination of a matrix, the last name running fastest; one empty variant for an empty matrix."""
    found = list(islice(product(*matrix.values()), MAX_VARIANTS + 1))
    if len(found) > MAX_VARIANTS:
        raise SubstitutionError(f"the matrix has more than {MAX_VARIANTS} variants", "/matrix")
    return [dict(zip(matrix, values, strict=True)) for values in found]


def label(value: Any) -> str:
    """A matrix value as a report names it."""
    if isinstance(value, Mapping):
        return "/".join(map(label, value.values()))
    return value if isinstance(value, str) else show(value)


def substitute(value: Any, values: Values, at: str = "") -> Any:
    """A copy of `value` with every reference replaced; raises SubstitutionError."""
    if isinstance(value, Mapping):
        return {key: substitute(child, values, at + pointer.write((key,))) for key, child in value.items()}
    if isinstance(value, list):
        return [substitute(child, values, f"{at}/{index}") for index, child in enumerate(value)]
    return _text(value, values, at) if isinstance(value, str) and "${" in value else value


def taken_from_environment(value: Any, env: Mapping[str, str]) -> Iterator[str]:
    """The values that the references in `value` take from the environment."""
    if isinstance(value, Mapping):
        for child in value.values():
            yield from taken_from_environment(child, env)
    elif isinstance(value, list):
        for child in value:
            yield from taken_from_environment(child, env)
    elif isinstance(value, str):
        names = (found[1] or "" for found in _REFERENCE.finditer(value))
        yield from (env[name[4:]] for name in names if name.startswith("env.") and name[4:] in env)


def _text(text: str, values: Values, at: str) -> Any:
    whole = _REFERENCE.fullmatch(text)
    if whole and whole[1] is not None:
        return _look_up(whole[1], values, at)

    def written(found: re.Match[str]) -> str:
        return "${" if found[1] is None else label(_look_up(found[1], values, at))

    return _REFERENCE.sub(written, text)


def _look_up(name: str, values: Values, at: str) -> Any:
    scope, _, key = name.partition(".")
    match scope:
        case "env" if key in values.env:
            if _SURROGATE.search(values.env[key]):
                raise SubstitutionError(f"the environment variable {key} is not text in UTF-8", at)
            return values.env[key]
        case "env" if key:
            raise SubstitutionError(f"the environment variable {key} is not set", at)
        case "var" if key in values.var:
            return values.var[key]
        case "var" if key:
            raise SubstitutionError(f"${{{name}}} has no value; add --var {key}=VALUE{_meant(key, values.var)}", at)
        case "matrix" if key:
            return _member(key, values.matrix, at)
    forms = "${matrix.NAME}, ${var.NAME} or ${env.NAME}, and $${ for a plain ${"
    raise SubstitutionError(f"${{{name}}} is not known; write {forms}", at)


def _member(key: str, matrix: Mapping[str, Any], at: str) -> Any:
    value: Any = matrix
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            known = list(value) if isinstance(value, Mapping) else []
            told = f"it has {listing(known, 'and')}" if known else "there is none"
            raise SubstitutionError(f"the matrix has no {key}; {told}{_meant(part, known)}", at)
        value = value[part]
    return value


def _meant(word: str, known: Iterable[str]) -> str:
    meant = nearest(word, known)
    return f". Did you mean {meant}?" if meant else ""
