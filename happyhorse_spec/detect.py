"""Which provider a request is for, where its text leaves no doubt.

A curl command says it by its address, a plain body by its fields: those that a provider knows count for it, those that
it does not know against it. Two that fit equally well are not chosen between: the person is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from happyhorse_spec import pointer
from happyhorse_spec.check import judged
from happyhorse_spec.contract import Endpoint, Provider
from happyhorse_spec.engine import matcher
from happyhorse_spec.failures import BadRequest, Failure
from happyhorse_spec.rules import walk
from happyhorse_spec.wording import listing

Place = tuple[str, ...]


class Call(NamedTuple):
    """An endpoint of a provider, and how well an address fits it."""

    provider: Provider
    endpoint: Endpoint
    fit: tuple[bool, int]


def provider_of(body: object, providers: Sequence[Provider]) -> Provider:
    """The one provider whose requests look like this; raises Failure where there are several or none."""
    scores = {provider.name: score for provider in providers if (score := _score(body, provider))}
    likely = [provider for provider in providers if scores and scores.get(provider.name) == max(scores.values())]
    if len(likely) == 1:
        return likely[0]
    names = [provider.name for provider in likely or providers]
    doubt = "this could be a request for" if likely else "this is not like a request for"
    raise Failure(f"{doubt} {listing(names)}; say which it is for with --provider")


def _score(body: object, provider: Provider) -> tuple[int, int, int] | None:
    """How well a body fits: is its model known, how many more of its fields are known than not, is the rest there.

    None where it does not look like a request at all.
    """
    known, named = _known(provider), set(_places(body, ()))
    model = pointer.follow(body, provider.data["request"].get("model", "/model"))
    fits = 1 if model is None else 2 * (model in provider.models)
    more = len(named & known) - len(named - known)
    if not named & known or (not fits and more <= 0):
        return None
    return fits, more, -len(list(judged(provider.any, body)))


def _known(provider: Provider) -> set[Place]:
    laws = [law for mode in provider.modes.values() for law in (mode.request, mode.advice)]
    spots = (entry for law in laws for entry in walk(law.book.schema))
    return {spot.place for spot, schema in spots if spot.place and schema.get("not") != {}}


def _places(value: object, place: Place) -> Iterator[Place]:
    """The places of all members of a body; those of one array are one place."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield (*place, name)
            yield from _places(member, (*place, name))
    elif isinstance(value, list):
        for item in value[:100]:
            yield from _places(item, (*place, "items"))


def call_of(method: str, url: str, body: object, providers: Iterable[Provider]) -> tuple[Provider, Endpoint] | None:
    """The endpoint that an address leads to, or None where it fits no path; raises Failure where in doubt.

    A path may have a prefix of its own (a proxy, a session of the mock): the longest documented path wins.
    """
    calls = [call for provider in providers for call in _calls(url, provider)]
    best = max((call.fit for call in calls), default=None)
    likely = [call for call in calls if call.fit == best]
    names = sorted({call.provider.name for call in likely})
    if len(names) > 1:
        raise Failure(f"the address leads to {listing(names)}; say which it is for with --provider")
    fitting = [call for call in likely if call.endpoint.method == method and _takes(call.endpoint, body)]
    if likely and not fitting:
        methods = " or ".join(sorted({call.endpoint.method for call in likely}))
        raise BadRequest(f"{likely[0].provider.name} takes {methods} at this address, not {method}")
    return (fitting[0].provider, fitting[0].endpoint) if fitting else None


def _takes(endpoint: Endpoint, body: object) -> bool:
    condition = endpoint.data.get("when")
    return condition is None or matcher(condition)(body)


def _calls(url: str, provider: Provider) -> Iterator[Call]:
    address = urlsplit(url)
    hosts = [
        re.sub(r"\\\{\w+\\\}", r"[\\w-]+", re.escape(urlsplit(entry["url"]).netloc))
        for entry in provider.data["servers"]
    ]
    is_own = any(re.fullmatch(host, address.netloc) for host in hosts)
    for endpoint in provider.endpoints.values():
        path = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(endpoint.path))
        if re.search(f"{path}/?$", address.path or url):
            yield Call(provider, endpoint, (is_own, len(endpoint.path)))
