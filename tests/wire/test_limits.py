"""Rates, places, queues and lifetimes, on a clock that stands still until it is moved; and nothing of it by default."""

import json

import pytest
from byhand import advance
from desk import ONE, example

from happyhorse_spec.contract import load_provider, provider_names
from mockserver import operations
from mockserver.clock import ClockMode
from mockserver.settings import Settings

PROVIDERS = {name: load_provider(name) for name in provider_names()}
ACE, APIYI, IMINI = (PROVIDERS[name] for name in ("acedata", "apiyi", "imini"))
each_provider = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
RATE = (429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later.")
QUEUE = (429, "Throttling.AllocationQuota", "Allocated quota exceeded, please increase your quota limit.")
DAY = 86400
#: How long a task takes at the desk: queued, and rendering.
QUEUED, RENDERING = 1.0, 3.0


class Account:
    """A mock whose clock stands still, and what an account does with it."""

    def __init__(self, wire):
        self.wire, self.server = wire, wire.server

    def advance(self, seconds):
        return advance(self.server, seconds)

    def submit(self, provider=ONE, body=None, **options):
        return self.wire.call(provider, "submit", body or example(provider), **options)

    def task(self, provider=ONE, body=None):
        answer = self.submit(provider, body)
        assert answer.status == 200, answer.raw
        return answer.body.get("task_id") or answer.body["output"]["task_id"]

    def tasks(self, count, provider=ONE, body=None):
        """So many tasks, five in a second, which is within every rate."""
        made = []
        for number in range(count):
            if number and not number % 5:
                self.advance(1.0)
            made.append(self.task(provider, body))
        return made

    def poll(self, provider, task_id):
        template = provider.endpoints["poll"].data.get("body") and {"id": task_id, "action": "retrieve"}
        return self.wire.call(provider, "poll", template, task_id=task_id)

    def states(self, *task_ids, provider=ONE):
        bodies = [self.poll(provider, task_id).body for task_id in task_ids]
        return [body.get("status") or body["output"]["task_status"] for body in bodies]


@pytest.fixture
def account(play):
    """An account with limits."""
    return Account(play(Settings(clock=ClockMode.MANUAL, start=1_790_000_000.0, limits=True)))


@pytest.fixture
def free(play):
    """An account without."""
    return Account(play(Settings(clock=ClockMode.MANUAL, start=1_790_000_000.0)))


def told(answer):
    return answer.status, answer.body["code"], answer.body["message"]


def long_lived(body=None):
    """A request whose task renders for an hour."""
    return example(ONE, "[[PENDING 0s, RUNNING 3600s, SUCCEEDED]]") | (body or {})


class TestRate:
    def test_sixth_submit_in_a_second_is_refused(self, account):
        assert [account.submit().status for _ in range(5)] == [200] * 5
        assert told(account.submit()) == RATE

    def test_second_slides(self, account):
        for _ in range(3):
            account.task()
        account.advance(0.6)
        account.task()
        account.task()
        assert account.submit().status == 429
        account.advance(0.4)
        assert [account.submit().status for _ in range(4)] == [200, 200, 200, 429]

    def test_refused_submit_does_not_count(self, account):
        for _ in range(20):
            account.submit()
        account.advance(1.0)
        assert account.submit().status == 200

    def test_refused_submit_makes_no_task(self, account):
        for _ in range(9):
            account.submit()
        assert account.wire.call(ONE, "list").body["total"] == 5

    def test_wrong_requests_count(self, account):
        for _ in range(5):
            assert account.submit(body=example(ONE) | {"parameters": {"duration": 2}}).status == 400
        assert told(account.submit()) == RATE

    def test_each_model_has_its_own(self, account):
        for _ in range(5):
            account.task()
        assert told(account.submit()) == RATE
        other = example(ONE) | {"model": "happyhorse-1.1-t2v"}
        assert [account.submit(body=other).status for _ in range(6)] == [200] * 5 + [429]

    def test_models_that_there_are_not_share_one(self, account):
        for number in range(5):
            assert account.submit(body=example(ONE) | {"model": f"happyhorse-9.{number}"}).status == 400
        assert told(account.submit(body=example(ONE) | {"model": "happyhorse-9.9"})) == RATE
        assert account.submit().status == 200

    def test_wrong_keys_do_not(self, account):
        for _ in range(9):
            assert account.submit(headers={"Authorization": "Bearer sk-invalid"}).status == 401
        assert account.submit().status == 200

    @pytest.mark.parametrize("endpoint", ["poll", "list", "cancel"])
    def test_each_kind_of_query_has_twenty_in_a_second(self, account, endpoint):
        allowed = [account.wire.call(ONE, endpoint, task_id="0").status for _ in range(20)]
        assert set(allowed) == {400 if endpoint == "cancel" else 200}
        assert told(account.wire.call(ONE, endpoint, task_id="0")) == RATE
        others = {"poll", "list", "cancel"} - {endpoint}
        assert 429 not in {account.wire.call(ONE, other, task_id="0").status for other in others}
        account.advance(1.0)
        assert account.wire.call(ONE, endpoint, task_id="0").status != 429

    def test_submits_and_queries_do_not_share(self, account):
        for _ in range(20):
            account.poll(ONE, "0")
        assert account.submit().status == 200

    def test_upload_policies_have_a_rate_of_their_own(self, account):
        asked = "?action=getPolicy&model=happyhorse-1.0-i2v"
        got = [account.wire.call(ONE, "upload_policy", query=asked).status for _ in range(101)]
        assert got == [200] * 100 + [429]
        assert account.wire.call(ONE, "upload_policy", query=asked.replace("i2v", "r2v")).status == 200

    def test_gateway_with_sixty_queries_in_a_second(self, account):
        got = [account.poll(ACE, "0").status for _ in range(60)]
        refused = account.poll(ACE, "0")
        assert got == [200] * 60
        assert (refused.status, refused.body["error"]) == (
            429,
            {"code": "too_many_requests", "message": "Too many requests, please try again later."},
        )

    @pytest.mark.parametrize("provider", [APIYI, IMINI], ids=["apiyi", "imini"])
    def test_provider_that_publishes_no_rate_has_none(self, account, provider):
        ids = [account.task(provider) for _ in range(30)]
        assert {account.poll(provider, ids[0]).status for _ in range(100)} == {200}


class TestPlaces:
    def test_five_of_a_model_run_and_the_rest_waits(self, account):
        ids = account.tasks(7, body=long_lived())
        account.advance(100)
        assert account.states(*ids) == ["RUNNING"] * 5 + ["PENDING"] * 2

    def test_every_model_has_its_own_places(self, account):
        account.tasks(6, body=long_lived())
        account.advance(1)
        others = account.tasks(5, body=long_lived({"model": "happyhorse-1.1-t2v"}))
        account.advance(1)
        assert account.states(*others) == ["RUNNING"] * 5

    def test_place_goes_to_who_waits_longest_at_the_moment_it_is_free(self, account):
        first = account.tasks(5)
        account.advance(0.5)
        start = account.advance(0.5)
        later = account.tasks(3)
        account.advance(QUEUED)
        assert account.states(*first, *later) == ["RUNNING"] * 5 + ["PENDING"] * 3
        account.advance(1000)
        assert account.states(*first, *later) == ["SUCCEEDED"] * 8
        records = account.wire.call(ONE, "list").body["data"]
        starts = {record["task_id"]: record["start_time"] / 1000 for record in records}
        assert [starts[task_id] - start for task_id in later] == [RENDERING] * 3

    def test_waiting_task_can_be_cancelled_and_takes_no_place(self, account):
        *_, sixth, seventh = account.tasks(7, body=long_lived())
        account.advance(1)
        assert account.wire.call(ONE, "cancel", task_id=sixth).status == 200
        account.advance(3600)
        assert account.states(sixth, seventh) == ["CANCELED", "RUNNING"]

    def test_failed_task_gives_its_place_up(self, account):
        account.tasks(5, body=example(ONE, "[[PENDING 0s, RUNNING 5s, FAILED InternalError]]"))
        account.advance(1)
        waiting = account.tasks(1, body=long_lived())
        account.advance(1)
        assert account.states(*waiting) == ["PENDING"]
        account.advance(5)
        assert account.states(*waiting) == ["RUNNING"]

    def test_queue_of_five_hundred_is_full(self, account):
        account.tasks(505, body=long_lived())
        account.advance(1)
        assert told(account.submit()) == QUEUE
        assert account.submit(body=long_lived({"model": "happyhorse-1.1-t2v"})).status == 200
        account.advance(3600)
        assert account.submit().status == 200

    def test_token_of_a_gateway_has_ten_places_for_all_its_models(self, account):
        body = example(APIYI, "[[PENDING 0s, RUNNING 3600s, SUCCEEDED]]")
        models = ["happyhorse-1.0-t2v", "happyhorse-1.1-t2v"]
        ids = [account.task(APIYI, body | {"model": models[number % 2]}) for number in range(12)]
        account.advance(1)
        assert account.states(*ids, provider=APIYI) == ["in_progress"] * 10 + ["submitted"] * 2
        account.advance(3600)
        assert account.states(*ids[10:], provider=APIYI) == ["in_progress"] * 2

    def test_sixth_task_of_a_token_is_refused_where_nothing_waits(self, account):
        for _ in range(5):
            account.task(ACE)
        refused = account.submit(ACE)
        assert refused.status == 429
        error = {"code": "rate_limited", "message": "Concurrency limit exceeded for this token."}
        assert refused.body == {"success": False, "error": error}
        account.advance(QUEUED + RENDERING)
        assert account.submit(ACE).status == 200

    def test_sessions_share_no_limit(self, account):
        for _ in range(5):
            account.task()
        other = type(account.wire)(f"{account.wire.url}/~other")
        assert (account.submit().status, other.call(ONE, "submit", example(ONE)).status) == (429, 200)


class TestDefault:
    @each_provider
    def test_nothing_is_limited(self, free, provider):
        ids = [free.task(provider) for _ in range(60)]
        free.advance(QUEUED)
        assert {free.poll(provider, ids[0]).status for _ in range(70)} == {200}
        if provider is not IMINI and provider is not ACE:
            assert set(free.states(*ids, provider=provider)) <= {"RUNNING", "in_progress"}

    def test_is_switched_by_one_word(self, wire):
        limited = type(wire)(f"{wire.url},limits=on,clock=manual")
        assert [limited.call(ONE, "submit", example(ONE)).status for _ in range(6)] == [200] * 5 + [429]

    def test_comes_back_when_limits_are_switched_off(self, account):
        account.tasks(6, body=long_lived())
        assert account.wire.send("PATCH", "/_happyhorse/session", {"limits": False}).status == 200
        ids = account.tasks(9, body=long_lived())
        account.advance(1)
        assert account.states(*ids) == ["RUNNING"] * 9


#: Provider -> what it says of a task that is over: status, and the body without its ids.
OVER = {
    "dashscope": (200, {"task_status": "UNKNOWN"}),
    "apiyi": (200, {"status": "UNKNOWN"}),
    "imini": (404, {"code": "TASK_NOT_FOUND", "message": "Task not found", "status": 404}),
    "acedata": (200, {}),
}


class TestLifetime:
    def said(self, answer):
        body = json.loads(answer.raw)
        inner = body.get("output") or body.get("error") or body
        return answer.status, {name: value for name, value in inner.items() if not name.endswith("_id")}

    @each_provider
    def test_task_is_known_to_the_last_second_and_unknown_after_it(self, free, provider):
        task_id = free.task(provider)
        free.advance(provider.data["retention"]["task_seconds"]["value"])
        assert self.said(free.poll(provider, task_id)) != OVER[provider.name]
        free.advance(0.001)
        assert self.said(free.poll(provider, task_id)) == OVER[provider.name]

    def test_task_lives_for_a_day_but_with_one_gateway(self):
        lives = {name: provider.data["retention"]["task_seconds"]["value"] for name, provider in PROVIDERS.items()}
        assert lives == {"dashscope": DAY, "apiyi": DAY, "imini": DAY, "acedata": 30 * DAY}

    def test_upstreams_form_of_a_gateway_says_unknown_too(self, free):
        task_id = free.task(APIYI)
        free.advance(DAY + 1)
        answer = free.wire.call(APIYI, "poll_upstream", task_id=task_id)
        assert answer.body["output"] == {"task_id": task_id, "task_status": "UNKNOWN"}

    def test_task_that_is_over_is_in_no_list_and_cannot_be_cancelled(self, free):
        task_id = free.task(body=long_lived())
        free.advance(DAY + 1)
        assert free.wire.call(ONE, "list").body["total"] == 0
        assert told(free.wire.call(ONE, "cancel", task_id=task_id))[:2] == (400, "UnsupportedOperation")

    def test_task_that_is_over_is_left_out_of_a_batch(self, free):
        old = free.task(ACE)
        free.advance(30 * DAY + 1)
        new = free.task(ACE)
        answer = free.wire.call(ACE, "batch", {"ids": [old, new, "0"], "action": "retrieve_batch"})
        assert ([item["id"] for item in answer.body["items"]], answer.body["count"]) == ([new], 1)

    def test_result_url_lives_a_day_from_the_end(self, free):
        task_id = free.task()
        free.advance(QUEUED + RENDERING)
        url = free.poll(ONE, task_id).body["output"]["video_url"]
        free.advance(DAY)
        assert free.wire.send("GET", url).status == 200
        free.advance(1)
        over = free.wire.send("GET", url)
        assert (over.status, b"Request has expired." in over.raw) == (403, True)

    def test_of_too_many_temporary_keys_the_oldest_is_a_key_like_any_other(self, free, monkeypatch):
        monkeypatch.setattr(operations, "KEPT_TOKENS", 1)
        keys = [free.wire.call(ONE, "token", query="?expire_in_seconds=90").body["token"] for _ in range(2)]
        free.advance(90)
        told = [free.submit(headers={"Authorization": f"Bearer {key}"}).body.get("code") for key in keys]
        assert told == [None, "InvalidApiKey"]

    def test_temporary_key_lives_as_long_as_it_was_asked_for(self, free):
        key = free.wire.call(ONE, "token", query="?expire_in_seconds=90").body["token"]
        given = {"Authorization": f"Bearer {key}"}
        free.advance(89.999)
        assert free.submit(headers=given).status == 200
        free.advance(0.001)
        assert free.submit(headers=given).body["code"] == "InvalidApiKey"
