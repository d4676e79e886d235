"""A session of the mock with its controls: orders faults, moves time, scripts tasks, reads what came."""

import json

from happyhorse_spec.contract import load_provider
from mockserver.clock import ClockMode
from mockserver.settings import Settings

ONE = load_provider("dashscope")
MANUAL = Settings(clock=ClockMode.MANUAL, start=1_800_000_000.0)


class Desk:
    """A client of one session; `wire` sends its requests."""

    def __init__(self, wire):
        self.wire = wire

    def control(self, method, path, body=None):
        answer = self.wire.send(method, f"/_happyhorse{path}", body)
        assert answer.status < 300, answer.raw
        return answer.body if answer.raw else None

    def order(self, **faults):
        return self.control("PUT", "/faults", faults)

    def met(self):
        """The words that were met, each with the number of its request."""
        return [(line["word"], line["request"]) for line in self.control("GET", "/faults")["planned"] if line["met"]]

    def submit(self, provider=ONE, prompt=None):
        return self.wire.call(provider, "submit", example(provider, prompt))

    def poll(self, task_id):
        return self.wire.call(ONE, "poll", task_id=task_id)

    def task(self):
        return self.submit().body["output"]["task_id"]

    def until_done(self, task_id):
        """Poll a jumping clock to the end of a task; the last answer."""
        for _ in range(5):
            answer = self.poll(task_id)
            if answer.body["output"]["task_status"] == "SUCCEEDED":
                return answer
        raise AssertionError(answer.raw)


def ask(desk, method, path, body=None, **headers):
    """What the control API answers, good or bad."""
    return desk.wire.send(method, f"/_happyhorse{path}", body, headers)


def example(provider, prompt=None):
    mode = next(mode for mode in provider.modes.values() if not mode.media)
    body = json.loads(json.dumps(mode.request.book.schema["examples"][0]))
    if prompt is not None:
        *way, last = provider.data["request"]["prompt"].split("/")[1:]
        place = body
        for name in way:
            place = place[name]
        place[last] = prompt
    return body
