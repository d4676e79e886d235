"""Media behind http URLs: downloaded within limits, probed, and forgotten."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from happyhorse_spec.media import MediaError, probe_file

if TYPE_CHECKING:
    from aiohttp import ClientSession

MAX_BYTES = 100 * 2**20
MAX_SECONDS = 20
MAX_REDIRECTS = 3

Facts = Mapping[str, Any]


def fetch_facts(urls: Iterable[str]) -> dict[str, Facts | str]:
    """URL -> the facts of its file, or in one line why there are none."""
    return asyncio.run(fetch_all(list(dict.fromkeys(urls))))


async def fetch_all(urls: list[str]) -> dict[str, Facts | str]:
    """`fetch_facts` for who has an event loop: all at once, decoding beside it."""
    from aiohttp import ClientSession, ClientTimeout

    async with ClientSession(timeout=ClientTimeout(total=MAX_SECONDS), trust_env=True) as session:
        facts = await asyncio.gather(*(_fetch(session, url) for url in urls))
    return dict(zip(urls, facts, strict=True))


async def _fetch(session: ClientSession, url: str) -> Facts | str:
    from aiohttp import ClientError, TooManyRedirects

    try:
        return await _download(session, url)
    except TimeoutError:
        return f"no answer within {MAX_SECONDS} seconds"
    except TooManyRedirects:
        return f"more than {MAX_REDIRECTS} redirects"
    except (ClientError, MediaError, ValueError) as error:
        return str(error) or type(error).__name__


async def _download(session: ClientSession, url: str) -> Facts | str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "media"
        async with session.get(url, max_redirects=MAX_REDIRECTS + 1) as response:
            if response.status != 200:
                return f"HTTP {response.status}"
            with path.open("wb") as file:
                async for chunk in response.content.iter_chunked(2**16):
                    if file.tell() + len(chunk) > MAX_BYTES:
                        return f"more than {MAX_BYTES // 2**20} MB"
                    file.write(chunk)
        return await asyncio.to_thread(probe_file, path)
