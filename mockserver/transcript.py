"""What was said in a session, for somebody who asks why a test failed: each exchange with its bodies, cut short.

Exchanges are without secrets already (see `journal`); here they become plain text that steers no terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mockserver.journal import Exchange

#: How many exchanges are shown, the last ones, and how many characters of a body.
MAX_EXCHANGES, MAX_BODY = 20, 500


def transcript(exchanges: Sequence[Exchange], open_ends: Sequence[str] = ()) -> str:
    """The last exchanges, and what was ordered and did not come about."""
    earlier = len(exchanges) - MAX_EXCHANGES
    lines = [f"({earlier} earlier exchanges)"] if earlier > 0 else []
    start = exchanges[0].at if exchanges else 0.0
    for exchange in exchanges[-MAX_EXCHANGES:]:
        lines += _lines(exchange, start)
    return "\n".join(map(_plain, [*(lines or ["no request came"]), *open_ends]))


def _lines(exchange: Exchange, start: float) -> Iterator[str]:
    what = filter(None, (exchange.provider, exchange.operation, exchange.state))
    fault = f", fault {exchange.fault}" if exchange.fault else ""
    status = "no answer" if exchange.status is None else exchange.status
    yield f"{exchange.number}. +{exchange.at - start:.3f} s {exchange.method} {exchange.path}"
    if exchange.body:
        yield f"   > {_cut(exchange.body)}"
    yield f"   < {status} ({' '.join(what) or 'nothing is there'}{fault}) {_cut(exchange.answer)}".rstrip()


def _cut(text: str) -> str:
    return text if len(text) <= MAX_BODY else f"{text[:MAX_BODY]}… ({len(text)} characters)"


def _plain(text: str) -> str:
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)
