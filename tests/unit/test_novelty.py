"""Members of an answer that the contract does not know."""

import pytest

from happyhorse_spec.answers import AnswerBook
from happyhorse_spec.contract import load_provider, provider_names
from happyhorse_spec.novelty import added

DEFS = {"inner": {"properties": {"a": {}, "list": {"items": {"properties": {"x": {}}}}}}}
SCHEMA = {
    "$defs": DEFS,
    "properties": {"open": {"type": "object"}, "ref": {"$ref": "#/$defs/inner"}},
    "allOf": [{"properties": {"all": {}}}],
    "anyOf": [{"properties": {"any": {}}}],
}


@pytest.mark.parametrize(
    ("value", "places"),
    [
        pytest.param({"open": {"what": 1}, "all": 1, "any": {"thing": 2}}, [], id="known"),
        pytest.param({"new": 1}, ["/new"], id="top"),
        pytest.param({"ref": {"a": 1, "b": 1}}, ["/ref/b"], id="reference"),
        pytest.param({"ref": {"list": [{"x": 1}, {"y": 1}]}}, ["/ref/list/1/y"], id="item"),
        pytest.param({"a/b": 1}, ["/a~1b"], id="escaped"),
        pytest.param([], [], id="list"),
    ],
)
def test_added_members_are_found(value, places):
    assert list(added(SCHEMA, value)) == places


EXAMPLES = [
    pytest.param(provider, name, example, id=f"{provider}-{name}-{index}")
    for provider in provider_names()
    for name, schema in load_provider(provider).answer_schemas["$defs"].items()
    for index, example in enumerate(schema.get("examples", ()))
]


@pytest.mark.parametrize(("provider", "name", "example"), EXAMPLES)
def test_documented_examples_hold_nothing_new(provider, name, example):
    schema = {"$ref": f"#/$defs/{name}", "$defs": load_provider(provider).answer_schemas["$defs"]}
    assert list(added(schema, example)) == []


def test_answer_carries_what_is_new():
    provider = load_provider("dashscope")
    book = AnswerBook(provider, provider.endpoints["submit"])
    body = {"request_id": "r", "output": {"task_id": "t", "task_status": "PENDING", "eta": 3}}
    assert book.recognise(200, body).added == ("/output/eta",)
