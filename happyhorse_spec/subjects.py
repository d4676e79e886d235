"""What a file asks to be judged: the requests in its documents, and the provider that each is for.

A document is a plain body or a curl command; request specs are read by `spec_reader.py`, as for the runner. Nothing is
judged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from happyhorse_spec import pointer
from happyhorse_spec.contract import Endpoint, Provider, load_provider, provider_names
from happyhorse_spec.detect import call_of, provider_of
from happyhorse_spec.document import Document, Position
from happyhorse_spec.findings import Finding
from happyhorse_spec.headers import KEYWORD as HEADER
from happyhorse_spec.headers import place_of

if TYPE_CHECKING:
    from happyhorse_spec.spec import Spec

SUBMIT = "submit"
_SIGNS = frozenset({"request", "defaults"})


@dataclass(frozen=True, slots=True)
class Subject:
    """One request. `endpoint` is known of a curl command, `spec` of a request spec.

    A runner reads a spec, and uploads the local files that it names; all else is sent as it stands.
    """

    document: Document
    body: Any
    provider: Provider
    folder: Path
    endpoint: Endpoint | None = None
    spec: Spec | None = None

    @property
    def has_body(self) -> bool:
        return self.endpoint is None or self.endpoint.name == SUBMIT

    def spot(self, finding: Finding) -> tuple[str, Position]:
        """The file and the place of a finding; a header that is missing from a command is marked at the address."""
        if finding.rule.keyword == HEADER and self.document.curl:
            text = self.document.curl.text
            return text.name, text.position(pointer.write((finding.rule.place[0].lower(),)))
        if self.spec:
            return self.spec.origin.position(place_of(finding), key=finding.is_about_name)
        return self.document.name, self.document.position(finding.pointer, key=finding.is_about_name)

    def position(self, at: str) -> Position:
        """Where the member of the body at a pointer stands."""
        return self.spec.origin.position(f"/request{at}")[1] if self.spec else self.document.position(at)


def holds_specs(documents: Iterable[Document]) -> bool:
    """Whether a file holds specs, and no requests as they are sent."""
    return any(isinstance(document.data, dict) and document.data.keys() & _SIGNS for document in documents)


def subject_of(document: Document, folder: Path, provider: str | None) -> Subject:
    """The request that a document is, or that its command sends; raises Failure or LawError where it cannot be told."""
    if document.curl:
        return _command(document, folder, _known(provider))
    law = load_provider(provider) if provider else provider_of(document.data, _known(None))
    return Subject(document, document.data, law, folder)


def _known(provider: str | None) -> Sequence[Provider]:
    return [load_provider(name) for name in ([provider] if provider else provider_names())]


def _command(document: Document, folder: Path, providers: Sequence[Provider]) -> Subject:
    assert document.curl
    call = call_of(document.curl.method, document.curl.url, document.data, providers)
    if call:
        return Subject(document, document.data, call[0], folder, endpoint=call[1])
    provider = providers[0] if len(providers) == 1 else provider_of(document.data, providers)
    return Subject(document, document.data, provider, folder, endpoint=provider.endpoints[SUBMIT])
