"""`happyhorse-spec check` on files that are no requests: one line each, in time."""

from __future__ import annotations

from pathlib import Path

import pytest
from checking import T2V, Check, Write, within


def bomb() -> str:
    levels = [
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in zip("abcdefghij", "bcdefghijk", strict=True)
    ]
    return "\n".join(["a: &a [x, x, x, x, x, x, x, x, x]", *levels])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("a.json", b"", "a.json: it is empty", id="empty"),
        pytest.param("a.json", b" \n\n", "a.json: it is empty", id="blank"),
        pytest.param("a.json", b"\x89PNG\r\n\x1a\n" + bytes(256), "a.json:1:1: it is not text in UTF-8", id="binary"),
        pytest.param("a.json", b'{"a": "\xe9"}', "a.json:1:8: it is not text in UTF-8", id="Latin 1"),
        pytest.param("a.json", b'{"a": 1, "a": 2}', "a.json:1:10: the key 'a' appears twice", id="key twice"),
        pytest.param("a.yaml", b"a: 1\na: 2", "a.yaml:2:1: the key 'a' appears twice", id="key twice in YAML"),
        pytest.param("a.json", b'{"a": NaN}', "a.json:1:7: this number is not finite", id="NaN"),
        pytest.param("a.json", b'{"a": 1e999}', "a.json:1:7: this number is not finite", id="endless number"),
        pytest.param("a.json", b'{"a": 1 2}', "a.json:1:9: it is not JSON", id="broken JSON"),
        pytest.param("a.yaml", b"a: [1", "a.yaml:1:", id="broken YAML"),
        pytest.param("a.json", b"[" * 10_000 + b"]" * 10_000, "a.json:1:101: the nesting is deeper", id="deep JSON"),
        pytest.param("a.yaml", b"[" * 10_000 + b"]" * 10_000, "a.yaml:1:101: the nesting is deeper", id="deep YAML"),
        pytest.param("a.yaml", bomb().encode(), "a.yaml:", id="alias bomb"),
        pytest.param("a.json", b"[" + b"1," * 40_000_000 + b"1]", "a.json: it has more than", id="80 MB of numbers"),
        pytest.param("a.json", b"\0" * 100_000_000, "a.json:1:1: a NUL character", id="100 MB of zeros"),
        pytest.param("a.sh", b"curl 'http://x", "a.sh:1:6: this quote is not closed", id="broken command"),
        pytest.param("a.sh", b"curl x -F a=b", "a.sh:1:8: the option -F is not understood", id="form"),
    ],
)
def test_unreadable_file_gets_one_line(write: Write, check: Check, name: str, content: bytes, message: str) -> None:
    file = write(name, content)
    shown = within(2, lambda: check(file, "--provider", "dashscope"))
    assert (shown.code, shown.out) == (1, "")
    assert shown.err.startswith(message)
    assert shown.err.count("\n") == 1


def test_body_of_100_mb_is_judged_in_time(write: Write, check: Check) -> None:
    name = write("a.json", b'{"model": "happyhorse-1.0-t2v", "input": {"prompt": "' + b"a" * 100_000_000 + b'"}}')
    shown = within(2, lambda: check(name, "--provider", "dashscope"))
    assert (shown.code, len(shown.out) < 1000) == (0, True)
    assert "is 100000000 characters long" in shown.lines[0]


@pytest.mark.parametrize(("name", "reason"), [("missing.json", "No such file or directory"), (".", "Is a directory")])
def test_what_cannot_be_opened_is_wrong_usage(check: Check, name: str, reason: str) -> None:
    shown = check(name)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith(f"{name}: it cannot be opened: {reason}")
    assert shown.err.count("\n") == 1


def test_file_without_permission(write: Write, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write("a.json", T2V)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    shown = check(name)
    assert (shown.code, shown.err) == (2, "a.json: it cannot be opened: Permission denied\n")


def test_unreadable_file_in_other_formats(write: Write, check: Check) -> None:
    name = write("a.json", b'{"a": 1, "a": 2}')
    (record,) = check(name, "--format", "json").records
    assert (record["effect"], record["rule"], record["line"], record["column"]) == ("unread", None, 1, 10)
    (line,) = check(name, "--format", "github").lines
    assert line == "::error file=a.json,line=1,col=10::the key 'a' appears twice"


def test_all_files_are_looked_at_and_the_worst_counts(write: Write, check: Check) -> None:
    names = [write("a.json", b""), "missing", write("b.json", {"model": 5}), write("c.json", T2V)]
    shown = check(*names, "--provider", "dashscope")
    assert shown.code == 2
    assert shown.err.count("\n") == 2
    assert shown.lines[0].startswith("b.json:1:1: reject")
    assert shown.lines[-1] == "c.json: ok (dashscope, t2v)"
    assert check(names[0], names[3], "--provider", "dashscope").code == 1
