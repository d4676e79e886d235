"""Sessions by the control API, by a prefix of the path or by a key: made, listed, reset, forgotten, and kept apart."""

import pytest
from desk import MANUAL, ONE, Desk, ask, example


def test_makes_sessions_that_know_their_urls(desk):
    made = desk.control("POST", "/sessions", {"name": "mine", "settings": {"seed": 5, "clock": "manual", "start": 0}})
    assert made["providers"][ONE.name] == f"{made['url']}{ONE.data['base_path']}"
    assert made["clock"]["time"] == "1970-01-01T00:00:00.000Z"
    assert made["url"].endswith("/~mine")
    assert desk.wire.send("GET", f"{made['control']}/session").body["settings"]["seed"] == 5


def test_counts_who_waits(desk):
    desk.task()
    desk.wire.send("GET", "/nowhere")
    shown = desk.control("GET", "/session")
    assert (shown["tasks"], shown["exchanges"], shown["waiting"]) == (1, 2, 0)


def test_names_a_session_that_was_given_no_name(desk):
    names = [desk.control("POST", "/sessions")["name"] for _ in range(2)]
    assert names == ["s1", "s2"]


def test_a_session_made_again_is_new(desk):
    first = desk.task()
    desk.control("POST", "/sessions", {"name": "here", "settings": {"clock": "manual", "start": 1_800_000_000}})
    assert desk.control("GET", "/tasks") == []
    assert desk.task() == first


def test_lists_sessions_by_their_last_use(desk):
    for name in "abca":
        desk.wire.send("GET", desk.wire.url.replace("here", name) + "/anything")
    assert [session["name"] for session in ask(desk, "GET", "/sessions").body] == ["b", "c", "a", "here"]


def test_a_reset_session_gives_the_same_ids_and_bytes(desk):
    def life():
        task_id = desk.task()
        desk.control("POST", "/clock/advance", {"seconds": 60})
        answer = desk.poll(task_id)
        return answer.raw, desk.wire.send("GET", answer.body["output"]["video_url"]).raw

    first = life()
    assert life() != first
    desk.control("POST", "/session/reset")
    assert desk.control("GET", "/journal") == []
    assert life() == first


def test_forgets_a_session(desk):
    desk.task()
    assert ask(desk, "DELETE", "/session").status == 204
    assert desk.control("GET", "/session")["tasks"] == 0


def test_sessions_know_nothing_of_each_other(desk):
    task_id = desk.task()
    other = Desk(type(desk.wire)(desk.wire.url.replace("here", "there")))
    assert other.poll(task_id).body["output"]["task_status"] == "UNKNOWN"
    assert other.control("GET", "/tasks") == []
    other.order(submit=["503"])
    assert desk.submit().status == 200
    desk.control("POST", "/clock/advance", {"seconds": 100})
    assert other.control("GET", "/clock")["now"] == 1_800_000_000.0


def test_a_key_chooses_a_session_too(play):
    wire = play(MANUAL)
    bearer = {"Authorization": "Bearer sk-~keyed,clock=jump,seed=7"}
    submitted = wire.call(ONE, "submit", example(ONE), headers=bearer)
    keyed = Desk(type(wire)(f"{wire.url}/~keyed"))
    assert (
        keyed.control("GET", "/session")["settings"] | {"clock": "jump", "seed": 7}
        == keyed.control("GET", "/session")["settings"]
    )
    assert keyed.poll(submitted.body["output"]["task_id"]).body["output"]["task_status"] == "RUNNING"


@pytest.mark.parametrize(
    ("prefix", "complaint"),
    [
        ("~x,clock=jumping", "clock is 'jumping'; it must be real, scaled, manual or jump"),
        ("~x,clock", "'clock' says no value; write a setting as name=value"),
        ("~x,colour=red", "'colour' is no setting; use one of clock, rate"),
        ("~x,profile=nobodys", "profile is 'nobodys'; the profiles here are: documented"),
        ("~", "'' is no session"),
        ("~a%20b", "'a b' is no session"),
        ("~" + "x" * 65, "is no session"),
    ],
)
def test_refuses_a_prefix_that_names_no_session(play, prefix, complaint):
    answer = play().send("GET", f"/{prefix}/api/v1/tasks/x")
    assert answer.status == 400
    assert complaint in answer.body["error"]


def test_a_prefix_sets_how_a_new_session_plays_and_leaves_an_old_one_alone(play):
    wire = play()
    first, later = (
        Desk(type(wire)(f"{wire.url}/~x{words}")) for words in (",clock=manual,start=2030-01-01", ",seed=9")
    )
    assert first.control("GET", "/clock")["time"] == "2030-01-01T00:00:00.000Z"
    assert later.control("GET", "/session")["settings"]["seed"] == 0
    assert later.control("GET", "/session")["name"] == "x"
