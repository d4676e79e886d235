"""The audit tells each thing that two files of a provider can get wrong with one another."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from happyhorse_spec import audit
from happyhorse_spec.contract import load_provider

Edited = Callable[[str, str, Callable[[Any], object]], str]

NAME = "dashscope"
REQUEST, ADVICE = "t2v.request.schema.json", "t2v.advice.schema.json"
ODD = {"status": 400, "code": "Odd", "message": "odd", "source": "absence"}


def near(wrong: str, use: str) -> dict[str, Any]:
    return {"x-near": {wrong: {"use": use}}}


def parameters(schema: Any) -> Any:
    return schema["properties"]["parameters"]["properties"]


#: File, edit, what the audit says of it.
FAULTS: dict[str, tuple[str, Callable[[Any], object], str]] = {
    "refusal by no error": (
        "provider.yaml",
        lambda data: data["refusals"].update(query="nothing"),
        "refusals.query names the error nothing, which errors does not have",
    ),
    "error of an endpoint": (
        "provider.yaml",
        lambda data: data["endpoints"]["poll"]["errors"].append("nothing"),
        "endpoints.poll.errors names the error nothing",
    ),
    "error of a header": (
        "provider.yaml",
        lambda data: data["endpoints"]["submit"]["headers"][0].update(error="nothing"),
        "endpoints.submit.headers.X-DashScope-Async names the error nothing",
    ),
    "error of a rule": (
        REQUEST,
        lambda schema: schema["properties"]["model"].update({"x-error": "nothing"}),
        "rule dashscope.t2v.model.enum names the error nothing",
    ),
    "operation that cannot be refused": (
        "provider.yaml",
        lambda data: data["refusals"].pop("cancel"),
        "cancel can be refused, and refusals does not have cancel",
    ),
    "limit that cannot be told": (
        "provider.yaml",
        lambda data: data["refusals"].pop("queue_full"),
        "queued can be refused, and refusals does not have queue_full",
    ),
    "answer of an endpoint": (
        "provider.yaml",
        lambda data: data["endpoints"]["poll"]["answers"].update(nothing=200),
        "endpoints.poll.answers names the answer nothing, which answers does not have",
    ),
    "answer of a stream": (
        "provider.yaml",
        lambda data: data["endpoints"]["submit"].update(result_answer="nothing"),
        "endpoints.submit.result_answer names the answer nothing",
    ),
    "form that misses its host": (
        "provider.yaml",
        lambda data: data["answers"]["upload_policy"]["data"].pop("upload_host"),
        "answers.upload_policy does not have {upload_host}, which the form of an upload needs",
    ),
    "field of a form": (
        "provider.yaml",
        lambda data: data["upload"]["form"]["fields"].update(policy="/nothing"),
        "upload.form.fields.policy names /nothing, which answers.upload_policy does not have",
    ),
    "query of a policy": (
        "provider.yaml",
        lambda data: data["endpoints"]["upload_policy"]["query"]["action"].pop("enum"),
        "endpoints.upload_policy.query.action is required, and neither an enum nor request says its value",
    ),
    "answer of a callback": (
        "provider.yaml",
        lambda data: data.update(
            callback={"url": "/a", "succeeded": "failed", "failed": "nothing", "source": "absence"}
        ),
        "callback.failed names the answer nothing",
    ),
    "answer of a profile": (
        "provider.yaml",
        lambda data: data.update(profiles={"other": {"pending": "nothing", "source": "absence"}}),
        "profiles.other names the answer nothing",
    ),
    "envelope of an error": (
        "provider.yaml",
        lambda data: data["errors"].update(odd={**ODD, "answer": "nothing"}),
        "errors.odd names the answer nothing",
    ),
    "answer without a schema": (
        "provider.yaml",
        lambda data: data["answers"].update(extra={}),
        "answers.extra has no examples in answers.schema.json",
    ),
    "answer without a source": (
        "answers.schema.json",
        lambda schema: schema["$defs"]["failed"].pop("x-source"),
        "answers.failed has no x-source in answers.schema.json",
    ),
    "chosen answer without a reason": (
        "answers.schema.json",
        lambda schema: schema["$defs"]["pending"].pop("x-why"),
        "answers.schema.json: pending is chosen and gives no reason",
    ),
    "state without an answer": (
        "provider.yaml",
        lambda data: data["endpoints"]["poll"]["answers"].pop("canceled"),
        "states has canceled, which endpoints.poll does not answer",
    ),
    "example that satisfies nothing": (
        "answers.schema.json",
        lambda schema: schema["$defs"]["failed"]["examples"][0].pop("output"),
        "endpoints.poll: an example of failed is taken for nothing",
    ),
    "example that satisfies two": (
        "answers.schema.json",
        lambda schema: schema["$defs"]["pending"]["properties"]["output"]["properties"].pop("task_status"),
        "endpoints.poll: an example of running is taken for pending, running",
    ),
    "source in provider.yaml": (
        "provider.yaml",
        lambda data: data["key"].update(source=["hearsay"]),
        "provider.yaml/key/source cites hearsay, which sources.yaml does not have",
    ),
    "source of a value in a conflict": (
        "provider.yaml",
        lambda data: data["conflicts"][0]["values"][0].update(source="hearsay"),
        "provider.yaml/conflicts/values/source cites hearsay",
    ),
    "source of an answer": (
        "answers.schema.json",
        lambda schema: schema["$defs"]["failed"].update({"x-source": "hearsay"}),
        "answers.schema.json/$defs/failed/x-source cites hearsay",
    ),
    "path beside the base": (
        "provider.yaml",
        lambda data: data["endpoints"]["poll"].update(path="/api/v2/tasks/{task_id}"),
        "endpoints.poll: /api/v2/tasks/{task_id} does not begin with /api/v1; say why",
    ),
    "role of no file": (
        "provider.yaml",
        lambda data: data["modes"]["i2v"]["media"][0].update(role="last_frame"),
        "a mode has media of the role last_frame, which media.schema.json does not have",
    ),
    "role of no mode": (
        "provider.yaml",
        lambda data: data["modes"]["i2v"].pop("media"),
        "media.schema.json has the role first_frame, which no mode has",
    ),
    "default that is refused": (
        REQUEST,
        lambda schema: parameters(schema)["ratio"].update(default="2:1"),
        "t2v: the default at /parameters/ratio breaks enum",
    ),
    "hint at a value that nobody takes": (
        REQUEST,
        lambda schema: parameters(schema)["ratio"].update(near("wide", "2:1")),
        f"{REQUEST}/properties/parameters/properties/ratio: x-near gives 2:1 for wide, and no mode takes that",
    ),
    "hint at a member that nobody knows": (
        ADVICE,
        lambda schema: schema.update(near("length", "parameters.length")),
        f"{ADVICE}: x-near gives parameters.length for length, and no mode takes that",
    ),
    "annotation of what is not there": (
        REQUEST,
        lambda schema: parameters(schema)["ratio"].update({"x-fix": {"enum": "Choose one.", "minimum": "Raise it."}}),
        "ratio: x-fix speaks of minimum, which does not stand there",
    ),
    "conflict about what is not there": (
        REQUEST,
        lambda schema: parameters(schema)["ratio"]["x-conflict"][0].update(keyword="maximum"),
        "ratio: x-conflict speaks of maximum, which does not stand there",
    ),
    "rule without a repair": (
        REQUEST,
        lambda schema: schema["properties"]["model"].pop("x-fix"),
        "rule dashscope.t2v.model.enum has no x-fix",
    ),
    "price of no model": (
        "provider.yaml",
        lambda data: data["prices"][0].update(models="^wan"),
        "prices: ^wan matches no model",
    ),
    "price of no resolution": (
        "provider.yaml",
        lambda data: data["prices"][0]["per_second"].update({"4K": 1}),
        "prices: 4K is no resolution of any mode",
    ),
    "conflict that is none": (
        "t2v.request.schema.json",
        lambda schema: schema["properties"]["parameters"]["properties"]["seed"].update(
            {
                "minimum": 0,
                "x-source": "absence",
                "x-conflict": [
                    {"keyword": "minimum", "value": 0, "source": "absence", "why": "Nobody says otherwise."}
                ],
            }
        ),
        "x-conflict of parameters.seed minimum claims what the law says",
    ),
    "conflict whose choice is no word": (
        "r2v.advice.schema.json",
        lambda schema: [
            entry.pop("choice", None)
            for part in schema["properties"]["input"]["properties"]["prompt"]["allOf"]
            for entry in part.get("x-conflict", ())
        ],
        "x-conflict of input.prompt taken has a schema for its choice; say it in words with `choice`",
    ),
    "conflict that is decided twice": (
        "provider.yaml",
        lambda data: data["conflicts"].append(data["conflicts"][0]),
        "conflicts: When a violation is told is decided twice",
    ),
    "conflict with one side": (
        "provider.yaml",
        lambda data: data["conflicts"][1].update(values=data["conflicts"][1]["values"][:1]),
        "conflicts: Unknown model has one value; name the other, or the absence",
    ),
}


#: Stands in the request in place of the reference to the shared piece, so that it can be edited.
RATIO = {
    "enum": ["16:9", "1:1"],
    "default": "16:9",
    "x-source": "hh-t2v",
    "x-fix": "Choose one.",
    "x-conflict": [{"keyword": "enum", "value": ["1:1"], "source": "absence", "why": "Nobody says so anywhere."}],
}


@pytest.mark.parametrize("case", FAULTS)
def test_fault_is_told(case: str, edited: Edited) -> None:
    file, edit, sentence = FAULTS[case]

    def break_it(data: Any) -> None:
        if file == REQUEST:
            parameters(data)["ratio"] = copy.deepcopy(RATIO)
        edit(data)

    told = list(audit.audit(load_provider(edited(NAME, file, break_it))))
    assert [line for line in told if line.startswith(f"{NAME}: ") and sentence in line], told


def test_source_that_nobody_cites_is_told() -> None:
    told = list(audit.unused_sources([load_provider(NAME)]))
    assert "sources.yaml: ay-overview is cited by nobody; cite it or remove it" in told
    assert not [line for line in told if "hh-t2v" in line]


#: Edit of a file, what is said of the rules then.
UNPROVED: dict[str, tuple[str, Callable[[Any], object], list[str]]] = {
    "none": ("provider.yaml", lambda _: None, []),
    "a rule that only another hides": (
        REQUEST,
        lambda schema: parameters(schema).update(
            hidden={"const": 1, "enum": [1], "x-source": "absence", "x-fix": "..."}
        ),
        [
            f"{NAME}: rule t2v.parameters.hidden.{word} is broken by no request alone; give a reason "
            "(untwinned in provider.yaml)"
            for word in ("const", "enum")
        ],
    ),
    "a reason that is not needed, and one for nothing": (
        "provider.yaml",
        lambda data: data.update(
            untwinned=[{"rule": name, "why": "Nobody can break it alone."} for name in ("any.type", "t2v.a.type")]
        ),
        [
            f"{NAME}: rule any.type has a twin (untwinned in provider.yaml)",
            f"{NAME}: untwinned names t2v.a.type, which is no rule",
        ],
    ),
}


@pytest.mark.parametrize("case", UNPROVED)
def test_rule_without_a_twin_needs_a_reason(case: str, edited: Edited) -> None:
    file, edit, told = UNPROVED[case]
    assert list(audit.unproved_rules(load_provider(edited(NAME, file, edit)))) == told


def test_reason_stands_for_a_twin(edited: Edited) -> None:
    file, edit, _ = UNPROVED["a rule that only another hides"]
    provider = load_provider(edited(NAME, file, edit))
    excused = [{"rule": f"t2v.parameters.hidden.{word}", "why": "The other hides it."} for word in ("const", "enum")]
    assert list(audit.unproved_rules(replace(provider, data={**provider.data, "untwinned": excused}))) == []
