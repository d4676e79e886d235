"""A short text that a regular expression finds, for examples that nobody wrote by hand.

The parse tree of Python's own engine is walked, one choice per node: the first branch, the fewest repeats, the plainest
character. What cannot be said that way (a look-ahead, a back reference) is left out, so a sample is a guess that its
user tries against the expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

# The parser has no public name; its tree is the one that the engine itself compiles.
_parser: Any = re._parser  # type: ignore[attr-defined]

_PLAIN = "a1/-. A图"
_CLASSES: Mapping[str, Callable[[str], bool]] = {
    "CATEGORY_DIGIT": str.isdecimal,
    "CATEGORY_NOT_DIGIT": lambda letter: not letter.isdecimal(),
    "CATEGORY_SPACE": str.isspace,
    "CATEGORY_NOT_SPACE": lambda letter: not letter.isspace(),
    "CATEGORY_WORD": lambda letter: letter.isalnum() or letter == "_",
    "CATEGORY_NOT_WORD": lambda letter: not (letter.isalnum() or letter == "_"),
}


def sample(pattern: str) -> str:
    """A short text in which `pattern` is probably found: `^https?://[^/]` -> `http://a`."""
    return _text(_parser.parse(pattern))


def _text(nodes: Iterable[tuple[Any, Any]]) -> str:
    return "".join(_NODES.get(str(operation), _nothing)(argument) for operation, argument in nodes)


def _nothing(_argument: Any) -> str:
    return ""


def _one_of(members: list[tuple[Any, Any]]) -> str:
    """A character of the set: a plain one where it belongs, else the first that the set names."""
    negated = str(members[0][0]) == "NEGATE"
    letters = (letter for letter in _PLAIN if any(_holds(member, letter) for member in members) != negated)
    return next(letters, "") or chr(members[0][1] if str(members[0][0]) == "LITERAL" else members[0][1][0])


def _holds(member: tuple[Any, Any], letter: str) -> bool:
    kind, argument = str(member[0]), member[1]
    if kind == "LITERAL":
        return bool(ord(letter) == argument)
    if kind == "RANGE":
        low, high = argument
        return bool(low <= ord(letter) <= high)
    return kind == "CATEGORY" and _CLASSES[str(argument)](letter)


_NODES: Mapping[str, Callable[[Any], str]] = {
    "LITERAL": chr,
    "NOT_LITERAL": lambda code: "a" if code != ord("a") else "b",
    "ANY": lambda _: "a",
    "IN": _one_of,
    "BRANCH": lambda branches: _text(branches[1][0]),
    "SUBPATTERN": lambda group: _text(group[3]),
    "MAX_REPEAT": lambda repeat: _text(repeat[2]) * int(repeat[0]),
    "MIN_REPEAT": lambda repeat: _text(repeat[2]) * int(repeat[0]),
}
