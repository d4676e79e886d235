"""Findings: what a broken rule means to the person who has to mend the request.

A finding names the place, what was found, the limit, the source and the repair. The sentences live here; which rules
are broken is `check.py`'s work.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.engine import matcher
from happyhorse_spec.prompt import prompt_units, references
from happyhorse_spec.rules import Rule, Source

_WORDS = {"integer": "an integer", "array": "an array", "object": "an object", "null": "null"}
#: Script -> what its characters are called.
SCRIPTS = {"han": "Chinese", "cjk": "CJK"}
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}
#: Fact of a media file -> what it is called, and its unit.
_FACTS = {
    "bytes": ("size", "bytes"),
    "width": ("width", "pixels"),
    "height": ("height", "pixels"),
    "short_side": ("shorter side", "pixels"),
    "long_side": ("longer side", "pixels"),
    "aspect_ratio": ("aspect ratio", ""),
    "duration": ("length", "seconds"),
    "fps": ("frame rate", "fps"),
    "fps_min": ("lowest frame rate", "fps"),
    "fps_max": ("highest frame rate", "fps"),
}
_SHOWN = 60


@dataclass(slots=True)
class Finding:
    """A broken rule in one request. `line` and `column` count from 1 and are known where the input was text.

    `aspect` says which fact of a media file broke the rule, e.g. `width`; it is "" for the file as a whole. Nobody
    changes a finding; it is not frozen because it would take five times as long to make.
    """

    rule: Rule
    pointer: str
    value: Any = None
    note: str | None = None
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
    def suggestion(self) -> Any:
        """What was probably meant, or None; worked out when it is asked for, since comparing words takes long."""
        return self._suggested[0]

    @property
    def _suggested(self) -> tuple[Any, str | None]:
        is_unknown_member = self.rule.keyword == "additionalProperties" and self.aspect is None
        return _suggest(self.rule, pointer.parts(self.pointer)[-1] if is_unknown_member else self.value)

    @property
    def message(self) -> str:
        """What was found and what the limit is, in one sentence without a full stop."""
        return f"{self._subject} {_SENTENCES[self.rule.keyword](self)}"

    @property
    def _subject(self) -> str:
        if self.rule.keyword == "header":
            return f"the header {self.rule.place[0]}"
        if self.aspect is None:
            return self.name
        fact = _FACTS.get(self.aspect, (self.aspect.replace("_", " "),))[0]
        return f"{self.name}: the file's {fact}" if fact else f"{self.name}: the file"

    @property
    def name(self) -> str:
        """The place as people write it: `parameters.duration`, `input.media[0].url`."""
        name = ""
        for part in map(_visible, pointer.parts(self.pointer)):
            name += f"[{part}]" if part.isdecimal() else f".{part}" if name else part
        return name or "the request"

    @property
    def is_about_name(self) -> bool:
        """Whether a member's name is what is wrong, not its value."""
        return self.rule.keyword in ("additionalProperties", "not")

    @property
    def fix(self) -> str | None:
        """The repair: the suggestion where there is one, then the rule's sentence."""
        suggestion, note = self._suggested
        note = self.note or note
        hint = f"Did you mean {show(suggestion)}?" if suggestion is not None else None
        return " ".join(text for text in (hint, note, self.rule.fix) if text) or None

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
    if isinstance(value, str):
        value = value[: _SHOWN + 1]
    return _visible(json.dumps(value, ensure_ascii=False, default=str))


def _visible(text: str) -> str:
    """A text cut where it is long, with a code for every character that would steer a terminal."""
    text = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _suggest(rule: Rule, value: Any) -> tuple[Any, str | None]:
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
    import difflib

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


def _must(finding: Finding) -> str:
    return "must" if finding.effect == "reject" else "should"


def _range(finding: Finding) -> str:
    schema = finding.rule.schema
    low, high = schema.get("minimum"), schema.get("maximum")
    bounds = [(word, schema[keyword]) for keyword, word in _BOUNDS.items() if keyword in schema]
    limit = " and ".join(f"{word} {bound}" for word, bound in bounds) if None in (low, high) else f"{low}-{high}"
    return f"is {_measured(finding)}; it {_must(finding)} be {limit}"


def _measured(finding: Finding) -> str:
    """The value, with its unit where it is a fact of a media file."""
    unit = _FACTS.get(finding.aspect or "", (None, ""))[1]
    return f"{show(finding.value)} {unit}".rstrip()


def _type(finding: Finding) -> str:
    if finding.aspect == "":
        return "cannot be read"
    kinds = [finding.rule.limit] if isinstance(finding.rule.limit, str) else finding.rule.limit
    names = " or ".join(_WORDS.get(kind, f"a {kind}") for kind in kinds)
    return f"is {show(finding.value)}; it {_must(finding)} be {names}"


def _options(finding: Finding) -> str:
    *most, last = [str(option) for option in finding.rule.limit]
    return f"is {show(finding.value)}; it {_must(finding)} be {', '.join(most) + ' or ' + last if most else last}"


def _form(finding: Finding) -> str:
    kind = "the advised" if finding.effect == "advise" else "an accepted"
    return f"is {show(finding.value)}, which is not in {kind} form"


def _header(finding: Finding) -> str:
    found = "missing" if finding.value is None else show(finding.value)
    return f"is {found}; it must be {show(finding.rule.limit)}"


def _count(finding: Finding) -> str:
    schema = finding.rule.schema
    low, high = schema.get("minItems"), schema.get("maxItems")
    limit = f"at least {low}" if high is None else f"at most {high}" if low is None else f"{low}-{high}"
    limit = f"exactly {low}" if low == high else limit
    return f"has {_items(len(finding.value))}; it {_must(finding)} have {limit}"


def _items(count: int) -> str:
    return f"{count or 'no'} item{'' if count == 1 else 's'}"


def _length(finding: Finding) -> str:
    length, limit = len(finding.value), finding.rule.limit
    word = "at least" if finding.rule.keyword == "minLength" else "at most"
    found = f"is {_characters(length)} long" if length else "is empty"
    return f"{found}; it {_must(finding)} have {word} {_characters(limit)}"


def _characters(count: int) -> str:
    return f"{count} character{'' if count == 1 else 's'}"


def _too_many(finding: Finding) -> str:
    count = sum(map(matcher(finding.rule.schema["contains"]), finding.value))
    return f"has {_items(count)} {_kind(finding)}; it {_must(finding)} have at most {finding.rule.limit}"


def _kind(finding: Finding) -> str:
    """How an item that `contains` looks for is told apart, e.g. `with type "video"`."""
    condition = finding.rule.schema["contains"]
    if inner := condition.get("not"):
        return f"without {_described(inner)}"
    return f"with {_described(condition)}"


def _described(condition: Mapping[str, Any]) -> str:
    members = condition.get("properties", {}).items()
    return ", ".join(f"{name} {show(member.get('const'))}" for name, member in members) or "that form"


def _unwanted(finding: Finding) -> str:
    """What `not` forbids: the member itself, or a form of its value."""
    verb = {"reject": "accepted", "ignore": "used"}.get(finding.effect, "advised")
    if finding.rule.limit == {}:
        return f"is not {verb} in this mode"
    pattern = finding.rule.limit.get("pattern")
    match = re.search(pattern, finding.value) if pattern and isinstance(finding.value, str) else None
    return f"contains {show(match[0])}, which is not {verb}" if match else f"is {show(finding.value)}, not {verb}"


def _unknown(finding: Finding) -> str:
    ends = {"reject": "refused", "ignore": "ignored"}
    return f"is not a known field; it is {ends.get(finding.effect, 'not advised')}"


def _units(finding: Finding) -> str:
    limit = finding.rule.limit
    weights = limit.get("weights", {})
    scripts = ", ".join(f"a {SCRIPTS[script]} character counts as {weight}" for script, weight in weights.items())
    length = f"is {_characters(prompt_units(finding.value, weights))} long"
    return f"{length}{f' ({scripts})' if scripts else ''}; it {_must(finding)} have at most {limit['limit']}"


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
    "const": lambda finding: f"is {show(finding.value)}; it {_must(finding)} be {show(finding.rule.limit)}",
    "minimum": _range,
    "maximum": _range,
    "exclusiveMinimum": _range,
    "exclusiveMaximum": _range,
    "minLength": _length,
    "maxLength": _length,
    "pattern": _form,
    "minItems": _count,
    "maxItems": _count,
    "additionalProperties": _unknown,
    "not": _unwanted,
    "contains": lambda finding: f"has no item {_kind(finding)}; it {_must(finding)} have one",
    "maxContains": _too_many,
    "header": _header,
    "x-maxPromptUnits": _units,
    "x-promptReferences": _references,
}
