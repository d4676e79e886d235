"""Answer templates."""

from datetime import timedelta, timezone

import pytest

from mockserver.answers import compile_template, milliseconds


class Values:
    def __init__(self, **values):
        self.values = values

    def value(self, name):
        return self.values.get(name)


def render(template, **values):
    return compile_template(template)(Values(**values))


def test_a_string_that_is_one_field_keeps_the_type():
    assert render({"a": "{n}", "b": "{f}", "c": "{t}"}, n=5, f=6.62, t=True) == {"a": 5, "b": 6.62, "c": True}


def test_a_field_inside_text_is_spelled():
    assert render("{a}-{n}.mp4", a="x", n=3) == "x-3.mp4"


def test_a_field_without_a_value_drops_its_key():
    assert render({"a": "{gone}", "b": {"c": "{gone}"}}) == {"b": {}}


def test_or_null_keeps_the_key():
    assert render({"a": "{gone:or_null}", "b": "{n:or_null}"}, n=1) == {"a": None, "b": 1}


def test_a_literal_null_stays():
    assert render({"a": None, "b": False, "c": []}) == {"a": None, "b": False, "c": []}


def test_doubled_braces_are_text():
    assert render("{{x}}") == "{x}"


@pytest.mark.parametrize(
    ("form", "spelled"),
    [
        ("cn", "2026-04-20 17:55:17.075"),
        ("iso", "2026-04-20T09:55:17.075Z"),
        ("ms", 1776678917075),
        ("s", 1776678917.075),
    ],
)
def test_a_time_takes_the_formats_of_the_examples(form, spelled):
    assert render({"at": f"{{at:{form}}}"}, at=1776678917.0751) == {"at": spelled}


def test_a_time_without_a_value_drops_its_key():
    assert render({"at": "{at:cn}"}) == {}


def test_an_unknown_format_is_refused_when_it_is_compiled():
    with pytest.raises(ValueError, match="format that is not known"):
        compile_template({"a": "{at:fr}"})


def test_lists_are_rendered_item_by_item():
    assert render([{"a": "{n}"}, "{n}"], n=1) == [{"a": 1}, 1]


def test_a_moment_is_rounded_to_milliseconds_in_its_zone():
    moment = milliseconds(1776678917.0756)
    assert (moment.isoformat(), moment.utcoffset()) == ("2026-04-20T09:55:17.076000+00:00", timedelta(0))
    china = milliseconds(1776678917.0756, timezone(timedelta(hours=8)))
    assert china.isoformat() == "2026-04-20T17:55:17.076000+08:00"


def test_an_empty_mapping_stays_and_a_missing_value_is_no_text():
    assert render({"a": {}}) == {"a": {}}
    assert render("{gone}-{n}", n=1) == "-1"


def test_the_formats_that_are_known_are_told():
    with pytest.raises(ValueError, match=r"use one of cn, iso, ms, s$"):
        compile_template("{at:fr}")
