"""What no output may show: keys, tokens, passwords. Everything that is printed or written goes through a `Redactor`.

Hidden are the secrets that are known (the key, secret headers, what came from the environment), members and query
parameters whose names say that they are secret, and the user part of a URL. Control characters, with which an answer
could write to the terminal, are replaced too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

HIDDEN = "***"

_LEAST = 6  # shorter values, such as a number from the environment, stand in too many places by chance
_NAME = re.compile(
    r"(?i)authorization|cookie|password|passwd|secret|token$|signature|credential|api[-_]?key|access[-_]?key"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)(\s+)[\w.~+/=-]{4,}")
_USER = re.compile(r"(?<=://)[^/@\s\"']+(?=@)")
_QUERY = re.compile(r"(?<=[?&;])([^=&;\s\"'#]+)=([^&;\s\"'#]+)")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_DATA_URL = re.compile(r"(data:[^,\s]{0,80},)[A-Za-z0-9+/=%_-]{40,}")


class Redactor:
    """Hides the given secrets, and what looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= _LEAST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """The text without secrets, control characters and the content of data URLs."""
        if self._known:
            text = self._known.sub(HIDDEN, text)
        text = _BEARER.sub(rf"\1\2{HIDDEN}", _USER.sub(HIDDEN, text))
        text = _QUERY.sub(_hide_parameter, text)
        return _CONTROL.sub("\ufffd", _DATA_URL.sub(r"\1…", text))

    def value(self, value: Any) -> Any:
        """A JSON value without secrets; a member whose name says that it is one is hidden whole."""
        if isinstance(value, Mapping):
            return {
                self.text(str(key)): HIDDEN if is_secret(str(key)) and inner is not None else self.value(inner)
                for key, inner in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.value(inner) for inner in value]
        return self.text(value) if isinstance(value, str) else value


def is_secret(name: str) -> bool:
    """Whether the name of a header, a member or a parameter says that its value is secret."""
    return bool(_NAME.search(name))


def _hide_parameter(found: re.Match[str]) -> str:
    return f"{found[1]}={HIDDEN}" if is_secret(found[1]) else found[0]
