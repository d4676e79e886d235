"""The command `check`: one file, and a thousand."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from bench import peers
from bench.figure import Figure, in_turn
from bench.servers import NINE_IMAGES, pinned

_OURS = "happyhorse-spec"
_BIN = Path(sys.executable).parent
#: One of the tools tells its maker of every run, and fails where it cannot.
_QUIET = {**os.environ, "STEPCI_DISABLE_ANALYTICS": "1"}
_SCRIPT = """import sys
from pathlib import Path

import jsonschema_rs
import orjson

schema = orjson.loads(Path(sys.argv[1]).read_bytes())
body = orjson.loads(Path(sys.argv[2]).read_bytes())
validator = jsonschema_rs.Draft202012Validator(schema)
sys.exit(not validator.is_valid(body))
"""


def figures(quick: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        schema, script, body = folder / "schema.json", folder / "script.py", folder / "body.json"
        schema.write_text(json.dumps(peers.schema()), "utf-8")
        script.write_text(_SCRIPT, "ascii")
        body.write_bytes(NINE_IMAGES)
        one = {_OURS: [str(_BIN / "happyhorse-spec"), "check", "--provider", "dashscope", str(body)],
               "ten-line script": [sys.executable, str(script), str(schema), str(body)]}  # fmt: skip
        known = {"check-jsonschema": _BIN / "check-jsonschema", "ajv": peers.tool("ajv")}
        if known["check-jsonschema"].exists():
            one["check-jsonschema"] = [str(known["check-jsonschema"]), "--schemafile", str(schema), str(body)]
        if known["ajv"].exists():
            one["ajv"] = [
                str(known["ajv"]),
                "validate",
                "--spec=draft2020",
                "--strict=false",
                "-s",
                str(schema),
                "-d",
                str(body),
            ]
        samples = in_turn({name: timed(command) for name, command in one.items()}, 5 if quick else 11)
        yield Figure("command", "check, one file", "ms", samples, {"ten-line script": 0.4})
        if not quick:
            yield from _thousand(folder, schema, known["check-jsonschema"])


def _thousand(folder: Path, schema: Path, other: Path) -> Iterator[Figure]:
    """A thousand files; the other tool reads plain bodies, ours the specs with their lines and columns."""
    bodies, specs = folder / "bodies", folder / "specs"
    for place in (bodies, specs):
        place.mkdir()
    for number in range(1000):
        body = json.loads(NINE_IMAGES)
        spec = {"name": f"bench-{number}", "provider": "dashscope", "request": body}
        (bodies / f"{number}.yaml").write_text(yaml.safe_dump(body), "utf-8")
        (specs / f"{number}.yaml").write_text(yaml.safe_dump(spec), "utf-8")
    commands = {_OURS: [str(_BIN / "happyhorse-spec"), "check", *sorted(str(path) for path in specs.iterdir())]}
    if other.exists():
        files = sorted(str(path) for path in bodies.iterdir())
        commands["check-jsonschema"] = [str(other), "--schemafile", str(schema), *files]
    samples = in_turn({name: timed(command) for name, command in commands.items()}, 3)
    yield Figure("command", "check, 1,000 YAML specs", "ms", samples, {"check-jsonschema": 3})


def processor_time() -> float:
    """What all processes that have ended took, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(command: list[str], clock: Callable[[], float] = processor_time, core: int = 0) -> Callable[[], float]:
    """What takes the milliseconds of a whole process, which must end well; of its processor time unless told else."""

    def run() -> float:
        began = clock()
        done = subprocess.run(
            pinned(core, command), stdin=subprocess.DEVNULL, capture_output=True, text=True, env=_QUIET
        )
        if done.returncode:
            raise OSError(f"{' '.join(command)} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return (clock() - began) * 1000

    return run
