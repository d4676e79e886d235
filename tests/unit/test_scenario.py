"""Scenarios: read with their places, complained about in one line, played in a session."""

import subprocess
import sys

import pytest

from happyhorse_spec.contract import SCHEMAS
from happyhorse_spec.document import DocumentError
from mockserver.clock import ClockMode
from mockserver.faults import ENDPOINTS
from mockserver.journal import Exchange
from mockserver.lifecycle import State
from mockserver.operations import OPERATIONS
from mockserver.scenario import read_scenario, read_scenarios, scenario_schema
from mockserver.session import Sessions
from mockserver.settings import READERS, Settings
from mockserver.shape import ShapeError

FULL = """\
# yaml-language-server: $schema=scenario.schema.json
session: checkout
settings: {clock: manual, seed: 7, start: 2026-01-31T12:00:00Z, limits: true}
plans:
  "*": PENDING 2s, RUNNING 300s, SUCCEEDED
  a-model: SUCCEEDED
tasks:
  - RUNNING 3 polls, FAILED DataInspectionFailed
faults:
  submit: [429:retry-after=2, ok, 503*3]
  poll: {rate: 0.5, words: [503, reset]}
  callback: [duplicate]
expect:
  - {operation: submit, times: 2}
ordered: true
"""


def known(word):
    return word == "arrearage"


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        file = tmp_path / "scenario.yaml"
        file.write_text(text, "utf-8")
        return read_scenarios(file, known)

    return read_text


def test_reads_everything(read):
    [scenario] = read(FULL)
    assert scenario.session == "checkout"
    assert scenario.settings == {"clock": ClockMode.MANUAL, "seed": 7, "start": 1769860800.0, "limits": True}
    assert [step.state for step in scenario.plans["a-model"]] == [State.PENDING, State.RUNNING, State.SUCCEEDED]
    assert scenario.tasks[0][-1].error == "DataInspectionFailed"
    assert [fault.word for fault in scenario.faults["submit"]] == ["429:retry-after=2", "ok", "503", "503", "503"]
    assert scenario.faults["poll"].rate == 0.5
    assert (len(scenario.expect), scenario.ordered) == (1, True)


def test_begins_a_session_that_plays_it(read):
    [scenario] = read(FULL)
    sessions = Sessions(Settings())
    session = scenario.begin(sessions)
    assert session is sessions.get("checkout")
    assert session.clock.now() == 1769860800.0
    assert [len(plan) for plan in (session.next_plans[0], session.plans["*"])] == [3, 3]
    assert [fault.fault.word for fault in session.faults.planned] == [
        *("429:retry-after=2", "ok", "503", "503", "503"),
        "duplicate",
    ]
    assert session.faults.account()["rates"] == {"poll": {"rate": 0.5, "words": ["503", "reset"]}}


def test_judges_what_came(read):
    [scenario] = read(FULL)
    session = scenario.begin(Sessions(Settings()))
    assert [verdict.met for verdict in scenario.verdicts(session)] == [False]


def test_reads_several_sessions_from_one_file(read):
    assert [scenario.session for scenario in read("session: a\n---\nsession: b\n---\nplans: {}\n")] == ["a", "b", ""]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("faults: {submit: [resett]}", ":1:19: /faults/submit/0: 'resett' is no fault; did you mean reset?"),
        ("faults:\n  poll:\n    - ok\n    - 999\n", ":4:7: /faults/poll/1: '999' is no fault"),
        ("faults: {submit: 3}", ":1:18: /faults/submit: 3 is not of type 'array', 'object'"),
        (
            "faults: {submits: [503]}",
            ":1:9: /faults: 'submits' is none of submit, poll, cancel, list",
        ),
        ("faults: {poll: {rate: 2, words: [503]}}", ":1:23: /faults/poll/rate: 2 is greater than the maximum of 1"),
        ("faults: {poll: {rate: 0.5, words: [stale]}}", ":1:35: /faults/poll/words: 'stale' waits for a finished task"),
        ("faults: {submit: [503*10000, 503*10000]}", ":1:18: /faults/submit: more than 10000 faults are planned"),
        (
            "fault: {}",
            ":1:1: 'fault' is unknown here; it may be session, settings, plans, tasks",
        ),
        ("plans: {m: 'RUNNING 3'}", ":1:12: /plans/m: 'RUNNING 3' is no step"),
        ("tasks:\n- SUCCEEDED\n- PENDING 2s\n", ":3:3: /tasks/1: a life ends with one of"),
        (
            "settings: {clock: jum}",
            ":1:19: /settings/clock: 'jum' is none of real, scaled, manual or jump; did you mean jump?",
        ),
        ("settings: {start: yesterday}", ":1:11: /settings: start is 'yesterday'; it must be a date"),
        ("expect: [{operation: sumbit, times: 0}]", ":1:22: /expect/0/operation: 'sumbit' is none of submit, poll"),
        ("expect: [{body: {input: 3}}]", ":1:17: /expect/0/body: 'input' is no JSON pointer, such as /input/prompt"),
        ("faults: {poll: {rate: 0.5}}", ":1:16: /faults/poll: words is missing"),
        ("expect: [{schema: {type: horse}}]", ":1:10: /expect/0: the schema cannot be used"),
        ("session: a b", ":1:10: /session: 'a b' is no name; it has 1-64 letters"),
        ("[1]", ":1:1: [1] is not of type 'object'"),
        ("a: [", ":1:5: it is not YAML"),
        ("", ": it is empty"),
    ],
    ids=lambda value: value[:30],
)
def test_says_where_and_what_is_wrong(read, text, complaint):
    with pytest.raises(DocumentError) as error:
        read(text)
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "data", [None, [], 1, "text", {"faults": []}, {"plans": {"*": 3}}, {"settings": None}], ids=str
)
def test_refuses_data_of_another_shape(data):
    with pytest.raises(ShapeError):
        read_scenario(data, known)


def test_the_schema_has_every_setting_and_every_endpoint():
    schema = scenario_schema()
    assert set(schema["$defs"]["settings"]["properties"]) == set(READERS)
    assert schema["$defs"]["faults"]["propertyNames"]["enum"] == list(ENDPOINTS)


def test_the_schema_has_every_operation_that_can_be_expected():
    names = scenario_schema()["$defs"]["expectation"]["properties"]["operation"]["enum"]
    assert set(names) == {*OPERATIONS, "upload", "download"}


def test_the_schema_has_every_member_that_can_be_expected():
    members = set(scenario_schema()["$defs"]["expectation"]["properties"])
    assert members - {"body", "schema", "headers", "times"} <= set(Exchange.__slots__)


def test_the_example_of_the_schema_is_a_scenario():
    for example in scenario_schema()["examples"]:
        assert read_scenario(example, known).session == "checkout"


def test_an_editor_sees_no_error_in_a_scenario(tmp_path):
    (tmp_path / "scenario.yaml").write_text(FULL, "utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", SCHEMAS / "scenario.schema.json"]
    done = subprocess.run([*command, tmp_path / "scenario.yaml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
