"""Where requests go: a mock at a URL, or a provider's own server with a key from the environment.

What cannot be right is refused here, before anything is sent: no key, a server the provider does not have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from happyhorse_spec.contract import Provider
from happyhorse_spec.failures import Failure, NotSeen
from happyhorse_spec.redaction import Redactor
from happyhorse_spec.wording import listing

#: Seconds between two polls of a mock at most: it renders in seconds, whatever its provider advises.
MOCK_SECONDS = 1.0

_URL = re.compile(r"https?://[^/@?#\s]+(/[^?#\s]*)?")
_PLACEHOLDER = re.compile(r"\\\{[a-z_]+\\\}")
_KEY = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Target:
    """Where specs are sent. `bases` and `keys` go by provider name; `slowest` caps the seconds between polls.

    `is_direct` ignores the proxies of the environment; `is_divided` gives each spec a session of the mock to itself.
    """

    bases: Mapping[str, str]
    keys: Mapping[str, str] = field(repr=False)
    is_live: bool = False
    is_direct: bool = True
    slowest: float | None = None
    is_divided: bool = False

    def base(self, provider: Provider, session: str) -> str:
        """The URL before the endpoints' paths; `session` is what a session is called where there are any."""
        return self.bases[provider.name] + (f"/~{session}" if self.is_divided else "")


def told_apart(providers: Iterable[Provider]) -> list[Provider]:
    """The providers, each once; raises Failure where two have one name, since one would get what is for the other."""
    listed = list({id(provider): provider for provider in providers}.values())
    names = [provider.name for provider in listed]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise Failure(f"two folders are called {twice}, and servers and keys go by name; run their specs apart")
    return listed


def mock_target(url: str, providers: Iterable[Provider], *, is_own: bool = False) -> Target:
    """A mock that runs at a URL. It gets each provider's example key, never a real one.

    `is_own`: a mock for this run alone, whose clock waits for nobody.
    """
    host = _host(url)
    if host is None:
        raise Failure("the URL of a mock is http://HOST:PORT, maybe with a path; no user, query or fragment")
    listed = list(providers)
    return Target(
        bases={provider.name: url.rstrip("/") for provider in listed},
        keys={provider.name: provider.data["key"]["example"] for provider in listed},
        is_direct=_is_loopback(host),
        slowest=0.0 if is_own else MOCK_SECONDS,
        is_divided=is_own,
    )


def live_target(providers: Iterable[Provider], environment: Mapping[str, str], server: str | None = None) -> Target:
    """The providers' own servers; raises NotSeen where a key is missing, Failure where a server is not theirs."""
    listed = list(providers)
    if server and len(listed) > 1:
        names = listing([provider.name for provider in listed], "and")
        raise Failure(f"a server belongs to one provider, and these specs are for {names}; choose with --provider")
    return Target(
        bases={provider.name: server_url(provider, server) for provider in listed},
        keys=_keys(listed, environment),
        is_live=True,
        is_direct=False,
    )


def server_url(provider: Provider, wanted: str | None = None) -> str:
    """The server that is wanted, if the provider has it, else its first; a name in braces stands for one label."""
    urls = [server["url"] for server in provider.data["servers"]]
    if wanted is None:
        first: str = next(url for url in urls if "{" not in url)
        return first
    for url in urls:
        if re.fullmatch(_PLACEHOLDER.sub("[A-Za-z0-9-]+", re.escape(url)), wanted.rstrip("/")):
            return wanted.rstrip("/")
    shown = Redactor().text(wanted)
    raise Failure(f"{provider.name} has no server {shown}; it has {listing(urls, 'and')}")


def _keys(providers: list[Provider], environment: Mapping[str, str]) -> dict[str, str]:
    names = {provider.name: provider.data["key"]["env"] for provider in providers}
    keys = {provider: environment.get(name, "").strip() for provider, name in names.items()}
    missing = [names[provider] for provider, key in keys.items() if not key]
    if missing:
        raise NotSeen(f"no key, nothing was sent: set the environment variable {listing(missing, 'and')}")
    broken = [names[provider] for provider, key in keys.items() if not _KEY.fullmatch(key)]
    if broken:
        raise NotSeen(f"nothing was sent: {listing(broken, 'and')} holds characters that no key has")
    return keys


def _host(url: str) -> str | None:
    """The host of a URL; None where it is no URL that requests can be sent to."""
    try:
        parts = urlsplit(url)
        return parts.hostname if _URL.fullmatch(url) and parts.port != 0 else None
    except ValueError:  # a port that is no number, brackets without an address
        return None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or host.endswith(".localhost") or ip_address(host).is_loopback
    except ValueError:
        return False
