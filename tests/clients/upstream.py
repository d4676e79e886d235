"""What every client test speaks of: the mock as one test sees it, the seven models, and a short life for a task.

Nothing here sends a request that a client should send; the clients do that, unmodified.
"""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass
from typing import Any

import orjson

from mockserver.server import MockServer
from mockserver.session import Session

#: In a prompt: the task is over when it is first looked at. For clients that sleep long between polls.
AT_ONCE = "[[SUCCEEDED]]"

PICTURE = "https://example.com/first.png"
FILM = "https://example.com/source.mp4"

#: What each kind of model needs besides a prompt, as DashScope's `media`.
MEDIA: dict[str, list[dict[str, str]]] = {
    "t2v": [],
    "i2v": [{"type": "first_frame", "url": PICTURE}],
    "r2v": [{"type": "reference_image", "url": PICTURE}, {"type": "reference_image", "url": PICTURE}],
    "video-edit": [{"type": "video", "url": FILM}, {"type": "reference_image", "url": PICTURE}],
}

MODELS = (
    "happyhorse-1.0-t2v",
    "happyhorse-1.0-i2v",
    "happyhorse-1.0-r2v",
    "happyhorse-1.0-video-edit",
    "happyhorse-1.1-t2v",
    "happyhorse-1.1-i2v",
    "happyhorse-1.1-r2v",
)


@dataclass(frozen=True, slots=True)
class Order:
    """What a test asks for: a model, its kind (`t2v`), and the media it needs."""

    model: str
    kind: str
    media: list[dict[str, str]]

    @property
    def seconds(self) -> float:
        """What is billed where no duration is given: 5, or the length of an edit's source and result."""
        return 13.24 if self.kind == "video-edit" else 5


def order_of(model: str) -> Order:
    kind = model.split("-", 2)[2]
    return Order(model, kind, [dict(item) for item in MEDIA[kind]])


@dataclass(frozen=True, slots=True)
class Upstream:
    """A session of the mock, and where a client finds it."""

    server: MockServer
    name: str

    @property
    def session(self) -> Session:
        return self.server.sessions.get(self.name)

    def base(self, provider: str) -> str:
        """What a client of that provider is configured with."""
        return self.server.base_urls(self.name)[provider]

    def playing(self, settings: str) -> Upstream:
        """The same with settings such as `limits=on`, which stand in the name and so in the URL."""
        return Upstream(self.server, f"{self.name},{settings}")

    def submits(self) -> list[int | None]:
        """The HTTP status of each submit that came; None where the connection was cut."""
        return [exchange.status for exchange in self.session.journal if exchange.operation == "submit"]

    def received(self) -> dict[str, Any]:
        """The body of the newest submit, as it came over the wire."""
        newest = next(self.session.table.newest_first())
        return dict(orjson.loads(newest.request))


def is_film(url: str) -> bool:
    """Whether an MP4 lies behind a result URL, fetched as a client does: without a key."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.headers["Content-Type"] == "video/mp4" and answer.read(12)[4:8] == b"ftyp"
