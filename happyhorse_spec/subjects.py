"""What a file asks to be judged: the request in each of its documents, and the provider it is for.

A document is a plain body, a request spec (a mapping that holds the body as `request`), or a curl command. Nothing is
judged here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.contract import Endpoint, Provider, load_provider, provider_names
from happyhorse_spec.detect import call_of, provider_of
from happyhorse_spec.document import Document
from happyhorse_spec.failures import BadRequest

SUBMIT = "submit"


@dataclass(frozen=True, slots=True)
class Subject:
    """One request. `base` is the pointer of its body in the document; `endpoint` is known of a curl command.

    `is_spec`: a runner reads it, and uploads the local files that it names; else it is sent as it stands.
    """

    document: Document
    base: str
    provider: Provider
    folder: Path
    is_spec: bool = False
    endpoint: Endpoint | None = None

    @property
    def body(self) -> Any:
        return pointer.follow(self.document.data, self.base)

    @property
    def has_body(self) -> bool:
        return self.endpoint is None or self.endpoint.name == SUBMIT


def subject_of(document: Document, folder: Path, provider: str | None = None) -> Subject:
    """The request of a document; raises Failure or LawError where its provider cannot be told."""
    if document.curl:
        return _command(document, folder, _known(provider))
    data = document.data
    if isinstance(data, dict) and "request" in data:
        named = provider or _named(data, folder)
        law = load_provider(named) if named else provider_of(data["request"], list(_known(None)))
        return Subject(document, "/request", law, folder, is_spec=True)
    law = load_provider(provider) if provider else provider_of(data, list(_known(None)))
    return Subject(document, "", law, folder)


def _known(provider: str | None) -> Sequence[Provider]:
    return [load_provider(name) for name in ([provider] if provider else provider_names())]


def _named(spec: Mapping[str, Any], folder: Path) -> str | None:
    """The provider that a spec names; a folder is sought beside the spec."""
    name = spec.get("provider")
    if name is not None and not isinstance(name, str):
        raise BadRequest("provider must be the name of a provider, or a folder")
    if name and (folder / name / "provider.yaml").is_file():
        return str(folder / name)
    return name


def _command(document: Document, folder: Path, providers: Sequence[Provider]) -> Subject:
    assert document.curl
    call = call_of(document.curl.method, document.curl.url, document.data, providers)
    if call:
        return Subject(document, "", call[0], folder, endpoint=call[1])
    provider = providers[0] if len(providers) == 1 else provider_of(document.data, providers)
    return Subject(document, "", provider, folder, endpoint=provider.endpoints[SUBMIT])
