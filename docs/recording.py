"""Records `happyhorse-spec run` at a terminal: docs/run.cast, for `asciinema play`, and docs/run.svg, two moments.

`make recording` runs it. The run goes to a mock of its own, and is the second one there, so that it knows how long the
tasks take; nothing else differs from what a person sees.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

from mockserver.embedded import Mock
from mockserver.server import MockServer

HERE = Path(__file__).parent
WIDTH, HEIGHT = 118, 20
COMMAND = "happyhorse-spec run horses.yaml --url http://127.0.0.1:8080 --ledger runs/2/ledger.jsonl --jobs 3"
SPECS = """\
defaults:
  provider: dashscope
  request: {model: happyhorse-1.0-t2v, input: {prompt: A horse at dawn.}, parameters: {resolution: 720P, duration: 5}}
---
name: dawn
request: {parameters: {duration: "${matrix.seconds}"}}
matrix: {seconds: [3, 5]}
expect: {clip: {width: 1280, height: 720, duration: "${matrix.seconds}"}}
---
name: blocked
request: {input: {prompt: "A horse. [[fail:DataInspectionFailed]]"}}
---
name: too-short
request: {parameters: {duration: 2}}
expect: {rejected: {rule: dashscope.t2v.parameters.duration.minimum}}
"""

Pieces = list[tuple[float, str]]

_STEERING = re.compile(r"\x1b\[(\d*)([AK])|\x1b\[\?25[lh]|(\r)|(\n)")


def record(command: list[str], folder: str) -> Pieces:
    """What a command writes to a terminal, each piece with its second."""
    near, far = pty.openpty()
    termios.tcsetwinsize(far, (HEIGHT, WIDTH))
    terminal = {"TERM": "xterm-256color", "COLUMNS": str(WIDTH), "LINES": str(HEIGHT)}
    began = time.monotonic()
    running = subprocess.Popen(command, stdin=far, stdout=far, stderr=far, cwd=folder, env={**os.environ, **terminal})
    os.close(far)
    pieces: Pieces = []
    while select.select([near], [], [], 0.1)[0] or running.poll() is None:
        try:
            pieces.append((round(time.monotonic() - began, 2), os.read(near, 2**16).decode()))
        except OSError:  # nobody holds the other end any more
            break
    return pieces


def screen(pieces: Pieces) -> list[str]:
    """The lines that stand on the terminal after some pieces, with their colours."""
    rows, row, is_fresh = [""], 0, True
    text = "".join(piece for _, piece in pieces)
    at = 0
    for found in [*_STEERING.finditer(text), None]:
        written = text[at : found.start() if found else len(text)]
        if written:
            rows[row] = written if is_fresh else rows[row] + written
            is_fresh = False
        if found is None:
            break
        at = found.end()
        if found[2] == "A":
            row -= int(found[1] or 1)
        elif found[2] == "K":
            rows[row] = ""
        elif found[4]:
            row += 1
            rows += [""] * (row + 1 - len(rows))
        is_fresh = is_fresh or bool(found[3] or found[4])
    return rows


def picture(moments: list[list[str]]) -> str:
    """Some screens below each other, as SVG."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        for rows in moments:
            console.print(f"[bold]$[/] {COMMAND}", highlight=False)
            for row in rows:
                console.print(Text.from_ansi(row), soft_wrap=False)
        return console.export_svg(title="happyhorse-spec run", unique_id="run")


def main() -> None:
    """Record the run; write both files."""
    with TemporaryDirectory() as folder, Mock(MockServer()) as mock:
        Path(folder, "horses.yaml").write_text(SPECS, "utf-8")
        words = COMMAND.replace("http://127.0.0.1:8080", mock.url).split()[1:]
        command = [sys.executable, "-m", "happyhorse_spec.cli", *words]
        first = [word.replace("runs/2", "runs/1") for word in command]
        subprocess.run(first, cwd=folder, capture_output=True, check=False)
        pieces = record(command, folder)
    shown = [(second, piece.replace(mock.url, "http://127.0.0.1:8080")) for second, piece in pieces]
    head = {"version": 2, "width": WIDTH, "height": HEIGHT, "title": COMMAND}
    lines = [head, [0, "o", f"$ {COMMAND}\r\n"], *([second, "o", piece] for second, piece in shown)]
    (HERE / "run.cast").write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    middle = [piece for piece in shown if piece[0] < shown[-1][0] * 0.6]
    (HERE / "run.svg").write_text(picture([screen(middle), screen(shown)]), "utf-8")


if __name__ == "__main__":
    main()
