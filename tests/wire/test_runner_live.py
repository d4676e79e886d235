"""`run --live` against a provider whose server is on this machine: keys, servers, what is sent and what never is."""

from functools import partial

import pytest
from running import KEY, POLL, SUBMIT, SUBMITTED, WRONG, make_gateway, stand_alone, succeeded, terminal, write_spec
from scripted import Say, scripted

from happyhorse_spec.cli import main


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    stand_alone(monkeypatch)
    monkeypatch.chdir(tmp_path)  # a live run writes its ledger where it is started


@pytest.fixture
def spec(tmp_path):
    return partial(write_spec, tmp_path)


@pytest.fixture
def gateway(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return partial(make_gateway, tmp_path)


def test_live_needs_a_key_before_anything_is_sent(spec, gateway, capsys):
    with scripted({"*": [SUBMITTED]}) as server:
        assert main(["run", "--live", "--yes", spec(provider=gateway(server.url))]) == 3
        assert server.asked == []
    told = capsys.readouterr().err
    assert "set the environment variable GATEWAY_KEY" in told
    assert told.count("\n") == 1


def test_live_sends_the_key_and_nothing_that_is_invalid(spec, gateway, monkeypatch, capsys):
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    with scripted({SUBMIT: [SUBMITTED]}) as server:
        law = gateway(server.url)
        good, bad = spec(provider=law, expect={"accepted": True}), spec("invalid", provider=law, request=WRONG)
        assert main(["run", "--live", "--yes", good, bad]) == 1
        assert server.times("/video-synthesis") == 1
        assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    told = capsys.readouterr().out
    assert "ok    gateway/horse" in told
    assert "FAIL  gateway/invalid  happyhorse-1.0-t2v 720P 2 s: not sent" in told


@pytest.mark.parametrize("where", [["--live", "--yes"], ["--url", "http://127.0.0.1:9"], []])
def test_two_folders_of_one_name_are_told_apart_before_anything_is_sent(where, tmp_path, monkeypatch, capsys):
    """Servers and keys go by name: one folder's would get what is for the other's."""
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    with scripted({"*": [SUBMITTED]}) as server:
        specs = []
        for name in ("here", "there"):
            (tmp_path / name).mkdir()
            specs.append(write_spec(tmp_path / name, name, provider=make_gateway(tmp_path / name, server.url)))
        assert main(["run", *where, *specs]) == 2
        assert server.asked == []
    assert "two folders are called gateway" in capsys.readouterr().err


def test_live_sends_an_invalid_request_whose_rejection_is_expected(spec, gateway, monkeypatch):
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    refused = Say(400, {"code": "InvalidParameter", "message": "no", "request_id": "r"})
    with scripted({SUBMIT: [refused]}) as server:
        path = spec(provider=gateway(server.url), request=WRONG, expect={"rejected": {"status": 400}})
        assert main(["run", "--live", "--yes", path]) == 0
        assert len(server.asked) == 1


def test_live_refuses_a_server_that_is_not_the_providers(spec, gateway, monkeypatch, capsys):
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    with scripted({"*": [SUBMITTED]}) as server:
        path = spec(provider=gateway("https://gateway.invalid"))
        assert main(["run", "--live", "--yes", path, "--server", server.url]) == 2
        assert server.asked == []
    assert "gateway has no server" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"\n", 3)], ids=["yes", "no"])
def test_live_asks_the_person_at_the_terminal(answer, code, spec, gateway, monkeypatch, capsys):
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    with scripted({SUBMIT: [SUBMITTED]}) as server, terminal(monkeypatch, answer):
        assert main(["run", "--live", spec(provider=gateway(server.url), expect={"accepted": True})]) == code
        assert len(server.asked) == (code == 0)
    told = capsys.readouterr().err
    assert "This costs money (gateway: 2.70 CNY for 1 spec). Send? [y/N] " in told
    assert ("nothing was sent, as you said" in told) == (code == 3)


def test_live_says_which_of_several_providers_was_not_reached(spec, gateway, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    (tmp_path / "far").mkdir()
    make_gateway(tmp_path / "far", "http://127.0.0.1:9")
    (tmp_path / "far" / "gateway").rename(tmp_path / "remote")
    with scripted({SUBMIT: [SUBMITTED]}) as server:
        near = spec("near", provider=gateway(server.url), expect={"accepted": True})
        far = spec("far", provider="./remote")
        assert main(["run", "--live", "--yes", near, far]) == 3
    told = capsys.readouterr().out
    assert "FAIL  no connection to http://127.0.0.1:9: Connection refused; not sent: remote/far" in told


def test_live_goes_to_the_server_that_is_asked_for(spec, gateway, monkeypatch):
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    with scripted({SUBMIT: [SUBMITTED]}) as server:
        path = spec(provider=gateway(server.url), expect={"accepted": True})
        assert main(["run", "--live", "--yes", path, "--server", f"{server.url}/"]) == 0
        assert [asked.path for asked in server.asked] == [SUBMIT]


def test_live_server_belongs_to_one_provider(spec, capsys):
    files = [spec(), spec("mare", provider="apiyi")]
    assert main(["run", "--live", "--yes", *files, "--server", "https://dashscope.aliyuncs.com"]) == 2
    assert "a server belongs to one provider, and these specs are for" in capsys.readouterr().err


def test_live_sends_no_key_that_is_none(spec, gateway, monkeypatch, capsys):
    monkeypatch.setenv("GATEWAY_KEY", "sk canary")
    with scripted({"*": [SUBMITTED]}) as server:
        assert main(["run", "--live", "--yes", spec(provider=gateway(server.url))]) == 3
        assert server.asked == []
    told = capsys.readouterr().err
    assert "nothing was sent: GATEWAY_KEY holds characters that no key has" in told
    assert "canary" not in told


def test_live_wants_its_files_named(capsys):
    assert main(["run", "--live"]) == 2
    assert "name the files" in capsys.readouterr().err


def test_live_run_has_no_more_tasks_than_the_provider_allows(spec, gateway, monkeypatch):
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    limits = {"running": {"tasks": 1, "source": "chosen", "why": "As few as there can be."}}
    with scripted({SUBMIT: [SUBMITTED], "*": [Say(404)]}) as server:
        server.scripts[POLL] = [succeeded(f"{server.url}/clip.mp4")]
        law = gateway(server.url, limits=limits)
        files = [spec(f"horse-{number}", provider=law, poll={"interval": 0}) for number in range(4)]
        main(["run", "--live", "--yes", "--jobs", "4", *files])
        asked = ["submit" if asked.method == "POST" else asked.path for asked in server.asked]
    assert asked == ["submit", POLL, "/clip.mp4"] * 4


def test_live_without_a_network_is_one_sentence_and_no_file(spec, gateway, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("GATEWAY_KEY", KEY)
    law = gateway("http://127.0.0.1:9")
    files = [spec(f"horse-{number}", provider=law) for number in range(3)]
    assert main(["run", "--live", "--yes", *files, "--html", "page.html"]) == 3
    told = capsys.readouterr()
    assert told.err == "happyhorse-spec: no connection to http://127.0.0.1:9: Connection refused; nothing was sent\n"
    assert "FAIL" not in told.out
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "page.html").exists()
