"""Which endpoint a path belongs to: a tree of path segments, built from the endpoints' documented paths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mockserver.dialect import Dialect, Operation


@dataclass(slots=True)
class Found:
    """The operations at a path, by method, the values of the path's names, and whose path it is (None: nobody's)."""

    operations: Mapping[str, list[Operation]]
    params: Mapping[str, str]
    dialect: Dialect | None


class _Node:
    __slots__ = ("branches", "dialect", "name", "operations")

    def __init__(self) -> None:
        self.branches: dict[str, _Node] = {}
        self.operations: dict[str, list[Operation]] = {}
        self.dialect: Dialect | None = None
        self.name = ""


class Routes:
    """All endpoints of some dialects; unknown paths go to the nearest dialect.

    Slashes too many mean nothing: one at the end, or two in a row where a base URL ends with one.
    """

    def __init__(self, dialects: Iterable[Dialect]) -> None:
        self._root = _Node()
        self._fixed: dict[str, Found] = {}
        self._begun: dict[str, _Node] = {}
        for dialect in dialects:
            for operation in dialect.operations:
                self._add(operation)

    def find(self, path: str) -> Found:
        """Looked up whole, or but for its last segment, where that is a name; else walked from the root."""
        if found := self._fixed.get(path):
            return found
        head, _, last = path.rpartition("/")
        begun = self._begun.get(head)
        return _walk(begun, [last]) if begun else _walk(self._root, path.split("/"))

    def _add(self, operation: Operation) -> None:
        node, path = self._root, ""
        for segment in operation.endpoint.path.strip("/").split("/"):
            named = segment.startswith("{")
            node = node.branches.setdefault("*" if named else segment, _Node())
            node.name = segment.strip("{}") if named else ""
            node.dialect = node.dialect or operation.dialect
            path += f"/{segment}"
            if "{" not in path:
                self._begun[path] = node
        node.operations.setdefault(operation.endpoint.method, []).append(operation)
        if "{" not in path:
            self._fixed[path] = Found(node.operations, {}, node.dialect)


def _walk(node: _Node, segments: Iterable[str]) -> Found:
    """Where the segments of a path lead to, from a node on."""
    params = {}
    for segment in filter(None, segments):
        following = node.branches.get(segment)
        if following is None:
            following = node.branches.get("*")
            if following is None:
                return Found({}, {}, node.dialect)
            params[following.name] = segment
        node = following
    return Found(node.operations, params, node.dialect)
