"""What no output may show."""

import pytest

from happyhorse_spec.redaction import Redactor

HIDDEN = {
    "known": ("the key is sk-canary!", "the key is ***!"),
    "bearer": ("Authorization: Bearer abcdef.ghi", "Authorization: Bearer ***"),
    "basic": ("basic dXNlcjpwYXNz", "basic ***"),
    "user": ("http://me:pass@host/x and https://key@host", "http://***@host/x and https://***@host"),
    "query": (
        "http://h/a.mp4?Expires=1&OSSAccessKeyId=abc&Signature=x%2B1",
        "http://h/a.mp4?Expires=1&OSSAccessKeyId=***&Signature=***",
    ),
    "control": ("a\x1b[31mb\u202ec", "a\ufffd[31mb\ufffdc"),
    "data": ("data:image/png;base64," + "A" * 100, "data:image/png;base64,…"),
}
SHOWN = ["Signature moves of a horse", "tokens: 5", "a@b.example", "https://h/a?seed=1&b", "line one\nline two\ttab"]


@pytest.mark.parametrize("name", HIDDEN)
def test_hides(name):
    text, shown = HIDDEN[name]
    assert Redactor(["sk-canary"]).text(text) == shown


@pytest.mark.parametrize("text", SHOWN)
def test_shows_what_is_no_secret(text):
    assert Redactor(["sk-canary"]).text(text) == text


def test_hides_members_by_their_name():
    body = {
        "api_key": "abc",
        "nested": [{"Access-Token": 5, "secretKey": None}],
        "total_tokens": 7,
        "prompt": "sk-canary",
    }
    assert Redactor(["sk-canary"]).value(body) == {
        "api_key": "***",
        "nested": [{"Access-Token": "***", "secretKey": None}],
        "total_tokens": 7,
        "prompt": "***",
    }


def test_short_values_are_no_secrets():
    assert Redactor(["720P", ""]).text("720P") == "720P"


def test_the_longer_of_two_secrets_is_hidden_whole():
    assert Redactor(["canary", "canary-long"]).text("canary-long") == "***"
