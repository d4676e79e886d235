"""JSON Pointer (RFC 6901): write one, follow one, expand one that holds `*` for any item."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any


def write(path: Iterable[str | int]) -> str:
    """The pointer of a path: ("a", 0, "b/c") -> "/a/0/b~1c"."""
    text = ""
    for part in path:
        text += f"/{part}" if isinstance(part, int) else f"/{part.replace('~', '~0').replace('/', '~1')}"
    return text


def parts(pointer: str) -> list[str]:
    """The unescaped reference tokens of a pointer."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def follow(value: Any, pointer: str, default: Any = None) -> Any:
    """What stands at `pointer`, or `default` where nothing does."""
    found = _walk(value, parts(pointer))
    return default if found is _ABSENT else found


@cache
def reader(pointer: str) -> Callable[[Any], Any]:
    """`follow` for a pointer that is followed again and again; kept for good, so for pointers of the law alone."""
    path = parts(pointer)

    def read(value: Any) -> Any:
        found = value
        for part in path:
            if not isinstance(found, dict):
                return follow(value, pointer)
            found = found.get(part)
        return found

    return read


def _walk(value: Any, path: Iterable[str]) -> Any:
    for part in path:
        if isinstance(value, dict):
            value = value.get(part, _ABSENT)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return _ABSENT
    return value


def expand(value: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    """Every (pointer, value) that exists for a pointer whose `*` stands for any item of an array."""
    head, star, tail = pointer.partition("/*")
    found = follow(value, head, _ABSENT)
    if not star:
        if found is not _ABSENT:
            yield pointer, found
        return
    for index, item in enumerate(found if isinstance(found, list) else ()):
        if tail:
            yield from ((f"{head}/{index}{inner}", leaf) for inner, leaf in expand(item, tail))
        else:
            yield f"{head}/{index}", item


_ABSENT = object()
