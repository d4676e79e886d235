"""Local files that a spec names as media: which there are, and how each gets to the provider.

A spec says `frame.png`. Where the provider takes the URL of an upload in that place, the file is uploaded before the
request leaves (`upload.py`); where it takes a data URL, the file is written into the body; where it takes neither, the
request cannot be sent. What a place takes is what the provider's schema takes there. Only what the body names in a
media field of its mode is read, relative to the spec's file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from typing import Any
from urllib.parse import unquote, urlsplit

from happyhorse_spec import pointer
from happyhorse_spec.check import check_body, media_urls
from happyhorse_spec.contract import Provider
from happyhorse_spec.media import MediaError

#: Bytes of a local file that is read; no provider takes as many.
MAX_BYTES = 2**30

# One letter and a colon begin a path on Windows.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_SAMPLES = ("data:image/png;base64,AAAA", "data:video/mp4;base64,AAAA")


class Way(Enum):
    """How a file gets to the provider."""

    UPLOADED = auto()
    INSIDE = auto()
    NONE = auto()


@dataclass(frozen=True, slots=True)
class Parcel:
    """A local file that a body names at a pointer. `stand_in` is a URL of the form that will stand there."""

    at: str
    path: Path
    way: Way
    stand_in: str

    def read(self) -> bytes:
        """What the file holds, whole, so that what is judged is what is sent; raises MediaError."""
        try:
            status = self.path.stat()
            if S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES:
                return self.path.read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            reason = getattr(error, "strerror", None) or error
            raise MediaError(
                f"{str(self.path)!r}: It cannot be read ({reason}); check name and permissions."
            ) from error
        raise MediaError(f"{str(self.path)!r}: It is no file, or larger than {MAX_BYTES // 2**20} MB.")


def parcels(body: Any, provider: Provider, folder: Path) -> list[Parcel]:
    """The local files that a body names, none of them opened yet."""
    mode = provider.mode_of(body)
    if mode is None:
        return []
    found = [(at, url) for _, at, url in media_urls(body, mode) if is_local(url)]
    return [Parcel(at, local_path(url, folder), *_way(body, at, url, provider)) for at, url in found]


def with_stand_ins(body: Any, listed: Iterable[Parcel]) -> Any:
    """The body in the form in which it will be sent: what a validator can judge before a file is read."""
    return replaced(body, {parcel.at: parcel.stand_in for parcel in listed})


def digests(listed: Iterable[Parcel]) -> dict[str, str]:
    """Pointer -> digest of the file that is named there, where it can be read."""
    found = {}
    for parcel in listed:
        with suppress(MediaError):
            found[parcel.at] = digest_of(parcel.read())
    return found


def digest_of(content: bytes) -> str:
    """What tells one file from another."""
    return sha256(content).hexdigest()


def is_local(url: str) -> bool:
    """Whether a URL is a path on this machine."""
    return url.lower().startswith("file:") or not _SCHEME.match(url)


def local_path(url: str, folder: Path) -> Path:
    """The file that a local URL names."""
    return folder / (unquote(urlsplit(url).path) if url.lower().startswith("file:") else url)


def replaced(value: Any, urls: Mapping[str, str], at: str = "") -> Any:
    """A value with other texts at some pointers; the value itself where there are none."""
    if not urls:
        return value
    if at in urls:
        return urls[at]
    if isinstance(value, Mapping):
        return {key: replaced(inner, urls, at + pointer.write((key,))) for key, inner in value.items()}
    if isinstance(value, list):
        return [replaced(inner, urls, f"{at}/{index}") for index, inner in enumerate(value)]
    return value


def _way(body: Any, at: str, url: str, provider: Provider) -> tuple[Way, str]:
    """The first way that the schema of the place allows, and a URL as it will be."""
    form = provider.data["ids"].get("upload_url") if "form" in provider.data.get("upload", {}) else None
    if form and _takes(body, at, stand_in := form.format(key="a-file-of-this-spec"), provider):
        return Way.UPLOADED, stand_in
    inside = next((sample for sample in _SAMPLES if _takes(body, at, sample, provider)), None)
    return (Way.INSIDE, inside) if inside else (Way.NONE, url)


def _takes(body: Any, at: str, url: str, provider: Provider) -> bool:
    findings = check_body(replaced(body, {at: url}), provider)
    return not any(found.pointer == at and found.rule.keyword == "pattern" for found in findings)
