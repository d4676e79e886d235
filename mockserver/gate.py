"""What stands before an operation: key, rate, readable body, headers, query; in that order, which no page states."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mockserver.call import Call, Refused
from mockserver.dialect import Rate


def admit(call: Call) -> None:
    """Let the call pass or raise Refused; notes the call's key and query on the way."""
    operation = call.operation
    call.key = _key(call)
    if operation.rate and call.session.settings.limits:
        _count(call, operation.rate)
    if operation.takes_body and not isinstance(call.body, (dict, list, str, int, float, bool)):
        raise call.refusal("unreadable_body")
    if operation.demands:
        _headers(call)
    call.query = _query(call, operation.query)
    if operation.accepts is not None and not operation.accepts(call.body):
        raise call.refusal("query")


def _key(call: Call) -> str:
    """The key of the call; one with `invalid` inside is wrong."""
    scheme, _, key = call.authorization.partition(" ")
    key = key.strip()
    if not key:
        raise call.refusal("no_key")
    if scheme.lower() != call.dialect.scheme or "invalid" in key:
        raise call.refusal("wrong_key")
    expires = call.session.tokens.get(key)
    if expires is not None and call.now >= expires:
        raise call.refusal("wrong_key")
    return key


def _count(call: Call, rate: Rate) -> None:
    if not call.session.within(rate, _model(call) if rate.of_model else "", call.now):
        raise call.refusal("submit_rate" if call.operation.name == "submit" else "query_rate")


def _model(call: Call) -> str:
    """The model that a call names, "" where the provider has none of that name."""
    named = call.dialect.model_of(call.body) or call.request.query.get("model")
    return named if named in call.dialect.provider.models else ""


def _headers(call: Call) -> None:
    headers = call.request.headers
    for demand in call.operation.demands:
        if headers.get(demand.name, "").lower() == demand.value or not call.may_hold(demand.sign):
            continue
        if demand.applies(call.body):
            raise Refused(demand.error)


def _query(call: Call, known: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
    """The query with the defaults of the endpoint; raises where a value breaks what the endpoint says of it."""
    given = dict(call.request.query) if call.request.query_string else {}
    if not known:
        return given
    for name, schema in known.items():
        if name in given and not _fits(given[name], schema):
            raise call.refusal("query")
        if name not in given and schema.get("required"):
            raise call.refusal("query")
    return {name: str(schema["default"]) for name, schema in known.items() if "default" in schema} | given


def _fits(value: str, schema: Mapping[str, Any]) -> bool:
    if schema["type"] == "integer":
        if not value.isascii() or not value.isdecimal() or len(value) > 9:
            return False
        return bool(schema.get("minimum", 0) <= int(value) <= schema.get("maximum", 10**9))
    return value in schema.get("enum", (value,)) and bool(re.fullmatch(schema.get("pattern", ".*"), value))
