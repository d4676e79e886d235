"""A short text that a regular expression finds, for examples that nobody wrote by hand.

The parse tree of Python's own engine is walked, one choice per node: a branch, the fewest repeats, the plainest
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
#: How many alternatives of a pattern are tried.
_MOST_BRANCHES = 4
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
    return samples(pattern)[0]


def samples(pattern: str) -> list[str]:
    """Short texts in which `pattern` is probably found, one for each of its alternatives."""
    tree = _parser.parse(pattern)
    return list(dict.fromkeys(_text(tree, branch) for branch in range(_MOST_BRANCHES)))


def _text(nodes: Iterable[tuple[Any, Any]], branch: int) -> str:
    return "".join(_NODES.get(str(operation), _nothing)(argument, branch) for operation, argument in nodes)


def _nothing(_argument: Any, _branch: int) -> str:
    return ""


def _one_of(members: list[tuple[Any, Any]], _branch: int) -> str:
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


_NODES: Mapping[str, Callable[[Any, int], str]] = {
    "LITERAL": lambda code, _: chr(code),
    "NOT_LITERAL": lambda code, _: "a" if code != ord("a") else "b",
    "ANY": lambda _, __: "a",
    "IN": _one_of,
    "BRANCH": lambda branches, branch: _text(branches[1][min(branch, len(branches[1]) - 1)], branch),
    "SUBPATTERN": lambda group, branch: _text(group[3], branch),
    "MAX_REPEAT": lambda repeat, branch: _text(repeat[2], branch) * int(repeat[0]),
    "MIN_REPEAT": lambda repeat, branch: _text(repeat[2], branch) * int(repeat[0]),
}
