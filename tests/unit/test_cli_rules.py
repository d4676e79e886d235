"""`happyhorse-spec rules`: the list, one rule explained, what the sources disagree on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from happyhorse_spec.check import check_body
from happyhorse_spec.cli import main
from happyhorse_spec.contract import SCHEMAS, load_provider, provider_names
from happyhorse_spec.disputes import disputes
from happyhorse_spec.edits import apply_patch
from happyhorse_spec.headers import all_rules

MINIMUM = "dashscope.t2v.parameters.duration.minimum"

Rules = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def rules(capsys: pytest.CaptureFixture[str]) -> Rules:
    """A function that runs the command: exit code, lines of output, errors."""

    def run(*arguments: str) -> tuple[int, list[str], str]:
        capsys.readouterr()
        code = main(["rules", *arguments])
        shown = capsys.readouterr()
        return code, shown.out.splitlines(), shown.err

    return run


def records(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


# The list


def test_every_rule_is_listed_with_its_effect_and_limit(rules: Rules) -> None:
    code, lines, _ = rules()
    assert code == 0
    listed = [line.split()[0] for line in lines if line.startswith("  ")]
    assert listed == [rule.id for name in provider_names() for rule in all_rules(load_provider(name))]
    row = next(line for line in lines if line.split()[:1] == [MINIMUM])
    assert row.split()[1:] == ["reject", "3"]


def test_rules_stand_under_their_provider(rules: Rules) -> None:
    _, lines, _ = rules()
    headings = [line for line in lines if line and not line.startswith(" ")]
    assert [heading.split(":")[0] for heading in headings] == provider_names()
    assert re.search(r", \d+ rules$", headings[0])


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["dashscope"], r"dashscope\.\S+"),
        (["dashscope", "imini"], r"(dashscope|imini)\.\S+"),
        (["--mode", "t2v"], r"\w+\.t2v\.\S+"),
        (["--mode", "media", "dashscope"], r"dashscope\.media\.\S+"),
        (["--mode", "submit"], r"\w+\.submit\.header\.\S+"),
        (["--effect", "truncate"], r"\S+\.maxPromptUnits(@\S+)?"),
    ],
)
def test_list_can_be_narrowed(rules: Rules, arguments: list[str], pattern: str) -> None:
    code, lines, _ = rules(*arguments)
    listed = [line.split()[0] for line in lines if line.startswith("  ")]
    assert code == 0
    assert listed
    assert [name for name in listed if not re.fullmatch(pattern, name)] == []


def test_json_has_one_rule_per_line(rules: Rules) -> None:
    _, lines, _ = rules("dashscope", "--json")
    found = {record["rule"]: record for record in records(lines)}
    assert len(found) == len(lines) == len(list(all_rules(load_provider("dashscope"))))
    rule = found[MINIMUM]
    assert (rule["provider"], rule["effect"], rule["keyword"], rule["limit"]) == ("dashscope", "reject", "minimum", 3)
    assert rule["source"][0].keys() == {"title", "url", "kind", "seen"}
    assert rule["conflict"][0]["value"] == 2


def test_rules_of_a_folder(rules: Rules, tmp_path: Path) -> None:
    folder = copytree(SCHEMAS / "imini", tmp_path / "gateway")
    _, lines, _ = rules(str(folder))
    assert lines[0].startswith("gateway: iMini")
    code, lines, _ = rules(str(folder), "gateway.t2v.duration.minimum")
    assert (code, lines[0]) == (0, "gateway.t2v.duration.minimum")


def test_rule_is_found_in_the_folder_it_is_named_after(
    rules: Rules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copytree(SCHEMAS / "imini", tmp_path / "gateway")
    monkeypatch.chdir(tmp_path)
    code, lines, _ = rules("gateway.t2v.duration.minimum")
    assert (code, lines[0]) == (0, "gateway.t2v.duration.minimum")


# One rule


def test_rule_that_nothing_breaks_alone_has_no_example(rules: Rules, edited: Callable[..., str]) -> None:
    def behind(schema: Any) -> None:
        schema["$defs"]["first_frame"]["properties"]["width"]["exclusiveMinimum"] = 299

    folder = edited("dashscope", "media.schema.json", behind)
    code, lines, _ = rules(folder, "dashscope.media.first_frame.width.exclusiveMinimum")
    assert code == 0
    assert any(re.fullmatch(r" *example: +none was found that breaks this rule and no other", line) for line in lines)


def test_rule_is_explained(rules: Rules) -> None:
    code, lines, _ = rules(MINIMUM)
    label, _, body = lines.pop(-2).partition("{")
    assert (code, label) == (0, "  passes:   ")
    assert json.loads("{" + body) == {
        "model": "happyhorse-1.0-t2v",
        "input": {"prompt": "text"},
        "parameters": {"duration": 3},
    }
    assert lines == [
        MINIMUM,
        "",
        "  place:    parameters.duration",
        "  limit:    minimum: 3",
        "  effect:   reject (InvalidParameter, HTTP 400)",
        "  fix:      Give a whole number of seconds from 3 to 15.",
        "  source:   HappyHorse text-to-video API reference (Model Studio) (documented, seen 2026-05-30)",
        "            https://help.aliyun.com/zh/model-studio/happyhorse-text-to-video-api-reference",
        "  disputed: 2, says APIYI: HappyHorse text to video; new-api: HappyHorse adaptor of a relay. Only a",
        "            gateway and a relay say 2; all four pages of the provider say 3.",
        "  breaks:   replace /parameters/duration with 2",
    ]


@pytest.mark.parametrize("name", provider_names())
def test_every_rule_can_be_explained(rules: Rules, name: str) -> None:
    ids = [rule.id for rule in all_rules(load_provider(name))]
    code, lines, _ = rules(*ids)
    assert code == 0
    assert [line for line in lines if line and not line.startswith(" ")] == ids
    labels = [line.split(":")[0].strip() for line in lines]
    assert all(labels.count(label) == len(ids) for label in ("place", "limit", "effect", "passes", "breaks"))
    assert labels.count("source") >= len(ids)
    assert not [line for line in lines if len(line) > 400]


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("dashscope.t2v.model.enum", "            (told as dashscope.any.model.enum, which says the same)"),
        (
            "acedata.i2v.action.required",
            "            (it is then a request of another mode; only the schema of this mode objects)",
        ),
        ("dashscope.media.video.fps.maximum", "  breaks:   facts of a file: replace /fps with 61"),
        ("dashscope.submit.header.X-DashScope-Async", "  breaks:   headers: remove /X-DashScope-Async"),
        ("dashscope.t2v.input.prompt.required", "  limit:    required"),
        (
            "dashscope.t2v.input.prompt.maxPromptUnits",
            '  breaks:   replace /input/prompt with "aaaaaaaaaaaaaaaaaaaa… 5001 characters"',
        ),
        ("dashscope.r2v.input.media.items.url.type", "  place:    input.media[].url"),
    ],
)
def test_explanation_says_what_is_special(rules: Rules, rule: str, line: str) -> None:
    assert line in rules(rule)[1]


def test_example_of_a_rule_as_json_can_be_used(rules: Rules) -> None:
    (record,) = records(rules(MINIMUM, "--json")[1])
    twin = record["twin"]
    provider = load_provider("dashscope")
    assert check_body(twin["passes"], provider) == []
    assert [found.rule.id for found in check_body(apply_patch(twin["passes"], twin["patch"]), provider)] == [MINIMUM]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dashscope.t2v.parameter.duration.minimum"], f"did you mean {MINIMUM}"),
        (["seed.maximum"], "did you mean acedata.t2v.seed.maximum"),
        (["dashscope", "seed.maximum"], "did you mean dashscope.t2v.parameters.seed.maximum"),
        (["x.y"], "there is no rule x.y; `happyhorse-spec rules` lists them all"),
        (["dashscop"], "there is no provider dashscop; use one of acedata, apiyi, dashscope, imini"),
        (["--mode", "x2v"], "no rule is like that"),
        (["--effect", "explode"], "invalid choice: 'explode'"),
    ],
)
def test_what_there_is_not(rules: Rules, words: list[str], message: str) -> None:
    code, lines, errors = rules(*words)
    assert (code, lines) == (2, [])
    assert message in errors


# What the sources disagree on


def test_conflicts_are_listed_with_choice_claims_and_reason(rules: Rules) -> None:
    code, lines, _ = rules("--conflicts", "dashscope")
    assert code == 0
    at = lines.index("parameters.duration minimum (t2v, i2v, r2v): 3")
    assert lines[at + 1 : at + 3] == [
        "  - 2, says APIYI: HappyHorse text to video; new-api: HappyHorse adaptor of a relay",
        "    Only a gateway and a relay say 2; all four pages of the provider say 3.",
    ]
    assert "Unknown model: 400 InvalidParameter" in lines


@pytest.mark.parametrize("name", provider_names())
def test_no_conflict_is_left_out(name: str) -> None:
    provider = load_provider(name)
    found = list(disputes(provider))
    topics = [dispute.topic for dispute in found]
    assert [entry["topic"] for entry in provider.data.get("conflicts", ()) if entry["topic"] not in topics] == []
    told = [claim.value for dispute in found for claim in dispute.claims]
    assert [c.value for rule in provider.rules() for c in rule.conflicts if c.value not in told] == []
    assert all(claim.sources for dispute in found for claim in dispute.claims)


def test_conflicts_as_json(rules: Rules) -> None:
    found = records(rules("--conflicts", "--json")[1])
    assert {record["provider"] for record in found} == {None, *provider_names()}
    default = next(
        record
        for record in found
        if (record["provider"], record["topic"]) == ("dashscope", "parameters.watermark default")
    )
    assert default["choice"] is True
    assert default["source"][0]["title"].startswith("HappyHorse text-to-video API reference")
    assert default["claims"][0]["value"] is False
    assert default["modes"] == ["t2v", "i2v", "r2v", "video-edit"]
    assert all(record["choice"] not in (None, "") and record["why"] for record in found)


def test_conflicts_between_providers_are_told_first(rules: Rules) -> None:
    _, lines, _ = rules("--conflicts")
    assert re.fullmatch(r"between the providers: \d+ facts; each is judged and played by its own", lines[0])
    at = lines.index("`duration`: range (t2v, i2v, r2v)")
    assert lines[at + 1 : at + 3] == ["  - 3-15: acedata, dashscope and imini", "  - 2-15: apiyi"]
    assert at < lines.index(next(line for line in lines if line.startswith("acedata: ")))


def test_conflicts_between_two_providers(rules: Rules) -> None:
    found = records(rules("--conflicts", "--json", "apiyi", "dashscope")[1])
    between = {(record["topic"], *record["modes"]): record for record in found if record["provider"] is None}
    claims = between["`duration`: range", "t2v", "i2v", "r2v"]["claims"]
    assert [(claim["provider"], claim["value"]) for claim in claims] == [("apiyi", "2-15"), ("dashscope", "3-15")]
    assert claims[1]["source"][0]["url"]
    assert ("first frame: bytes",) not in between


def test_conflicts_of_one_provider_are_its_own(rules: Rules) -> None:
    _, lines, _ = rules("--conflicts", "imini")
    assert lines[0].startswith("imini: ")
