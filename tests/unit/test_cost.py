"""What a request costs: from dated prices, at least and at most, never in a currency that is not its own."""

import json
from base64 import b64encode
from decimal import Decimal

import pytest

from happyhorse_spec.budget import Budget, OverBudget, read_budget
from happyhorse_spec.cli import main
from happyhorse_spec.cost import Cost, cost_of, totals
from happyhorse_spec.failures import Failure
from happyhorse_spec.spec_reader import read_specs
from mockserver.clip import Clip, render

MEDIA = [
    {"type": "video", "url": "https://example.com/a.mp4"},
    {"type": "reference_image", "url": "https://example.com/a.png"},
]
EDIT = {"model": "happyhorse-1.0-video-edit", "input": {"prompt": "p", "media": MEDIA}}


def text(model="happyhorse-1.0-t2v", **parameters):
    return {"model": model, "input": {"prompt": "p"}, "parameters": parameters}


def edit_of(url):
    return {
        **EDIT,
        "input": {"prompt": "p", "media": [{"type": "video", "url": url}]},
        "parameters": {"resolution": "720P"},
    }


SINGAPORE = "https://dashscope-intl.aliyuncs.com"
COSTS = {
    "defaults": ("dashscope", text(), None, "8.00 CNY"),
    "resolution": ("dashscope", text(resolution="720P", duration=10), None, "9.00 CNY"),
    "region": ("dashscope", text(resolution="720P"), SINGAPORE, "5.25 CNY"),
    "region-without-price": ("dashscope", text("happyhorse-1.1-t2v", resolution="720P"), SINGAPORE, "not known"),
    "workspace": ("dashscope", text(resolution="720P"), "https://me.ap-southeast-1.maas.aliyuncs.com", "5.25 CNY"),
    "edit-in-and-out": ("dashscope", EDIT, None, "9.60-48.00 CNY"),
    "edit-out-alone": ("apiyi", EDIT, None, "0.38-1.89 USD"),
    "resolution-without-price": (
        "imini",
        {"model": "dashscope/happyhorse-1.0", "prompt": "p", "resolution": "720P"},
        None,
        "not known",
    ),
    "what-is-not-sent": ("dashscope", text(duration=16), None, "0.00 CNY"),
    "duration-that-is-none": ("dashscope", text(duration="5"), None, "not known"),
    "resolution-that-is-none": ("dashscope", text(resolution=[]), None, "not known"),
    "no-request": ("dashscope", [], None, "not known"),
    "mode-of-nobody": ("dashscope", {"model": "another", "input": {"prompt": "p"}}, None, "not known"),
    "server-of-nobody": ("dashscope", text(resolution="720P"), "https://example.com", "4.50 CNY"),
    "video-that-is-missing": ("dashscope", edit_of("missing.mp4"), None, "0.00 CNY"),
}


def read(folder, provider, body, **members):
    path = folder / "a.yaml"
    path.write_text(json.dumps({"name": "a", "provider": provider, "request": body, **members}), "utf-8")
    return read_specs([path])[0]


@pytest.mark.parametrize("name", COSTS)
def test_estimate(name, tmp_path):
    provider, body, server, told = COSTS[name]
    assert str(cost_of(read(tmp_path, provider, body), server)) == told


def test_refusal_that_is_expected_costs_nothing_at_least(tmp_path):
    cost = cost_of(read(tmp_path, "dashscope", text(duration=16), expect={"rejected": {}}))
    assert (cost.least, str(cost)) == (0, "0.00-25.60 CNY")


def test_video_inside_the_request_is_as_long_as_it_is(tmp_path):
    clip = render(Clip(width=720, height=720, frames=96, fps=24, seed="x", label="x", watermark=None))
    body = edit_of(f"data:video/mp4;base64,{b64encode(clip).decode()}")
    cost = cost_of(read(tmp_path, "dashscope", body, expect={"rejected": {}}))
    assert cost.why.startswith("nothing if it is refused, as expected; else 8 s at 0.9 CNY")


def test_ledger_says_nothing_of_a_cost_that_is_not_known():
    assert Cost(why="no price").record() is None
    assert Cost("USD", Decimal(1), Decimal(2)).record() == {"currency": "USD", "least": "1", "most": "2"}


def test_currencies_are_never_added():
    costs = [("a", Cost("CNY", Decimal(1), Decimal(2))), ("a", Cost("USD", Decimal(1), Decimal(1)))]
    costs += [("a", Cost("CNY", Decimal(1), Decimal(1))), ("b", Cost()), ("b", Cost("CNY", Decimal(3), Decimal(3)))]
    assert list(totals(costs)) == [
        "a: 2.00-3.00 CNY for 2 specs",
        "a: 1.00 USD for 1 spec",
        "b: not known for 1 spec",
        "b: 3.00 CNY for 1 spec",
    ]


def test_budget_counts_the_most_until_it_is_known_better():
    budget = Budget(Decimal(10), "CNY")
    cost = Cost("CNY", Decimal(3), Decimal(6))
    budget.take("a", cost)
    with pytest.raises(OverBudget, match=r"it may cost 6\.00 CNY; 4\.00 of 10\.00 are left"):
        budget.take("b", cost)
    budget.set("a", Decimal(4))
    budget.take("b", cost)
    assert budget.spent == 10


@pytest.mark.parametrize("cost", [Cost(why="no price"), Cost("USD", Decimal(1), Decimal(1))], ids=["none", "other"])
def test_budget_holds_nothing_whose_cost_it_cannot_know(cost):
    with pytest.raises(OverBudget, match="a budget in CNY cannot hold it"):
        Budget(Decimal(10), "CNY").take("a", cost)


CNY, USD = Cost("CNY", Decimal(1), Decimal(1)), Cost("USD", Decimal(1), Decimal(1))


@pytest.mark.parametrize(
    ("words", "costs", "limit"),
    [
        pytest.param("5.00", [CNY], (Decimal(5), "CNY"), id="only-currency"),
        pytest.param("5 usd", [CNY, USD], (Decimal(5), "USD"), id="named"),
        pytest.param("100 credits", [], (Decimal(100), "credits"), id="credits"),
    ],
)
def test_budget_is_read(words, costs, limit):
    budget = read_budget(words, costs)
    assert (budget.limit, budget.currency) == limit


@pytest.mark.parametrize(
    ("words", "costs", "told"),
    [
        pytest.param("5", [CNY, USD], "costs are in CNY and USD; say e.g. --budget '5 CNY'", id="several"),
        pytest.param("5", [Cost()], "no price is known", id="none"),
        pytest.param("-5 USD", [USD], "takes an amount and a currency", id="negative"),
        pytest.param("nan", [USD], "takes an amount and a currency", id="nan"),
    ],
)
def test_budget_that_says_too_little_is_refused(words, costs, told):
    with pytest.raises(Failure, match=told):
        read_budget(words, costs)


def test_command_says_each_and_all(tmp_path, capsys):
    read(tmp_path, "dashscope", text(resolution="720P"))
    assert main(["cost", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (
        "dashscope/a: 4.50 CNY (5 s at 0.9 CNY; China and Global, seen 2026-05-30)\n\ndashscope: 4.50 CNY for 1 spec\n"
    )
