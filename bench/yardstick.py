"""The yardstick: the least that an aiohttp server can do for a submit and a poll, with uvloop and orjson.

It keeps every body in a dictionary and looks at nothing. What a mock does beyond this is what its features cost.
"""

from __future__ import annotations

import sys
import uuid
from typing import Any

import orjson
import uvloop
from aiohttp import web

_SUBMIT = "/api/v1/services/aigc/video-generation/video-synthesis"
_POLL = "/api/v1/tasks/{task_id}"


def application() -> web.Application:
    tasks: dict[str, Any] = {}

    async def submit(request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        task_id = str(uuid.uuid4())
        tasks[task_id] = body
        return _json({"output": {"task_status": "PENDING", "task_id": task_id}, "request_id": str(uuid.uuid4())})

    async def poll(request: web.Request) -> web.Response:
        task_id = request.match_info["task_id"]
        status = "RUNNING" if task_id in tasks else "UNKNOWN"
        return _json({"request_id": str(uuid.uuid4()), "output": {"task_id": task_id, "task_status": status}})

    app = web.Application()
    app.add_routes([web.post(_SUBMIT, submit), web.get(_POLL, poll)])
    return app


def _json(value: Any) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")


if __name__ == "__main__":
    web.run_app(
        application(),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop=uvloop.new_event_loop(),
        print=None,
        access_log=None,
    )
