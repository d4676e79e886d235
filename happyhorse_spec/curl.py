"""A curl command, as documentation prints it -> the request it would send, and its body as a `Document`.

Only the words of one POSIX shell command are read: quotes, backslashes, continued lines. Nothing is expanded
or run: `$KEY` and `$(...)` stay as written, and so does the header that holds them. Every character of a word
knows where it stands in the file, so that a finding in the body points into the command.

Options that decide what is sent are understood, those that only decide what is shown are skipped, and any
other is an error: a request that is half understood is worse than one that is not.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType

from happyhorse_spec.document import (
    Document,
    DocumentError,
    Place,
    Position,
    Source,
    parse_json,
    read_bytes,
    source_of,
)

# Characters. Linux passes 128 KiB in one argument (execve(2), MAX_ARG_STRLEN), macOS 1 MiB in all.
MAX_CURL_SIZE = 2**20

_TOKEN = re.compile(
    r"""
      (?P<fold>      \\(?:\r?\n|\Z) )
    | (?P<trap>      \\[ \t]+(?:\r?\n|\Z) )
    | (?P<end>       \r?\n )
    | (?P<space>     [ \t]+ )
    | (?P<single>    '[^']*' )
    | (?P<ansi>      \$'[^'\\]*+(?:\\.[^'\\]*+)*+' )
    | (?P<double>    "[^"\\]*+(?:\\.[^"\\]*+)*+" )
    | (?P<escape>    \\. )
    | (?P<operator>  [|;&<>()] )
    | (?P<plain>     [^ \t\r\n'"\\|;&<>()$]+ | \$(?!') | \r )
    """,
    re.VERBOSE | re.DOTALL,
)
# Only where a word could begin; elsewhere # is a character like any other.
_COMMENT = re.compile(r"(?P<comment>#[^\n]*)")
_BETWEEN_WORDS = frozenset({"space", "comment", "end", "operator"})
_IN_DOUBLE = re.compile(r'\\(?P<kept>[$`"\\])|(?P<fold>\\\r?\n)|[^\\]+|\\')
# A surrogate is left to the reader of JSON, which knows the same escape and joins the pair.
_IN_ANSI = re.compile(r"\\u(?P<code>(?![dD][89a-fA-F])[0-9a-fA-F]{4})|\\(?P<sign>[nrt'\"\\])|[^\\]+|\\")
_ANSI_SIGNS = MappingProxyType({"n": "\n", "r": "\r", "t": "\t"})

# What the value of an option is to us; "" if it changes nothing in the request.
_VALUES = MappingProxyType(
    dict.fromkeys(("-X", "--request"), "method")
    | dict.fromkeys(("-H", "--header"), "header")
    | dict.fromkeys(("-d", "--data", "--data-ascii", "--data-binary"), "data")
    | {"--data-raw": "raw", "--json": "json", "--url": "url"}
    | dict.fromkeys(("-o", "--output", "-w", "--write-out", "-A", "--user-agent", "-x", "--proxy"), "")
    | dict.fromkeys(("-m", "--max-time", "--connect-timeout", "--retry", "--retry-delay"), "")
)
# The headers that curl adds for each way to give a body, unless the command has its own.
_FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
_JSON = (("Content-Type", "application/json"), ("Accept", "application/json"))
_BODY_HEADERS = MappingProxyType({"data": _FORM, "raw": _FORM, "json": _JSON})
_FLAGS = "sSkLivfNg#"
_LONG_FLAGS = re.compile(
    "--(silent|show-error|insecure|location|include|verbose|fail|fail-with-body|no-buffer|progress-bar|globoff"
    "|compressed|http1[.]1|http2)"
)


@dataclass(frozen=True, slots=True)
class CurlRequest:
    """How a command would send its body. Names and values of headers are as written.

    `text` is the command itself: it has the position of the address at "", of a header at its name in small letters.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    text: Document = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a command. What `text` has from `starts[n]` on, the file has from `origins[n]` on."""

    text: str
    starts: Sequence[int]
    origins: Sequence[int]

    def origin(self, offset: int = 0) -> int:
        piece = bisect_right(self.starts, offset) - 1
        return self.origins[piece] + offset - self.starts[piece]

    def after(self, length: int) -> "_Word":
        return _Word(self.text[length:], [start - length for start in self.starts], self.origins)


@dataclass(frozen=True)
class _Body(Source):
    """The text of a word; its positions are those of the command's file."""

    word: _Word
    file: Source

    def position(self, offset: int) -> Position:
        return self.file.position(self.word.origin(offset))


def read_curl(content: str | bytes, name: str, folder: Path = Path()) -> Document:
    """The body of a command, and in `Document.curl` how it would be sent; `@file` is sought in the folder.

    A command without a body gives a document whose data is None.
    """
    return parse_curl(source_of(content, name), folder)


def parse_curl(source: Source, folder: Path) -> Document:
    if len(source.text) > MAX_CURL_SIZE:
        raise DocumentError(f"a command is read up to {MAX_CURL_SIZE // 2**20} MB; use -d @FILE", source.name)
    options = list(_options(source, _arguments(source)))
    url = _single(source, [word for use, word in options if use == "url"], "address")
    if url is None:
        raise source.error("the command has no address", 0)
    body = _single(source, [word for use, word in options if use in _BODY_HEADERS], "body")
    way = next((use for use, _ in options if use in _BODY_HEADERS), "")
    methods = [word.text for use, word in options if use == "method"]
    headers = [word for use, word in options if use == "header"]
    text = Document(None, source, partial(_places, url, headers))
    request = CurlRequest(
        method=methods[-1] if methods else "POST" if body else "GET",
        url=url.text,
        headers=_headers(source, headers, way),
        text=text,
    )
    if body is None:
        return replace(text, curl=request)
    return replace(_document(source, body, folder, is_literal=way == "raw"), curl=request)


def _single(source: Source, words: Sequence[_Word], what: str) -> _Word | None:
    for word in words[1:]:
        raise source.error(f"this is a second {what}; a command may have one", word.origin())
    return words[0] if words else None


def _places(url: _Word, headers: Sequence[_Word]) -> Place:
    names = {word.text.partition(":")[0].strip(" ;").lower(): word.origin() for word in headers}
    return Place(url.origin(), url.origin(), {name: Place(origin, origin) for name, origin in names.items()})


def _headers(source: Source, words: Sequence[_Word], way: str) -> tuple[tuple[str, str], ...]:
    """The headers that are sent: `Name:` takes one of curl's own away, `Name;` is one without a value."""
    headers, named = [], set()
    for word in words:
        name, colon, value = (part.strip() for part in word.text.partition(":"))
        if not colon and not name.endswith(";"):
            raise source.error("a header is a name, a colon and a value", word.origin())
        name = name if colon else name[:-1]
        named.add(name.lower())
        if value or not colon:
            headers.append((name, value))
    return (*headers, *(pair for pair in _BODY_HEADERS.get(way, ()) if pair[0].lower() not in named))


def _document(source: Source, body: _Word, folder: Path, *, is_literal: bool) -> Document:
    if is_literal or not body.text.startswith("@"):
        return parse_json(_Body(body.text, source.name, body, source))
    if body.text == "@-":
        raise source.error("the body comes from standard input; write it into the command", body.origin())
    path = folder / body.text[1:]
    return parse_json(source_of(read_bytes(path), str(path)))


def _arguments(source: Source) -> Iterator[_Word]:
    """The words after `curl`. A prompt, blank lines and comments may stand before it."""
    words = _words(source)
    word = next(words, None)
    if word and word.text == "$":
        word = next(words, None)
    if word is None or word.text != "curl":
        raise source.error("the text has to begin with curl", word.origin() if word else 0)
    return words


def _options(source: Source, words: Iterator[_Word]) -> Iterator[tuple[str, _Word]]:
    """The use and the value of every option that matters to the request, addresses included."""
    for word in words:
        option, value = word.text, None
        if not option.startswith("-"):
            yield "url", word
            continue
        if not option.startswith("--"):
            letters = option[1:].lstrip(_FLAGS)
            value = word.after(len(option) - len(letters) + 1) if letters[1:] else None
            option = f"-{letters[:1]}"
        if option == "-" or _LONG_FLAGS.fullmatch(option):
            continue
        if option not in _VALUES:
            raise source.error(f"the option {option:.40} is not understood", word.origin())
        value = value or next(words, None)
        if value is None:
            raise source.error(f"{option} has no value", word.origin())
        yield _VALUES[option], value


def _words(source: Source) -> Iterator[_Word]:
    """The words of the first command; what is piped or chained to it is left out."""
    tokens = _tokens(source)
    pieces: list[tuple[str, int]] = []
    has_begun = False
    for token in tokens:
        if token.lastgroup not in _BETWEEN_WORDS:
            pieces += _pieces(token)
            continue
        if pieces:
            yield _word(pieces)
            pieces, has_begun = [], True
        if token.lastgroup == "operator":
            _refuse_unquoted(source, token)
            _skip_line(tokens)
        if has_begun and token.lastgroup in ("operator", "end"):
            break
    if pieces:
        yield _word(pieces)
    for token in tokens:
        if token.lastgroup not in _BETWEEN_WORDS or token.lastgroup == "operator":
            is_option = token[0].startswith("-")
            reason = "the line above needs a \\ at its end" if is_option else "a file may have one command"
            raise source.error(reason, token.start())


def _refuse_unquoted(source: Source, token: re.Match[str]) -> None:
    """A pipe, a redirection or the next command may follow; an address cut in two may not."""
    if token[0] in "<()" or (token[0] == "&" and not source.text.startswith("&&", token.start())):
        what = f"the shell takes {token[0]} for itself; put the word in quotes"
        raise source.error(what, token.start())


def _skip_line(tokens: Iterator[re.Match[str]]) -> None:
    for token in tokens:
        if token.lastgroup == "end":
            return


def _tokens(source: Source) -> Iterator[re.Match[str]]:
    text, at, is_between = source.text, 0, True
    while token := (is_between and _COMMENT.match(text, at)) or _TOKEN.match(text, at):
        at = token.end()
        if token.lastgroup != "fold":
            is_between = token.lastgroup in _BETWEEN_WORDS
        if token.lastgroup == "trap":
            raise source.error("a space after the backslash ends the command here; remove it", token.start())
        yield token
        if at == len(text):
            return
    raise source.error("this quote is not closed", at)


def _pieces(token: re.Match[str]) -> Iterator[tuple[str, int]]:
    """What a quoted or plain token contributes to a word, piece by piece, and where each piece comes from."""
    start, end = token.span()
    match token.lastgroup:
        case "single":
            yield token[0][1:-1], start + 1
        case "escape":
            yield token[0][1], start + 1
        case "double":
            yield "", start + 1
            for part in _IN_DOUBLE.finditer(token.string, start + 1, end - 1):
                if not part["fold"]:
                    yield part["kept"] or part[0], part.start()
        case "ansi":
            yield "", start + 2
            for part in _IN_ANSI.finditer(token.string, start + 2, end - 1):
                sign = part["sign"] and _ANSI_SIGNS.get(part["sign"], part["sign"])
                yield sign or (part["code"] and chr(int(part["code"], 16))) or part[0], part.start()
        case "plain":
            yield token[0], start


def _word(pieces: Sequence[tuple[str, int]]) -> _Word:
    texts = [text for text, _ in pieces]
    starts = list(accumulate(map(len, texts[:-1]), initial=0))
    return _Word("".join(texts), starts, [origin for _, origin in pieces])
