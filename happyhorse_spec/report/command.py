"""An exchange as a curl command that can be pasted; the key stays the name of its variable."""

from __future__ import annotations

import json
from shlex import quote

from happyhorse_spec.redaction import HIDDEN, Redactor, is_secret
from happyhorse_spec.trail import Exchange


def curl_line(exchange: Exchange, redactor: Redactor) -> str:
    """The command on several lines, redacted."""
    words = [f"curl -X {exchange.method} {quote(redactor.text(exchange.url))}"]
    words += [f"-H {_header(name, value, redactor)}" for name, value in exchange.headers.items()]
    if exchange.name == "upload":
        words += [f"-F {quote(redactor.text(f'{name}={text}'))}" for name, text in exchange.body.items()]
    elif exchange.body is not None:
        words.append(f"-d {quote(json.dumps(redactor.value(exchange.body), ensure_ascii=False))}")
    return " \\\n  ".join(words)


def _header(name: str, value: str, redactor: Redactor) -> str:
    """A header in quotes: a variable is left to the shell, a value that is secret is hidden."""
    scheme, _, variable = value.partition(" $")
    if variable.isidentifier():
        return f'"{name}: {scheme} ${variable}"'
    return quote(f"{name}: {HIDDEN if is_secret(name) else redactor.text(value)}")
