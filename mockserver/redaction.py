"""What must not leave the mock: keys, signatures, passwords. Whole files inside a body are only named by their length.

Pure text to text. Redacting twice changes nothing, so that what is expected can be redacted like what was sent.
"""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "***"
#: Characters of a data URL that are kept: enough to tell its type.
_KEPT = 16
#: A text is long from here on: twice as long as any prompt may be.
LONG = 10_000
_MARKER = b";base64,"

_WORDS = "authorization|cookie|api[_-]?key|access[_-]?key(?:[_-]?id)?|secret|signature|password|passwd|token"
_NAME = rf"[a-z0-9_-]{{0,40}}(?:{_WORDS})"
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_QUERY = re.compile(rf"([?&]{_NAME}=)[^&#\s\"'\\]*", re.IGNORECASE)
_MEMBER = re.compile(rf'("{_NAME}"\s*:\s*")(?:[^"\\]|\\.)*+', re.IGNORECASE)
_BEARER = re.compile(r"(\bBearer\s+)[^\s\"'\\]+", re.IGNORECASE)
_KEY = re.compile(r"\b(s[kt]-)(?=[a-z_-]{0,40}[0-9])[a-z0-9_-]{12,}", re.IGNORECASE)
_DATA_URL = re.compile(r"(data:[a-z0-9.+/-]{1,80};base64,)([a-z0-9+/=_-]{40,})", re.IGNORECASE)


def redacted(text: str) -> str:
    """The text without secrets, and with long data URLs shortened."""
    text = _DATA_URL.sub(lambda found: found[1] + _shortened(found[2], len(found[2])), text)
    for pattern in (_QUERY, _MEMBER, _BEARER, _KEY):
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return text


def redacted_header(name: str, value: str) -> str:
    """The value of a header without secrets; an authorization keeps its scheme."""
    if not _SECRET_NAME.fullmatch(name):
        return redacted(value)
    scheme, space, _ = value.partition(" ")
    return f"{scheme} {HIDDEN}" if space else HIDDEN


def without_files(body: bytes) -> bytes:
    """A JSON body whose long data URLs are shortened: what is kept of a large one. Searches, since it may be 200 MB."""
    parts, start = [], 0
    while (marker := body.find(_MARKER, start)) >= 0:
        begin = marker + len(_MARKER)
        end = body.find(b'"', begin)
        end = len(body) if end < 0 else end
        first = body[begin : min(end, begin + _KEPT)].decode("ascii", "replace")
        parts += [body[start:begin], _shortened(first, end - begin).encode()]
        start = end
    return b"".join([*parts, body[start:]])


def without_long_texts(value: Any) -> Any:
    """A JSON value whose texts that are longer than `LONG` characters are shortened: what is kept of a large body."""
    if isinstance(value, str):
        return value if len(value) <= LONG else _shortened(value, len(value))
    if isinstance(value, list):
        return [without_long_texts(item) for item in value]
    if isinstance(value, dict):
        return {name: without_long_texts(item) for name, item in value.items()}
    return value


def _shortened(data: str, length: int) -> str:
    return f"{data[:_KEPT]}…({length} characters)" if length > _KEPT else data
