"""A breach that `jsonschema` reports -> one sentence for a person: what was found and what the limit is.

For files and answers that are judged by a plain schema. Rules of the law have sentences of their own (`findings.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from happyhorse_spec.findings import SCRIPTS, show

if TYPE_CHECKING:
    from jsonschema import ValidationError

#: The effect of a rule -> what becomes of a value that breaks it.
EFFECTS = {"reject": "refused", "truncate": "cut off", "ignore": "ignored", "advise": "advised against"}
_KINDS = {"integer": "an integer", "array": "a list", "object": "a mapping", "null": "null"}
_CUT = 200


def sentence(error: ValidationError, whole: str = "it") -> str:
    """E.g. `expect.within is "soon"; it must be a number`, without a full stop. `whole` names the top."""
    return f"{named(error.absolute_path) or whole} {_predicate(error)}"


def named(path: Iterable[str | int]) -> str:
    """A path as people write it: `expect.where[0].at`; nothing for the top."""
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    import difflib

    names = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold()[:200], names, n=1, cutoff=0.7)
    return names[close[0]] if close else None


def listing(words: Sequence[str], last: str = "or") -> str:
    """`a`, `a or b`, `a, b or c`."""
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "nothing"


def length_in_words(limit: Mapping[str, Any]) -> str:
    """An `x-maxPromptUnits`: `5000 characters, a Chinese one counts 2`."""
    weights = [f"a {SCRIPTS[script]} one counts {weight}" for script, weight in limit.get("weights", {}).items()]
    return ", ".join([f"{limit['limit']} characters", *weights])


def span_of_time(seconds: float) -> str:
    """`300 s`, `24 h`, `30 days`."""
    hours = seconds / 3600
    return f"{hours / 24:g} days" if hours > 48 else f"{hours:g} h" if hours >= 1 else f"{seconds:g} s"


def kinds(schema: Any) -> str:
    """What types a schema takes, in words; a text that only stands for another value is left out."""
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    real = [kind for kind in types if kind != "string" or "pattern" not in schema] or types
    return listing([_KINDS.get(kind, f"a {kind}") for kind in real])


def _predicate(error: ValidationError) -> str:
    value: Any = error.instance
    schema: Any = error.schema
    limit: Any = error.validator_value
    match error.validator:
        case "const":
            return f"is {show(value)}; it must be {show(limit)}"
        case "enum":
            return f"is {show(value)}; it must be {listing([show(option) for option in limit])}"
        case "type":
            return f"is {show(value)}; it must be {kinds(schema)}"
        case "pattern" if isinstance(schema.get("type"), list) and "null" not in schema["type"]:
            return f"is {show(value)}; it must be {kinds(schema)}"
        case "required":
            missing = next(name for name in limit if error.message.startswith(repr(name)))
            return f"has no {missing}; it must have one"
        case _:
            return f"is {show(value)}: {error.message[-_CUT:]}"
