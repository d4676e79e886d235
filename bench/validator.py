"""The validator alone, against the two JSON Schema engines."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from timeit import repeat
from typing import Any

import jsonschema
import jsonschema_rs
import orjson

from bench import peers
from bench.figure import Figure, in_turn
from bench.servers import NINE_IMAGES
from happyhorse_spec.check import check
from happyhorse_spec.contract import load_provider

_OURS = "happyhorse-spec"
#: So many make 60 µs where the engine says yes or no in 1.7 µs, and as much more on a slower machine.
_VERDICTS = 35


def figures(quick: bool) -> Iterator[Figure]:
    rounds = 9 if quick else 25
    body, law, schema = json.loads(NINE_IMAGES), load_provider("dashscope"), peers.schema()
    fast, slow = jsonschema_rs.Draft202012Validator(schema), jsonschema.Draft202012Validator(schema)
    yield Figure("validator", "valid dict", "µs", in_turn(
        {_OURS: _timed(lambda: check(body, law)), "jsonschema-rs": _timed(lambda: fast.is_valid(body)),
         "jsonschema": _timed(lambda: slow.is_valid(body), 20)}, rounds), {"jsonschema-rs": 0.3})  # fmt: skip
    yield Figure("validator", "valid bytes", "µs", in_turn(
        {_OURS: _timed(lambda: check(NINE_IMAGES, law)),
         "jsonschema-rs": _timed(lambda: fast.is_valid(orjson.loads(NINE_IMAGES)))}, rounds), {"jsonschema-rs": 0.5})  # fmt: skip
    wrong, verdicts = _broken(body), f"{_VERDICTS} verdicts"
    samples = in_turn(
        {_OURS: _timed(lambda: check(wrong, law), 200), "jsonschema-rs": _timed(lambda: list(fast.iter_errors(wrong)), 200),
         verdicts: _timed(lambda: [fast.is_valid(body) for _ in range(_VERDICTS)], 200)}, rounds)  # fmt: skip
    wanted = {verdicts: 1, "limit": 1}
    yield Figure("validator", "dict with five mistakes", "µs", {**samples, "limit": [60.0]}, wanted)


def _timed(act: Callable[[], object], times: int = 2000) -> Callable[[], float]:
    """Microseconds of processor time, the least of five: what is more is somebody else's."""
    return lambda: min(repeat(act, timer=time.process_time, number=times // 5, repeat=5)) / (times // 5) * 1e6


def _broken(body: Any) -> Any:
    wrong = copy.deepcopy(body)
    wrong["parameters"] |= {"duration": 99, "ratio": "16x9", "resolution": "4K", "seed": -1}
    wrong["input"]["media"].append(wrong["input"]["media"][0])
    return wrong
