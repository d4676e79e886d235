"""The mock on a real socket, for clients that nobody here wrote: one server in a thread, one session per test.

Nothing of a client is patched. The clock jumps: a status poll moves the session to the next event, so a life of three
states takes two polls however long it would last.
"""

from __future__ import annotations

import re

import pytest
from upstream import MODELS, Order, Upstream, order_of

from mockserver.embedded import Mock
from mockserver.server import MockServer

#: What would lead a client past the mock, or hand it a key of this machine's owner.
_AMBIENT = ("DASHSCOPE_API_KEY", "DASHSCOPE_BASE_URL", "DASHSCOPE_HTTP_BASE_URL", "ACEDATACLOUD_API_TOKEN")


@pytest.fixture(scope="session")
def server(happyhorse_mock: Mock) -> MockServer:
    return happyhorse_mock.server


@pytest.fixture
def upstream(server: MockServer, request: pytest.FixtureRequest) -> Upstream:
    """A session that no other test has."""
    return Upstream(server, re.sub(r"[^A-Za-z0-9_.-]+", "-", request.node.nodeid)[-60:])


@pytest.fixture(params=MODELS)
def order(request: pytest.FixtureRequest) -> Order:
    """Each of the seven models in turn."""
    return order_of(request.param)


@pytest.fixture(autouse=True)
def _ambient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _AMBIENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
