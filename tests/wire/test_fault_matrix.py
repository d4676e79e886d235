"""Every fault at every endpoint that it is for: what comes over the wire, beside what comes without it."""

import json
import re
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from byhand import head, submitting, until_the_end
from desk import ONE, Desk, example
from test_uploads import BOUNDARY, MODEL, ask, encoded, fields, picture

from happyhorse_spec.contract import load_provider, provider_names
from mockserver.faults import WORDS, Moment

SUBMIT = ONE.endpoints["submit"].path
#: A provider whose submit waits for the task's end.
WAITED_FOR = next(p for p in map(load_provider, provider_names()) if "delivery" in p.endpoints["submit"].data)
#: Those of one request; the others wait for a task's success.
AT_ONCE = {name: word for name, word in WORDS.items() if word.moment in (Moment.BEFORE, Moment.ANSWER)}


class Got(NamedTuple):
    """What came: status 0 where nothing did."""

    status: int
    head: str
    told: int | None
    body: bytes
    ending: str

    @property
    def is_json(self):
        try:
            json.loads(self.body)
        except ValueError:
            return False
        return True

    @property
    def is_whole(self):
        return (self.told, self.ending) == (len(self.body), "end")

    def is_like(self, usual):
        """Whether this is a whole answer, of the kind that comes without a fault."""
        return self.is_whole and self.status == usual.status


def is_error(status):
    """An error with that status in the language of whoever answers: a provider, or the storage."""
    return lambda got, _: (
        (got.status, got.ending) == (status, "end")
        and (b"<Code>" in got.body or (got.is_json and b"message" in got.body))
    )


#: Name -> the word as it is ordered, and whether what came is its doing.
EFFECTS = {
    "ok": ("ok", lambda got, usual: got.is_like(usual)),
    "status": ("503:retry-after=7", lambda got, usual: is_error(503)(got, usual) and "Retry-After: 7" in got.head),
    "error": ("throttled_rate", is_error(429)),
    "html": ("html", lambda got, _: got.status == 502 and b"502 Bad Gateway" in got.body),
    "reset": ("reset", lambda got, _: (got.head, got.ending) == ("", "reset")),
    "delay": ("delay-90s", lambda got, usual: got.is_like(usual)),
    "lost": ("lost", lambda got, _: (got.head, got.ending) == ("", "reset")),
    "reset-after-headers": (
        "reset-after-headers",
        lambda got, usual: (got.status, got.body, got.ending) == (usual.status, b"", "reset") and got.told > 0,
    ),
    "stall": ("stall-0.01s:after=3", lambda got, usual: got.is_like(usual)),
    "empty": ("empty", lambda got, usual: (got.status, got.told, got.body) == (usual.status, 0, b"")),
    "short-body": ("short-body-3", lambda got, usual: got.status == usual.status and len(got.body) == 3 < got.told),
    "wrong-length": ("wrong-length", lambda got, usual: got.status == usual.status and got.told == len(got.body) // 2),
    "not-json": ("not-json", lambda got, _: "application/json" in got.head and not got.is_json),
    "false-gzip": (
        "false-gzip",
        lambda got, usual: got.is_like(usual) and "content-encoding: gzip" in got.head.lower(),
    ),
    "wrong-type": ("wrong-type", lambda got, usual: got.is_like(usual) and "text/plain" in got.head),
}


def parsed(got, ending):
    top, _, body = got.partition(b"\r\n\r\n")
    told = re.search(rb"content-length: (\d+)", top, re.IGNORECASE)
    status = int(top.split(b" ")[1]) if top else 0
    return Got(status, top.decode(), int(told.group(1)) if told else None, body, ending)


class Client:
    """Asks each endpoint by hand, for a task that does not end, or for the result of one that did."""

    def __init__(self, wire):
        self.desk = Desk(wire)
        self.policy = ask(wire)
        self.desk.control(
            "PUT", "/plans", {"plans": {"*": "PENDING 999 polls, RUNNING, SUCCEEDED"}, "tasks": ["SUCCEEDED"]}
        )
        self.url = self.desk.poll(self.desk.task()).body["output"]["video_url"]

    def ask(self, endpoint, task_id=""):
        request = self._request(endpoint, task_id or self.desk.task())
        takes_gzip = request.replace(b"Host: mock\r\n", b"Host: mock\r\nAccept-Encoding: gzip\r\n", 1)
        return parsed(*until_the_end(self.desk.wire.url, takes_gzip))

    def _request(self, endpoint, task_id):
        prefix = urlsplit(self.desk.wire.url).path
        if endpoint == "submit":
            return b"".join(submitting(ONE, "Connection: close", target=prefix + SUBMIT))
        if endpoint == "upload":
            body = encoded(fields(self.policy, f"{task_id}.png", {"success_action_status": "201"}), picture())
            kind = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"
            return head("POST", f"{prefix}/upload", kind, f"Content-Length: {len(body)}", "Connection: close") + body
        if endpoint == "download":
            return head("GET", self.url.partition(urlsplit(self.url).netloc)[2], "Connection: close")
        if endpoint == "upload_policy":
            return head("GET", f"{prefix}/api/v1/uploads?action=getPolicy&model={MODEL}", "Connection: close")
        entry = ONE.endpoints[endpoint]
        return head(entry.method, prefix + entry.path.format(task_id=task_id), "Content-Length: 0", "Connection: close")


@pytest.fixture
def client(wire):
    return Client(wire)


def test_the_matrix_has_every_word():
    assert EFFECTS.keys() == AT_ONCE.keys()


@pytest.mark.parametrize("name", AT_ONCE)
@pytest.mark.parametrize("asked", ["submit", "poll", "cancel", "list", "upload", "upload_policy", "download"])
def test_every_endpoint_meets_every_word(client, asked, name):
    endpoint = asked.partition("_")[0]
    assert endpoint in WORDS[name].endpoints
    word, is_its_doing = EFFECTS[name]
    usual = client.ask(asked)
    task_id = client.desk.task()
    client.desk.order(**{endpoint: [word]})
    before = client.desk.control("GET", "/clock")["now"]
    assert is_its_doing(got := client.ask(asked, task_id), usual), got
    [line] = client.desk.control("GET", "/faults")["planned"]
    assert (line["word"], line["met"]) == (word, True)
    exchange = client.desk.control("GET", "/journal")[-1]
    assert (exchange["number"], exchange["fault"]) == (line["request"], None if name == "ok" else word)
    assert (client.desk.control("GET", "/clock")["now"] - before >= 90) is (name == "delay")
    assert client.ask(asked).is_like(usual)


@pytest.mark.parametrize(
    ("word", "is_its_doing"),
    [
        ("no-url", lambda url, _: url is None),
        ("url-403", lambda _, file: file.status == 403),
        ("url-404", lambda _, file: file.status == 404),
        ("url-slow-0.01s", lambda _, file: file.is_whole),
        ("url-short", lambda _, file: file.status == 200 and not file.is_whole),
    ],
)
@pytest.mark.parametrize("endpoint", ["submit", "poll"])
def test_a_success_meets_every_word_wherever_it_is_told(wire, endpoint, word, is_its_doing):
    desk = Desk(wire)
    desk.order(**{endpoint: [word]})
    if endpoint == "submit":
        waits = {name: value for name, value in example(WAITED_FOR).items() if name not in ("async", "callback_url")}
        told = desk.wire.call(WAITED_FOR, "submit", waits)
    else:
        told = desk.until_done(desk.task())
    url = next(iter(re.findall(rb'"video_url": ?"([^"]+)"', told.raw)), None)
    request = head("GET", url.decode().partition(urlsplit(wire.url).netloc)[2], "Connection: close") if url else b""
    assert is_its_doing(url, parsed(*until_the_end(wire.url, request)) if url else None)
    assert desk.control("GET", "/faults")["planned"][0]["met"]


@pytest.mark.parametrize("word", [word for word, _ in EFFECTS.values() if word != "ok"])
def test_a_key_orders_the_same_for_every_request(wire, word):
    for _ in range(2):
        request = b"".join(submitting(ONE, "Connection: close", target=urlsplit(wire.url).path + SUBMIT))
        until_the_end(wire.url, request.replace(b"sk-mock", f"sk-fail-{word}".encode()))
    assert [line["fault"] for line in Desk(wire).control("GET", "/journal")] == [word] * 2


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        ("sk-fail-resett", "'resett' is no fault; did you mean reset?"),
        ("sk-fail-503*2", "'503*2' cannot be ordered by a key; every request meets the one word that it has"),
        ("sk-fail-url-403", "'url-403' cannot be ordered by a key; every request meets the one word that it has"),
        ("sk-fail-duplicate", "'duplicate' is no fault of submit; it is one of callback"),
    ],
)
def test_a_key_that_orders_what_cannot_be_is_refused_by_name(wire, key, complaint):
    answer = wire.call(ONE, "submit", example(ONE), headers={"Authorization": f"Bearer {key}"})
    assert answer.status == 400
    assert complaint in answer.body["message"]


def by_scenario(desk):
    desk.control("PUT", "/scenario", {"settings": {"clock": "jump"}, "faults": {"poll": ["503"]}})
    return desk.task()


def by_control(desk):
    desk.control("POST", "/faults", {"poll": [503]})
    return desk.task()


def by_prompt(desk):
    return desk.submit(prompt="A horse [[fault:poll:503]] at dawn.").body["output"]["task_id"]


@pytest.mark.parametrize("order", [by_scenario, by_control, by_prompt])
def test_whoever_orders_a_fault_its_account_is_the_same(wire, order):
    desk = Desk(wire)
    task_id = order(desk)
    assert [desk.poll(task_id).status for _ in range(2)] == [503, 200]
    [line] = desk.control("GET", "/faults")["planned"]
    now = line.pop("at")
    assert line == {"endpoint": "poll", "word": "503", "met": True, "request": 2, "task_id": task_id}
    assert now <= desk.control("GET", "/clock")["now"]


@pytest.mark.parametrize("endpoint", ["list", "upload"])
def test_a_prompt_orders_nothing_for_what_is_about_no_task(wire, endpoint):
    answer = Desk(wire).submit(prompt=f"[[fault:{endpoint}:503]]")
    assert (answer.status, f"a prompt orders no fault of {endpoint}" in answer.body["message"]) == (400, True)
