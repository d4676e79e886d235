"""Findings: what a broken rule means to the person who has to mend the request.

A finding names the place, what was found, the limit, the source and the repair. The sentences live here; which rules
are broken is `check.py`'s work.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.prompt import prompt_units, references
from happyhorse_spec.rules import Rule, Source

_WORDS = {"integer": "an integer", "array": "an array", "object": "an object"}
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule in one request. `line` and `column` count from 1 and are known where the input was text.

    `aspect` says which fact of a media file broke the rule, e.g. `width`.
    """

    rule: Rule
    pointer: str
    value: Any = None
    note: str | None = None
    suggestion: Any = None
    line: int | None = None
    column: int | None = None
    aspect: str | None = None

    @property
    def effect(self) -> str:
        """`reject`, `truncate`, `ignore` or `advise`."""
        return self.rule.effect

    @property
    def sources(self) -> tuple[Source, ...]:
        return self.rule.sources

    @property
    def message(self) -> str:
        """What was found and what the limit is, in one sentence without a full stop."""
        subject = f"{self.name}: the file's {self.aspect}" if self.aspect else self.name
        return f"{subject} {_SENTENCES[self.rule.keyword](self)}"

    @property
    def name(self) -> str:
        """The place as people write it: `parameters.duration`, `input.media[0].url`."""
        name = ""
        for part in pointer.parts(self.pointer):
            name += f"[{part}]" if part.isdecimal() else f".{part}" if name else part
        return name or "the request"

    @property
    def fix(self) -> str | None:
        """The repair: the suggestion where there is one, then the rule's sentence."""
        hint = f"Did you mean {show(self.suggestion)}?" if self.suggestion is not None else None
        return " ".join(text for text in (hint, self.note, self.rule.fix) if text) or None

    def at(self, line: int, column: int) -> Finding:
        """The same finding with its place in the text."""
        return replace(self, line=line, column=column)

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON: rule, pointer, line, column, message, effect, source, fix."""
        return {
            "rule": self.rule.id,
            "pointer": self.pointer,
            "line": self.line,
            "column": self.column,
            "message": self.message,
            "effect": self.effect,
            "source": [{"title": source.title, "url": source.url, "kind": source.kind} for source in self.sources],
            "fix": self.fix,
        }


def show(value: Any) -> str:
    """A value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def suggest(rule: Rule, value: Any) -> tuple[Any, str | None]:
    """What was probably meant, and a note: from the rule's known confusions, else the nearest allowed value."""
    near = rule.near.get(value) if isinstance(value, str) else None
    if near:
        return near.get("use"), near.get("note")
    if rule.keyword in ("enum", "additionalProperties"):
        allowed = rule.limit if rule.keyword == "enum" else list(rule.schema.get("properties", ()))
        return _nearest(value, allowed), None
    if rule.keyword == "type":
        return _retyped(value, rule.limit), None
    return None, None


def _nearest(value: Any, allowed: list[Any]) -> Any:
    names = {str(name).casefold(): name for name in allowed}
    close = difflib.get_close_matches(str(value).casefold()[:200], names, n=1, cutoff=0.75)
    return names[close[0]] if close else None


def _retyped(value: Any, kind: Any) -> Any:
    """`"5"` where an integer is asked for -> 5; `"true"` where a boolean is -> True."""
    kinds = [kind] if isinstance(kind, str) else kind
    if not isinstance(value, str) or len(value) > 20:
        return None
    text = value.strip()
    if "boolean" in kinds and text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    return int(text) if "integer" in kinds and text.isascii() and text.isdigit() else None


def _range(finding: Finding) -> str:
    schema = finding.rule.schema
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        limit = f"{low}-{high}"
    elif "exclusiveMinimum" in schema and finding.rule.keyword == "exclusiveMinimum":
        limit = f"more than {schema['exclusiveMinimum']}"
    else:
        limit = f"at least {low}" if finding.rule.keyword == "minimum" else f"at most {finding.rule.limit}"
    return f"is {show(finding.value)}; it must be {limit}"


def _type(finding: Finding) -> str:
    kinds = [finding.rule.limit] if isinstance(finding.rule.limit, str) else finding.rule.limit
    return f"is {show(finding.value)}; it must be {' or '.join(_WORDS.get(kind, 'a ' + kind) for kind in kinds)}"


def _options(finding: Finding) -> str:
    *most, last = [str(option) for option in finding.rule.limit]
    return f"is {show(finding.value)}; it must be {', '.join(most) + ' or ' + last if most else last}"


def _count(finding: Finding) -> str:
    schema, count = finding.rule.schema, len(finding.value)
    low, high = schema.get("minItems"), schema.get("maxItems")
    limit = f"at least {low}" if high is None else f"at most {high}" if low is None else f"{low}-{high}"
    limit = f"exactly {low}" if low == high else limit
    return f"has {count} item{'' if count == 1 else 's'}; it must have {limit}"


def _length(finding: Finding) -> str:
    word = "at least" if finding.rule.keyword == "minLength" else "at most"
    return f"is {len(finding.value)} characters long; it must have {word} {finding.rule.limit}"


def _kind(finding: Finding) -> str:
    """How an item that `contains` looks for is told apart, e.g. `type video`."""
    condition = finding.rule.schema["contains"]
    if inner := condition.get("not"):
        return f"other than {_described(inner)}"
    return f"with {_described(condition)}"


def _described(condition: Mapping[str, Any]) -> str:
    members = condition.get("properties", {}).items()
    return ", ".join(f"{name} {show(member.get('const'))}" for name, member in members) or "that form"


def _units(finding: Finding) -> str:
    limit = finding.rule.limit
    units = prompt_units(finding.value, limit.get("weights", {}))
    weights = "".join(f", a {script} character counts {weight}" for script, weight in limit.get("weights", {}).items())
    return f"is {units} units long; the limit is {limit['limit']}{weights}"


def _references(finding: Finding) -> str:
    form = finding.rule.limit
    numbers = references(form["pattern"], pointer.follow(finding.value, form["prompt"], ""))
    items = pointer.follow(finding.value, form["images"], [])
    where = form.get("where", {}).items()
    count = sum(1 for item in items if not where or (isinstance(item, dict) and where <= item.items()))
    wrong = next((number for number in numbers if not 1 <= number <= count), 0)
    return f"refers to image {wrong}; {count or 'none'} {'is' if count == 1 else 'are'} given"


_SENTENCES: Mapping[str, Callable[[Finding], str]] = {
    "required": lambda _: "is missing; it is required",
    "type": _type,
    "enum": _options,
    "const": lambda finding: f"is {show(finding.value)}; it must be {show(finding.rule.limit)}",
    "minimum": _range,
    "maximum": _range,
    "exclusiveMinimum": _range,
    "exclusiveMaximum": _range,
    "minLength": _length,
    "maxLength": _length,
    "pattern": lambda finding: f"is {show(finding.value)}; it does not have a form that is taken",
    "minItems": _count,
    "maxItems": _count,
    "additionalProperties": lambda _: "is not known here",
    "not": lambda finding: "does not apply" if finding.rule.limit == {} else f"is {show(finding.value)}",
    "contains": lambda finding: f"has no item {_kind(finding)}; it must have one",
    "maxContains": lambda finding: f"has more than {finding.rule.limit} items {_kind(finding)}",
    "x-maxPromptUnits": _units,
    "x-promptReferences": _references,
}
