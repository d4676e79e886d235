"""Tasks of every provider, played until their results have a URL, and the storage's refusals."""

import re
from xml.etree import ElementTree

import pytest

from happyhorse_spec.contract import load_provider, provider_names

PROVIDERS = {name: load_provider(name) for name in provider_names()}
SIGNED = [name for name, provider in PROVIDERS.items() if "{signature}" in provider.data["ids"]["video_url"]]
OPEN = [name for name in PROVIDERS if name not in SIGNED]
COVERED = [name for name, provider in PROVIDERS.items() if "cover_url" in provider.data["ids"]]

each_provider = pytest.mark.parametrize("name", PROVIDERS)
each_signed = pytest.mark.parametrize("name", SIGNED)
each_open = pytest.mark.parametrize("name", OPEN)


def submit(wire, name):
    provider = PROVIDERS[name]
    example = provider.modes["t2v"].request.book.schema["examples"][0]
    return wire.call(provider, "submit", example)


def poll(wire, name, task_id):
    provider = PROVIDERS[name]
    template = provider.endpoints["poll"].data.get("body")
    body = {key: task_id if value == "{task_id}" else value for key, value in template.items()} if template else None
    return wire.call(provider, "poll", body, task_id=task_id)


def task_id(answer):
    return answer.body.get("task_id") or answer.body["output"]["task_id"]


def result_url(wire, name, ending="mp4"):
    """Where the result of a fresh task lies, as the provider's own answer says."""
    answer = submit(wire, name)
    fresh = task_id(answer)
    for _ in range(4):
        answer = poll(wire, name, fresh)
        found = re.search(rf'http://[^"]+/result/[^"]+\.{ending}[^"]*', answer.raw.decode())
        if found:
            return found.group()
    raise AssertionError(f"no {ending} in {answer.raw!r}")


def refusal(answer):
    """The elements of the storage's refusal."""
    assert answer.headers["Content-Type"] == "application/xml"
    assert answer.raw.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<Error>')
    return {element.tag: element.text for element in ElementTree.fromstring(answer.raw)}
