"""What is read from a provider once, when it is made ready to be played."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from happyhorse_spec.contract import load_provider
from mockserver.dialect import make_dialect

DASHSCOPE = load_provider("dashscope")

URL = {"type": "string", "pattern": "^oss://"}
FILE = {"type": "object", "required": ["url"], "properties": {"url": URL}}


def sign_of(when: dict[str, Any]) -> bytes:
    """The sign of a submit's last header, were it demanded of the bodies that satisfy `when`."""
    submit = DASHSCOPE.endpoints["submit"]
    headers = (*submit.headers[:-1], replace(submit.headers[-1], when=when))
    changed = replace(DASHSCOPE, endpoints={"submit": replace(submit, headers=headers)})
    return make_dialect(changed).operations[0].demands[-1].sign


def test_uploaded_files_are_known_by_the_start_of_their_url() -> None:
    submit = next(o for o in make_dialect(DASHSCOPE).operations if o.name == "submit")
    assert [demand.sign for demand in submit.demands] == [b"", b"oss://"]


@pytest.mark.parametrize("schema", [URL, FILE, {"type": "array", "contains": FILE}])
def test_string_that_must_be_there_gives_a_sign(schema: dict[str, Any]) -> None:
    assert sign_of(schema) == b"oss://"


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"not": FILE},
        {**FILE, "type": ["object", "string"]},
        {**FILE, "required": []},
        {"type": "object", "properties": {"url": URL}},
        {"type": "array", "items": FILE},
        {"pattern": "^oss://"},
        {**URL, "pattern": "oss://"},
        {**URL, "pattern": "^oss:/?"},
        {"anyOf": [FILE, {}]},
    ],
)
def test_body_that_may_do_without_it_has_no_sign(schema: dict[str, Any]) -> None:
    assert sign_of(schema) == b""
