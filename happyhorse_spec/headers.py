"""The headers that an endpoint demands, as rules like those of a body, and the judging of a request's headers.

A rule's id is `<provider>.<endpoint>.header.<name>`. The key has one too: it must be there and have its scheme; whether
it is a good key only the provider can say, and documentation prints a placeholder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache

import orjson

from happyhorse_spec import pointer
from happyhorse_spec.contract import Endpoint, Header, Provider
from happyhorse_spec.engine import matcher
from happyhorse_spec.findings import Finding
from happyhorse_spec.rules import Rule

KEYWORD = "header"


def header_rules(provider: Provider, endpoint: Endpoint) -> list[Rule]:
    """The rules about the headers of one endpoint."""
    return [_rule(provider, endpoint, header) for header in (_key(provider), *endpoint.headers)]


def all_rules(provider: Provider) -> Iterator[Rule]:
    """Every rule of the provider: those about bodies and media files, then those about headers."""
    yield from provider.rules()
    for endpoint in provider.endpoints.values():
        yield from header_rules(provider, endpoint)


def check_headers(
    headers: Iterable[tuple[str, str]], body: object, endpoint: Endpoint, provider: Provider
) -> Iterator[Finding]:
    """Findings on the headers of one request to an endpoint; a `value` of None means that a header is missing."""
    sent = {name.lower(): value for name, value in headers}
    key = _key(provider)
    shown = sent.get(key.name.lower())
    scheme, _, secret = (shown or "").partition(" ")
    if scheme.lower() != key.const.lower() or not secret.strip():
        yield Finding(_rule(provider, endpoint, key), "", shown and "***")
    for header in endpoint.headers:
        value = sent.get(header.name.lower())
        if (value is None or value.lower() != header.const.lower()) and _applies(header, body):
            yield Finding(_rule(provider, endpoint, header), "", value)


def place_of(finding: Finding) -> str:
    """Where in a spec a finding on its request stands."""
    is_header = finding.rule.keyword == KEYWORD
    return "/headers" + pointer.write(finding.rule.place) if is_header else f"/request{finding.pointer}"


def sent_headers(
    body: object, endpoint: Endpoint, provider: Provider, extra: Mapping[str, str | None], secret: str
) -> dict[str, str | None]:
    """The headers of a request with a key, None for one that is left out; of two of one name the extra one."""
    key = provider.data["key"]
    headers: dict[str, str | None] = {key["header"]: f"{key['scheme']} {secret}"}
    headers |= {header.name: header.const for header in endpoint.headers if _applies(header, body)}
    named = {name.lower() for name in extra}
    return {name: value for name, value in headers.items() if name.lower() not in named} | dict(extra)


def _applies(header: Header, body: object) -> bool:
    return header.when is None or _condition(orjson.dumps(header.when))(body)


@cache
def _condition(schema: bytes) -> Callable[[object], bool]:
    """A condition, compiled once: that takes fifty times as long as to ask it."""
    return matcher(orjson.loads(schema))


def _key(provider: Provider) -> Header:
    """The header of the key; what it must hold is the scheme."""
    key = provider.data["key"]
    cited = [key["source"]] if isinstance(key["source"], str) else key["source"]
    sources = tuple(provider.sources[source] for source in cited)
    return Header(key["header"], key["scheme"], provider.data["refusals"]["no_key"], sources=sources)


def _rule(provider: Provider, endpoint: Endpoint, header: Header) -> Rule:
    is_key = header.name == provider.data["key"]["header"]
    value = f"{header.const} {'$' + provider.data['key']['env'] if is_key else ''}".rstrip()
    return Rule(
        id=f"{provider.name}.{endpoint.name}.{KEYWORD}.{header.name}",
        keyword=KEYWORD,
        place=(header.name,),
        limit=value,
        schema=header.when or {},
        effect="reject",
        sources=header.sources,
        fix=f'Send the header "{header.name}: {value}".',
        error=header.error,
    )
