"""What the tests of the law and of the command line share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checking import Check, Shown, Write

from happyhorse_spec.cli import main
from happyhorse_spec.contract import SCHEMAS, load_provider

Edit = Callable[[Any], object]


@pytest.fixture
def edited(tmp_path: Path) -> Callable[[str, str, Edit], str]:
    """A function that copies the folder of a provider, edits one file of the copy and gives its path."""

    def copy(provider: str, file: str, edit: Edit) -> str:
        folder = tmp_path / provider
        folder.mkdir()
        for path in (SCHEMAS / provider).iterdir():
            if path.name != file:
                (folder / path.name).symlink_to(path)
        data = _read(provider, file)
        edit(data)
        (folder / file).write_text(json.dumps(data), "utf-8")  # JSON is YAML
        return str(folder)

    return copy


def _read(provider: str, file: str) -> Any:
    if file == "provider.yaml":
        return json.loads(json.dumps(load_provider(provider).data))
    return json.loads((SCHEMAS / provider / file).read_text("utf-8"))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """A function that writes a file into a folder of the test, which is the working directory."""
    monkeypatch.chdir(tmp_path)

    def written(name: str, content: object) -> str:
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content)
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    return written


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    """A function that runs `happyhorse-spec check`."""

    def run(*arguments: str) -> Shown:
        capsys.readouterr()
        code = main(["check", *arguments])
        return Shown(code, *capsys.readouterr())

    return run
