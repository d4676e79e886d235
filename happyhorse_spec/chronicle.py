"""The first lines of a ledger, and the way back from them: how a run was started, and the specs that it was to send.

A spec is not copied into the ledger, since it may hold what must not be written down. Going on with a run reads its
files again, and what has changed since is not sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from happyhorse_spec import pointer
from happyhorse_spec.contract import load_provider
from happyhorse_spec.document import read_json
from happyhorse_spec.enclosure import digests, parcels
from happyhorse_spec.ledger import FORMAT, Event, Ledger, digest, read_ledger
from happyhorse_spec.spec import Expectation, Origin, Spec, SpecError
from happyhorse_spec.spec_reader import read_specs
from happyhorse_spec.standing import Entry, Phase, Standing, stand
from happyhorse_spec.substitution import Values
from happyhorse_spec.trail import Kind, Trail


def begin(ledger: Ledger, trails: Sequence[Trail], start: Mapping[str, Any]) -> None:
    """Write how the run is started and what it is to send, with the local files as they are now."""
    for trail in trails:
        trail.files = digests(parcels(trail.spec.body, trail.spec.provider, trail.spec.folder))
    run = {"format": FORMAT, "specs": len(trails), **start}
    ledger.write_all([(Event.RUN, run), *((Event.SPEC, _planned(trail)) for trail in trails)])


def _planned(trail: Trail) -> dict[str, Any]:
    spec = trail.spec
    file = spec.place().file
    place = {"file": file if file == "-" else str(Path(file).resolve()), "name": spec.name, "law": _law(spec)}
    return {"key": trail.key, "digest": digest(spec.body), "files": trail.files, "model": _model(spec), **place}


def drop_if_unsent(ledger: Ledger) -> None:
    """Leave no ledger of a run that has sent nothing."""
    standing = stand(read_ledger(ledger.path))
    if all(entry.sent is None for entry in standing.entries.values()):
        ledger.discard()


def trails_of(standing: Standing, values: Values) -> list[Trail]:
    """A trail for everything that is still to be sent or followed; what cannot be sent any more says why."""
    todo = [*standing.in_phase(Phase.ACCEPTED), *standing.in_phase(Phase.PLANNED)]
    specs = _read_again({entry.data["file"] for entry in todo}, values)
    return [_trail(entry, specs) for entry in todo]


def _trail(entry: Entry, specs: Mapping[tuple[str, str], Spec | str]) -> Trail:
    data = entry.data
    found = specs.get((data["file"], data["digest"]), specs.get((data["file"], ""), "the spec has changed"))
    if entry.phase is Phase.PLANNED:
        files = data.get("files", {})
        trail = Trail(found if isinstance(found, Spec) else _stand_in(entry), key=entry.key, files=files)
        if isinstance(found, str):
            trail.fail(Kind.LEDGER, f"it was not sent: {found}; run it anew")
        return trail
    spec = found if isinstance(found, Spec) else _stand_in(entry)
    followed = replace(spec, until=None, expect=replace(spec.expect, state=spec.expect.state or "succeeded"))
    return Trail(followed, key=entry.key, sent=entry.sent, task_id=entry.task_id)


def _read_again(files: set[str], values: Values) -> dict[tuple[str, str], Spec | str]:
    """(file, digest of the body) -> spec; (file, "") -> why a file cannot be read."""
    found: dict[tuple[str, str], Spec | str] = {}
    for file in sorted(files):
        if file == "-":
            found[file, ""] = "the spec came from standard input"
            continue
        try:
            found |= {(file, digest(spec.body)): spec for spec in read_specs([file], values)}
        except SpecError as error:
            found[file, ""] = str(error).partition("\n")[0]
    return found


def _stand_in(entry: Entry) -> Spec:
    """A spec for a task whose own cannot be read any more: it is followed, and nothing else is expected of it."""
    data = entry.data
    document = read_json(json.dumps({"name": data["name"]}), data["file"])
    provider = load_provider(data["law"])
    return Spec(
        name=data["name"],
        law=data["law"],
        provider=provider,
        body=None,
        expect=Expectation(),
        origin=Origin(document),
    )


def _model(spec: Spec) -> str | None:
    model = pointer.follow(spec.body, spec.provider.data["request"]["model"])
    return model if isinstance(model, str) else None


def _law(spec: Spec) -> str:
    return str(Path(spec.law).resolve()) if "/" in spec.law else spec.law
