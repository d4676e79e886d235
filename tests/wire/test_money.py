"""Money before, while and after a live run: asked for, held to a budget, settled by what the provider bills."""

import os
import pty
import subprocess
import sys
from functools import partial

import pytest
from running import KEY, POLL, SUBMIT, SUBMITTED, make_gateway, stand_alone, succeeded, write_spec
from scripted import CUT, Say, scripted

from happyhorse_spec.cli import main
from happyhorse_spec.ledger import read_ledger

REFUSED = Say(400, {"code": "Arrearage", "message": "no", "request_id": "r"})


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    stand_alone(monkeypatch)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def spec(tmp_path):
    return partial(write_spec, tmp_path, expect={"accepted": True})


def test_dry_run_says_the_cost_and_sends_nothing(spec, monkeypatch, capsys):
    monkeypatch.delenv("GATEWAY_KEY")
    assert main(["run", "--live", "--dry-run", spec()]) == 0
    assert "dashscope/horse: 2.70 CNY (3 s at 0.9 CNY; China and Global, seen" in capsys.readouterr().out


def test_nobody_there_to_ask_gives_3_one_sentence_and_no_file(spec, tmp_path, capsys):
    with scripted({"*": [SUBMITTED]}) as server:
        path = spec(provider=make_gateway(tmp_path, server.url))
        assert main(["run", "--live", path]) == 3
        assert server.asked == []
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert "nothing was sent: this costs money (gateway: 2.70 CNY for 1 spec), and nobody is here to ask" in told.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("early", "word", "code", "sent"), [("", "y", 0, 1), ("", "n", 3, 0), ("", "", 3, 0), ("y\n", "n", 3, 0)]
)
def test_person_is_asked_before_money_is_spent(early, word, code, sent, spec, tmp_path):
    with scripted({SUBMIT: [SUBMITTED]}) as server:
        path = spec(provider=make_gateway(tmp_path, server.url))
        main_end, other = pty.openpty()
        os.write(main_end, early.encode())
        words = [sys.executable, "-m", "happyhorse_spec.cli", "run", "--live", path]
        running = subprocess.Popen(words, stdin=other, stdout=subprocess.PIPE, stderr=other)
        os.close(other)
        asked = b""
        while b"[y/N] " not in asked:
            asked += os.read(main_end, 1000)
        os.write(main_end, f"{word}\n".encode())
        running.communicate(timeout=30)
        os.close(main_end)
        assert b"This costs money (gateway: 2.70 CNY for 1 spec). Send?" in asked
        assert (running.returncode, server.times("/video-synthesis")) == (code, sent)


def test_no_connection_leaves_no_file(spec, tmp_path):
    path = spec(provider=make_gateway(tmp_path, "http://127.0.0.1:9"))
    assert main(["run", "--live", "--yes", path]) == 3
    assert not list((tmp_path / "runs").glob("*"))


def test_budget_stops_before_the_request_that_would_pass_it(spec, tmp_path, capsys):
    with scripted({SUBMIT: [SUBMITTED]}) as server:
        law = make_gateway(tmp_path, server.url)
        files = [spec(name, provider=law) for name in "abc"]
        words = ["run", "--live", "--yes", "--jobs", "1", "--budget", "6"]
        assert main([*words, *files]) == 3
        assert server.times("/video-synthesis") == 2
    assert "it may cost 2.70 CNY; 0.60 of 6.00 are left" in capsys.readouterr().out


def test_refusal_frees_its_money_and_a_lost_answer_does_not(spec, tmp_path):
    with scripted({SUBMIT: [REFUSED, CUT, SUBMITTED]}) as server:
        law = make_gateway(tmp_path, server.url)
        files = [spec(name, provider=law) for name in "abcd"]
        assert main(["run", "--live", "--yes", "--jobs", "1", "--budget", "6", *files]) == 1
        assert server.times("/video-synthesis") == 3


def test_resumed_run_keeps_its_budget(spec, tmp_path, capsys):
    with scripted({SUBMIT: [SUBMITTED]}) as server:
        law = make_gateway(tmp_path, server.url)
        files = [spec(name, provider=law) for name in "abc"]
        main(["run", "--live", "--yes", "--jobs", "1", "--budget", "6", *files])
        (path,) = (tmp_path / "runs").glob("*/ledger.jsonl")
        capsys.readouterr()
        server.scripts[POLL], server.scripts["*"] = [succeeded(f"{server.url}/clip.mp4")], [Say(404)]
        main(["resume", "--yes", str(path)])
        assert server.times("/video-synthesis") == 2
    assert "it may cost 2.70 CNY; 0.60 of 6.00 are left" in capsys.readouterr().out


def test_resume_asks_before_it_sends_what_was_never_sent(spec, tmp_path, capsys):
    with scripted({SUBMIT: [SUBMITTED]}) as server:
        law = make_gateway(tmp_path, server.url)
        files = [spec(name, provider=law) for name in "ab"]
        main(["run", "--live", "--yes", "--jobs", "1", "--budget", "3", *files])
        capsys.readouterr()
        assert main(["resume", "--budget", "9"]) == 3
        assert server.times("/video-synthesis") == 1
    assert "nobody is here to ask" in capsys.readouterr().err


def test_what_is_billed_is_told_and_written_down(spec, tmp_path, capsys):
    with scripted({SUBMIT: [SUBMITTED], POLL: [succeeded()], "*": [Say(404)]}) as server:
        server.scripts[POLL] = [succeeded(f"{server.url}/clip.mp4")]
        path = spec(provider=make_gateway(tmp_path, server.url), expect={})
        main(["run", "--live", "--yes", path])
    assert "gateway billed 3 s, 2.70 CNY" in capsys.readouterr().out
    (ledger,) = (tmp_path / "runs").glob("*/ledger.jsonl")
    (record,) = (record for record in read_ledger(ledger) if record["event"] == "settled")
    assert (record["seconds"], record["amount"], record["currency"]) == ("3", "2.7", "CNY")
