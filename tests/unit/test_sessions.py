"""Sessions: named, set, isolated, bounded."""

import asyncio

import pytest

from mockserver import session as module
from mockserver.clock import ClockMode, ClockStopped
from mockserver.lifecycle import State, Step, Task
from mockserver.scripts import Pace
from mockserver.session import Sessions
from mockserver.settings import SettingError, Settings, read_name, read_settings


def task(name):
    return Task(name, ("somebody", "m"), (Step(State.PENDING, 9.0), Step(State.FAILED)), 0.0)


@pytest.mark.parametrize(
    ("text", "name", "settings"),
    [
        ("a", "a", {}),
        ("a.b-C_9", "a.b-C_9", {}),
        ("a,clock=jump", "a", {"clock": ClockMode.JUMP}),
        ("a,rate=60", "a", {"clock": ClockMode.SCALED, "rate": 60.0}),
        ("a,rate=60,clock=real", "a", {"clock": ClockMode.REAL, "rate": 60.0}),
        ("a,seed=-7,limits=on,fetch_media=off", "a", {"seed": -7, "limits": True, "fetch_media": False}),
        ("a,start=2026-01-31", "a", {"start": 1769817600.0}),
        ("a,start=2026-01-31T12:00:00+08:00", "a", {"start": 1769832000.0}),
        ("a,start=0", "a", {"start": 0.0}),
        ("a,pace=real,validation=observed", "a", {"pace": Pace.REAL, "validation": "observed"}),
    ],
)
def test_reads_a_name_with_settings(text, name, settings):
    assert read_name(text) == (name, settings)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "'' is no session; a name has 1-64 letters"),
        ("a b", "'a b' is no session"),
        ("x" * 65, "is no session"),
        ("ä", "'ä' is no session"),
        ("a,", "'' says no value"),
        ("a,clock", "'clock' says no value; write a setting as name=value, e.g. clock=jump"),
        ("a,color=red", "'color' is no setting; use one of clock, rate, start"),
        ("a,clock=fast", "clock is 'fast'; it must be real, scaled, manual or jump"),
        ("a,rate=0", "rate is '0'; it must be a number above 0"),
        ("a,rate=nan", "rate is 'nan'"),
        ("a,rate=1e9", "rate is '1e9'"),
        ("a,start=31.1.2026", "start is '31.1.2026'; it must be a date"),
        ("a,start=inf", "start is 'inf'"),
        ("a,start=9999-01-01", "before the year 9000"),
        ("a,seed=x", "seed is 'x'; it must be a whole number"),
        ("a,seed=" + "9" * 5000, "it must be a whole number of at most 18 digits"),
        ("a,limits=maybe", "limits is 'maybe'; it must be on or off"),
        ("a,profile=no!", "profile is 'no!'; it must be the name of a profile"),
        ("a,pace=slow", "pace is 'slow'; it must be desk or real"),
    ],
    ids=lambda value: value[:24],
)
def test_says_what_is_wrong_with_a_name(text, complaint):
    with pytest.raises(SettingError) as error:
        read_name(text)
    assert complaint in str(error.value)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("value", [[], {}, True, "", float("nan")], ids=str)
def test_refuses_values_of_another_kind(value):
    for name in ("clock", "rate", "seed"):
        with pytest.raises(SettingError):
            read_settings({name: value})


def test_reads_what_it_shows():
    settings = Settings(clock=ClockMode.SCALED, rate=5.0, start=1.5, seed=3, limits=True, validation="observed")
    assert Settings().but(**read_settings(settings.as_dict())) == settings


def test_makes_a_session_once():
    sessions = Sessions(Settings(seed=1))
    first = sessions.named("a,seed=2")
    assert sessions.named("a") is sessions.named("a,seed=3") is first
    assert (first.settings.seed, sessions.get("b").settings.seed) == (2, 1)


def test_complains_of_a_name_even_where_the_session_exists():
    sessions = Sessions(Settings())
    sessions.named("a")
    with pytest.raises(SettingError):
        sessions.named("a,clock=fast")


def test_draws_from_seed_and_name():
    def draws(name, seed):
        session = Sessions(Settings(seed=seed)).get(name)
        return session.new_id("{uuid}"), session.stream("x").random()

    assert draws("a", 1) == draws("a", 1)
    assert len({draws("a", 1), draws("a", 2), draws("b", 1)}) == 3


def test_drops_the_session_used_least_recently(monkeypatch):
    monkeypatch.setattr(module, "MAX_SESSIONS", 3)
    sessions = Sessions(Settings())
    for name in "abcad":
        sessions.get(name)
    assert [session.name for session in sessions] == ["c", "a", "d"]


def test_never_drops_a_session_in_which_somebody_waits(monkeypatch):
    monkeypatch.setattr(module, "MAX_SESSIONS", 3)
    sessions = Sessions(Settings())
    for name in "ab":
        sessions.get(name).open = 1
    for name in "cde":
        sessions.get(name)
    assert {session.name for session in sessions} == {"a", "b", "e"}


def test_grows_where_somebody_waits_in_every_session(monkeypatch):
    monkeypatch.setattr(module, "MAX_SESSIONS", 2)
    sessions = Sessions(Settings())
    for name in "abc":
        sessions.get(name).open = 1
    assert len(sessions) == 3
    for session in sessions:
        session.open = 0
    sessions.get("d")
    assert len(sessions) == 2


def test_lets_go_of_the_oldest_task(monkeypatch):
    monkeypatch.setattr(module, "MAX_TASKS", 2)
    session = Sessions(Settings(clock=ClockMode.MANUAL, start=0.0)).get("a")
    for name in "abc":
        session.take(task(name))
    assert list(session.table.tasks) == ["b", "c"]
    assert session.table.alive("somebody") == 2


def test_a_reset_session_is_new_and_has_its_settings():
    sessions = Sessions(Settings())
    first = sessions.named("a,seed=5,clock=manual,start=100")
    first.take(task("x"))
    first.clock.advance(50)
    sessions.change(first, {"limits": True})
    identity = first.new_id("{uuid}")
    fresh = sessions.reset(first)
    assert fresh is sessions.get("a") is not first
    assert (fresh.clock.now(), len(fresh.table.tasks), fresh.settings) == (100, 0, first.made)
    assert fresh.new_id("{uuid}") == identity
    assert (first.settings.limits, fresh.settings.limits) == (True, False)


def test_whoever_waits_in_a_session_that_goes_is_let_go():
    async def scenario():
        sessions = Sessions(Settings(clock=ClockMode.MANUAL))
        waiting = asyncio.ensure_future(sessions.get("a").clock.until(1e12))
        await asyncio.sleep(0)
        sessions.drop("a")
        with pytest.raises(ClockStopped):
            await asyncio.wait_for(waiting, 1)

    asyncio.run(scenario())


def test_finds_a_free_name():
    sessions = Sessions(Settings())
    sessions.get("s1")
    assert sessions.free_name() == "s2"


def test_knows_its_profiles():
    sessions = Sessions(Settings(), {"other"})
    assert sessions.named("a,profile=other").settings.profile == "other"
    with pytest.raises(SettingError, match="profile is 'nobodys'; the profiles here are: other"):
        sessions.named("b,profile=nobodys")
    assert "b" not in sessions
