"""What all tests share."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def unmeasured() -> Iterator[None]:
    """For what runs the same lines a thousand times: to see each time that they ran takes as long as all other tests.

    A server that other tests share goes on being measured.
    """
    here, threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    yield
    sys.settrace(here)
    threading.settrace(threads)
