"""What the providers disagree on: read from their laws, in few words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from happyhorse_spec.comparison import Difference, differences
from happyhorse_spec.contract import SCHEMAS, load_provider, provider_names
from happyhorse_spec.facts import PARTS

PROVIDERS = [load_provider(name) for name in provider_names()]
FOUND = differences(PROVIDERS)


def values(fact: str, mode: str = "") -> dict[str, str]:
    (found,) = [d for d in FOUND if d.fact == fact and (mode in d.modes or not (mode or d.modes))]
    return {name: stand.value for name, stand in found.stands.items()}


@pytest.mark.parametrize(
    ("fact", "mode", "stands"),
    [
        ("`duration`: range", "t2v", ("3-15", "2-15", "3-15", "3-15")),
        ("`duration`: needed", "video-edit", ("ignored", "ignored", "ignored", "refused")),
        ("`resolution`: default", "i2v", ("`1080P`", "`720P`", "`1080P`", "`1080P`")),
        ("`seed`: needed", "r2v", ("optional", "optional", "optional", "not known, ignored")),
        ("`prompt`: needed", "i2v", ("optional", "required", "optional", "optional")),
        ("edit image: number of files", "video-edit", ("0-5", "1-5", "0-5", "0-5")),
        (
            "video: URL",
            "video-edit",
            ("`http(s)://`", "`http(s)://`, `data:`", "`http(s)://`, `oss://`", "`http(s)://`"),
        ),
        ("first frame: bytes", "", ("at most 20 MB", "at most 20 MB", "at most 20 MB", "at most 10 MB")),
        ("a running task", "", ("`pending`", "`in_progress`", "`RUNNING`", "`processing`")),
        ("life of a result", "", ("30 days", "24 h", "24 h", "365 days")),
        ("no key", "", ("HTTP 400", "HTTP 401", "HTTP 401", "HTTP 401")),
        ("the first image, in a prompt", "r2v", ("`character1`", "`[Image 1]`, `图1`", "`[Image 1]`", "`character1`")),
    ],
)
def test_says_what_each_provider_has(fact: str, mode: str, stands: tuple[str, ...]) -> None:
    assert values(fact, mode) == dict(zip(("acedata", "apiyi", "dashscope", "imini"), stands, strict=True))


def test_leaves_out_what_all_say_alike() -> None:
    assert all(len({stand.value for stand in difference.stands.values()}) > 1 for difference in FOUND)
    assert [difference for difference in FOUND if difference.fact == "reference image: number of files"] == []


def test_knows_what_a_mode_takes_however_it_is_written() -> None:
    facts = {(fact, mode): stand for fact, mode, stand in PARTS["which media it takes"](load_provider("acedata"), ())}
    assert facts["reference image: number of files", "r2v"].value == "1-9"
    assert facts["first frame: number of files", "i2v"].value == "1"
    assert {source.key for source in facts["reference image: number of files", "r2v"].sources} >= {"ad-page"}


def test_every_limit_names_its_sources() -> None:
    unnamed = [(d.fact, name) for d in FOUND if d.part != "names" for name, s in d.stands.items() if not s.sources]
    assert unnamed == []


def changed(folder: Path, edit: Callable[[Any], object]) -> list[Difference]:
    """The differences between a provider and its copy with an edit in the pieces that its modes share."""
    copied = copytree(SCHEMAS / "dashscope", folder / "gateway")
    parts = json.loads((copied / "parts.schema.json").read_text("utf-8"))
    edit(parts["$defs"])
    (copied / "parts.schema.json").write_text(json.dumps(parts), "utf-8")
    return differences([load_provider("dashscope"), load_provider(str(copied))])


def test_a_copy_differs_in_nothing(tmp_path: Path) -> None:
    assert changed(tmp_path, lambda _: None) == []


def test_a_copy_with_another_limit_differs_in_that(tmp_path: Path) -> None:
    (found,) = changed(tmp_path, lambda parts: parts["seed"].update(minimum=1))
    assert (found.fact, found.modes) == ("`seed`: range", ("t2v", "i2v", "r2v", "video-edit"))
    assert found.sides() == [("0-2147483647", ["dashscope"]), ("1-2147483647", ["gateway"])]
