"""AceDataCloud's MCP server `mcp-happyhorse` over standard input and output, spoken to with the `mcp` library."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from upstream import AT_ONCE, FILM, PICTURE, Upstream, is_film

Scene = Callable[["Tools"], Awaitable[None]]

#: Tool -> its arguments, and the length in seconds that the record states.
ACTIONS: dict[str, tuple[dict[str, Any], float]] = {
    "happyhorse_generate_video": ({}, 5),
    "happyhorse_generate_video_from_image": ({"image_url": PICTURE}, 5),
    "happyhorse_generate_video_from_references": ({"image_urls": [PICTURE, PICTURE]}, 5),
    "happyhorse_edit_video": ({"video_url": FILM, "image_urls": [PICTURE]}, 13.24),
}


class Tools:
    """The tools of a running server."""

    def __init__(self, session: ClientSession) -> None:
        self.session = session

    async def ask(self, tool: str, **arguments: Any) -> Any:
        """The JSON that a tool answers."""
        answer = await self.session.call_tool(tool, arguments)
        assert not answer.isError, answer.content[0].text
        return json.loads(answer.content[0].text)

    async def fail(self, tool: str, **arguments: Any) -> str:
        """The words of a tool that fails."""
        answer = await self.session.call_tool(tool, arguments)
        assert answer.isError
        return str(answer.content[0].text)


@pytest.fixture
def play(upstream: Upstream, tmp_path: Path) -> Callable[..., None]:
    """Start the server, with a key, and run a scene with its tools."""

    async def run(scene: Scene, key: str) -> None:
        server = StdioServerParameters(
            command=str(Path(sys.executable).with_name("mcp-happyhorse")),
            env={"ACEDATACLOUD_API_BASE_URL": upstream.base("acedata"), "ACEDATACLOUD_API_TOKEN": key},
            cwd=tmp_path,
        )
        with (tmp_path / "log").open("w") as log:
            async with stdio_client(server, errlog=log) as streams, ClientSession(*streams) as session:
                await session.initialize()
                await scene(Tools(session))

    return lambda scene, key="token": asyncio.run(run(scene, key))


def test_the_server_offers_the_four_actions_and_the_task_queries(play: Callable[..., None]) -> None:
    async def scene(tools: Tools) -> None:
        listed = await tools.session.list_tools()
        names = {tool.name for tool in listed.tools}
        assert names == {*ACTIONS, "happyhorse_get_task", "happyhorse_get_tasks_batch", "happyhorse_list_models"}

    play(scene)


def test_every_action_settles_as_a_video(play: Callable[..., None]) -> None:
    async def scene(tools: Tools) -> None:
        for tool, (arguments, seconds) in ACTIONS.items():
            submitted = await tools.ask(tool, prompt=AT_ONCE, **arguments)
            record = await tools.ask("happyhorse_get_task", task_id=submitted["task_id"])
            assert record["mcp_task_polling"]["is_complete"] is True, tool
            (video,) = record["response"]["data"]
            assert video["duration"] == seconds
            assert is_film(video["video_url"])

    play(scene)


def test_a_batch_moves_tasks_until_they_are_settled(play: Callable[..., None]) -> None:
    async def scene(tools: Tools) -> None:
        submitted = await tools.ask("happyhorse_generate_video", prompt="a horse")
        asked = {"task_ids": [submitted["task_id"], "unknown"]}
        states = []
        for _ in range(2):
            answer = await tools.ask("happyhorse_get_tasks_batch", **asked)
            states.append(answer["items"][0]["response"]["data"][0]["state"])
        assert (answer["count"], states) == (1, ["pending", "succeeded"])

    play(scene)


def test_a_callback_url_takes_the_place_of_async(play: Callable[..., None], upstream: Upstream) -> None:
    async def scene(tools: Tools) -> None:
        asked = {"prompt": AT_ONCE, "callback_url": "http://127.0.0.1:9/done"}
        submitted = await tools.ask("happyhorse_generate_video", **asked)
        assert submitted["task_id"]

    play(scene)
    assert "async" not in upstream.received()


def test_a_failed_task_is_terminal(play: Callable[..., None]) -> None:
    async def scene(tools: Tools) -> None:
        submitted = await tools.ask("happyhorse_generate_video", prompt="[[FAILED api_error]]")
        record = await tools.ask("happyhorse_get_task", task_id=submitted["task_id"])
        assert record["mcp_task_polling"]["is_failed"] is True
        assert record["response"]["error"]["message"] == "Internal server error."

    play(scene)


def test_a_refused_submit_is_a_tool_error_in_the_words_of_the_provider(play: Callable[..., None]) -> None:
    async def scene(tools: Tools) -> None:
        told = await tools.fail("happyhorse_generate_video", prompt="[[refuse:used_up]]")
        assert told.endswith("Your balance is not sufficient for current request, please buy more in Ace Data Cloud.")
        told = await tools.fail("happyhorse_edit_video", prompt="a horse", video_url="no address")
        assert told.endswith("video_url is not a valid URL.")

    play(scene)


def test_neither_a_submit_nor_a_poll_is_repeated(play: Callable[..., None], upstream: Upstream) -> None:
    async def scene(tools: Tools) -> None:
        await tools.fail("happyhorse_generate_video", prompt="a horse [[fault:503]]")
        await tools.fail("happyhorse_generate_video", prompt="a horse [[fault:lost]]")
        submitted = await tools.ask("happyhorse_generate_video", prompt=f"{AT_ONCE} [[fault:poll:503]]")
        await tools.fail("happyhorse_get_task", task_id=submitted["task_id"])
        await tools.ask("happyhorse_get_task", task_id=submitted["task_id"])

    play(scene)
    assert upstream.submits() == [503, None, 200]


def test_a_wrong_key_is_a_tool_error(play: Callable[..., None]) -> None:
    async def scene(tools: Tools) -> None:
        told = await tools.fail("happyhorse_get_task", task_id="unknown")
        assert told.endswith("The specified token is invalid or wrong.")

    play(scene, "invalid")
