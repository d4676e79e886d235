"""Faults: what can go wrong, as short words in a list per endpoint. Here they are listed and read.

    submit: [429:retry-after=2, ok, 503*3]      the first submit gets 429, the second is answered, three more get 503
    poll: {rate: 0.1, words: [503, reset]}      one poll in ten, drawn from the session's seed
    download: [stall-2s:after=1000-then-ok]     `a-then-b` is short for two words

The n-th request to an endpoint meets the n-th word, whatever the client sends; a word that needs a finished task waits
for one, and so do the words behind it. `WORDS` says what each word does. Who meets what is `faultplan`'s work, carrying
it out that of `misbehave`.

Two kinds of time: `delay` and `late` are the provider taking its time, which is session time; `stall` and `url-slow`
are bytes that do not come, which is wall time, since a client's timeout knows no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from itertools import repeat
from typing import NamedTuple

#: What faults can be ordered for: operations, the transfer of files, and the provider's own calls.
ENDPOINTS = ("submit", "poll", "cancel", "list", "upload", "download", "callback")

#: Operation -> the endpoint whose faults it meets; an operation that is not here meets none.
MEETS: Mapping[str, str] = {
    "submit": "submit",
    "poll": "poll",
    "batch": "poll",
    "cancel": "cancel",
    "list": "list",
    "limits": "list",
    "upload_policy": "upload",
}

#: How often a word can be repeated by `*n`, and how long it can take in seconds of session or wall time.
MAX_TIMES = 10_000
MAX_SECONDS = 86_400.0

_TIMES = re.compile(r"(.+)\*([0-9]{1,9})")
_FIGURED = re.compile(r"([a-z-]+)-([0-9]{1,9}(?:\.[0-9]{1,3})?)(s?)")
_OPTION = re.compile(r"([a-z-]+)=([!-~]{1,64})")


class FaultError(ValueError):
    """A word that is no fault, or none of this endpoint; the message is one sentence."""


class Moment(StrEnum):
    """When a fault acts: before the operation, on its answer, when a success is told, after that, on a callback."""

    BEFORE = "before"
    ANSWER = "answer"
    SUCCESS = "success"
    AFTERWARDS = "afterwards"
    CALLBACK = "callback"


class Takes(StrEnum):
    """What the figure of a word counts."""

    NOTHING = ""
    SECONDS = "s"
    BYTES = "bytes"


_CALLS = ENDPOINTS[:-1]
_TASKS = ("submit", "poll")
_CALLBACK = ("callback",)


class Word(NamedTuple):
    """A word of the vocabulary: when it acts, how it is written, what it does, where it may stand."""

    moment: Moment
    written: str
    does: str
    endpoints: tuple[str, ...] = _CALLS
    takes: Takes = Takes.NOTHING
    figure: float = 0.0
    option: str = ""


#: Words that are written as themselves.
_UNNAMED = ("status", "error")
_BEFORE, _ANSWER, _SUCCESS, _BACK = Moment.BEFORE, Moment.ANSWER, Moment.SUCCESS, Moment.CALLBACK
_SECONDS, _BYTES = Takes.SECONDS, Takes.BYTES

#: Name -> word.
WORDS: Mapping[str, Word] = {
    "ok": Word(_BEFORE, "ok", "nothing; holds a place in the list", ENDPOINTS),
    "status": Word(_BEFORE, "429", "the provider's own error with that status", option="retry-after"),
    "error": Word(_BEFORE, "arrearage", "an error of the catalogue, by key or code", option="retry-after"),
    "html": Word(_BEFORE, "html", "a proxy's 502 page; the request is not carried out"),
    "reset": Word(_BEFORE, "reset", "the connection is reset; the request is not carried out"),
    "delay": Word(_BEFORE, "delay-2s", "the provider takes so long, in session time", _CALLS, _SECONDS, 2),
    "lost": Word(_ANSWER, "lost", "carried out, but the connection is reset; a callback is not sent", ENDPOINTS),
    "reset-after-headers": Word(_ANSWER, "reset-after-headers", "the connection is reset after the headers"),
    "stall": Word(_ANSWER, "stall-2s", "silence halfway, in wall time", _CALLS, _SECONDS, 2, option="after"),
    "empty": Word(_ANSWER, "empty", "an answer without a body"),
    "short-body": Word(_ANSWER, "short-body-256", "the body breaks off after so many bytes", _CALLS, _BYTES, 256),
    "wrong-length": Word(_ANSWER, "wrong-length", "a Content-Length that is smaller than the body"),
    "not-json": Word(_ANSWER, "not-json", "a body that is not JSON, under the type of JSON"),
    "wrong-type": Word(_ANSWER, "wrong-type", "the right body, as text/plain"),
    "false-gzip": Word(_ANSWER, "false-gzip", "the right body, said to be gzip to who takes it, and not compressed"),
    "no-url": Word(_SUCCESS, "no-url", "success without the URL of the result", _TASKS),
    "url-403": Word(_SUCCESS, "url-403", "success; the URL of the result is refused", _TASKS),
    "url-404": Word(_SUCCESS, "url-404", "success; nothing is at the URL of the result", _TASKS),
    "url-slow": Word(_SUCCESS, "url-slow-5s", "success; the file takes so long, in wall time", _TASKS, _SECONDS, 5),
    "url-short": Word(_SUCCESS, "url-short", "success; the file breaks off halfway", _TASKS),
    "stale": Word(Moment.AFTERWARDS, "stale", "RUNNING, of a task whose success was told before", ("poll",)),
    "duplicate": Word(_BACK, "duplicate", "the callback is sent twice", _CALLBACK),
    "late": Word(_BACK, "late-5s", "the callback is sent so much later, in session time", _CALLBACK, _SECONDS, 5),
    "reordered": Word(_BACK, "reordered", "the callback is sent after the next one", _CALLBACK),
    "slow-ack": Word(_BACK, "slow-ack", "the receiver's answer counts as too late", _CALLBACK),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One word read: as it is written, its name in `WORDS`, its figure (seconds or bytes), its option's value."""

    word: str
    name: str
    figure: float = 0.0
    option: str | None = None

    @property
    def moment(self) -> Moment:
        return WORDS[self.name].moment


IsError = Callable[[str], bool]


def read_faults(words: Iterable[object], endpoint: str, is_error: IsError = lambda _: False) -> Iterator[Fault]:
    """The faults that words order for an endpoint; raises FaultError. `is_error` knows the providers' catalogues."""
    if endpoint not in ENDPOINTS:
        raise FaultError(f"{endpoint!r:.40} has no faults; use one of {', '.join(ENDPOINTS)}")
    for text in words:
        for part in str(text).split("-then-"):
            found = _TIMES.fullmatch(part.strip())
            word, times = (found[1], int(found[2])) if found else (part.strip(), 1)
            if times > MAX_TIMES:
                raise FaultError(f"{word!r:.40} is repeated {times} times; it must be at most {MAX_TIMES}")
            yield from repeat(_read(word, endpoint, is_error), times)


def _read(text: str, endpoint: str, is_error: IsError) -> Fault:
    base, colon, option = text.partition(":")
    name, figure = _named(base, is_error)
    word = WORDS[name]
    if endpoint not in word.endpoints:
        raise FaultError(f"{text!r:.40} is no fault of {endpoint}; it is one of {', '.join(word.endpoints)}")
    return Fault(text, name, figure, _option(text, word, option) if colon else None)


def _named(base: str, is_error: IsError) -> tuple[str, float]:
    """The name of a word, and its figure."""
    if base in WORDS and base not in _UNNAMED:
        return base, WORDS[base].figure
    if re.fullmatch(r"[45][0-9]{2}", base):
        return "status", float(base)
    if (found := _FIGURED.fullmatch(base)) and WORDS.get(found[1], WORDS["ok"]).takes is not Takes.NOTHING:
        return found[1], _figure(base, found, WORDS[found[1]].takes)
    if is_error(base):
        return "error", 0.0
    near = get_close_matches(base[:40], [word.written for name, word in WORDS.items() if name not in _UNNAMED], n=1)
    hint = f"did you mean {near[0]}?" if near else "use a status such as 503, an error's key, or a word such as reset"
    raise FaultError(f"{base!r:.40} is no fault; {hint}")


def _figure(base: str, found: re.Match[str], takes: Takes) -> float:
    figure = float(found[2])
    if takes is Takes.SECONDS and (not found[3] or figure > MAX_SECONDS):
        raise FaultError(f"{base!r:.40} is no fault; write seconds up to {MAX_SECONDS:,.0f}, e.g. {found[1]}-2s")
    if takes is Takes.BYTES and (found[3] or not figure.is_integer()):
        raise FaultError(f"{base!r:.40} is no fault; write a number of bytes, e.g. {found[1]}-256")
    return figure


def _option(text: str, word: Word, option: str) -> str:
    found = _OPTION.fullmatch(option)
    if not found or found[1] != word.option:
        allowed = f"it takes :{word.option}=..." if word.option else "it takes no option"
        raise FaultError(f"{text!r:.40} is no fault; {allowed}")
    if word.option == "after" and not re.fullmatch(r"[0-9]{1,9}", found[2]):
        raise FaultError(f"{text!r:.40} is no fault; after is a number of bytes")
    return found[2]
