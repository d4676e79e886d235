"""One short line for each exchange: when on the session's clock, who, what, how it went.

2026-01-31T12:00:03.200Z checkout somebody poll 200 1a2b3c4d running
2026-01-31T12:00:18.200Z checkout somebody poll 503 1a2b3c4d fault 503
"""

from __future__ import annotations

from mockserver.answers import TIME_FORMATS
from mockserver.journal import Exchange
from mockserver.session import Session

#: Characters of a task's id, and of a path that no operation stands for.
_ID, _PATH = 8, 60


def line(session: Session, exchange: Exchange) -> str:
    """The line of an exchange, without a newline and without what would steer a terminal."""
    words = [
        TIME_FORMATS["iso"](exchange.at),
        session.name,
        exchange.provider or "",
        exchange.operation or f"{exchange.method} {exchange.path[:_PATH]}",
        "cut" if exchange.status is None else str(exchange.status),
        (exchange.task_id or "")[-_ID:],
        exchange.state or "",
        f"fault {exchange.fault}" if exchange.fault else "",
    ]
    text = " ".join(word for word in words if word)
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)
