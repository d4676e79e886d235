"""The file of a task is as large, as long and as marked as its request asks."""

import re

import pytest

from happyhorse_spec import pointer
from happyhorse_spec.contract import load_provider, provider_names
from happyhorse_spec.media import probe_bytes
from mockserver.clock import ClockMode
from mockserver.session import Settings

PROVIDERS = [load_provider(name) for name in provider_names()]
MARKING = [provider for provider in PROVIDERS if "watermark_text" in provider.data["result"]]


def named(providers):
    return pytest.mark.parametrize("provider", providers, ids=[provider.name for provider in providers])


def film(wire, provider, **asked):
    """The file of a text-to-video task that asks for these values."""
    body = provider.modes["t2v"].request.book.schema["examples"][0]
    for name, value in asked.items():
        body = put(body, pointer.parts(provider.data["request"][name]), value)
    answer = wire.call(provider, "submit", body)
    assert answer.status == 200, answer.raw
    task_id = answer.body.get("task_id") or answer.body["output"]["task_id"]
    poll = {"id": task_id, "action": "retrieve"} if "body" in provider.endpoints["poll"].data else None
    wire.call(provider, "poll", poll, task_id=task_id)
    told = wire.call(provider, "poll", poll, task_id=task_id).raw.decode()
    return wire.send("GET", re.search(r'http://[^"]+/result/[^"]+\.mp4[^"]*', told).group()).raw


def put(body, place, value):
    name, *rest = place
    return {**body, name: put(body.get(name, {}), rest, value) if rest else value}


@named(PROVIDERS)
@pytest.mark.parametrize(
    ("resolution", "ratio", "size"),
    [
        ("720P", "16:9", (1280, 720)),
        ("720P", "9:16", (720, 1280)),
        ("720P", "4:3", (1112, 832)),
        ("1080P", "16:9", (1920, 1080)),
        ("1080P", "1:1", (1440, 1440)),
    ],
)
def test_has_the_size_of_tier_and_ratio(wire, provider, resolution, ratio, size):
    facts = probe_bytes(film(wire, provider, resolution=resolution, ratio=ratio))
    assert (facts["width"], facts["height"]) == size


@named(PROVIDERS)
@pytest.mark.parametrize("seconds", [3, 8, 15])
def test_has_the_seconds_that_are_asked_for(wire, provider, seconds):
    facts = probe_bytes(film(wire, provider, duration=seconds))
    assert (facts["duration"], facts["fps"]) == (seconds, 24)


@named(MARKING)
def test_is_marked_unless_that_is_not_wanted(play, provider):
    """Two mocks of one seed: the same task, but for the mark."""
    mocks = (play(Settings(seed=7, clock=ClockMode.JUMP)) for _ in range(2))
    marked, plain = (film(wire, provider, watermark=wish) for wire, wish in zip(mocks, (True, False), strict=True))
    assert len(marked) > len(plain)
    assert probe_bytes(marked) == {**probe_bytes(plain), "bytes": len(marked)}
