"""The option `--var NAME=VALUE` of the commands that read specs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from happyhorse_spec.failures import Failure


def variables(options: Iterable[str]) -> dict[str, Any]:
    """The values of options like `NAME=VALUE`; JSON keeps its type. Raises Failure."""
    found = {}
    for option in options:
        name, equals, text = option.partition("=")
        if not equals or not name:
            raise Failure("--var takes NAME=VALUE")
        try:
            found[name] = orjson.loads(text)
        except orjson.JSONDecodeError:
            found[name] = text
    return found
