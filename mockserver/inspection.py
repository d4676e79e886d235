"""The media files of a request, looked at as the upstream does: decoded, measured and judged.

Data URLs and uploaded files are always looked at, http ones only where the session's settings say so. What is found
stands in the provider's own law and words; what a file measures shapes the result (see `result`). A file that is not
looked at is taken to be right. Decoding runs off the event loop, since a large picture takes a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from happyhorse_spec.check import judge_media, media_urls
from happyhorse_spec.contract import Mode
from happyhorse_spec.fetch import fetch_all
from happyhorse_spec.findings import Finding
from happyhorse_spec.media import MediaError, probe_data_url
from mockserver.call import Call, Refused
from mockserver.uploads import find_upload

Facts = Mapping[str, Any]


class Inspection(NamedTuple):
    """What was found: breaches of the media law, the facts by role (the first file of each), and what kept a file
    from being looked at at all."""

    findings: list[Finding]
    facts: Mapping[str, Facts]
    download_error: Refused | None = None


#: What there is to say where no file was looked at.
UNSEEN = Inspection([], {})


async def inspect(call: Call, mode: Mode) -> Inspection:
    """Look at the files that the call's body names in this mode."""
    named = list(media_urls(call.body, mode))
    try:
        seen = await _look(call, list(dict.fromkeys(url for _, _, url in named)))
    except _Unreachable as error:
        return Inspection([], {}, call.refusal("download", url=error.args[0]))
    if not seen:
        return UNSEEN
    laws = call.dialect.provider.media
    judged = [(laws[role], seen[url], at) for role, at, url in named if url in seen and role in laws]
    findings = [found for law, facts, at in judged for found in judge_media(law, facts, at)]
    return Inspection(findings, {role: facts for role, _, url in reversed(named) if (facts := seen.get(url))})


def names_files(call: Call) -> bool:
    """Whether the body can name a file that is looked at."""
    start = call.dialect.upload_start.encode()
    return call.session.settings.fetch_media or call.may_hold(start or b"data:") or b"data:" in call.raw.lower()


class _Unreachable(Exception):
    """The URL of a file that cannot be had."""


async def _look(call: Call, urls: list[str]) -> dict[str, Facts | None]:
    """URL -> facts of the files that are looked at, None for one that cannot be read."""
    here = [url for url in urls if url[:5].lower() == "data:"]
    start = call.dialect.upload_start
    seen = {url: _uploaded(call, url) for url in urls if start and url.startswith(start)}
    if here:
        seen |= await asyncio.to_thread(lambda: {url: _unpacked(url) for url in here})
    if call.session.settings.fetch_media:
        seen |= await _fetched([url for url in urls if url[:8].lower().startswith(("http://", "https://"))])
    return {url: facts if facts and facts.get("condition") != "damaged" else None for url, facts in seen.items()}


def _uploaded(call: Call, url: str) -> Facts | None:
    upload = find_upload(call, url)
    if upload is None:
        raise _Unreachable(url)
    return upload.facts


def _unpacked(url: str) -> Facts | None:
    try:
        return probe_data_url(url)
    except MediaError:
        return None


async def _fetched(urls: list[str]) -> dict[str, Facts]:
    seen = {}
    for url, facts in (await fetch_all(urls)).items():
        if isinstance(facts, str):
            raise _Unreachable(url)
        seen[url] = facts
    return seen
