"""`happyhorse-spec rules`: list the rules of the providers, explain one, list what the sources disagree on."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from happyhorse_spec.comparison import differences
from happyhorse_spec.contract import Provider, load_provider, provider_names
from happyhorse_spec.disputes import disputes
from happyhorse_spec.explanation import difference_in_words, dispute_in_words, explain, limit_in_words, rule_as_dict
from happyhorse_spec.failures import FINE, Failure
from happyhorse_spec.headers import all_rules
from happyhorse_spec.rules import Rule
from happyhorse_spec.wording import listing

_EFFECTS = ("reject", "truncate", "ignore", "advise")
_LIMIT_WIDTH = 60


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "List the rules of all providers or of one, or explain the rule with a given id."
    parser.add_argument("words", nargs="*", metavar="PROVIDER|FOLDER|RULE", help="whose rules, or which one")
    parser.add_argument("--mode", help="only the rules of this mode (t2v, i2v, ...), or of: any, media, submit")
    parser.add_argument("--effect", choices=_EFFECTS, help="only the rules with this effect")
    parser.add_argument(
        "--conflicts", action="store_true", help="list what providers and sources disagree on, and the choice"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per line")


def run(args: argparse.Namespace) -> int:
    """Print what is asked for. Exit code 0, or 2 for a provider or a rule that there is not."""
    named, ids = _sorted_out(args.words)
    providers = [load_provider(name) for name in named or [*provider_names(), *_folders(ids)]]
    if args.conflicts:
        _print(_ledger(providers, args.json))
    elif ids:
        _print(line for name in ids for line in _explained(name, providers, args.json))
    else:
        if not _print(line for provider in providers for line in _list(provider, args)):
            raise Failure("no rule is like that; `happyhorse-spec rules` lists them all")
    return FINE


def _sorted_out(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Providers and rules: a rule has a dot and no slash, and is no folder."""
    ids = [word for word in words if "." in word and "/" not in word and not (Path(word) / "provider.yaml").is_file()]
    return [word for word in words if word not in ids], ids


def _folders(ids: Sequence[str]) -> list[str]:
    """The folders here that rules are named after."""
    names = dict.fromkeys(name.partition(".")[0] for name in ids)
    return [name for name in names if name not in provider_names() and (Path(name) / "provider.yaml").is_file()]


def _print(lines: Iterable[str]) -> bool:
    """Print the lines; False where there are none."""
    text = "\n".join(lines).rstrip("\n")
    if text:
        print(text)
    return bool(text)


def _list(provider: Provider, args: argparse.Namespace) -> Iterator[str]:
    rules = [rule for rule in all_rules(provider) if _is_wanted(rule, provider, args)]
    if args.json or not rules:
        yield from (json.dumps(rule_as_dict(rule, provider), ensure_ascii=False, default=str) for rule in rules)
        return
    yield f"{provider.name}: {provider.title}, {len(rules)} rule{'' if len(rules) == 1 else 's'}"
    width = max(len(rule.id) for rule in rules)
    for rule in rules:
        limit = limit_in_words(rule)
        limit = limit if len(limit) <= _LIMIT_WIDTH else f"{limit[: _LIMIT_WIDTH - 1]}…"
        yield f"  {rule.id:{width}}  {rule.effect:8}  {limit}"
    yield ""


def _is_wanted(rule: Rule, provider: Provider, args: argparse.Namespace) -> bool:
    mode = rule.id.removeprefix(f"{provider.name}.").split(".")[0]
    return args.mode in (None, mode) and args.effect in (None, rule.effect)


def _explained(name: str, providers: Sequence[Provider], as_json: bool) -> Iterator[str]:
    provider, rule = _find(name, providers)
    if as_json:
        yield json.dumps(rule_as_dict(rule, provider, twin=True), ensure_ascii=False, default=str)
        return
    yield from explain(rule, provider)
    yield ""


def _find(name: str, providers: Sequence[Provider]) -> tuple[Provider, Rule]:
    known = {rule.id: (provider, rule) for provider in providers for rule in all_rules(provider)}
    if name in known:
        return known[name]
    near = [known_name for known_name in known if known_name.endswith(f".{name}")]
    near = near or _like(name, known)
    hint = f"did you mean {listing(near[:5])}?" if near else "`happyhorse-spec rules` lists them all"
    raise Failure(f"there is no rule {name}; {hint}")


def _like(name: str, known: Iterable[str]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(name, known, n=3, cutoff=0.6)


def _ledger(providers: Sequence[Provider], as_json: bool) -> Iterator[str]:
    """What the providers differ in, where several are asked for, then what the sources of each disagree on."""
    found = differences(providers) if len(providers) > 1 else []
    if as_json:
        yield from (json.dumps({"provider": None, **difference.as_dict()}, ensure_ascii=False) for difference in found)
    elif found:
        yield f"between the providers: {len(found)} facts; each is judged and played by its own"
        for part, differing in groupby(found, key=lambda difference: difference.part):
            yield from ("", f"{part}:", "")
            yield from (line for difference in differing for line in difference_in_words(difference))
        yield ""
    for provider in providers:
        yield from _conflicts(provider, as_json)


def _conflicts(provider: Provider, as_json: bool) -> Iterator[str]:
    found = list(disputes(provider))
    if as_json:
        lines = ({"provider": provider.name, **dispute.as_dict()} for dispute in found)
        yield from (json.dumps(line, ensure_ascii=False, default=str) for line in lines)
        return
    yield f"{provider.name}: {provider.title}, {len(found)} conflicts"
    yield ""
    for dispute in found:
        yield from dispute_in_words(dispute)
        yield ""
