"""Time as an object."""

import asyncio
from types import SimpleNamespace

import pytest

from mockserver.clock import LATEST, Clock, ClockMode, ClockStopped


def test_manual_time_stands_still_until_it_is_advanced():
    clock = Clock(ClockMode.MANUAL, start=1000.0)
    assert clock.now() == clock.now() == 1000.0
    assert clock.advance(5) == 1005.0


def test_real_time_runs():
    clock = Clock(start=1000.0)
    first = clock.now()
    while clock.now() == first:
        pass
    assert 1000.0 <= first < clock.now() < 1010.0


def test_scaled_time_runs_faster():
    clock = Clock(ClockMode.SCALED, rate=1_000_000, start=0.0)
    while clock.now() < 1000.0:
        pass


@pytest.mark.parametrize("step", [-1, float("inf"), float("nan")])
def test_refuses_a_step_that_is_not_forward(step):
    with pytest.raises(ValueError, match="never runs backwards"):
        Clock(ClockMode.MANUAL).advance(step)


@pytest.mark.parametrize("rate", [0, -2, float("inf")])
def test_refuses_a_rate_at_which_time_does_not_run(rate):
    with pytest.raises(ValueError, match="more than 0"):
        Clock(ClockMode.SCALED, rate=rate)


def test_keeps_its_time_when_its_mode_is_switched():
    clock = Clock(ClockMode.MANUAL, start=50.0)
    clock.switch(ClockMode.REAL)
    assert clock.now() >= 50.0
    clock.switch(ClockMode.JUMP)
    clock.jump_to(500.0)
    assert clock.now() == 500.0
    clock.jump_to(100.0)
    assert clock.now() == 500.0


@pytest.mark.parametrize("mode", [ClockMode.REAL, ClockMode.MANUAL])
def test_jumps_only_in_jump_mode(mode):
    clock = Clock(mode, start=0.0)
    clock.jump_to(500.0)
    assert clock.now() < 100.0


def test_wakes_who_waits_when_time_is_advanced():
    async def scenario():
        clock = Clock(ClockMode.MANUAL, start=0.0)
        waiting = asyncio.ensure_future(clock.until(60.0))
        await asyncio.sleep(0)
        assert not waiting.done()
        clock.advance(60)
        await asyncio.wait_for(waiting, 1)

    asyncio.run(scenario())


def test_waits_no_longer_than_scaled_time_takes():
    async def scenario():
        clock = Clock(ClockMode.SCALED, rate=1000, start=0.0)
        await asyncio.wait_for(clock.until(20.0), 1)
        assert clock.now() >= 20.0

    asyncio.run(scenario())


def test_moves_to_the_moment_that_is_waited_for_in_jump_mode():
    async def scenario():
        clock = Clock(ClockMode.JUMP, start=0.0)
        await clock.until(86400.0)
        assert clock.now() == 86400.0

    asyncio.run(scenario())


def test_lets_time_pass_moment_by_moment():
    async def scenario():
        clock, seen = Clock(ClockMode.MANUAL, start=0.0), []

        async def act(name, *moments):
            with clock.follow() as follower:
                for moment in moments:
                    await follower.reach(moment)
                    await asyncio.sleep(0)
                    seen.append((name, clock.now()))

        acting = [asyncio.ensure_future(act("a", 10.0, 40.0)), asyncio.ensure_future(act("b", 20.0, 30.0, 90.0))]
        await asyncio.sleep(0)
        assert await clock.run(50) == 50.0
        assert seen == [("a", 10.0), ("b", 20.0), ("b", 30.0), ("a", 40.0)]
        assert clock.next_awaited() == 90.0
        await clock.run(100)
        await asyncio.gather(*acting)
        assert seen[-1] == ("b", 90.0)
        assert clock.next_awaited() is None

    asyncio.run(scenario())


def test_waits_for_those_who_act_but_not_for_ever(monkeypatch):
    monkeypatch.setattr("mockserver.clock.PATIENCE", 0.05)

    async def scenario():
        clock = Clock(ClockMode.MANUAL, start=0.0)

        async def dawdle():
            with clock.follow() as follower:
                await follower.reach(1.0)
                await asyncio.Event().wait()

        dawdling = asyncio.ensure_future(dawdle())
        await asyncio.sleep(0)
        await asyncio.wait_for(clock.run(5), 1)
        assert clock.now() == 5.0
        dawdling.cancel()

    asyncio.run(scenario())


def test_never_runs_backwards_to_a_moment_that_was_missed(monkeypatch):
    wall = [100.0]
    monkeypatch.setattr("mockserver.clock.time", SimpleNamespace(time=lambda: 0.0, monotonic=lambda: wall[0]))

    async def scenario():
        clock, seen = Clock(ClockMode.REAL, start=0.0), []

        async def look():
            await clock.until(10.0)
            seen.append(clock.now())

        looking = asyncio.ensure_future(look())
        await asyncio.sleep(0)
        wall[0] += 50
        await clock.run(1)
        await looking
        assert (seen, clock.now()) == ([50.0], 51.0)

    asyncio.run(scenario())


def test_reaches_a_moment_however_often_time_is_moved_before():
    async def scenario():
        clock = Clock(ClockMode.MANUAL, start=0.0)
        waiting = asyncio.ensure_future(clock.reach(60.0))
        for _ in range(3):
            await asyncio.sleep(0)
            clock.advance(20)
        await asyncio.wait_for(waiting, 1)
        assert clock.now() == 60.0

    asyncio.run(scenario())


def test_lands_on_the_moment_exactly():
    clock = Clock(ClockMode.JUMP, start=0.1)
    for number in range(1000):
        clock.jump_to(moment := 1e9 + number / 3)
        assert clock.now() == moment


@pytest.mark.parametrize("waits", [False, True], ids=["later", "now"])
def test_lets_everybody_go_when_it_is_stopped(waits):
    async def scenario():
        clock = Clock(ClockMode.MANUAL, start=0.0)
        waiting = asyncio.ensure_future(clock.until(None))
        if waits:
            await asyncio.sleep(0)
        clock.stop()
        with pytest.raises(ClockStopped):
            await asyncio.wait_for(waiting, 1)

    asyncio.run(scenario())


@pytest.mark.parametrize("step", [1e12, 1e300])
def test_ends_before_the_year_9000(step):
    with pytest.raises(ValueError, match="before the year 9000"):
        Clock(ClockMode.MANUAL).advance(step)
    clock = Clock(ClockMode.JUMP)
    clock.jump_to(step)
    assert clock.now() == LATEST
