"""The media files that a request names, judged: data URLs and local files always, http ones where they were fetched.

A path on this machine is no URL that a provider takes. In a request spec it is meant for the runner, which uploads the
file or writes it into the body; in a body that is sent as it stands it is a breach, and is told beside what is wrong
with the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from happyhorse_spec.check import judge_media, media_urls
from happyhorse_spec.contract import Mode
from happyhorse_spec.findings import Finding
from happyhorse_spec.media import MediaError, probe_data_url, probe_file
from happyhorse_spec.subjects import Subject

Facts = Mapping[str, Any]

# One letter and a colon begin a path on Windows.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def is_local(url: str) -> bool:
    """Whether a URL is a path on this machine."""
    return url.lower().startswith("file:") or not _SCHEME.match(url)


def media_findings(subject: Subject, mode: Mode, fetched: Mapping[str, Facts]) -> Iterator[Finding]:
    """Findings on the files that the request names; `fetched` are the facts of those that were downloaded."""
    for role, where, url in media_urls(subject.body, mode):
        law = subject.provider.media.get(role)
        if law is None:
            continue
        try:
            facts = fetched.get(url) or _facts(url, subject)
        except MediaError as error:
            yield from (replace(found, note=str(error)) for found in judge_media(law, None, where))
        else:
            yield from judge_media(law, facts, where) if facts else ()


def _facts(url: str, subject: Subject) -> Facts | None:
    """The facts of a file that is at hand, else None; raises MediaError where it cannot be read."""
    if url[:5].lower() == "data:":
        return probe_data_url(url)
    if not is_local(url):
        return None
    path = subject.folder / (unquote(urlsplit(url).path) if url[:5].lower() == "file:" else url)
    return probe_file(path) if subject.spec or _exists(path) else None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long for a path, or with a character that none has
        return False


def without_local_urls(findings: list[Finding], subject: Subject, mode: Mode) -> list[Finding]:
    """The findings of a spec, without those on the form of a URL that the runner will write."""
    local = {where for _, where, url in media_urls(subject.body, mode) if is_local(url)}
    return [found for found in findings if not (found.rule.keyword == "pattern" and found.pointer in local)]
