"""The documentation, executed: every fenced command in README and docs runs, and prints what the page says.

A block marked `console` holds commands after `$ ` and what they print (`...` stands for anything); `sh` holds commands
that must succeed; `python` is run as a file or, where it holds tests, by pytest. A block marked with a file name, such
as `yaml bad.yaml`, is that file for the commands below it. All blocks of a page share one folder, in order. Port 8080
stands for a free one; what a page starts in the background is ended with it.
"""

import doctest
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\S*)[ ]?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Commands that only a checkout runs: the targets must exist, their work is the suite's own.
MAKE = re.compile(r"^make (\w+)$")


class Block(NamedTuple):
    kind: str
    name: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    return [Block(m[1], m[2], m[3], text[: m.start()].count("\n") + 1) for m in FENCE.finditer(text)]


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Page:
    """One page's folder, port and background processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.env = {**os.environ, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1"}
        # As in pyproject.toml; a reader does not have that plugin.
        self.env["PYTEST_ADDOPTS"] = "-p no:schemathesis -p no:cacheprovider"
        self.shell = subprocess.Popen(
            ["bash"], cwd=folder, env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def run(self, command: str) -> tuple[int, str]:
        """Exit code and output of a command in the page's shell."""
        self.shell.stdin.write(command.replace("8080", self.port) + '\necho "::end $?"\n')
        self.shell.stdin.flush()
        lines, watchdog = [], threading.Timer(60, self.shell.kill)
        watchdog.start()
        try:
            for line in self.shell.stdout:
                if found := re.fullmatch(r"(.*)::end (\d+)\n", line):
                    return int(found[2]), "".join([*lines, found[1]]).replace(self.port, "8080")
                lines.append(line)
        finally:
            watchdog.cancel()
        raise AssertionError(f"{command!r} did not end within 60 s, or ended the shell: {''.join(lines)}")

    def close(self) -> None:
        if self.shell.poll() is None:
            self.shell.stdin.write("kill $(jobs -p) 2>/dev/null; wait; exit\n")
        self.shell.communicate(timeout=20)


def commands(text: str) -> list[tuple[str, str]]:
    """(command, expected output) pairs of a console block; a command goes on after a backslash or an open quote."""
    pairs = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        size = next(n for n in range(1, len(lines) + 1) if is_whole("".join(lines[:n])))
        pairs.append(("".join(lines[:size]).strip(), "".join(lines[size:])))
    return pairs


def is_whole(command: str) -> bool:
    return not command.rstrip("\n").endswith("\\") and command.count("'") % 2 == 0


def same(want: str, got: str) -> bool:
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(want.strip() + "\n", got.strip() + "\n", options)


def play(block: Block, page: Page) -> None:
    if block.name:
        (page.folder / block.name).write_text(block.text, "utf-8")
    elif block.kind == "console":
        for command, expected in commands(block.text):
            if made := MAKE.match(command):
                subprocess.run(["make", "-n", made[1]], cwd=ROOT, check=True, capture_output=True)
                continue
            _, output = page.run(command)
            assert same(expected, output), f"$ {command}\n--- the page says\n{expected}\n--- it printed\n{output}"
    elif block.kind == "sh":
        for command in block.text.replace("\\\n", "").strip().splitlines():
            code, output = page.run(command)
            assert code == 0, f"$ {command}\n{output}"
    elif block.kind == "python":
        tests = "def test_" in block.text
        file = page.folder / f"{'test_' if tests else ''}block_{block.line}.py"
        file.write_text(block.text.replace("8080", page.port), "utf-8")
        words = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if tests else []
        done = subprocess.run(
            [sys.executable, *words, file.name],
            cwd=page.folder, env=page.env, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", PAGES, ids=[page.name for page in PAGES])
def test_page_does_what_it_says(path, tmp_path):
    page = Page(tmp_path)
    try:
        for block in blocks(path):
            if block.kind == "console" and "curl -" in block.text and shutil.which("curl") is None:
                pytest.skip(f"there is no curl on this machine, which line {block.line} needs")
            play(block, page)
    finally:
        page.close()


@pytest.mark.parametrize("path", PAGES, ids=[page.name for page in PAGES])
def test_page_links_to_what_exists(path):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text("utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []
