"""Serving results: the clip of a finished task under its signed, expiring URL."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from mockserver.clip import Clip, render
from mockserver.dialect import Dialect
from mockserver.lifecycle import State, Task
from mockserver.scene import Scene
from mockserver.session import Session


async def serve_result(
    request: web.BaseRequest, session: Session, path: str, dialects: Mapping[str, Dialect]
) -> web.StreamResponse:
    """The clip behind a result URL."""
    name = path.removeprefix("/result/").partition(".")[0]
    session.settle()
    task = session.table.tasks.get(name)
    if task is None or task.state is not State.SUCCEEDED:
        return web.Response(status=404, text="NoSuchKey")
    return web.Response(body=render(clip_of(task, dialects[task.lane[0]], session)), content_type="video/mp4")


def clip_of(task: Task, dialect: Dialect, session: Session) -> Clip:
    """What the clip of a task shows."""
    result = Scene(dialect, session, task).result
    return Clip(
        width=result.width,
        height=result.height,
        frames=result.frames,
        fps=result.fps,
        seed=task.id,
        label=task.id[:8],
        watermark=result.watermark,
    )
