"""Servers under load: started on one core, loaded from another, measured by the processor time that they take.

A rate is requests per second of the server's processor time. A server that has its core for itself answers as many per
second on the clock; on a busy machine the clock measures the neighbours.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SUBMIT = "/api/v1/services/aigc/video-generation/video-synthesis"
POLL = "/api/v1/tasks/"
HEADERS = {"Authorization": "Bearer sk-mock", "X-DashScope-Async": "enable", "Content-Type": "application/json"}
NINE_IMAGES = json.dumps(
    {
        "model": "happyhorse-1.0-r2v",
        "input": {
            "prompt": "The rider of [Image 1] crosses the river.",
            "media": [
                {"type": "reference_image", "url": f"https://example.com/images/reference-{number}.png"}
                for number in range(1, 10)
            ],
        },
        "parameters": {"resolution": "720P", "ratio": "16:9", "duration": 5},
    }
).encode()

_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
_LUA = """wrk.method = "POST"
wrk.body = io.open(os.getenv("BENCH_BODY"), "rb"):read("*a")
"""


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """The command on one core only, where `taskset` is installed: core 0 is for servers, the last for the load."""
    return ["taskset", "-c", str(_CORES[core]), *command] if shutil.which("taskset") else list(command)


@dataclass(frozen=True)
class Server:
    """A server that runs; `task` is the path at which a task is polled."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    poll: str = POLL + "0385dc79-5ff8-4d82-bcb6-7c8a5c2c0aaa"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def send(self, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(self.url + path, body, HEADERS)
        with urllib.request.urlopen(request, timeout=30) as answer:
            told: bytes = answer.read()
        return told

    def submit(self) -> str:
        """The id of a new task."""
        return str(json.loads(self.send(SUBMIT, NINE_IMAGES))["output"]["task_id"])

    def seconds(self) -> float:
        """The processor time that the server and its children have taken."""
        ticks = sum(_ticks(pid) for pid in _family(self.process.pid))
        return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(name: str, command: Sequence[str], port: int, patience: float = 60) -> Iterator[Server]:
    """A server on core 0, once it answers anything at all."""
    process = subprocess.Popen(pinned(0, command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        server = Server(name, port, process)
        _await(server, patience)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(server: Server, patience: float) -> None:
    end = time.monotonic() + patience
    while time.monotonic() < end and server.process.poll() is None:
        try:
            server.send(server.poll)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.01)
    raise OSError(f"{server.name} does not answer")


@dataclass(frozen=True)
class Load:
    """What a server did: requests, those per second of its processor time, and the slowest hundredth in ms."""

    requests: int
    rate: float
    p99: float


def load(server: Server, path: str, *, submits: bool = False, connections: int = 32, seconds: float = 1.0) -> Load:
    """Send as much as a server takes for some seconds; raises OSError where answers are errors."""
    before = server.seconds()
    told = _wrk(server, path, submits, connections, seconds) if shutil.which("wrk") else None
    requests, p99 = told or _python(server, path, submits, connections, seconds)
    rate = requests / max(server.seconds() - before, 0.01)
    _calm(server)
    return Load(requests, rate, p99)


def _calm(server: Server) -> None:
    """Wait until a server has done what the load left behind: its core is that of whoever is measured next."""
    for _ in range(20):
        before = server.seconds()
        time.sleep(0.1)
        if server.seconds() - before < 0.02:
            return


def _wrk(server: Server, path: str, submits: bool, connections: int, seconds: float) -> tuple[int, float]:
    with tempfile.TemporaryDirectory() as folder:
        script, body = Path(folder, "submit.lua"), Path(folder, "body.json")
        script.write_text(_LUA, "ascii")
        body.write_bytes(NINE_IMAGES)
        headers = [word for name, value in HEADERS.items() for word in ("-H", f"{name}: {value}")]
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", *headers]
        command += [*(["-s", str(script)] if submits else []), server.url + path]
        told = subprocess.run(
            pinned(-1, command), env={**os.environ, "BENCH_BODY": str(body)}, capture_output=True, text=True, check=True
        ).stdout
    if "Non-2xx" in told or "requests in" not in told:
        raise OSError(f"{server.name}: {told}")
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", told).groups()  # type: ignore[union-attr]
    requests = int(re.search(r"(\d+) requests in", told)[1])  # type: ignore[index]
    return requests, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def _python(server: Server, path: str, submits: bool, connections: int, seconds: float) -> tuple[int, float]:
    words = [str(server.port), path, "submit" if submits else "poll", str(connections), str(seconds)]
    command = pinned(-1, [sys.executable, "-m", "bench.load", *words])
    requests, p99 = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(requests), float(p99)


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = [int(word) for word in children.read_text("ascii").split()] if children.exists() else []
    return [pid, *(member for child in found for member in _family(child))]


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
