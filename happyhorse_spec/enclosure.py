"""Local files that a spec names as media, written into its body as data URLs: it says `frame.png`, bytes are sent.

Only what the body names in a media field of its mode is read, relative to the spec's file. Whether the provider takes a
data URL in that place is the validator's to say.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

from happyhorse_spec import pointer
from happyhorse_spec.attachments import is_local
from happyhorse_spec.check import media_urls
from happyhorse_spec.contract import Provider
from happyhorse_spec.media import MediaError, probe_file

#: Types of formats that are not called like the format. https://www.iana.org/assignments/media-types
_SUBTYPES = MappingProxyType({"mov": "quicktime"})


def enclosed(body: Any, provider: Provider, folder: Path) -> Any:
    """The body with its local media inside; the body itself where it names none. Raises MediaError."""
    mode = provider.mode_of(body)
    local = {at: url for _, at, url in media_urls(body, mode) if is_local(url)} if mode else {}
    urls = {at: _data_url(folder / _path(url)) for at, url in local.items()}
    return _replaced(body, urls) if urls else body


def _path(url: str) -> str:
    return unquote(urlsplit(url).path) if url.lower().startswith("file:") else url


def _data_url(path: Path) -> str:
    facts = probe_file(path)
    if facts["kind"] not in ("image", "video"):  # a spec must not send what lies on this machine otherwise
        raise MediaError(f"{str(path)!r}: It is no picture and no clip; nothing else is sent from a file.")
    form = str(facts["format"])
    return f"data:{facts['kind']}/{_SUBTYPES.get(form, form)};base64,{b64encode(path.read_bytes()).decode()}"


def _replaced(value: Any, urls: Mapping[str, str], at: str = "") -> Any:
    if at in urls:
        return urls[at]
    if isinstance(value, Mapping):
        return {key: _replaced(inner, urls, at + pointer.write((key,))) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, urls, f"{at}/{index}") for index, inner in enumerate(value)]
    return value
