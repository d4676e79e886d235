"""Hypothesis strategies for your own tests: requests, broken requests, answers, and whole lives of tasks.

Everything is made from the provider's folder: requests from its request and advice schemas, answers from its answer
schemas and error catalogue. So a folder of your own gives strategies too. All of them shrink: a failing request loses
what does not matter, a failing life its repeated polls. Needs the extra: `pip install happyhorse-spec[hypothesis]`.

    @given(strategies.requests("<provider>", "t2v"))
    def test_relay_takes_what_the_provider_takes(body): ...

Nothing here opens a socket; to let a client speak to a server, use the mock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

try:
    from hypothesis import reject
    from hypothesis import strategies as st
except ModuleNotFoundError as error:
    raise ImportError("strategies need hypothesis; install happyhorse-spec[hypothesis]") from error

from happyhorse_spec import pointer
from happyhorse_spec.answers import AnswerBook, UnknownAnswer, places
from happyhorse_spec.candidates import ANYTHING, answer_candidates, candidates
from happyhorse_spec.check import check_body
from happyhorse_spec.contract import Endpoint, Law, Mode, Provider, ProviderError, load_provider
from happyhorse_spec.edits import Patch, apply_patch, edits
from happyhorse_spec.engine import matcher
from happyhorse_spec.growth import Barren, Schema, grower
from happyhorse_spec.prompt import prompt_units
from happyhorse_spec.request import Request
from happyhorse_spec.rules import Rule
from happyhorse_spec.twins import LETTERS, frames, wanted, wishes

#: State -> the states that may follow it; a life begins with the first.
FOLLOWING: Mapping[str, tuple[str, ...]] = {
    "pending": ("running", "failed", "canceled"),
    "running": ("succeeded", "failed"),
}
#: How often one state is told at most, in a row.
_MOST_POLLS = 3


@dataclass(frozen=True, slots=True)
class BrokenRequest:
    """A request one edit away from a fine one. `rule` is the rule that `check` names, `patch` the edit (RFC 6902)."""

    body: Any
    rule: Rule
    fine: Any
    patch: Patch


@dataclass(frozen=True, slots=True)
class Exchange:
    """An answer: of which endpoint, its name in the contract (`running`), HTTP status, JSON value."""

    endpoint: str
    name: str
    status: int
    body: Any

    @property
    def is_error(self) -> bool:
        return self.status >= 400


@dataclass(frozen=True, slots=True)
class Life:
    """All that a client sees of one task: the answer to the submit, then to one poll after the other.

    `state` is the state of the last answer: `succeeded`, `failed`, `canceled` or `unknown`. The last answers of a life
    may repeat, since a client may ask again. Where the provider holds the submit until the end, there are no polls.
    """

    request: Any
    submit: Exchange
    polls: tuple[Exchange, ...]
    state: str


def requests(provider: str | Provider, mode: str | None = None) -> st.SearchStrategy[dict[str, Any]]:
    """Requests of a mode (or of any) to which `check` has nothing to say: not refused, nothing ignored or truncated."""
    law = _provider(provider)
    return st.one_of(*(_Requests(law, chosen).strategy() for chosen in _modes(law, mode)))


def broken_requests(
    provider: str | Provider, mode: str | None = None, *, effect: str = "reject"
) -> st.SearchStrategy[BrokenRequest]:
    """Requests one edit away from a fine one, which `check` tells of with that effect.

    `effect` is `reject` (the provider refuses it), or `truncate`, `ignore` or `advise` (it is taken, but not as meant).
    Raises ValueError where no rule of the mode has the effect.
    """
    law = _provider(provider)
    breakers = [breaker for chosen in _modes(law, mode) if (breaker := _Breaker(law, chosen, effect)).rules]
    if not breakers:
        raise ValueError(f"no rule of {law.name} {mode or ''} has the effect {effect}")
    return st.one_of(*(st.composite(breaker.broken)() for breaker in breakers))


def answers(provider: str | Provider, endpoint: str = "poll", name: str | None = None) -> st.SearchStrategy[Exchange]:
    """Answers that an endpoint may give by its documentation, errors included, or those of one name (`failed`)."""
    law = _provider(provider)
    chosen = law.endpoints[endpoint]
    if name is not None:
        return _answer(law, chosen, name)
    told = [_answer(law, chosen, known) for known in chosen.answers]
    return st.one_of(*told, *(_error(law, chosen, law.errors[key]) for key in chosen.errors))


def lives(provider: str | Provider, mode: str | None = None) -> st.SearchStrategy[Life]:
    """Lives of tasks: a fine request, the answer to it, the answers to polls until the end and a while beyond.

    States follow one another as they may, and any may go by unseen. All answers speak of the same task.
    """
    law = _provider(provider)
    return st.one_of(*(st.composite(_Lives(law, chosen).life)() for chosen in _modes(law, mode)))


def _provider(provider: str | Provider) -> Provider:
    return load_provider(provider) if isinstance(provider, str) else provider


def _modes(provider: Provider, name: str | None) -> list[Mode]:
    return list(provider.modes.values()) if name is None else [provider.modes[name]]


class _Requests:
    """Candidates of one mode, mended until nothing is said about them, and until `wish` is met."""

    def __init__(self, provider: Provider, mode: Mode, wish: Schema | None = None) -> None:
        laws = [law.book.schema for law in (provider.any, mode.request, mode.advice)]
        examples = mode.request.book.schema.get("examples", ())
        self.near = candidates({"allOf": laws, "examples": examples})
        self._mend = _first_fertile({"allOf": [frame, wish or {}]} for frame in frames(provider, mode))

    def strategy(self) -> st.SearchStrategy[dict[str, Any]]:
        return self.near.map(self._mended)

    def _mended(self, candidate: Any) -> Any:
        try:
            return self._mend(candidate)
        except Barren:
            return reject()


def _first_fertile(schemas: Iterable[Schema]) -> Callable[[Any], Any]:
    """The grower of the first schema that something satisfies; raises Barren where none is satisfied."""
    growers = [grower(schema) for schema in schemas]
    for grow in growers[:-1]:
        try:
            grow(None)
        except Barren:
            continue
        return grow
    growers[-1](None)
    return growers[-1]


class _Breaker:
    """Breaks the rules of one mode that have a certain effect. What a rule needs is made when it is first drawn."""

    def __init__(self, provider: Provider, mode: Mode, effect: str) -> None:
        self.provider, self.mode = provider, mode
        laws = (provider.any, mode.request, mode.advice)
        self.rules = [(law, rule) for law in laws for rule in law.book.rules if rule.effect == effect]
        self._made: dict[str, st.SearchStrategy[Any]] = {}

    def broken(self, draw: st.DrawFn) -> BrokenRequest:
        law, rule = draw(st.sampled_from(self.rules))
        fine = draw(self._fine(law, rule))
        patch = draw(_patches(self.provider, rule, fine).filter(lambda patch: bool(self._told(fine, patch, rule))))
        return BrokenRequest(apply_patch(fine, patch), self._told(fine, patch, rule)[0], fine, patch)

    def _told(self, fine: Any, patch: Patch, rule: Rule) -> list[Rule]:
        """The rules with the wanted effect that the edit breaks; the rule itself, or its double for any mode."""
        before = {found.rule.id for found in check_body(fine, self.provider)}
        told = [found.rule for found in check_body(apply_patch(fine, patch), self.provider)]
        return [known for known in told if known.id not in before and known.effect == rule.effect]

    def _fine(self, law: Law, rule: Rule) -> st.SearchStrategy[Any]:
        """Fine requests that have what the rule speaks of."""
        if rule.id not in self._made:
            wish = _KIND.get(rule.keyword, {}) if rule.keyword in WRONG else next(wish for _, wish in wishes(rule))
            self._made[rule.id] = self._there(law, rule, wish)
        return self._made[rule.id]

    def _there(self, law: Law, rule: Rule, wish: Schema) -> st.SearchStrategy[Any]:
        for items in (1, 2, 3):
            try:
                made = _Requests(self.provider, self.mode, wanted(law, rule, wish, items))
            except Barren:
                continue
            return made.strategy()
        return st.nothing()


def _patches(provider: Provider, rule: Rule, fine: Any) -> st.SearchStrategy[Patch]:
    """Edits of a fine request that may break the rule: the plainest first, then any value that is wrong there."""
    listed = list(edits(provider, rule, fine))
    if rule.keyword not in WRONG:
        return st.sampled_from(listed)
    spots = st.sampled_from([patch["path"] for patch in listed])
    drawn = st.fixed_dictionaries({"op": st.just("replace"), "path": spots, "value": WRONG[rule.keyword](rule)})
    return st.sampled_from(listed) | drawn


def _too_long(rule: Rule) -> st.SearchStrategy[str]:
    """Texts of one kind of letter that are too long, by one letter and more."""
    form = rule.limit if isinstance(rule.limit, Mapping) else {"limit": rule.limit}
    weights = form.get("weights", {})
    return st.builds(
        lambda letter, more: letter * (form["limit"] // prompt_units(letter, weights) + more),
        st.sampled_from(list(LETTERS.values())),
        st.integers(1, 9),
    )


_TEXT = st.text(max_size=20)

#: Keyword -> values of which most break it. Other keywords ask for a certain edit of the document.
WRONG: Mapping[str, Callable[[Rule], st.SearchStrategy[Any]]] = {
    "type": lambda _: ANYTHING,
    "enum": lambda _: _TEXT | ANYTHING,
    "const": lambda _: _TEXT | ANYTHING,
    "pattern": lambda _: _TEXT,
    "minimum": lambda rule: st.integers(max_value=math.ceil(rule.limit) - 1),
    "maximum": lambda rule: st.integers(min_value=math.floor(rule.limit) + 1),
    "minLength": lambda rule: st.text(max_size=rule.limit - 1),
    "maxLength": _too_long,
    "x-maxPromptUnits": _too_long,
}


#: Keyword -> what a value must be before it can be made too long or too large.
_KIND: Mapping[str, Schema] = {
    **{word: {"type": "string"} for word in ("pattern", "minLength", "maxLength", "x-maxPromptUnits")},
    **{word: {"type": "number"} for word in ("minimum", "maximum")},
}


def _answer(provider: Provider, endpoint: Endpoint, name: str) -> st.SearchStrategy[Exchange]:
    """Answers of that name; what failed, failed by an error of the catalogue."""
    near = answer_candidates(name, provider.answer_schemas["$defs"])
    told = near.map(lambda body: Exchange(endpoint.name, name, endpoint.answers[name], body))
    if any(places(provider.data["answers"][name], "message")):
        errors = [_words(error) for error in provider.errors.values()]
        told = st.tuples(told, st.sampled_from(errors)).map(lambda pair: _saying(pair[0], provider, pair[1]))
    return _known(told, provider, endpoint)


def _error(provider: Provider, endpoint: Endpoint, error: ProviderError) -> st.SearchStrategy[Exchange]:
    near = answer_candidates(error.answer, provider.answer_schemas["$defs"])
    told = near.map(lambda body: Exchange(endpoint.name, error.answer, error.status, body))
    return _known(told.map(lambda exchange: _saying(exchange, provider, _words(error))), provider, endpoint)


def _words(error: ProviderError) -> dict[str, Any]:
    return {"code": error.code, "message": error.message.format_map(_Unsaid()), "status": error.status}


def _known(told: st.SearchStrategy[Exchange], provider: Provider, endpoint: Endpoint) -> st.SearchStrategy[Exchange]:
    book = AnswerBook(provider, endpoint)
    return told.filter(lambda exchange: _is_known(exchange, book))


def _is_known(told: Exchange, book: AnswerBook) -> bool:
    """Whether the answer is recognised as what it is meant to be; an error is told by its status."""
    try:
        answer = book.recognise(told.status, told.body)
    except UnknownAnswer:
        return False
    return told.is_error or answer.name == told.name


def _saying(told: Exchange, provider: Provider, words: Mapping[str, Any]) -> Exchange:
    """The answer with these words where its template has their names."""
    template, body = provider.data["answers"][told.name], told.body
    for name in words:
        for at, mixed in places(template, name):
            if pointer.follow(body, at) is not None:
                text = words[name] if mixed is None else pointer.follow(template, at).format_map(_Unsaid(words))
                body = apply_patch(body, {"op": "replace", "path": at, "value": text})
    return replace(told, body=body)


class _Unsaid(dict[str, Any]):
    """A name without a value stands as three dots."""

    def __missing__(self, name: str) -> str:
        return "..."


class _Lives:
    """Draws the lives of one provider's tasks."""

    def __init__(self, provider: Provider, mode: Mode) -> None:
        self.provider, self.mode = provider, mode
        self.submit, self.poll = provider.endpoints["submit"], provider.endpoints["poll"]
        self.prefix = self.poll.data.get("answer_prefix", "")
        self.requests = _Requests(provider, mode).strategy()
        self.told = {name: _answer(provider, self.poll, name) for name in self.poll.answers}
        self.taken = {name: _answer(provider, self.submit, name) for name in self.submit.answers}

    def life(self, draw: st.DrawFn) -> Life:
        request = draw(self.requests)
        words = {"task_id": draw(_ids(self.provider)), "request": request, **self._echoes(request)}
        if self._waits(request):
            submit = draw(self.taken[self.submit.data["result_answer"]])
            return Life(request, _saying(submit, self.provider, words), (), "succeeded")
        submit = _saying(draw(self.taken["submitted"]), self.provider, words)
        states = self._states(draw)
        told = {state: draw(self.told[self.prefix + state]) for state in dict.fromkeys(states)}
        polls = {state: _saying(answer, self.provider, words) for state, answer in told.items()}
        return Life(request, submit, tuple(polls[state] for state in states), states[-1])

    def _states(self, draw: st.DrawFn) -> list[str]:
        """The states as polls see them: each some times or never, the last one at least once."""
        state, seen = next(iter(FOLLOWING)), list[str]()
        while state in FOLLOWING:
            seen += [state] * draw(st.integers(0, _MOST_POLLS))
            state = draw(st.sampled_from([after for after in FOLLOWING[state] if self._can_be(after)]))
        seen += [state] * draw(st.integers(1, _MOST_POLLS))
        is_forgotten = self._can_be("unknown") and draw(st.booleans())
        return [*seen, "unknown"] if is_forgotten else seen

    def _can_be(self, state: str) -> bool:
        is_asked = state != "canceled" or "cancel" in self.provider.endpoints
        return self.prefix + state in self.told and is_asked

    def _echoes(self, request: Any) -> dict[str, Any]:
        """What the answers repeat of a request."""
        read = Request(self.provider, self.mode, request)
        said = {name: read.get(name) for name in ("model", "prompt", "resolution")}
        return {name: value for name, value in said.items() if value is not None}

    def _waits(self, request: Any) -> bool:
        """Whether the provider holds the connection until the end."""
        for delivery in self.submit.data.get("delivery", ()):
            if "accept" not in delivery and matcher(delivery.get("when", {}))(request):
                return bool(delivery["how"] == "wait")
        return False


def _ids(provider: Provider) -> st.SearchStrategy[str]:
    """Ids of tasks in the form that the provider gives them."""
    form = provider.data["ids"]["task_id"]
    return st.integers(0, 2**128 - 1).map(
        lambda bits: form.format(uuid=UUID(int=bits), hex32=f"{bits:032x}", digits19=str(10**18 + bits % 10**18))
    )
