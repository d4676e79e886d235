"""Other tools that can play or check the same: their set-up as data, written where they can read it.

`npm install --prefix bench` and `bench/requirements.txt` bring them into folders that git does not see. What is not
installed is left out, by name.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from bench.servers import POLL, SUBMIT
from happyhorse_spec.contract import SCHEMAS, load_provider
from happyhorse_spec.document import read_bytes, read_yaml
from happyhorse_spec.openapi import describe

HERE = Path(__file__).parent
_MODULES = HERE / "node_modules"


def _answer(task_id: str, request_id: str) -> str:
    """What a stub tells of a task: at a submit its new id, at a poll the id that was asked for, in its template language."""
    return json.dumps({"request_id": request_id, "output": {"task_id": task_id, "task_status": "RUNNING"}})


def schema() -> dict[str, Any]:
    """The schema of the nine-image body, as plain JSON Schema: strict readers refuse annotations."""
    plain: dict[str, Any] = _plain(load_provider("dashscope").modes["r2v"].request.book.schema)
    return plain


def _plain(schema: Any) -> Any:
    if isinstance(schema, Mapping):
        return {name: _plain(value) for name, value in schema.items() if not name.startswith("x-")}
    return [_plain(item) for item in schema] if isinstance(schema, list) else schema


def tool(name: str) -> Path:
    """Where npm puts a command."""
    return _MODULES / ".bin" / name


def _prism(folder: Path, port: int) -> list[str] | None:
    path = folder / "openapi.json"
    path.write_bytes(orjson.dumps(describe(load_provider("dashscope"))))
    return (
        [str(tool("prism")), "mock", "-p", str(port), "--errors", "-v", "fatal", str(path)]
        if tool("prism").exists()
        else None
    )


def _wiremock(folder: Path, port: int) -> list[str] | None:
    jar = next(iter(_MODULES.glob("wiremock/build/*.jar")), None)
    if jar is None or not shutil.which("java"):
        return None
    mappings = folder / "mappings"
    mappings.mkdir(exist_ok=True)
    judged = {"matchesJsonSchema": json.dumps(schema()), "schemaVersion": "V202012"}
    submit = {"method": "POST", "urlPath": SUBMIT, "bodyPatterns": [judged]}
    poll = {"method": "GET", "urlPathPattern": POLL + "[^/]+"}
    new, asked = "{{randomValue type='UUID'}}", "{{request.pathSegments.[3]}}"
    for name, request, task_id in (("submit", submit, new), ("poll", poll, asked)):
        said = {"status": 200, "body": _answer(task_id, new), "headers": {"Content-Type": "application/json"},
                "transformers": ["response-template"]}  # fmt: skip
        (mappings / f"{name}.json").write_text(json.dumps({"request": request, "response": said}), "utf-8")
    options = ["--disable-request-logging", "--disable-banner"]
    return ["java", "-jar", str(jar), "--port", str(port), "--root-dir", str(folder), *options]


def _mockoon(folder: Path, port: int) -> list[str] | None:
    if not tool("mockoon-cli").exists():
        return None
    # Schemas stand in a bucket of data; it knows draft 7, in which ours means the same.
    bucket = {**schema(), "$schema": "http://json-schema.org/draft-07/schema#"}
    rule = {"target": "body", "modifier": "", "value": "body", "operator": "valid_json_schema", "invert": False}
    new = "{{faker 'string.uuid'}}"
    submit, poll = _answer(new, new), _answer("{{urlParam 'id'}}", new)
    routes = [_route("post", SUBMIT[1:], submit, [rule]), _route("get", POLL[1:] + ":id", poll, [])]
    uuid = "00000000-0000-4000-8000-000000000000"
    data = {"uuid": uuid, "lastMigration": 33, "name": "bench", "endpointPrefix": "", "latency": 0, "port": port,
            "hostname": "127.0.0.1", "routes": routes, "folders": [], "rootChildren": [{"type": "route", "uuid": r["uuid"]} for r in routes],
            "proxyMode": False, "proxyHost": "", "cors": False, "headers": [], "data": [{"uuid": uuid, "id": "body", "name": "body", "documentation": "", "value": json.dumps(bucket)}], "callbacks": []}  # fmt: skip
    path = folder / "mockoon.json"
    path.write_text(json.dumps(data), "utf-8")
    return [str(tool("mockoon-cli")), "start", "--data", str(path), "--port", str(port), "--disable-log-to-file"]


def _route(method: str, endpoint: str, body: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    """A route that answers 400 where its rules do not hold."""
    good = {"uuid": f"{method}-good", "statusCode": 200, "body": body, "rules": rules, "rulesOperator": "AND",
            "default": not rules, "headers": [{"key": "Content-Type", "value": "application/json"}], "bodyType": "INLINE",
            "latency": 0, "label": "", "filePath": "", "sendFileAsBody": False, "disableTemplating": False,
            "fallbackTo404": False, "databucketID": "", "crudKey": "id", "callbacks": []}  # fmt: skip
    bad = {**good, "uuid": f"{method}-bad", "statusCode": 400, "rules": [], "default": True}
    return {"uuid": method, "type": "http", "documentation": "", "method": method, "endpoint": endpoint,
            "responses": [good, bad] if rules else [good], "responseMode": None}  # fmt: skip


#: Name -> what writes its set-up into a folder; the command that serves on a port, None where it is not installed.
MOCKS: Mapping[str, Callable[[Path, int], list[str] | None]] = {
    "WireMock": _wiremock,
    "Prism": _prism,
    "Mockoon": _mockoon,
}


def mock(port: int, *options: str) -> list[str]:
    """Our own mock; without the line per exchange, as the others."""
    return [sys.executable, "-m", "mockserver", "--quiet", "--port", str(port), *options]


def yardstick(port: int) -> list[str]:
    return [sys.executable, str(HERE / "yardstick.py"), str(port)]


def without_bounds(folder: Path) -> Path:
    """A provider's folder whose limits are beyond any load, so that they are counted and never met."""
    path = folder / "dashscope"
    shutil.copytree(SCHEMAS / "dashscope", path)
    file = path / "provider.yaml"
    data: Any = read_yaml(read_bytes(file), str(file))[0].data
    for limit in (entry for entry in data["limits"].values() if isinstance(entry, dict)):
        limit.update({name: 1_000_000 for name in ("per_second", "tasks") if name in limit})
    file.write_text(json.dumps(data), "utf-8")
    return path
