"""Which endpoint a path belongs to: a tree of path segments, built from the endpoints' documented paths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mockserver.dialect import Dialect, Operation


class Found(NamedTuple):
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
        for dialect in dialects:
            for operation in dialect.operations:
                self._add(operation)

    def find(self, path: str) -> Found:
        return self._fixed.get(path) or self._walk(path)

    def _walk(self, path: str) -> Found:
        node, params, dialect = self._root, {}, None
        for segment in filter(None, path.split("/")):
            following = node.branches.get(segment)
            if following is None:
                following = node.branches.get("*")
                if following is None:
                    return Found({}, {}, dialect)
                params[following.name] = segment
            node, dialect = following, following.dialect or dialect
        return Found(node.operations, params, dialect)

    def _add(self, operation: Operation) -> None:
        node = self._root
        for segment in operation.endpoint.path.strip("/").split("/"):
            named = segment.startswith("{")
            node = node.branches.setdefault("*" if named else segment, _Node())
            node.name = segment.strip("{}") if named else ""
            node.dialect = node.dialect or operation.dialect
        node.operations.setdefault(operation.endpoint.method, []).append(operation)
        if "{" not in operation.endpoint.path:
            self._fixed[operation.endpoint.path] = Found(node.operations, {}, node.dialect)
