"""The media files that a request names, judged: data URLs and local files always, http ones where they were fetched.

A path on this machine is no URL that a provider takes. In a request spec it is meant for the runner, which uploads the
file or writes it into the body, where the provider takes one of the two; in a body that is sent as it stands it is a
breach, and is told beside what is wrong with the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from happyhorse_spec.check import check_body, judge_media, media_urls
from happyhorse_spec.contract import Mode, Provider
from happyhorse_spec.enclosure import Way, is_local, local_path, parcels, with_stand_ins
from happyhorse_spec.findings import Finding
from happyhorse_spec.headers import check_headers, sent_headers
from happyhorse_spec.media import MediaError, probe_data_url, probe_file
from happyhorse_spec.spec import Spec

Facts = Mapping[str, Any]

_NOT_TAKEN = "It is a file on this machine, and the provider takes none here, neither uploaded nor inside the request."


def spec_findings(spec: Spec, fetched: Mapping[str, Facts] | None = None) -> Iterator[Finding]:
    """What there is to say about the request of a spec as the runner will send it: headers, body, media."""
    body, provider, folder = spec.body, spec.provider, spec.folder
    listed = parcels(body, provider, folder)
    judged = with_stand_ins(body, listed)
    endpoint = provider.endpoints["submit"]
    headers = sent_headers(judged, endpoint, provider, spec.headers, "key").items()
    sent = [(name, value) for name, value in headers if value is not None]
    yield from check_headers(sent, judged, endpoint, provider)
    stuck = {parcel.at for parcel in listed if parcel.way is Way.NONE}
    for found in check_body(judged, provider):
        yield replace(found, note=_NOT_TAKEN) if found.pointer in stuck else found
    mode = provider.mode_of(body)
    if mode:
        yield from media_findings(body, mode, provider, folder, fetched or {}, must_exist=True)


def media_findings(
    body: Any, mode: Mode, provider: Provider, folder: Path, fetched: Mapping[str, Facts], *, must_exist: bool
) -> Iterator[Finding]:
    """Findings on the files that a body names; `fetched` are the facts of those that were downloaded.

    Unless a local file `must_exist`, one that is not there is passed over.
    """
    for role, where, url in media_urls(body, mode):
        law = provider.media.get(role)
        if law is None:
            continue
        try:
            facts = fetched.get(url) or _facts(url, folder, must_exist=must_exist)
        except MediaError as error:
            yield from (replace(found, note=str(error)) for found in judge_media(law, None, where))
        else:
            yield from judge_media(law, facts, where) if facts else ()


def _facts(url: str, folder: Path, *, must_exist: bool) -> Facts | None:
    """The facts of a file that is at hand, else None; raises MediaError where it cannot be read."""
    if url[:5].lower() == "data:":
        return probe_data_url(url)
    if not is_local(url):
        return None
    path = local_path(url, folder)
    return probe_file(path) if must_exist or _exists(path) else None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long for a path, or with a character that none has
        return False
