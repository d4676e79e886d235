"""Text -> data, with the line and column of every JSON pointer.

A body arrives as JSON, as YAML or inside a curl command; all three become a `Document`. Nothing here knows
what a valid request is: a text is read completely or refused, with a `DocumentError` that says where and why.
Refused is what two readers would read as two requests: a key that appears twice, half a surrogate pair, NaN.
Integers beyond 64 bits are read as floats, as by orjson.

YAML is YAML 1.2 with the core schema, not the YAML 1.1 of PyYAML's own loaders: `ratio: 16:9` is a string,
not 969, so are `on`, `yes` and `2026-04-27`; `010` is ten. Only the parser of PyYAML is used. One builder
makes data and places from its events and counts as it goes: a bomb of aliases never goes off. JSON is read by
the C decoder alone; its tokens become the same events for the same builder when somebody asks for a position.
"""

import functools
import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from happyhorse_spec.pointer import parts

if TYPE_CHECKING:
    from happyhorse_spec.curl import CurlRequest

# Characters. Nine reference images of 20 MB each, as base64 (a third longer), are a legal body of 240 MB.
MAX_SIZE = 256 * 2**20
# A spec names its media by path or address. libyaml reads this much in a fifth of a second.
MAX_YAML_SIZE = 16 * 2**20
# Bodies are five levels deep. Decoders give up at about a thousand, and so would whoever walks the data.
MAX_DEPTH = 100
# Keys and values, those repeated by aliases included. Bodies have dozens; this many take half a second.
MAX_VALUES = 2**17
_VALUE_COST = MAX_SIZE // MAX_VALUES
_YAML_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_YAML_WORDS = MappingProxyType(
    dict.fromkeys(("", "~", "null", "Null", "NULL"))
    | dict.fromkeys(("true", "True", "TRUE"), True)
    | dict.fromkeys(("false", "False", "FALSE"), False)
)
# https://yaml.org/spec/1.2.2/#1032-tag-resolution
_YAML_NUMBER = re.compile(
    r"(?P<whole>[-+]?[0-9]+)|(?P<based>0o[0-7]{1,21}|0x[0-9a-fA-F]{1,16})"
    r"|(?P<real>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<endless>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
_NOT_IN_YAML = "[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
_JSON_TOKEN = re.compile(r'"([^"\\]++|\\.)*+"|[{}\[\]]|NaN|-?Infinity|-?\d+(\.\d+)?([eE][-+]?\d+)?|[^\s"{}\[\],:]+')
_JSON_OPENING = MappingProxyType({"{": yaml.MappingStartEvent, "[": yaml.SequenceStartEvent})
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_CURL_COMMAND = re.compile(r"\A\s*(?:\$\s+)?curl\s|^(?:\$ +)?curl\s", re.MULTILINE)
_EXCERPT_WIDTH = 100
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_BEARER_TOKEN = re.compile(r"(?<=Bearer )[\w.-]{8,}")


@dataclass(frozen=True, slots=True)
class Position:
    """Line and column count from 1, columns in characters.

    `excerpt` is the line, or the part of a long one around the column, without control characters and bearer
    tokens; `excerpt[caret]` is the character meant (at the end of a line: one past it).
    """

    line: int
    column: int
    excerpt: str = ""
    caret: int = 0


class DocumentError(Exception):
    """A text that cannot be read. `message` is one sentence without the name and the position."""

    def __init__(self, message: str, name: str, position: Position | None = None) -> None:
        super().__init__(message, name, position)
        self.message, self.name, self.position = message, name, position

    def __str__(self) -> str:
        where = f":{self.position.line}:{self.position.column}" if self.position else ""
        return f"{self.name}{where}: {self.message}"


@dataclass(frozen=True)
class Source:
    """A text, what to call it, and where its characters stand in the file that it came from."""

    text: str = field(repr=False)
    name: str

    def position(self, offset: int) -> Position:
        start = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        excerpt, caret = _cut(self.text, start, offset, len(self.text) if end < 0 else end)
        return Position(self.text.count("\n", 0, offset) + 1, offset - start + 1, excerpt, caret)

    def error(self, message: str, offset: int) -> DocumentError:
        return DocumentError(message, self.name, self.position(offset))


def _cut(text: str, start: int, offset: int, end: int) -> tuple[str, int]:
    """The line from start to end, or what fits around the offset, and the index of the offset in it."""
    near = max(start, offset - 5 * _EXCERPT_WIDTH)
    line = text[near : min(end, offset + 5 * _EXCERPT_WIDTH)].rstrip("\r").replace("\t", " ")
    line = _BEARER_TOKEN.sub(lambda found: "*" * len(found[0]), _UNPRINTABLE.sub("\ufffd", line))
    caret = offset - near
    if len(line) > _EXCERPT_WIDTH and (left := caret - _EXCERPT_WIDTH // 2) > 0:
        line, caret = "…" + line[left + 1 :], caret - left
    return (line if len(line) <= _EXCERPT_WIDTH else line[: _EXCERPT_WIDTH - 1] + "…"), caret


class Place(NamedTuple):
    """Offsets of a value and of its key, and the places of what it holds, by key or index."""

    start: int
    key: int
    inside: Mapping[str, "Place"] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Document:
    """One body or spec. `data` is not for writing: aliases share it. `curl`: how a command would send it."""

    data: object
    source: Source = field(repr=False)
    places: Callable[[], Place] = field(repr=False, compare=False)
    curl: "CurlRequest | None" = None

    @property
    def name(self) -> str:
        return self.source.name

    def position(self, pointer: str = "", *, key: bool = False) -> Position:
        """The position of a value, or of its key. Of the nearest ancestor where the pointer leads nowhere."""
        place = self.places()
        for part in parts(pointer):
            if part not in place.inside:
                break
            place = place.inside[part]
        return self.source.position(place.key if key else place.start)


def read(path: str | Path) -> list[Document]:
    """The documents of a file, or of standard input for "-". JSON and curl hold one, YAML any number.

    `.json`, `.yaml` and `.yml` say what a file is; any other is known by how it begins.
    """
    source = source_of(read_bytes(path), "<stdin>" if str(path) == "-" else str(path))
    suffix = Path(path).suffix.lower()
    if suffix in (".yaml", ".yml"):
        return _parse_yaml(source)
    if suffix != ".json" and _CURL_COMMAND.search(source.text, 0, 2**16):
        from happyhorse_spec.curl import parse_curl

        return [parse_curl(source, Path(path).parent)]
    is_json = suffix == ".json" or source.text.lstrip()[0] in "{["
    return [parse_json(source)] if is_json else _parse_yaml(source)


def read_bytes(path: str | Path) -> bytes:
    """The content of a file, or of standard input; of an endless one, enough to refuse it."""
    if str(path) == "-":
        return sys.stdin.buffer.read(MAX_SIZE + 1)
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_SIZE + 1)
    except OSError as error:
        raise DocumentError(f"it cannot be opened: {error.strerror}", str(path)) from None


def source_of(content: str | bytes, name: str) -> Source:
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    if len(content) > MAX_SIZE:
        raise DocumentError(f"it is larger than {MAX_SIZE // 2**20} MB", name)
    source = Source(_decode(content, name).removeprefix("\ufeff"), name)
    if not source.text or source.text.isspace():
        raise DocumentError("it is empty", name)
    if (at := source.text.find("\0")) >= 0:
        raise source.error("a NUL character stands here: is it a binary file, or UTF-16 without a mark?", at)
    return source


def _decode(content: bytes, name: str) -> str:
    # PowerShell's `>` writes UTF-16 with a byte order mark.
    encoding = "UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "UTF-8"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        text = content[: error.start].decode(encoding, "replace").removeprefix("\ufeff")
        raise Source(text, name).error(f"it is not text in {encoding}; save it as UTF-8", len(text)) from None


def read_json(content: str | bytes, name: str) -> Document:
    return parse_json(source_of(content, name))


def parse_json(source: Source) -> Document:
    text = source.text
    if sum(map(text.count, ",:[{")) > MAX_VALUES:
        raise DocumentError(f"it has more than {MAX_VALUES:,} commas, colons and brackets", source.name)
    places = functools.cache(lambda: next(_Builder(source, _json_events(source)).documents()).places())
    try:
        data = _JSON.decode(text)
    except json.JSONDecodeError as error:
        raise source.error(f"it is not JSON: {error.msg.removesuffix(' at').lower()}", error.pos) from None
    except (ValueError, RecursionError):
        places()  # meets the reason again, and knows where
        raise  # pragma: no cover - it has told it with its place
    if text.count("[") + text.count("{") > MAX_DEPTH or _SURROGATE_ESCAPE.search(text):
        places()
    return Document(data, source, places)


def read_yaml(content: str | bytes, name: str) -> list[Document]:
    """The documents between `---` lines; empty ones are left out."""
    return _parse_yaml(source_of(content, name))


def _parse_yaml(source: Source) -> list[Document]:
    if len(source.text) > MAX_YAML_SIZE:
        advice = "put media into files of their own, or write the body as JSON"
        raise DocumentError(f"YAML is read up to {MAX_YAML_SIZE // 2**20} MB; {advice}", source.name)
    try:
        documents = list(_Builder(source, yaml.parse(source.text, Loader=_YAML_LOADER)).documents())
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark.index if error.problem_mark else 0
        reason = " ".join(filter(None, ("it is not YAML:", error.problem, error.context)))
        is_tab = source.text[at : at + 1] == "\t"
        raise source.error("YAML is indented with spaces, not with tabs" if is_tab else reason, at) from None
    except yaml.YAMLError:
        found = re.search(_NOT_IN_YAML, source.text)  # the loaders disagree about the unit of its position
        raise source.error("YAML does not allow this character", found.start() if found else 0) from None
    if not documents:
        raise DocumentError("it holds no document", source.name)
    return documents


def _whole(digits: str) -> int | float:
    value = int(digits) if len(digits) <= 20 else _real(digits)
    return value if -(2**63) <= value < 2**64 else float(value)


def _real(digits: str) -> float:
    if not math.isfinite(value := float(digits)):
        raise ValueError("this number is not finite in 64 bits; put it in quotes if it is text")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(data := dict(pairs)) != len(pairs):
        raise ValueError("a key appears twice")
    return data


_JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_real, parse_int=_whole, parse_float=_real)


def _plain_value(text: str) -> object:
    """A plain scalar in the core schema of YAML 1.2; the words and numbers of JSON mean the same there."""
    if text in _YAML_WORDS:
        return _YAML_WORDS[text]
    found = _YAML_NUMBER.fullmatch(text)
    match found and found.lastgroup:
        case "whole":
            return _whole(text)
        case "based":
            return _whole(str(int(text, 0)))
        case "real":
            return _real(text)
        case "endless":
            return _real(text.replace(".", ""))
    return text


def _json_events(source: Source) -> Iterator[yaml.Event]:
    """The events of a text that the decoder has read, at least up to what it refused."""
    yield yaml.DocumentStartEvent()
    for token in _JSON_TOKEN.finditer(source.text):  # pragma: no branch - who builds from them stops before their end
        sign, mark = source.text[token.start()], yaml.Mark(source.name, token.start(), 0, 0, None, 0)
        if sign in _JSON_OPENING:
            yield _JSON_OPENING[sign](None, None, True, mark)
        elif sign in "}]":
            yield yaml.MappingEndEvent() if sign == "}" else yaml.SequenceEndEvent()
        elif sign == '"':
            yield yaml.ScalarEvent(None, None, (False, True), json.loads(token[0]), mark, style='"')
        else:
            # YAML puts a dot before the words that JSON does not know.
            value = token[0].replace("NaN", ".nan").replace("Infinity", ".inf")
            yield yaml.ScalarEvent(None, None, (True, False), value, mark)


class _Builder:
    """Builds documents from the events of a parser, never more of them than the limits allow."""

    def __init__(self, source: Source, events: Iterator[Any]) -> None:
        self.source = source
        self.events = events
        self.anchors: dict[str, tuple[object, int, int]] = {}  # data, cost, height
        self.cost = 0
        self.deepest = 0

    def documents(self) -> Iterator[Document]:
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors = {}
                root = next(self.events)
                self._count(root.start_mark.index, _VALUE_COST, 0)
                if not isinstance(root, yaml.ScalarEvent) or root.value or root.style or root.tag:
                    data, place = self._node(root, root.start_mark.index, 1)
                    yield Document(data, self.source, functools.partial(Place, *place))

    def _node(self, event: Any, key: int, depth: int) -> tuple[Any, Place]:
        """The value that begins with this event; `key` is where its key starts, or itself."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, key, depth)
        if event.anchor is None:
            return self._content(event, key, depth)
        cost, deepest, self.deepest = self.cost, self.deepest, depth
        data, place = self._content(event, key, depth)
        self.anchors[event.anchor] = data, self.cost - cost, self.deepest - depth
        self.deepest = max(deepest, self.deepest)
        return data, place

    def _alias(self, event: Any, key: int, depth: int) -> tuple[Any, Place]:
        at = event.start_mark.index
        if event.anchor not in self.anchors:
            raise self.source.error(f"*{event.anchor} stands for nothing: no &{event.anchor} before it", at)
        data, cost, height = self.anchors[event.anchor]
        self._count(at, cost, depth + height)
        return data, Place(at, key)

    def _content(self, event: Any, key: int, depth: int) -> tuple[Any, Place]:
        at = event.start_mark.index
        if event.tag:
            raise self.source.error(f"the tag {event.tag!r:.60} is not supported; leave it out", at)
        if isinstance(event, yaml.ScalarEvent):
            self._count(at, _VALUE_COST + len(event.value), 0)
            return self._scalar(event, at), Place(at, key)
        self._count(at, _VALUE_COST, depth)
        build = self._mapping if isinstance(event, yaml.MappingStartEvent) else self._sequence
        data, inside = build(depth + 1)
        return data, Place(at, key, inside)

    def _count(self, at: int, cost: int, depth: int) -> None:
        self.cost += cost
        self.deepest = max(self.deepest, depth)
        if depth > MAX_DEPTH:
            raise self.source.error(f"the nesting is deeper than {MAX_DEPTH} levels", at)
        if self.cost > MAX_VALUES * _VALUE_COST + MAX_SIZE:
            raise self.source.error(f"it has more than {MAX_VALUES:,} values, counting what aliases repeat", at)

    def _scalar(self, event: Any, at: int) -> object:
        try:
            event.value.encode()
            return event.value if event.style else _plain_value(event.value)
        except UnicodeEncodeError:
            raise self.source.error("half a surrogate pair is not a character", at) from None
        except ValueError as error:
            raise self.source.error(str(error), at) from None

    def _sequence(self, depth: int) -> tuple[list[object], dict[str, Place]]:
        data: list[object] = []
        inside: dict[str, Place] = {}
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            value, inside[str(len(data))] = self._node(event, event.start_mark.index, depth)
            data.append(value)
        return data, inside

    def _mapping(self, depth: int) -> tuple[dict[str, object], dict[str, Place]]:
        data: dict[str, object] = {}
        inside: dict[str, Place] = {}
        merged: dict[str, object] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            at = event.start_mark.index
            key = self._node(event, at, depth)[0]
            if not isinstance(key, str):
                raise self.source.error("a key must be a string; put it in quotes", at)
            if key in inside:
                raise self.source.error(f"the key {key!r:.60} appears twice", at)
            data[key], inside[key] = self._node(next(self.events), at, depth)
            if key == "<<" and isinstance(event, yaml.ScalarEvent) and not event.style:
                merged = self._merged(data.pop(key), inside[key].start)
        if merged:
            return merged | data, dict.fromkeys(merged, Place(*inside["<<"][:2])) | inside
        return data, inside

    def _merged(self, value: object, at: int) -> dict[str, object]:
        """What `<<` brings in. https://yaml.org/type/merge.html: the first mapping that has a key wins."""
        merged: dict[str, object] = {}
        for mapping in reversed(value if isinstance(value, list) else [value]):
            if not isinstance(mapping, dict):
                raise self.source.error("<< takes a mapping or a list of mappings", at)
            merged.update(mapping)
        return merged
