"""Text -> data, with the line and column of every JSON pointer.

A request body arrives as JSON, as YAML or inside a curl command. All three become a `Document`: plain dicts, lists,
strings, numbers, booleans and None, and a way to say where in the text each of them stands. Nothing here knows what a
valid request is; a text is either read completely or refused with a `DocumentError` that says where and why.

Numbers are read the same way from each: an integer beyond 64 bits becomes a float, as in orjson, and a number that
overflows a float is refused. So are a key that appears twice, a lone surrogate, NaN and infinities: two readers of
such a text would see two different requests.

Positions are found when somebody asks. A valid JSON file is read at the speed of the C decoder and never scanned again.

YAML is YAML 1.2 with the core schema, not the YAML 1.1 that PyYAML's own loaders read: `ratio: 16:9` is a string (not
969), `on`, `yes` and `2026-04-27` are strings, `010` is ten. Only the parser of PyYAML is used; the loop over its
events below is what stops at a depth, at an alias bomb and at a tag.
"""

import functools
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

import yaml

# Nine reference images of 20 MB each, as base64 (a third longer), are a legal body of 240 MB.
MAX_SIZE = 256 * 2**20
# A spec names its media by path or address. libyaml reads this much in a fifth of a second.
MAX_YAML_SIZE = 16 * 2**20
# Bodies are five levels deep; the C decoders give up at about a thousand, and so would whoever walks the data later.
MAX_DEPTH = 100
# Values in one text, those repeated by aliases included. Bodies have dozens; this many take about half a second.
MAX_VALUES = 250_000

_EXCERPT_WIDTH = 100
_YAML_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_YAML_STRING = "tag:yaml.org,2002:str"
_YAML_TAGS = {None, "!", _YAML_STRING, "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
# https://yaml.org/spec/1.2.2/#1032-tag-resolution
_YAML_WORDS = MappingProxyType(
    dict.fromkeys(("", "~", "null", "Null", "NULL"))
    | dict.fromkeys(("true", "True", "TRUE"), True)
    | dict.fromkeys(("false", "False", "FALSE"), False)
)
_YAML_NUMBER = re.compile(
    r"(?P<whole>[-+]?[0-9]+)|(?P<octal>0o[0-7]+)|(?P<hex>0x[0-9a-fA-F]+)"
    r"|(?P<real>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<not_json>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
_NOT_IN_YAML = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_JSON_SPACE = re.compile(r"[ \t\n\r]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_CURL = re.compile(r"\A\s*(?:\$\s+)?curl\s|^(?:\$ +)?curl\s", re.MULTILINE)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_KEY_IN_HEADER = re.compile(r"(?<=Bearer )[\w.-]{8,}")


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file: line and column count from 1, columns in characters.

    `excerpt` is the line, or the part of a long line around the column; `excerpt[caret]` is the character meant
    (one past the end at the end of a line). It holds no control character and no bearer token.
    """

    line: int
    column: int
    excerpt: str = ""
    caret: int = 0


class DocumentError(Exception):
    """A text that cannot be read. `message` is one sentence without the name and the position."""

    def __init__(self, message: str, name: str, position: Position | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.name = name
        self.position = position

    @property
    def line(self) -> int | None:
        return self.position and self.position.line

    @property
    def column(self) -> int | None:
        return self.position and self.position.column

    def __str__(self) -> str:
        where = f":{self.line}:{self.column}" if self.position else ""
        return f"{self.name}{where}: {self.message}"


class Source:
    """A text, what to call it, and where its characters stand in the file that it came from."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name

    def position(self, offset: int) -> Position:
        start = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        excerpt, caret = _cut(self.text, start, offset, len(self.text) if end < 0 else end)
        return Position(self.text.count("\n", 0, offset) + 1, offset - start + 1, excerpt, caret)

    def error(self, message: str, offset: int) -> DocumentError:
        return DocumentError(message, self.name, self.position(offset))


class Place(NamedTuple):
    """Where a value and its key start (offsets into the text), and the places of what it holds, by key or index."""

    start: int
    key: int
    inside: Mapping[str, "Place"]


@dataclass(frozen=True, slots=True)
class Request:
    """How a pasted command would send its body. Header names and values are as written."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Document:
    """One body or spec. `data` is shared where the text repeats itself by alias: do not change it."""

    data: object
    source: Source = field(repr=False)
    places: Callable[[], Place] = field(repr=False, compare=False)
    request: Request | None = None

    @property
    def name(self) -> str:
        return self.source.name

    def position(self, pointer: str = "", *, key: bool = False) -> Position:
        """The position of a value, or of its key. Of the nearest ancestor where the pointer leads nowhere."""
        place = self.places()
        for token in pointer.split("/")[1:]:
            inner = place.inside.get(token.replace("~1", "/").replace("~0", "~"))
            if inner is None:
                break
            place = inner
        return self.source.position(place.key if key else place.start)


def read(path: str | Path) -> list[Document]:
    """The documents of a file, or of standard input for "-". JSON and curl hold one, YAML any number.

    `.json`, `.yaml` and `.yml` say what a file is; any other is known by how it begins.
    """
    source = _source(_content(path), "<stdin>" if str(path) == "-" else str(path))
    suffix = Path(path).suffix.lower()
    if suffix in (".yaml", ".yml"):
        return _parse_yaml(source)
    if suffix == ".json":
        return [parse_json(source)]
    if suffix in (".sh", ".curl") or _CURL.search(source.text, 0, 2**16):
        from happyhorse_spec.curl import parse_curl

        return [parse_curl(source, Path(path).parent)]
    return [parse_json(source)] if source.text.lstrip()[:1] in ("{", "[") else _parse_yaml(source)


def read_json(content: str | bytes, name: str) -> Document:
    return parse_json(_source(content, name))


def read_yaml(content: str | bytes, name: str) -> list[Document]:
    """The documents between `---` lines; empty ones are left out."""
    return _parse_yaml(_source(content, name))


def parse_json(source: Source) -> Document:
    text = source.text
    _refuse_empty(source)
    if text.count(",") + text.count("[") + text.count("{") > MAX_VALUES:
        raise DocumentError(f"it has more than {MAX_VALUES:,} commas and opening brackets", source.name)
    places = functools.cache(lambda: _JsonScanner(source).scan())
    try:
        data = _JSON.decode(text)
    except json.JSONDecodeError as error:
        raise source.error(f"it is not JSON: {_JSON_REASONS.get(error.msg, error.msg)}", error.pos) from None
    except (ValueError, RecursionError):
        places()
        raise
    # What the decoder lets pass, the scanner does not; it is five times slower, so only where there is a reason.
    if text.count("[") + text.count("{") > MAX_DEPTH or _SURROGATE_ESCAPE.search(text):
        places()
    return Document(data, source, places)


def _parse_yaml(source: Source) -> list[Document]:
    _refuse_empty(source)
    if len(source.text) > MAX_YAML_SIZE:
        what_to_do = "put media into files, or write the body as JSON"
        raise DocumentError(f"YAML is read up to {MAX_YAML_SIZE // 2**20} MB; {what_to_do}", source.name)
    try:
        return list(_YamlReader(source).documents())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise source.error(_yaml_reason(error, source.text[mark.index : mark.index + 1]), mark.index) from None
    except yaml.YAMLError as error:
        if found := _NOT_IN_YAML.search(source.text):
            what = f"the character U+{ord(found[0]):04X} is not allowed in YAML"
            raise source.error(what, found.start()) from None
        raise DocumentError(f"it is not YAML: {error}", source.name) from None


def _content(path: str | Path) -> bytes:
    # One byte more than is allowed tells a large file from one that never ends.
    if str(path) == "-":
        return sys.stdin.buffer.read(MAX_SIZE + 1)
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_SIZE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DocumentError(f"it cannot be opened: {reason}", str(path)) from None


def _source(content: str | bytes, name: str) -> Source:
    if len(content) > MAX_SIZE:
        raise DocumentError(f"it is larger than {MAX_SIZE // 2**20} MB", name)
    text = content if isinstance(content, str) else _decode(content, name)
    source = Source(text.removeprefix("\ufeff"), name)
    if (nul := source.text.find("\0")) >= 0:
        raise source.error("it holds a NUL character: is it a binary file, or UTF-16 without a mark?", nul)
    if not text.isascii() and isinstance(content, str) and (lone := _SURROGATE.search(source.text)):
        raise source.error("half a surrogate pair is not a character", lone.start())
    return source


def _decode(content: bytes, name: str) -> str:
    # PowerShell's `>` writes UTF-16 with a byte order mark.
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(encoding, "replace")
        if "\0" in content[:1024].decode("latin-1") and encoding == "utf-8":
            raise DocumentError("it is a binary file; give a text file in UTF-8", name) from None
        where = Source(before, name)
        raise where.error(f"it is not {encoding.upper()}; save it as UTF-8", len(before)) from None


def _refuse_empty(source: Source) -> None:
    if not source.text or source.text.isspace():
        raise DocumentError("it is empty", source.name)


def _cut(text: str, start: int, offset: int, end: int) -> tuple[str, int]:
    """The line from start to end, or what fits around the offset, and the index of the offset in it."""
    near = max(start, offset - 5 * _EXCERPT_WIDTH)
    line = text[near : min(end, offset + 5 * _EXCERPT_WIDTH)].rstrip("\r").replace("\t", " ")
    line = _KEY_IN_HEADER.sub(lambda found: "*" * len(found[0]), _CONTROL.sub("\N{REPLACEMENT CHARACTER}", line))
    caret = offset - near
    if len(line) > _EXCERPT_WIDTH and (left := caret - _EXCERPT_WIDTH // 2) > 0:
        line, caret = "…" + line[left + 1 :], caret - left
    return (line if len(line) <= _EXCERPT_WIDTH else line[: _EXCERPT_WIDTH - 1] + "…"), caret


class _Unfit(ValueError):
    """A value that no two readers read alike; the message says why."""


def _whole(digits: str) -> int | float:
    if len(digits) > 20:
        return _real(digits)
    value = int(digits)
    return value if -(2**63) <= value < 2**64 else float(value)


def _real(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise _Unfit(f"the number {_quote(digits)} is too large")
    return value


def _not_json(word: str) -> NoReturn:
    raise _Unfit(f"{word} is not a number in JSON")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise _Unfit("a key appears twice")
    return data


def _quote(text: str) -> str:
    """A piece of the text, fit for a message: short, on one line."""
    return json.dumps(text if len(text) <= 40 else text[:39] + "…", ensure_ascii=not text.isprintable())


_JSON = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_not_json, parse_int=_whole, parse_float=_real
)
_JSON_REASONS = MappingProxyType(
    {
        "Expecting value": "a value is missing here",
        "Expecting ',' delimiter": "a comma or a closing bracket is missing here",
        "Expecting ':' delimiter": "a colon is missing here",
        "Expecting property name enclosed in double quotes": "a key in double quotes is missing here",
        "Extra data": "there is text after its end",
        "Invalid control character at": "a string holds a line break or control character; write it as \\n or \\u",
        "Unterminated string starting at": "this string is not closed",
        "Invalid \\escape": "this backslash begins no escape",
        "Invalid \\uXXXX escape": "\\u needs four hexadecimal digits",
    }
)


def _scan_json(source: Source) -> Place:
    """The places in a text that the decoder has read, or the first thing in it that should not have passed."""
    levels: list[tuple[dict[str, Place], bool]] = [({}, False)]
    name: tuple[str, int] | None = None
    for token in _JSON_TOKEN.finditer(source.text):
        at, sign = token.start(), token[0][:1]
        inside, is_object = levels[-1]
        if sign in "]}":
            levels.pop()
        elif is_object and name is None:
            name = _json_key(source, at, inside), at
        else:
            key, key_at = name or (str(len(inside)), at)
            name = None
            within: dict[str, Place] = {}
            inside[key] = Place(at, key_at, within)
            if sign in "{[":
                levels.append((within, sign == "{"))
                if len(levels) > MAX_DEPTH + 1:
                    raise source.error(_TOO_DEEP, at)
            else:
                _json_scalar(source, at)
    return levels[0][0]["0"]


def _json_key(source: Source, at: int, siblings: Mapping[str, Place]) -> str:
    key = str(_json_scalar(source, at))
    if key in siblings:
        raise source.error(_twice(key), at)
    return key


def _json_scalar(source: Source, at: int) -> object:
    try:
        value: object = _JSON.raw_decode(source.text, at)[0]
    except _Unfit as error:
        raise source.error(str(error), at) from None
    if isinstance(value, str) and _SURROGATE.search(value):
        raise source.error(_HALF_A_CHARACTER, at)
    return value


class _Anchored(NamedTuple):
    """What an alias stands for, and what using it costs."""

    data: object
    values: int
    height: int


class _YamlReader:
    """Builds the documents of a stream from the events of the parser, and counts as it goes."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.events: Iterator[Any] = yaml.parse(source.text, Loader=_YAML_LOADER)
        self.anchors: dict[str, _Anchored] = {}
        self.values = 0
        self.deepest = 0

    def documents(self) -> Iterator[Document]:
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors = {}
                root = next(self.events)
                if not isinstance(root, yaml.ScalarEvent) or root.value or root.style:
                    data, place = self._node(root, None, 1)
                    yield Document(data, self.source, lambda place=place: place)

    def _node(self, event: Any, key: int | None, depth: int) -> tuple[Any, Place]:
        """The value that begins with this event, `key` being the offset of its key if it has one."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, key, depth)
        if event.anchor is None:
            return self._content(event, key, depth)
        values, deepest, self.deepest = self.values, self.deepest, depth
        data, place = self._content(event, key, depth)
        self.anchors[event.anchor] = _Anchored(data, self.values - values, self.deepest - depth)
        self.deepest = max(deepest, self.deepest)
        return data, place

    def _alias(self, event: Any, key: int | None, depth: int) -> tuple[Any, Place]:
        at = event.start_mark.index
        if (known := self.anchors.get(event.anchor)) is None:
            raise self.source.error(f"*{event.anchor} has no &{event.anchor} above it", at)
        self._count(event, known.values, depth + known.height)
        return known.data, _leaf(at, key)

    def _content(self, event: Any, key: int | None, depth: int) -> tuple[Any, Place]:
        at = event.start_mark.index
        if event.tag not in _YAML_TAGS:
            raise self.source.error(f"the tag {_quote(event.tag)} is not supported; leave it out", at)
        if isinstance(event, yaml.ScalarEvent):
            self._count(event, 1 + len(event.value) // _CHARACTERS_PER_VALUE, 0)
            return self._scalar(event, at), _leaf(at, key)
        self._count(event, 1, depth)
        build = self._mapping if isinstance(event, yaml.MappingStartEvent) else self._sequence
        data, inside = build(depth + 1)
        return data, Place(at, at if key is None else key, inside)

    def _count(self, event: Any, values: int, depth: int) -> None:
        self.values += values
        self.deepest = max(self.deepest, depth)
        if depth > MAX_DEPTH:
            raise self.source.error(_TOO_DEEP, event.start_mark.index)
        if self.values > MAX_VALUES:
            raise self.source.error(_TOO_MANY, event.start_mark.index)

    def _scalar(self, event: Any, at: int) -> object:
        if event.style == '"' and _SURROGATE.search(event.value):
            raise self.source.error(_HALF_A_CHARACTER, at)
        if event.style or event.tag:
            return event.value
        try:
            return _core_value(event.value)
        except _Unfit as error:
            raise self.source.error(str(error), at) from None

    def _sequence(self, depth: int) -> tuple[list[object], dict[str, Place]]:
        data: list[object] = []
        inside: dict[str, Place] = {}
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            value, inside[str(len(data))] = self._node(event, None, depth)
            data.append(value)
        return data, inside

    def _mapping(self, depth: int) -> tuple[dict[str, object], dict[str, Place]]:
        data: dict[str, object] = {}
        inside: dict[str, Place] = {}
        merge: tuple[object, Place] | None = None
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key, at = self._key(event, depth), event.start_mark.index
            value, place = self._node(next(self.events), at, depth)
            is_merge = key == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]
            if key in data or (is_merge and merge):
                raise self.source.error(_twice(key), at)
            if is_merge:
                merge = value, place
            else:
                data[key], inside[key] = value, place
        return self._merged(data, inside, *merge) if merge else (data, inside)

    def _key(self, event: Any, depth: int) -> str:
        key, place = self._node(event, None, depth)
        if not isinstance(key, str):
            what = f"the key {_quote(event.value)}" if isinstance(event, yaml.ScalarEvent) else "this key"
            raise self.source.error(f"{what} is not a string; put it in quotes", place.start)
        return key

    def _merged(
        self, data: dict[str, object], inside: dict[str, Place], value: object, place: Place
    ) -> tuple[dict[str, object], dict[str, Place]]:
        """The mapping with the keys of `<<` below its own; they stand where the alias stands.

        https://yaml.org/type/merge.html: of several mappings the first that has a key wins.
        """
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise self.source.error("<< takes a mapping or a list of mappings", place.start)
        for source in sources:
            data = source | data
            inside = dict.fromkeys(source, place) | inside
        return data, inside


def _leaf(at: int, key: int | None) -> Place:
    return Place(at, at if key is None else key, _NOTHING)


def _core_value(text: str) -> object:
    """A plain scalar in the core schema of YAML 1.2."""
    if text in _YAML_WORDS:
        return _YAML_WORDS[text]
    found = _YAML_NUMBER.fullmatch(text)
    if found is None:
        return text
    if found.lastgroup == "whole":
        return _whole(text)
    if found.lastgroup == "real":
        return _real(text)
    if found.lastgroup == "not_json":
        raise _Unfit(f"{text} is not a number in JSON; put it in quotes if it is text")
    return _whole(str(int(text, 0)))


def _yaml_reason(error: yaml.MarkedYAMLError, character: str) -> str:
    if character == "\t":
        return "a tab cannot indent or separate in YAML; use spaces"
    return f"it is not YAML: {error.problem}" + (f" {error.context}" if error.context else "")
