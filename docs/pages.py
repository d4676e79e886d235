"""What the pages that are made from schemas/ share: the parts between marks, and links to sources."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from happyhorse_spec.contract import Provider, load_provider, load_sources, provider_names

PROVIDERS = [load_provider(name) for name in provider_names()]
_PART = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def title(provider: Provider) -> str:
    """The name of a provider without what it is also called."""
    return provider.title.partition(" (")[0]


def cite(keys: str | Iterable[str]) -> str:
    """Source keys as links to the list at the end of the page."""
    return " ".join(f"[{key}]" for key in ([keys] if isinstance(keys, str) else keys))


def lines(texts: Iterable[str]) -> str:
    return "<br>".join(texts)


def renewed(page: str, parts: Mapping[str, Iterable[str]]) -> str:
    """The page with the lines of each part anew, and at its end a link for every source that it cites."""
    texts = {name: "\n".join(made) for name, made in parts.items()}
    text = _PART.sub(lambda found: f"{found[1]}{texts.get(found[2], '')}\n{found[3]}", page)
    texts["sources"] = "\n".join(_sources(text))
    return _PART.sub(lambda found: f"{found[1]}{texts[found[2]]}\n{found[3]}", text)


def _sources(text: str) -> Iterator[str]:
    """A link for each source that the page cites; a source without a page is a word that the page explains."""
    for name, source in load_sources().items():
        if f"[{name}]" in text:
            told = f"{source.title} ({source.kind}, {source.seen})".replace('"', "")
            yield f'[{name}]: {source.url or "#sources"} "{told}"'
