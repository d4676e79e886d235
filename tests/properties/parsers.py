"""Everything that reads what somebody else has written: how it is called, what it may raise, what it takes."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from PIL import Image
from stage import Stage, staged

from happyhorse_spec.answers import AnswerBook, UnknownAnswer
from happyhorse_spec.check import check_body
from happyhorse_spec.chronicle import trails_of
from happyhorse_spec.cli import main
from happyhorse_spec.contract import SCHEMAS, load_provider, provider_names
from happyhorse_spec.curl import read_curl
from happyhorse_spec.document import DocumentError, read_json, read_yaml
from happyhorse_spec.ledger import LedgerError, read_ledger
from happyhorse_spec.media import MediaError, probe_bytes
from happyhorse_spec.spec import SpecError
from happyhorse_spec.spec_reader import SPECS, read_specs
from happyhorse_spec.standing import stand
from happyhorse_spec.substitution import Values
from mockserver.clip import Clip, render
from mockserver.clock import ClockMode
from mockserver.faults import ENDPOINTS, FaultError, read_faults
from mockserver.lifecycle import LifecycleError
from mockserver.scenario import read_scenarios
from mockserver.scripts import read_order, read_plan
from mockserver.settings import SettingError, Settings, read_name

PROVIDERS = [load_provider(name) for name in provider_names()]
CURL = Path(__file__).parents[1] / "clients" / "curl"


@dataclass(frozen=True)
class Parser:
    """`parse` takes any bytes and raises nothing but `errors`; `seeds` makes texts that it takes."""

    parse: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    errors: tuple[type[Exception], ...] = ()

    def __call__(self, content: bytes) -> None:
        with contextlib.suppress(*self.errors):
            self.parse(content)


@contextlib.contextmanager
def _file(content: bytes, name: str) -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        yield path


_OPEN = contextlib.ExitStack()


@cache
def _stage() -> Stage:
    """One mock for all, until they are closed."""
    return _OPEN.enter_context(staged(Settings(clock=ClockMode.JUMP)))


def close() -> None:
    """End the mock: as long as it lives, no mock of this process sends callbacks."""
    _OPEN.close()
    _stage.cache_clear()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


# What is read


def _json(content: bytes) -> None:
    read_json(content, "it").position("/a/0")


def _yaml(content: bytes) -> None:
    for document in read_yaml(content, "it"):
        document.position("/a/0")


def _curl(content: bytes) -> None:
    read_curl(b"curl " + content, "it", Path("/nowhere")).position("/a/0")


def _specs(content: bytes) -> None:
    with _file(content, "spec.yaml") as path:
        read_specs([path])


def _check(content: bytes) -> None:
    """The command: any content has an exit code."""
    with _file(content, "body") as path, _silence():
        assert main(["check", str(path)]) in (0, 1, 2, 3)


def _judge(content: bytes) -> None:
    """Both engines on a body that is JSON."""
    body = orjson.loads(content)
    for provider in PROVIDERS:
        assert len(check_body(body, provider)) == len(check_body(body, provider, reference=True))


def _submit(content: bytes) -> None:
    """The mock: any body has an answer, and one that the contract knows."""
    for provider in PROVIDERS:
        reply = _stage().call(provider, "submit", content, session="any")
        AnswerBook(provider, provider.endpoints["submit"]).recognise(reply.status, reply.body)


_CONTROLLED = {
    "clock": "PUT",
    "clock/advance": "POST",
    "faults": "PUT",
    "plans": "PUT",
    "scenario": "POST",
    "session": "PATCH",
    "sessions": "POST",
    "verify": "POST",
}


def _control(content: bytes) -> None:
    """Whatever is asked of a session, it is done or refused."""
    for path, method in _CONTROLLED.items():
        given = {"Host": "127.0.0.1", "Content-Type": "application/json"}
        assert _stage().send(method, f"/~control/_happyhorse/{path}", given, content).status < 500, path


def _answer(content: bytes) -> None:
    body = orjson.loads(content)
    for provider in PROVIDERS:
        for endpoint in provider.endpoints.values():
            for status in (200, 400):
                with contextlib.suppress(UnknownAnswer):
                    AnswerBook(provider, endpoint).recognise(status, body).value("task_id")


def _ledger(content: bytes) -> None:
    with _file(content, "ledger.jsonl") as path:
        trails_of(stand(read_ledger(path)), Values())


def _scenario(content: bytes) -> None:
    with _file(content, "scenario.yaml") as path:
        for scenario in read_scenarios(path, lambda word: word == "arrearage"):
            scenario.begin(_stage().mock.sessions)


def _words(content: bytes) -> None:
    """Faults, lives and sessions as people write them, in prompts, settings and paths."""
    text = content.decode("utf-8", "replace")
    read_order(text)
    for read in (read_plan, read_name, *(partial(_faults, on) for on in ENDPOINTS)):
        with contextlib.suppress(LifecycleError, SettingError, FaultError):
            read(text)


def _faults(endpoint: str, text: str) -> None:
    list(read_faults(text.split(","), endpoint))


# What it begins with


def _examples() -> list[bytes]:
    modes = [mode for provider in PROVIDERS for mode in provider.modes.values()]
    return [json.dumps(mode.request.book.schema["examples"][0], indent=1).encode() for mode in modes]


def _spec_files() -> list[bytes]:
    return [path.read_bytes() for path in sorted(SPECS.rglob("*.yaml"))]


def _commands() -> list[bytes]:
    files = sorted(path for path in CURL.rglob("*") if path.is_file())
    return [path.read_bytes().partition(b"curl ")[2] for path in files] or [b"-d '{}' https://a.b"]


def _answers() -> list[bytes]:
    schemas = [json.loads((SCHEMAS / name / "answers.schema.json").read_bytes())["$defs"] for name in provider_names()]
    named = [schema for defs in schemas for schema in defs.values()]
    return dumped([example for schema in named for example in schema.get("examples", ())])


def _pictures() -> list[bytes]:
    """A picture in each format that is decoded, and a clip whose index is read."""
    picture = Image.linear_gradient("L").resize((24, 16))
    texts = []
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP"):
        file = io.BytesIO()
        picture.save(file, kind, progressive=True)
        texts.append(file.getvalue())
    clip = render(Clip(width=64, height=48, frames=5))
    return [*texts, clip, clip.replace(b"ftypisom", b"ftypqt  ")]


_REQUEST = {"law": "imini", "digest": "0", "files": {"a.png": "2"}, "model": "m"}
LEDGER = [
    {"at": "2026-01-01T00:00:00.000+00:00", "event": "run", "format": 1, "specs": 2, "url": "http://127.0.0.1:9"},
    {
        "event": "spec",
        "key": "a",
        "name": 'it\'s ["x"]',
        "file": "-",
        "law": "imini",
        "digest": "0",
        "files": {"a.png": "2"},
        "model": "m",
    },
    {"event": "spec", "key": "b", "name": "b", "file": "/nowhere.yaml", **_REQUEST},
    {"event": "intent", "key": "a", "sent": "POST http://127.0.0.1:9/", "at": "2026-01-01T00:00:00.000+00:00"},
    {"event": "accepted", "key": "a", "task_id": "t"},
    {"event": "state", "key": "a", "state": "running", "word": "processing"},
    {"event": "settled", "key": "a", "amount": "1.5", "currency": "USD"},
    {"event": "unknown", "key": "b", "why": "no answer"},
]

SCENARIO = b"""\
session: checkout
settings: {clock: manual, seed: 7, start: 2026-01-31T12:00:00Z, limits: true}
plans: {"*": "PENDING 2s, RUNNING 300s, SUCCEEDED", a-model: SUCCEEDED}
tasks: ["RUNNING 3 polls, FAILED DataInspectionFailed"]
faults:
  submit: [429:retry-after=2, ok, 503*3]
  poll: {rate: 0.5, words: [503, reset]}
expect:
  - {operation: submit, times: {at_least: 1, at_most: 2}, headers: {accept: true}, body: {/model: a}}
  - {path: /a, times: 2, schema: {type: object, properties: {a: {pattern: "^a+$"}}}}
ordered: true
"""

_CONTROLS = [
    {"clock": "scaled", "rate": 2.5},
    {"seconds": 5},
    {"next": True},
    {"submit": ["503", "ok", "429:retry-after=2"], "poll": {"rate": 0.5, "words": ["delay-1s"]}},
    {"plans": {"*": "PENDING 1s, RUNNING 2 polls, SUCCEEDED"}, "tasks": ["FAILED a"]},
    {"session": "a", "settings": {"clock": "manual", "limits": True, "seed": 4, "validation": "observed"}},
    {"name": "b", "settings": {"start": 1800000000}},
    {"expect": [{"operation": "submit", "times": 1, "schema": {"type": "object"}}], "ordered": True},
]

_WORDS = [
    b"PENDING 2s, RUNNING 3 polls, FAILED DataInspectionFailed",
    b"A horse [[fail:X]] [[refuse:Y]] [[fault:poll:503*3, reset, delay-2s]] [[PENDING 1s, SUCCEEDED]]",
    b"503*3,429:retry-after=2,delay-2.5s,truncate-256,reset:after=16,duplicate",
    b"name,clock=scaled,rate=20,start=2026-01-31T12:00:00Z,limits=on,seed=7",
]


def dumped(values: list[Any]) -> list[bytes]:
    return [json.dumps(value).encode() for value in values]


#: What everybody reads who takes JSON.
NOT_JSON = (orjson.JSONDecodeError,)

PARSERS: Mapping[str, Parser] = {
    "json": Parser(_json, _examples, (DocumentError,)),
    "yaml": Parser(_yaml, lambda: [*_spec_files(), SCENARIO], (DocumentError,)),
    "curl": Parser(_curl, _commands, (DocumentError,)),
    "specs": Parser(_specs, _spec_files, (SpecError,)),
    "check": Parser(_check, lambda: [*_examples(), *_spec_files()]),
    "judge": Parser(_judge, _examples, NOT_JSON),
    "submit": Parser(_submit, _examples),
    "control": Parser(_control, lambda: dumped(_CONTROLS)),
    "answer": Parser(_answer, _answers, NOT_JSON),
    "ledger": Parser(_ledger, lambda: [b"\n".join([*dumped(LEDGER), b""])], (LedgerError,)),
    "scenario": Parser(_scenario, lambda: [SCENARIO], (DocumentError, SettingError, FaultError)),
    "words": Parser(_words, lambda: _WORDS),
    "media": Parser(probe_bytes, _pictures, (MediaError,)),
}
