"""What a file asks to be judged: the requests in its documents, and the provider that each is for.

A document is a plain body, a request spec (a mapping that holds the body as `request`; a matrix makes several), or a
curl command. Nothing is judged here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.contract import Endpoint, Provider, load_provider, provider_names
from happyhorse_spec.detect import call_of, provider_of
from happyhorse_spec.document import Document, Position
from happyhorse_spec.failures import BadRequest
from happyhorse_spec.findings import Finding
from happyhorse_spec.headers import KEYWORD as HEADER

SUBMIT = "submit"
_SPEC = "/request"
_DEFAULTS = "/defaults"


@dataclass(frozen=True, slots=True)
class Subject:
    """One request. `endpoint` is known of a curl command, `spec` is the whole of a request spec.

    A runner reads a spec, and uploads the local files that it names; all else is sent as it stands.
    """

    document: Document
    body: Any
    provider: Provider
    folder: Path
    endpoint: Endpoint | None = None
    spec: Mapping[str, Any] | None = None
    defaults: Document | None = None

    @property
    def has_body(self) -> bool:
        return self.endpoint is None or self.endpoint.name == SUBMIT

    def spot(self, finding: Finding) -> tuple[str, Position]:
        """The file and the place of a finding; a header that is missing is marked at the address."""
        if finding.rule.keyword == HEADER and self.document.curl:
            text = self.document.curl.text
            return text.name, text.position(pointer.write((finding.rule.place[0].lower(),)))
        return self.document.name, self.position(finding.pointer, key=finding.is_about_name)

    def position(self, at: str, *, key: bool = False) -> Position:
        """Where the member of the body at a pointer stands: in its document, else in the defaults of the file."""
        if self.spec is None:
            return self.document.position(at, key=key)
        own, shared = _SPEC + at, _DEFAULTS + _SPEC + at
        is_shared = self.defaults and not _has(self.document, own) and _has(self.defaults, shared)
        return (self.defaults if is_shared and self.defaults else self.document).position(
            shared if is_shared else own, key=key
        )


def _has(document: Document, at: str) -> bool:
    return pointer.follow(document.data, at, _ABSENT) is not _ABSENT


def is_defaults(document: Document) -> bool:
    """Whether a document holds what the specs after it have in common, and no request."""
    return isinstance(document.data, dict) and "defaults" in document.data and "request" not in document.data


def subjects_of(document: Document, defaults: Document | None, folder: Path, provider: str | None) -> Iterator[Subject]:
    """The requests of a document; raises Failure, LawError or SubstitutionError where one cannot be told."""
    if document.curl:
        yield _command(document, folder, _known(provider))
        return
    whole = document.data
    shared = defaults.data["defaults"] if defaults and isinstance(defaults.data, dict) else {}
    if isinstance(whole, dict) and ("request" in whole or "request" in shared):
        yield from _specs(document, defaults, shared, folder, provider)
        return
    law = load_provider(provider) if provider else provider_of(whole, _known(None))
    yield Subject(document, whole, law, folder)


def _specs(
    document: Document, defaults: Document | None, shared: Any, folder: Path, provider: str | None
) -> Iterator[Subject]:
    """One subject for each variant of a spec."""
    from happyhorse_spec.spec_reader import merged
    from happyhorse_spec.substitution import Values, substitute, variants

    whole = merged(shared, document.data)
    named = provider or _named(whole, folder)
    for variant in variants(whole.get("matrix", {})):
        body = substitute(whole["request"], Values(env=os.environ, matrix=variant), _SPEC)
        law = load_provider(named) if named else provider_of(body, _known(None))
        yield Subject(document, body, law, folder, spec=whole, defaults=defaults)


def _known(provider: str | None) -> Sequence[Provider]:
    return [load_provider(name) for name in ([provider] if provider else provider_names())]


def _named(spec: Mapping[str, Any], folder: Path) -> str | None:
    """The provider that a spec names; a folder is sought beside the spec."""
    name = spec.get("provider")
    if name is not None and not isinstance(name, str):
        raise BadRequest("provider must be the name of a provider, or a folder")
    return str(folder / name) if name and "/" in name else name


def _command(document: Document, folder: Path, providers: Sequence[Provider]) -> Subject:
    assert document.curl
    call = call_of(document.curl.method, document.curl.url, document.data, providers)
    if call:
        return Subject(document, document.data, call[0], folder, endpoint=call[1])
    provider = providers[0] if len(providers) == 1 else provider_of(document.data, providers)
    return Subject(document, document.data, provider, folder, endpoint=provider.endpoints[SUBMIT])


_ABSENT = object()
