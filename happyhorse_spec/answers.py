"""Which answer this is, and what it says: an HTTP status and a JSON value in, a named `Answer` out.

An answer is recognised by the entry of the provider's answers.schema.json that it satisfies, and read through the
template of the same name in provider.yaml: the template says where `{task_id}` or `{message}` stands. One template, two
uses. An answer that satisfies none is an `UnknownAnswer` with the difference; nothing is guessed. Pure: no network.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from happyhorse_spec import pointer
from happyhorse_spec.contract import Endpoint, Provider
from happyhorse_spec.engine import reference_validator
from happyhorse_spec.findings import show
from happyhorse_spec.novelty import added
from happyhorse_spec.wording import listing, named, sentence

if TYPE_CHECKING:
    from jsonschema import ValidationError


class UnknownAnswer(Exception):
    """An answer that the contract does not know: a breach of it by the server, or a contract out of date."""

    def __init__(self, status: int, difference: str, body: Any = None) -> None:
        super().__init__(difference)
        self.status, self.difference, self.body = status, difference, body


@dataclass(frozen=True, slots=True)
class Answer:
    """A recognised answer. `name` is its entry, e.g. `running`; `is_error` tells an error envelope.

    `added` are pointers of members that the contract does not know.
    """

    name: str
    status: int
    body: Any
    is_error: bool
    template: Any = field(repr=False)
    added: tuple[str, ...] = ()

    def value(self, name: str) -> Any:
        """What stands where the template has `{name}`; None where the answer has no such place."""
        for place, words in places(self.template, name):
            found = pointer.follow(self.body, place)
            if words is None and found is not None:
                return found
            if words and isinstance(found, str) and (match := words.fullmatch(found)):
                return match[name]
        return None


def places(template: Any, name: str, at: str = "") -> Iterator[tuple[str, re.Pattern[str] | None]]:
    """Where a template has `{name}`: pointers, with a pattern where it is only a part of the text there."""
    if isinstance(template, Mapping):
        for key, value in template.items():
            yield from places(value, name, at + pointer.write((key,)))
    elif isinstance(template, list):
        for index, value in enumerate(template):
            yield from places(value, name, f"{at}/{index}")
    elif isinstance(template, str) and f"{{{name}" in template:
        fields = list(string.Formatter().parse(template))
        if name in (found for _, found, _, _ in fields):
            whole = len(fields) == 1 and not fields[0][0]
            yield at, None if whole else _pattern(fields)


def _pattern(fields: list[tuple[str, str | None, str | None, str | None]]) -> re.Pattern[str]:
    words, seen = "", set[str]()
    for text, name, _, _ in fields:
        words += re.escape(text)
        if name:
            words += f"(?P={name})" if name in seen else f"(?P<{name}>.*?)"
            seen.add(name)
    return re.compile(words, re.DOTALL)


class AnswerBook:
    """The answers that one endpoint may give."""

    def __init__(self, provider: Provider, endpoint: Endpoint) -> None:
        self.provider, self.endpoint = provider, endpoint

    @cached_property
    def envelopes(self) -> tuple[str, ...]:
        """The names of the provider's error envelopes, those of this endpoint's errors first."""
        errors = self.provider.errors
        listed = [errors[key].answer for key in self.endpoint.errors]
        return tuple(dict.fromkeys((*listed, *(error.answer for error in errors.values()))))

    def recognise(self, status: int, body: Any) -> Answer:
        """The answer that this is; raises UnknownAnswer."""
        is_error = status >= 400
        named = [name for name, given in self.endpoint.answers.items() if given == status]
        names = list(self.envelopes) if is_error else named
        if not names:
            statuses = ", ".join(map(str, sorted(set(self.endpoint.answers.values()))))
            raise UnknownAnswer(status, f"HTTP {status} is not documented; {statuses} or an error is", body)
        found = [name for name in names if self.provider.is_answer(name, body)]
        if not found or (len(found) > 1 and not is_error):
            raise UnknownAnswer(status, self._difference(names, found, body), body)
        template = self.provider.data["answers"].get(found[0])
        news = tuple(added(self.provider.answer_schema(found[0]), body))
        return Answer(found[0], status, body, is_error, template, news)

    def _difference(self, names: list[str], found: list[str], body: Any) -> str:
        if found:
            return f"the answer can be read as {' and as '.join(found)}"
        errors = {name: self._errors(name, body) for name in names}
        distances = {name: _distance(errors[name]) for name in names}
        near = [name for name in names if distances[name] == min(distances.values())]
        if words := _common_constant([errors[name] for name in near]):
            return words
        told = "; ".join(sentence(error, "the answer") for error in errors[near[0]][:3])
        candidates = f" (nearest of {', '.join(names)})" if len(names) > 1 else ""
        return f"the answer is no {near[0]}{candidates}: {told}"

    def _errors(self, name: str, body: Any) -> list[ValidationError]:
        """What keeps a body from being the answer of that name."""
        return list(reference_validator(self.provider.answer_schema(name)).iter_errors(body))


def _distance(errors: list[ValidationError]) -> tuple[int, int]:
    """How far a body is from an answer: words that differ, such as the state's, weigh more than what is missing."""
    return sum(error.validator == "const" for error in errors), len(errors)


def _common_constant(errors: list[list[ValidationError]]) -> str | None:
    """Where all candidates miss one word at one place, e.g. that of the state: what it is and what it may be."""
    first = errors[0][0]
    for found in errors:
        if len(found) != 1 or found[0].validator != "const" or found[0].absolute_path != first.absolute_path:
            return None
    options = listing([show(found[0].validator_value) for found in errors])
    return f"{named(first.absolute_path)} is {show(first.instance)}; it must be {options}"
