"""The control API: reachable from any language, and true to its own description."""

import json
from socket import create_connection
from urllib.parse import urlsplit

import pytest
from desk import MANUAL, ONE, Desk, ask, example
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from happyhorse_spec.contract import load_provider
from mockserver import control
from mockserver.control_actions import ACTIONS
from mockserver.control_spec import description
from mockserver.server import MockServer

IMINI = load_provider("imini")


def operations():
    for path, item in description()["paths"].items():
        for method, entry in item.items():
            yield pytest.param(path, method, entry, id=entry["operationId"])


def test_is_described_by_valid_openapi():
    assert list(OpenAPIV31SpecValidator(description()).iter_errors()) == []


def test_serves_its_description(desk):
    told = ask(desk, "GET", "/openapi.json").body
    start = desk.wire.url.partition("/~")[0]
    assert [server["url"] for server in told["servers"]] == [start, start + "/~{session}"]
    assert {**told, "servers": description()["servers"]} == description()


def test_does_everything_that_it_describes():
    assert {entry.values[2]["operationId"] for entry in operations()} == set(ACTIONS)


#: What is sent where an operation needs a body.
BODIES = {
    "create_session": {"name": "new", "settings": {"seed": 1}},
    "change_session": {"limits": True},
    "begin_scenario": {"faults": {"submit": [429]}},
    "switch_clock": {"clock": "jump"},
    "advance_clock": {"seconds": 1},
    "script_task": {"plan": "RUNNING 5s, SUCCEEDED"},
    "set_plans": {"plans": {"*": "SUCCEEDED"}, "tasks": ["RUNNING 2 polls, FAILED InternalError"]},
    "set_faults": {"submit": ["503"], "poll": {"rate": 0.5, "words": [503]}},
    "add_faults": {"submit": ["503"]},
    "verify": {"expect": [{"operation": "submit"}], "ordered": True},
}


@pytest.mark.parametrize(("path", "method", "entry"), list(operations()))
def test_answers_as_it_describes(desk, path, method, entry):
    desk.order(submit=["503", "ok"])
    desk.submit()
    task_id = desk.task()
    path = path.removeprefix("/_happyhorse").replace("{task_id}", task_id)
    answer = ask(desk, method.upper(), path, BODIES.get(entry["operationId"]))
    status, told = next(iter(entry["responses"].items()))
    assert answer.status == int(status), answer.raw
    if status == "204":
        assert answer.raw == b""
        return
    schema = told["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": description()["components"]}).validate(answer.body)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "complaint"),
    [
        ("PUT", "/faults", {"submit": ["resett"]}, 400, "/faults/submit/0: 'resett' is no fault; did you mean reset?"),
        ("PUT", "/faults", {"submits": []}, 400, "'submits' is none of submit, poll"),
        ("PUT", "/faults", {"poll": {"rate": 2, "words": [503]}}, 400, "2 is greater than the maximum of 1"),
        ("PUT", "/faults", {"poll": {"rate": 1, "words": ["stale"]}}, 400, "cannot be drawn by rate"),
        ("PUT", "/faults", {"submit": ["503*10000", "503"]}, 400, "more than 10000 faults"),
        ("PUT", "/faults", b"{", 400, "the body is not JSON"),
        ("PUT", "/faults", b"", 400, "the body is not JSON"),
        ("PUT", "/faults", b"\xff\xfe", 400, "the body is not JSON"),
        ("PUT", "/faults", b"[" * 5000, 400, "the body is not JSON"),
        ("PUT", "/faults", b" " * (8 * 1024 * 1024 + 1), 413, "larger than 8 MB"),
        ("POST", "/clock/advance", {"seconds": -1}, 400, "-1 is less than the minimum of 0"),
        ("POST", "/clock/advance", {"seconds": 1e300}, 400, "before the year 9000"),
        ("POST", "/clock/advance", {"second": 1}, 400, "'second' is unknown here; it may be seconds or next"),
        ("POST", "/clock/advance", {"seconds": "60"}, 400, "'60' is not of type 'number'"),
        ("PATCH", "/clock", {"clock": "back"}, 400, "'back' is none of real, scaled"),
        ("PATCH", "/clock", {"clock": "scaled", "rate": 0}, 400, "0 is less than or equal to the minimum of 0"),
        ("PUT", "/plans", {"plans": {"*": "SLEEPING"}}, 400, "'SLEEPING' is no step"),
        ("PUT", "/plans", {"plans": {"happyhorse-1.0-t3v": "SUCCEEDED"}}, 400, "did you mean happyhorse-1.0-t2v?"),
        ("PUT", "/plans", {"plans": {"sora": "SUCCEEDED"}}, 400, "'sora' is no model here; it may be *, "),
        ("PUT", "/scenario", {"plans": {"sora": "SUCCEEDED"}}, 400, "'sora' is no model here"),
        ("PATCH", "/session", {"profile": "nobodys"}, 400, "the profiles here are"),
        ("PATCH", "/session", {"seed": 1}, 400, "'seed' is unknown here; it may be"),
        ("PUT", "/scenario", {"tasks": ["PENDING"]}, 400, "/tasks/0: a life ends with one of"),
        ("POST", "/sessions", {"name": "a/b"}, 400, "/name: 'a/b' is no name"),
        ("POST", "/sessions", {"settings": {"start": "yesterday"}}, 400, "it must be a date"),
        ("GET", "/tasks/nothing", None, 404, "no task nothing"),
        ("PUT", "/tasks/nothing/plan", {"plan": "SUCCEEDED"}, 404, "no task nothing"),
        ("GET", "/journal?after=x", None, 400, "after is 'x'; it must be a whole number"),
        ("GET", "/journal?limit=0", None, 400, "limit is 0; it must be 1-10000"),
        ("GET", "/journal?since=1", None, 400, "'since' is no parameter; use one of after, limit"),
        ("GET", "", None, 404, "there is no /_happyhorse; see /_happyhorse/openapi.json"),
        ("GET", "/nothing", None, 404, "there is no /_happyhorse/nothing"),
        ("PUT", "/health", None, 405, "PUT is not for /_happyhorse/health; use GET"),
        ("POST", "/verify", {"expect": [{"schema": {"$ref": "http://127.0.0.1/x"}}]}, 400, "nothing outside itself"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_says_in_one_sentence_what_cannot_be_done(desk, method, path, body, status, complaint):
    answer = ask(desk, method, path, body)
    assert (answer.status, list(answer.body)) == (status, ["error"])
    assert complaint in answer.body["error"]
    assert "\n" not in answer.body["error"]


def test_stays_as_it_is_where_something_is_refused(desk):
    desk.order(submit=["503"])
    ask(desk, "PUT", "/faults", {"submit": ["429", "resett"]})
    assert [line["word"] for line in desk.control("GET", "/faults")["planned"]] == ["503"]


def test_moves_time(desk):
    task_id = desk.submit(prompt="[[PENDING 2s, RUNNING 30s, FAILED DataInspectionFailed]]").body["output"]["task_id"]
    seen = []
    for seconds in (0, 2, 29, 1):
        assert desk.control("POST", "/clock/advance", {"seconds": seconds})["clock"] == "manual"
        seen.append(desk.poll(task_id).body["output"]["task_status"])
    assert seen == ["PENDING", "RUNNING", "RUNNING", "FAILED"]


def test_goes_to_the_next_event(desk):
    desk.submit(prompt="[[PENDING 2s, RUNNING 30s, SUCCEEDED]]")
    seen = []
    for body in ({"next": True}, {}, None):
        seen.append(desk.control("POST", "/clock/advance", body)["now"] - 1_800_000_000)
    assert seen == [2, 32, 32]


def test_switches_the_clock_without_turning_it_back(desk):
    desk.control("POST", "/clock/advance", {"seconds": 500})
    clock = desk.control("PATCH", "/clock", {"clock": "scaled", "rate": 1000})
    assert (clock["clock"], clock["rate"]) == ("scaled", 1000)
    assert clock["now"] >= 1_800_000_500


def test_scripts_a_task_while_it_lives(desk):
    task_id = desk.submit(prompt="[[PENDING 10s, RUNNING 30s, SUCCEEDED]]").body["output"]["task_id"]
    desk.control("POST", "/clock/advance", {"seconds": 20})
    told = desk.control("PUT", f"/tasks/{task_id}/plan", {"plan": "RUNNING 1 polls, FAILED DataInspectionFailed"})
    assert told["plan"] == ["PENDING 10s", "RUNNING 1 polls", "FAILED DataInspectionFailed"]
    assert [desk.poll(task_id).body["output"]["task_status"] for _ in range(2)] == ["RUNNING", "FAILED"]
    shown = desk.control("GET", f"/tasks/{task_id}")
    assert (shown["state"], shown["told"], shown["error"]["code"]) == ("failed", "failed", "DataInspectionFailed")
    answer = ask(desk, "PUT", f"/tasks/{task_id}/plan", {"plan": "SUCCEEDED"})
    assert (answer.status, answer.body["error"]) == (400, "the task has ended; its state is FAILED")


def test_task_is_never_what_its_provider_has_no_word_for(desk):
    submitted = desk.submit(IMINI)
    (task,) = desk.control("GET", "/tasks")
    answer = ask(desk, "PUT", f"/tasks/{task['id']}/plan", {"plan": "CANCELED"})
    assert (submitted.status, answer.status) == (200, 400)
    assert answer.body["error"] == "no task of imini is ever CANCELED"
    refused = desk.submit(IMINI, prompt="[[PENDING 1s, CANCELED]]")
    assert refused.status == 400
    assert b"ordered: CANCELED, which no task of this provider ever is" in refused.raw


def test_body_that_does_not_come_is_not_waited_for(desk, monkeypatch):
    monkeypatch.setattr(control, "BODY_SECONDS", 0.05)
    parts = urlsplit(desk.wire.url)
    head = f"PUT {parts.path}/_happyhorse/faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
    with create_connection((parts.hostname, parts.port)) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")


def test_exchanges_are_shown_to_who_watches(play):
    seen = []
    desk = Desk(play(observe=lambda _session, exchange: seen.append(exchange)))
    desk.task()
    assert len(seen) == 1


def test_ends_a_pending_task_at_once(desk):
    task_id = desk.submit(prompt="[[PENDING 10s, RUNNING 30s, SUCCEEDED]]").body["output"]["task_id"]
    assert desk.control("PUT", f"/tasks/{task_id}/plan", {"plan": "SUCCEEDED"})["state"] == "succeeded"


def test_says_how_tasks_to_come_live(desk):
    model = example(ONE)["model"]
    desk.control("PUT", "/plans", {"plans": {model: "SUCCEEDED", "*": "FAILED"}, "tasks": ["RUNNING 9s, SUCCEEDED"]})
    states = [desk.poll(desk.task()).body["output"]["task_status"] for _ in range(3)]
    assert states == ["RUNNING", "SUCCEEDED", "SUCCEEDED"]
    assert desk.control("GET", "/plans") == {
        "plans": {model: "PENDING, RUNNING, SUCCEEDED", "*": "PENDING, FAILED"},
        "tasks": [],
    }


def test_a_prompt_has_the_last_word_on_its_task(desk):
    desk.control("PUT", "/plans", {"plans": {"*": "FAILED"}})
    task_id = desk.submit(prompt="[[SUCCEEDED]]").body["output"]["task_id"]
    assert desk.poll(task_id).body["output"]["task_status"] == "SUCCEEDED"


def test_changes_settings_from_here_on(desk):
    desk.control("PATCH", "/session", {"validation": "observed"})
    answer = desk.wire.call(ONE, "submit", {**example(ONE), "parameters": {"duration": 99}})
    assert answer.status == 200
    desk.control("PATCH", "/session", {"validation": "documented"})
    assert desk.wire.call(ONE, "submit", {**example(ONE), "parameters": {"duration": 99}}).status == 400


def test_plays_a_profile_in_one_session_alone(desk):
    provider = load_provider("acedata")
    body = {**example(provider), "async": True}
    desk.control("PATCH", "/session", {"profile": "success"})
    assert desk.wire.call(provider, "submit", body).body["success"] is True
    desk.wire.url = desk.wire.url.replace("here", "there")
    assert "success" not in desk.wire.call(provider, "submit", body).body


def test_shows_limits_and_what_is_taken(desk):
    desk.control("PATCH", "/session", {"limits": True})
    desk.control("PUT", "/plans", {"plans": {"*": "RUNNING 100s, SUCCEEDED"}})
    for _ in range(7):
        desk.control("POST", "/clock/advance", {"seconds": 1})
        desk.task()
    told = desk.control("GET", "/limits")
    model = example(ONE)["model"]
    assert told["enforced"] is True
    assert told["providers"][ONE.name]["running"] == {model: 5}
    assert told["providers"][ONE.name]["queued"] == {model: 2}


def test_the_journal_tells_every_exchange_without_secrets(desk):
    task_id = desk.task()
    desk.control("POST", "/clock/advance", {"seconds": 60})
    url = desk.poll(task_id).body["output"]["video_url"]
    desk.wire.send("GET", url)
    journal = desk.control("GET", "/journal")
    assert [(line["number"], line["operation"], line["status"]) for line in journal] == [
        (1, "submit", 200),
        (2, "poll", 200),
        (3, "download", 200),
    ]
    assert journal[0]["body"] == example(ONE)
    assert journal[0]["headers"]["Authorization"] == "Bearer ***"
    assert journal[1]["path"] == f"/api/v1/tasks/{task_id}"
    assert (journal[1]["state"], journal[1]["at"]) == ("succeeded", 1_800_000_060.0)
    assert journal[2]["answer"].endswith("bytes of video/mp4)")
    assert "sk-mock" not in json.dumps(journal)
    assert url.partition("Signature=")[2] not in json.dumps(journal)
    assert [line["number"] for line in desk.control("GET", "/journal?after=1&limit=2")] == [2, 3]
    assert ask(desk, "DELETE", "/journal").status == 204
    desk.poll(task_id)
    assert [line["number"] for line in desk.control("GET", "/journal")] == [4]


def test_notes_what_no_provider_answers(desk):
    desk.wire.send("GET", "/nowhere?api_key=abc")
    [line] = desk.control("GET", "/journal")
    assert (line["path"], line["provider"], line["status"]) == ("/nowhere?api_key=***", None, 404)


def test_verifies_requests(desk):
    desk.task()
    expected = {"operation": "submit", "body": {"/model": "another"}, "times": 1}
    told = desk.control("POST", "/verify", {"expect": [{"operation": "submit"}, expected]})
    assert told["met"] is False
    assert [verdict["met"] for verdict in told["verdicts"]] == [True, False]
    assert '/model is "' in told["verdicts"][1]["message"]


def test_begins_a_scenario(desk):
    desk.task()
    desk.control("PUT", "/scenario", {"settings": {"clock": "jump"}, "tasks": ["SUCCEEDED"], "faults": {"poll": [503]}})
    assert desk.control("GET", "/session")["tasks"] == 0
    task_id = desk.task()
    assert [desk.poll(task_id).status for _ in range(2)] == [503, 200]


def test_begins_a_scenario_in_the_session_that_it_names(desk):
    begun = desk.control("PUT", "/scenario", {"session": "elsewhere", "faults": {"submit": [503]}})
    assert begun["name"] == "elsewhere"
    assert desk.submit().status == 200


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example:80"}, {"Host": "10.0.0.7"}, {"Origin": "http://evil.example"}, {"Origin": "null"}],
    ids=str,
)
def test_a_page_in_a_browser_cannot_control(desk, headers):
    assert ask(desk, "GET", "/session", **headers).status == 403


def test_a_page_of_the_mock_itself_can(desk):
    host = desk.wire.url.partition("//")[2].partition("/")[0]
    assert ask(desk, "GET", "/session", Host=host, Origin=f"http://{host}").status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_asks_for_a_token_where_there_is_one(play, host):
    wire = play(MANUAL, host=host, control_token="chosen")
    given = [{}, {"X-Happyhorse-Control": ""}, {"X-Happyhorse-Control": "chose"}, {"X-Happyhorse-Control": "chosen"}]
    told = [wire.send("GET", "/_happyhorse/health", headers=headers).status for headers in given]
    assert told == [401, 401, 401, 200]
    assert wire.call(ONE, "submit", example(ONE)).status == 200


def test_makes_a_token_on_every_address_that_is_not_this_machines_alone():
    tokens = [
        MockServer(host=host).control.token for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "mock")
    ]
    assert tokens[:3] == [None] * 3
    assert all(len(token) >= 24 for token in tokens[3:])
    assert len(set(tokens)) == 4
