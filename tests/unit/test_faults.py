"""The words of faults, who meets them, and the account."""

from random import Random

import pytest

from mockserver.faultplan import MAX_PLANNED, ON_ARRIVAL, FaultPlan
from mockserver.faults import ENDPOINTS, MEETS, WORDS, Fault, FaultError, Moment, Takes, read_faults
from mockserver.misbehave import ACTS
from mockserver.operations import OPERATIONS


def read(*words, endpoint="submit"):
    return list(read_faults(words, endpoint, lambda word: word == "arrearage"))


def names(*words, endpoint="submit"):
    return [fault.word for fault in read(*words, endpoint=endpoint)]


@pytest.mark.parametrize(
    ("word", "fault"),
    [
        ("ok", Fault("ok", "ok")),
        (429, Fault("429", "status", 429)),
        ("503:retry-after=2", Fault("503:retry-after=2", "status", 503, "2")),
        ("429:retry-after=Wed,", Fault("429:retry-after=Wed,", "status", 429, "Wed,")),
        ("arrearage", Fault("arrearage", "error")),
        ("delay-2s", Fault("delay-2s", "delay", 2)),
        ("delay-0.25s", Fault("delay-0.25s", "delay", 0.25)),
        ("delay", Fault("delay", "delay", 2)),
        ("stall-3s:after=100", Fault("stall-3s:after=100", "stall", 3, "100")),
        ("short-body-0", Fault("short-body-0", "short-body", 0)),
        ("reset-after-headers", Fault("reset-after-headers", "reset-after-headers")),
        ("url-403", Fault("url-403", "url-403")),
        ("url-slow-1s", Fault("url-slow-1s", "url-slow", 1)),
        ("not-json", Fault("not-json", "not-json")),
    ],
    ids=str,
)
def test_reads_a_word(word, fault):
    assert read(word) == [fault]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["503*3"], ["503"] * 3),
        (["503-then-ok"], ["503", "ok"]),
        (["503*2-then-not-json-then-ok"], ["503", "503", "not-json", "ok"]),
        ([" 429 ", "ok"], ["429", "ok"]),
        (["503*0"], []),
        ([], []),
    ],
    ids=str,
)
def test_reads_lists(words, meant):
    assert names(*words) == meant


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("resett", "'resett' is no fault; did you mean reset?"),
        ("600", "'600' is no fault; use a status such as 503"),
        ("200", "'200' is no fault"),
        ("", "'' is no fault"),
        ("status", "'status' is no fault"),
        ("error", "'error' is no fault"),
        ("delay-2", "write seconds up to 86,400, e.g. delay-2s"),
        ("delay-99999999s", "write seconds up to 86,400"),
        ("short-body-2s", "write a number of bytes, e.g. short-body-256"),
        ("short-body-1.5", "write a number of bytes"),
        ("reset-2s", "'reset-2s' is no fault"),
        ("reset:after=1", "it takes no option"),
        ("429:after=1", "it takes :retry-after=..."),
        ("429:retry-after", "it takes :retry-after=..."),
        ("429:retry-after=a b", "it takes :retry-after=..."),
        ("stall-2s:after=x", "after is a number of bytes"),
        ("503*10001", "is repeated 10001 times; it must be at most 10000"),
        ("duplicate", "'duplicate' is no fault of submit; it is one of callback"),
        ("x" * 1000, "is no fault"),
        (None, "'None' is no fault"),
        ({"a": 1}, "is no fault"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_says_what_is_wrong_with_a_word(word, complaint):
    with pytest.raises(FaultError) as error:
        read(word)
    assert complaint in str(error.value)
    assert len(str(error.value)) < 300


def test_knows_its_endpoints():
    with pytest.raises(FaultError, match="'submits' has no faults; use one of submit, poll"):
        read("503", endpoint="submits")


@pytest.mark.parametrize("name", [name for name in WORDS if name != "error"])
def test_every_word_reads_as_it_is_written(name):
    word = WORDS[name]
    [fault] = read(word.written, endpoint=word.endpoints[0])
    assert fault.name == name
    assert (fault.figure > 0) is (word.takes is not Takes.NOTHING or name == "status")


def test_every_word_of_the_wire_is_carried_out_there():
    on_the_wire = {name for name, word in WORDS.items() if word.moment is Moment.ANSWER}
    assert set(ACTS) == on_the_wire | {"html", "reset", "url-slow", "url-short"}


def test_every_endpoint_of_an_operation_exists():
    assert set(MEETS) <= set(OPERATIONS)
    assert set(MEETS.values()) | {"download", "callback"} == set(ENDPOINTS)


def plan(**faults):
    made = FaultPlan()
    for endpoint, words in faults.items():
        made.order(endpoint, read(*words, endpoint=endpoint))
    return made


def word(fault):
    return fault.word if fault else None


def test_the_nth_request_meets_the_nth_word():
    ordered = plan(submit=["503", "ok", "reset"])
    assert [word(ordered.meet("submit", 1.0)) for _ in range(5)] == ["503", "ok", "reset", None, None]


def test_endpoints_have_lists_of_their_own():
    ordered = plan(submit=["503"], poll=["reset"])
    assert word(ordered.meet("poll", 1.0)) == "reset"
    assert word(ordered.meet("submit", 1.0)) == "503"


def test_is_over_when_everything_is_met():
    ordered = plan(submit=["503"])
    assert ordered
    ordered.meet("submit", 1.0)
    assert not ordered
    assert not FaultPlan()


def test_a_word_whose_moment_has_not_come_holds_up_the_others():
    ordered = plan(poll=["no-url", "503"])
    assert ordered.meet("poll", 1.0, moments=ON_ARRIVAL) is None
    assert word(ordered.meet("poll", 1.0, moments={Moment.SUCCESS})) == "no-url"
    assert word(ordered.meet("poll", 1.0, moments=ON_ARRIVAL)) == "503"


def test_a_scope_comes_before_everybody():
    ordered = plan(poll=["503"])
    ordered.order("poll", read("reset", endpoint="poll"), scope="task-1")
    assert word(ordered.meet("poll", 1.0, task_id="task-2")) == "503"
    assert ordered.meet("poll", 1.0, task_id="task-2") is None
    assert word(ordered.meet("poll", 1.0, task_id="task-1")) == "reset"


def test_orders_for_a_scope_only_once():
    ordered = FaultPlan()
    for _ in range(3):
        ordered.order_once("submit", read("503"), "prompt")
    assert len(ordered.planned) == 1


def test_accounts_for_when_and_by_whom():
    ordered = plan(submit=["503", "429", "ok"])
    ordered.meet("submit", 7.0, 3, "task-1")
    assert ordered.account()["planned"][:2] == [
        {"endpoint": "submit", "word": "503", "met": True, "at": 7.0, "request": 3, "task_id": "task-1"},
        {"endpoint": "submit", "word": "429", "met": False, "at": None, "request": None, "task_id": None},
    ]
    assert ordered.account()["not_met"] == 1


def test_draws_by_rate_and_accounts_for_it():
    ordered = FaultPlan()
    ordered.draw("poll", 0.25, read("503", "reset", endpoint="poll"), Random(1))
    met = [word(ordered.meet("poll", float(number), number)) for number in range(1000)]
    assert 200 < sum(name is not None for name in met) < 300
    account = ordered.account()
    assert account["drawn_count"] == sum(name is not None for name in met)
    assert account["drawn"][0] == {
        "endpoint": "poll",
        "word": next(name for name in met if name),
        "met": True,
        "at": float(next(number for number, name in enumerate(met) if name)),
        "request": next(number for number, name in enumerate(met) if name),
        "task_id": None,
    }
    assert ordered.meet("submit", 1.0) is None


def test_draws_only_on_arrival():
    ordered = FaultPlan()
    ordered.draw("poll", 1.0, read("503", endpoint="poll"), Random(1))
    assert ordered.meet("poll", 1.0, moments={Moment.SUCCESS}) is None


@pytest.mark.parametrize(("rate", "words"), [(-0.1, ["503"]), (1.1, ["503"]), (0.5, []), (0.5, ["stale"])], ids=str)
def test_refuses_what_cannot_be_drawn(rate, words):
    with pytest.raises(FaultError):
        FaultPlan().draw("poll", rate, read(*words, endpoint="poll"), Random(1))


def test_plans_only_so_many_and_lets_go_of_those_that_were_met():
    ordered = plan(submit=["503*10000"])
    with pytest.raises(FaultError, match=f"more than {MAX_PLANNED} faults are planned"):
        ordered.order("submit", read("503"))
    ordered.meet("submit", 1.0)
    ordered.order("submit", read("429"))
    assert len(ordered.planned) == MAX_PLANNED
    assert ordered.planned[-1].fault.word == "429"


def test_a_spoilt_url_stays_so():
    ordered = FaultPlan()
    ordered.spoil("task-1", read("url-403")[0])
    assert ordered
    assert ordered.spoilt["task-1"].word == "url-403"
