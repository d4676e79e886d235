"""What a clip costs: milliseconds and bytes per tier and length, and what ffprobe says of it.

`python bench/clip_figures.py` prints the table of docs/fidelity.md. The time is the median of nine files that differ.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time

from mockserver.clip import Clip, render
from mockserver.frame import frame_size

TIERS = ("480P", "720P", "1080P")
FPS = 24


def cost(clip_of: list[Clip]) -> tuple[float, bytes]:
    """Median milliseconds of a file, and the last file."""
    taken = []
    for clip in clip_of:
        begun = time.perf_counter()
        data = render(clip)
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken), data


def probed(data: bytes) -> str:
    """What ffprobe says of a file: each track's codec, size or rate, and length."""
    if not shutil.which("ffprobe"):
        return "ffprobe is not installed"
    entries = "stream=codec_name,profile,width,height,r_frame_rate,sample_rate,channels,nb_frames,duration"
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(data)
        file.flush()
        command = ["ffprobe", "-v", "error", "-show_entries", entries, "-of", "csv=p=0", file.name]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
    return "; ".join(f"`{line}`" for line in done.stdout.splitlines()) + done.stderr


def main() -> None:
    print("| tier | seconds | ms | bytes | ffprobe |\n|---|---|---|---|---|")
    for tier in TIERS:
        width, height = frame_size(tier, 16 / 9)
        for seconds in (3, 5, 15):
            clips = [Clip(width, height, seconds * FPS, FPS, seed=str(n), label=f"task {n}") for n in range(9)]
            took, data = cost(clips)
            print(f"| {tier} | {seconds} | {took:.1f} | {len(data):,} | {probed(data)} |")


if __name__ == "__main__":
    main()
