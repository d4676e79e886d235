"""`happyhorse-spec check` on curl commands and request specs."""

from __future__ import annotations

import json

import pytest
from checking import CURL, SUBMIT, T2V, Check, Write, column

from happyhorse_spec.spec import SpecError
from happyhorse_spec.spec_reader import read_specs

# Curl commands


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            CURL.replace("  -H 'X-DashScope-Async: enable' \\\n", ""),
            '1:18: reject: the header X-DashScope-Async is missing; it must be "enable"',
            id="missing",
        ),
        pytest.param(
            CURL.replace("enable", "disable"),
            '2:7: reject: the header X-DashScope-Async is "disable"; it must be "enable"',
            id="wrong",
        ),
        pytest.param(
            CURL.replace("Bearer $", "$"),
            '3:7: reject: the header Authorization is "***"; it must be "Bearer $DASHSCOPE_API_KEY"',
            id="key without its scheme",
        ),
    ],
)
def test_header_is_judged(write: Write, check: Check, text: str, message: str) -> None:
    shown = check(write("a.sh", text))
    assert (shown.code, shown.lines[0]) == (1, f"a.sh:{message}")


def test_header_finding_has_rule_source_and_fix(write: Write, check: Check) -> None:
    name = write("a.sh", CURL.replace("  -H 'X-DashScope-Async: enable' \\\n", ""))
    (record,) = check(name, "--format", "json").records
    assert record["rule"] == "dashscope.submit.header.X-DashScope-Async"
    assert record["source"][0]["kind"] == "documented"
    assert record["fix"] == 'Send the header "X-DashScope-Async: enable".'


def test_finding_in_a_command_points_into_it(write: Write, check: Check) -> None:
    shown = check(write("a.sh", CURL.replace("720P", "720p")))
    assert shown.lines[0].startswith("a.sh:8:32: reject: parameters.resolution is")
    assert shown.lines[1] == '    8 |   "parameters": {"resolution": "720p"}'


def test_finding_in_a_file_that_a_command_sends_names_that_file(write: Write, check: Check) -> None:
    body = {**T2V, "parameters": {"duration": 2}}
    write("body.json", body)
    name = write("a.sh", f"curl {SUBMIT} -H 'Authorization: Bearer k' -H 'X-DashScope-Async: enable' -d @body.json")
    assert check(name).lines[0].startswith(f"body.json:1:{column(body, '2')}: reject: parameters.duration")


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (
            "https://ws-1.cn-beijing.maas.aliyuncs.com/api/v1/services/aigc/video-generation/video-synthesis",
            "dashscope",
        ),
        ("https://api.apiyi.com/wan/api/v1/services/aigc/video-generation/video-synthesis", "apiyi"),
        ("http://localhost:8080/~s1/wan/api/v1/services/aigc/video-generation/video-synthesis", "apiyi"),
        ("$BASE_URL/api/v1/services/aigc/video-generation/video-synthesis", "dashscope"),
    ],
)
def test_address_tells_the_provider(write: Write, check: Check, url: str, kind: str) -> None:
    name = write("a.sh", CURL.replace(f"'{SUBMIT}'", f'"{url}"'))
    assert check(name).lines[-1] == f"a.sh: ok ({kind}, t2v)"


def test_address_that_is_unknown_leaves_the_body_to_tell(write: Write, check: Check) -> None:
    name = write("a.sh", CURL.replace(SUBMIT, "https://example.com/videos"))
    assert "could be a request for apiyi or dashscope" in check(name).err
    assert check(name, "--provider", "dashscope").out == "a.sh: ok (dashscope, t2v)\n"


def test_wrong_method(write: Write, check: Check) -> None:
    shown = check(write("a.sh", "curl -X DELETE https://dashscope.aliyuncs.com/api/v1/tasks/1"))
    assert (shown.code, shown.err) == (1, "a.sh: dashscope takes GET at this address, not DELETE\n")


# Request specs


def test_refusal_that_a_spec_expects_is_no_finding_though_its_request_is_of_no_mode(write: Write, check: Check) -> None:
    unknown = json.dumps({**T2V, "model": "happyhorse-9.9-t2v"})
    name = write("a.yaml", f"name: a\nprovider: dashscope\nrequest: {unknown}\nexpect: {{rejected: {{}}}}\n")
    assert check(name).out == "a.yaml: ok (dashscope)\n"


def test_every_document_of_a_file_is_judged(write: Write, check: Check) -> None:
    good, bad = json.dumps(T2V), json.dumps({**T2V, "parameters": {"duration": 2}})
    one, two = (f"name: a\nprovider: dashscope\nrequest: {body}\n---\n" for body in (good, bad))
    shown = check(write("a.yaml", f"{one}{two}name: c\nrequest: 5\n"), "--format", "text")
    assert shown.lines[0] == "a.yaml:1:1: ok (dashscope, t2v)"
    assert shown.lines[1].startswith("a.yaml:7:")
    assert shown.err.startswith("a.yaml:9:1: it has no provider; every spec has one")
    assert shown.code == 1


def test_variants_of_a_matrix_are_judged_and_their_findings_told_once(write: Write, check: Check) -> None:
    text = """provider: dashscope
matrix: {seconds: [3, 15, 16], tier: [720P, 1080P]}
request:
  model: happyhorse-1.0-t2v
  input: {prompt: "${matrix.seconds} s"}
  parameters: {duration: "${matrix.seconds}", resolution: "${matrix.tier}"}
name: a
"""
    records = check(write("a.yaml", text), "--format", "json").records
    assert [(record["message"], record["line"], record["column"]) for record in records] == [
        ("parameters.duration is 16; it must be 3-15", 6, 26)
    ]
    shown = check(write("b.yaml", text.replace(", 16", "")))
    assert shown.out == "b.yaml: ok (dashscope, t2v, 4 variants)\n"


def test_finding_in_the_defaults_of_a_file_points_there(write: Write, check: Check) -> None:
    text = """defaults:
  provider: dashscope
  request: {model: happyhorse-1.0-t2v, parameters: {duration: 2}}
---
request: {input: {prompt: x}}
name: a
"""
    assert check(write("a.yaml", text)).lines[0].startswith("a.yaml:3:63: reject: parameters.duration is 2")


def test_value_that_is_not_there_is_told(write: Write, check: Check) -> None:
    shown = check(write("a.yaml", 'provider: dashscope\nrequest: {model: "${matrix.nothing}"}\nname: a\n'))
    assert (shown.code, shown.err.partition(": ")[0]) == (1, "a.yaml:2:18")


@pytest.mark.parametrize(
    ("rejected", "code"),
    [
        ("{}", 0),
        ("{rule: dashscope.t2v.parameters.duration.minimum}", 0),
        ("{rule: dashscope.t2v.parameters.duration.maximum}", 1),
    ],
)
def test_rejection_that_a_spec_expects_is_fine(write: Write, check: Check, rejected: str, code: int) -> None:
    bad = json.dumps({**T2V, "parameters": {"duration": 2}})
    text = f"provider: dashscope\nrequest: {bad}\nexpect: {{rejected: {rejected}}}\nname: a\n"
    assert check(write("a.yaml", text)).code == code


FAULTS = {
    "unknown-key": ("name: a\nprovider: dashscope\nrequest: {}\nexpects: {}\n", "expects is not known here"),
    "no-name": ("provider: dashscope\nrequest: {}\n", "it has no name"),
    "no-provider": ("name: a\nrequest: {}\n", "it has no provider"),
    "unknown-provider": ("name: a\nprovider: dashscop\nrequest: {}\n", "Did you mean dashscope?"),
    "unknown-state": (
        "name: a\nprovider: dashscope\nrequest: {}\nexpect: {state: completed}\n",
        "it must be SUCCEEDED",
    ),
    "unknown-rule": ("name: a\nprovider: dashscope\nrequest: {}\nexpect: {rejected: {rule: x}}\n", "has no rule x"),
    "late-defaults": ("name: a\nprovider: dashscope\nrequest: {}\n---\ndefaults: {}\n", "in the first document"),
    "no-variable": ('name: a\nprovider: dashscope\nrequest: {model: "${var.m}"}\n', "add --var m=VALUE"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_spec_that_cannot_be_run_is_told_as_by_run(write: Write, check: Check, name: str) -> None:
    text, told = FAULTS[name]
    path = write("a.yaml", text)
    shown = check(path)
    with pytest.raises(SpecError) as faults:
        read_specs([path])
    lines = [line for line in shown.err.splitlines() if line]
    assert lines == [str(fault) for fault in faults.value.faults]
    assert told in shown.err
    assert shown.code == 1


def test_variable_of_the_command_line_is_put_in(write: Write, check: Check) -> None:
    body = json.dumps({**T2V, "parameters": {"duration": "${var.seconds}"}})
    path = write("a.yaml", f"name: a\nprovider: dashscope\nrequest: {body}\n")
    assert check(path, "--var", "seconds=5").out == "a.yaml: ok (dashscope, t2v)\n"
    assert "parameters.duration is 2" in check(path, "--var", "seconds=2").out


def test_header_that_a_spec_leaves_out_is_told_at_its_place(write: Write, check: Check) -> None:
    text = f"name: a\nprovider: dashscope\nrequest: {json.dumps(T2V)}\nheaders:\n  X-DashScope-Async: null\n"
    shown = check(write("a.yaml", text))
    assert shown.lines[0] == 'a.yaml:5:22: reject: the header X-DashScope-Async is missing; it must be "enable"'
    assert shown.code == 1
