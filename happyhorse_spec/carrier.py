"""A request that carries a media file of a role, and what the law says of its variants.

How many files a mode takes and how their URLs may look is written in many ways (a list of all media, a list for one
role, a member alone), so it is found by trying.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.contract import Law, MediaField, Mode
from happyhorse_spec.edits import apply_patch
from happyhorse_spec.growth import Schema, grow
from happyhorse_spec.rules import Rule

#: More files of a role than any provider takes.
_MOST = 12
_ABSENT: Any = object()


class Carrier:
    """A request of a mode with one file of a role."""

    def __init__(self, mode: Mode, field: MediaField) -> None:
        self.mode, self.field = mode, field
        self.head, star, _ = field.at.partition("/*")
        self.is_list = bool(star)
        holder: Schema = {"contains": self._item()} if star else {}
        for name in reversed(pointer.parts(self.head)):
            holder = {"required": [name], "properties": {name: holder}}
        self.body = grow({"allOf": [mode.any.book.schema, mode.request.book.schema, holder]})

    def _item(self) -> Schema:
        members: dict[str, Schema] = {name: {"const": value} for name, value in self.field.where.items()}
        members |= {name: {"type": "string"} for name in pointer.parts(self.field.url)}
        return {"required": list(members), "properties": members} if members else {}

    def rules(self) -> Iterator[Rule]:
        """The rules about the file's URL, and about the list that it stands in."""
        ends = {_place(self.head), _place(self.field.at + self.field.url)}
        return (rule for rule in self.mode.request.book.rules if rule.place in ends)

    def counts(self) -> str:
        """How many files of the role a request may carry."""
        taken = [count for count in range(_MOST) if self._is_taken(self._with_files(count))]
        return "-".join(map(str, dict.fromkeys((taken[0], taken[-1]))))

    def forms(self, law: Law) -> list[str]:
        """The forms in which the URL of the file may be given; `law` says what kind of file it is."""
        at = next(at for at, item in pointer.expand(self.body, self.field.at) if self._is_meant(item))
        samples = {"http(s)://": "https://example.com/file", "data:": _data_url(law), "oss://": "oss://folder/file"}
        return [form for form, url in samples.items() if self._is_taken(_changed(self.body, at + self.field.url, url))]

    def _with_files(self, count: int) -> Any:
        """The request with so many files of the role, or None where it has no room for them."""
        if not self.is_list:
            return (_changed(self.body, self.head, _ABSENT), self.body, *[None] * _MOST)[count]
        items = pointer.follow(self.body, self.head)
        mine = [item for item in items if self._is_meant(item)]
        others = [item for item in items if not self._is_meant(item)]
        return _changed(self.body, self.head, [*others, *mine[:1] * count] or _ABSENT)

    def _is_meant(self, item: Any) -> bool:
        return not self.field.where or self.field.where.items() <= item.items()

    def _is_taken(self, body: Any) -> bool:
        return not self.mode.any.judge(body) and not self.mode.request.judge(body)


def _changed(body: Any, at: str, value: Any) -> Any:
    """The body with another value at a pointer, or without the member."""
    patch = {"op": "remove", "path": at} if value is _ABSENT else {"op": "replace", "path": at, "value": value}
    return apply_patch(body, patch)


def _place(at: str) -> tuple[str, ...]:
    return tuple("items" if part == "*" else part for part in pointer.parts(at))


def _data_url(law: Law) -> str:
    """The beginning of a file as a data URL."""
    is_video = any("mp4" in rule.limit for rule in law.book.rules if rule.keyword == "enum")
    return f"data:{'video/mp4' if is_video else 'image/png'};base64,AAAA"
