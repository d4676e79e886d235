"""A load where `wrk` is not installed: `python -m bench.load PORT PATH submit|poll CONNECTIONS SECONDS`.

Prints the number of requests and the 99th percentile in milliseconds. It is slower than most servers here, which does
not matter to rates per processor time, but flatters percentiles.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time

from bench.servers import HEADERS, NINE_IMAGES

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


async def _connection(port: int, request: bytes, end: float, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (began := time.perf_counter()) < end:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if head[9:10] != b"2":
            raise OSError(head.decode("latin-1"))
        found = _LENGTH.search(head)
        await reader.readexactly(int(found[1]) if found else 0)
        times.append(time.perf_counter() - began)
    writer.close()


async def _main(port: int, path: str, kind: str, connections: int, seconds: float) -> None:
    body = NINE_IMAGES if kind == "submit" else b""
    lines = [f"{'POST' if body else 'GET'} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    request = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in HEADERS.items()), "", ""]).encode() + body
    times: list[float] = []
    end = time.perf_counter() + seconds
    await asyncio.gather(*(_connection(port, request, end, times) for _ in range(connections)))
    print(len(times), sorted(times)[len(times) * 99 // 100] * 1000)


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])))
