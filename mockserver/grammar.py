"""How a provider words a broken rule: a finding in, the provider's own error and its text out.

The wording is data: a rule's `x-message` and `x-error`, else the `grammar` of provider.yaml by keyword.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from happyhorse_spec import pointer
from happyhorse_spec.contract import Provider, ProviderError
from happyhorse_spec.engine import matcher
from happyhorse_spec.findings import Finding, show

#: How many characters of a text a message repeats: a URL that is signed at length, and no file.
_ECHOED = 4096


class Refusal(NamedTuple):
    """A key of the provider's error catalogue and the values that its message takes."""

    error: str
    values: Mapping[str, Any]


def refusal(findings: Iterable[Finding], provider: Provider) -> Refusal:
    """The one error that answers these findings: that of the first, with the words of all that share it."""
    told = [(finding, _error_key(finding, provider)) for finding in _spoken(list(findings))]
    key = told[0][1]
    words = list(dict.fromkeys(wording(finding, provider) for finding, error in told if error == key))
    join = provider.data["grammar"].get("join")
    return Refusal(key, {"detail": join.join(words) if join else words[0], **_limits(told[0][0])})


def _spoken(findings: list[Finding]) -> list[Finding]:
    """The findings that are told: what a list lacks is no matter while an item of it is wrong."""
    places = [finding.pointer for finding in findings]
    return [
        finding
        for finding in findings
        if finding.rule.keyword != "contains" or not any(at.startswith(f"{finding.pointer}/") for at in places)
    ]


def wording(finding: Finding, provider: Provider) -> str:
    """What the provider says of one broken rule."""
    grammar = provider.data["grammar"]
    template: str = finding.rule.message or grammar.get(finding.rule.keyword) or grammar["otherwise"]
    return template.format_map(_Values(_values(finding, grammar)))


def _error_key(finding: Finding, provider: Provider) -> str:
    key: str = finding.rule.error or provider.data["refusals"]["violation"]
    return key


def _values(finding: Finding, grammar: Mapping[str, Any]) -> dict[str, Any]:
    parts = pointer.parts(finding.pointer)
    value = finding.value
    text = value[:_ECHOED] if isinstance(value, str) else ""
    return {
        "path": ".".join(parts) or "body",
        "name": parts[-1] if parts else "body",
        "value": text if isinstance(value, str) else show(value),
        "count": _count(finding),
        "options": _options(finding.rule.limit),
        "type": _type(finding.rule.limit, grammar.get("types", {})),
        "limit": finding.rule.limit,
        "url": text,
        **_limits(finding),
    }


def _count(finding: Finding) -> int:
    """How many there are of what the rule counts: the items that it looks for, else all items or characters."""
    if finding.rule.keyword == "maxContains":
        return sum(map(matcher(finding.rule.schema["contains"]), finding.value))
    return len(finding.value) if isinstance(finding.value, (list, str, dict)) else 0


def _limits(finding: Finding) -> dict[str, Any]:
    schema = finding.rule.schema
    limits = {name: schema[name] for name in ("minimum", "maximum") if name in schema}
    if "maximum" in limits:
        limits["limit_mb"] = round(limits["maximum"] / 1024 / 1024)
    return limits


def _options(limit: Any) -> str:
    """`'a'`, `'a' or 'b'`, `'a', 'b' or 'c'`."""
    if not isinstance(limit, list):
        return ""
    *most, last = [f"'{option}'" for option in limit]
    return f"{', '.join(most)} or {last}" if most else last


def _type(limit: Any, names: Mapping[str, str]) -> str:
    first = limit[0] if isinstance(limit, list) and limit else limit
    return names.get(first, first) if isinstance(first, str) else ""


def spelled(error: ProviderError, values: Mapping[str, Any]) -> str:
    """An error's message with its names filled in, as far as they are known."""
    return error.message.format_map(_Values({**error.data, **values}))


class _Values(dict[str, Any]):
    """A name that has no value stands as it is documented: `xxx`."""

    def __missing__(self, name: str) -> str:
        return "xxx"
