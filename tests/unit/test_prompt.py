"""The length of a prompt in units, and its references."""

import pytest

from happyhorse_spec.prompt import dangling_reference, prompt_units, references, too_long

HAN = {"han": 2}
BUDGET = {"limit": 5000, "weights": HAN}


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("horse", 5),
        ("", 0),
        ("马", 2),
        ("a马b", 4),
        ("，。", 2),
        ("ひらがな", 4),
        ("한국", 2),
        ("\U00020000", 2),
        ("\U00031350", 2),
        ("\uf900", 2),
        ("〇", 2),
        ("e\u0301", 2),
        ("🐎", 1),
        ("\ud800", 1),
    ],
    ids=["ascii", "empty", "han", "mixed", "full-width-punctuation", "kana", "hangul", "extension-b", "extension-h",
         "compatibility", "zero", "combining", "emoji", "lone-surrogate"],
)  # fmt: skip
def test_weighs_each_character(text, units):
    assert prompt_units(text, HAN) == units


@pytest.mark.parametrize(
    ("text", "fits"),
    [("a" * 5000, True), ("a" * 5001, False), ("马" * 2500, True), ("马" * 2500 + "a", False), ("马" * 2501, False)],
    ids=["5000", "5001", "2500-han", "2500-han-and-one", "2501-han"],
)
def test_holds_the_budget_exactly(text, fits):
    assert too_long(BUDGET)(text) is not fits


@pytest.mark.parametrize("value", [None, 5, ["a" * 9000], {"a": 1}], ids=["none", "number", "list", "object"])
def test_says_nothing_of_what_is_no_text(value):
    assert not too_long(BUDGET)(value)


def test_without_weights_a_prompt_may_have_as_many_characters_as_units():
    assert [too_long({"limit": 3})(text) for text in ("马马马", "马马马马")] == [False, True]


FORM = {"prompt": "/prompt", "images": "/media", "where": {"type": "image"}, "pattern": r"\[Image (\d+)\]"}


@pytest.mark.parametrize(
    ("prompt", "images", "fine"),
    [
        ("[Image 1] and [Image 2]", 2, True),
        ("[Image 3]", 2, False),
        ("[Image 0]", 2, False),
        ("[image 9]", 2, True),
        ("no images", 0, True),
        ("[Image 1]", 0, False),
        ("[Image 99999999999999999999]", 2, True),
        ("[Image 99999999999999999999] [Image 3]", 2, False),
    ],
)
def test_counts_images_from_one(prompt, images, fine):
    request = {"prompt": prompt, "media": [{"type": "image"}] * images + [{"type": "video"}, "text", None]}
    assert dangling_reference(FORM)(request) is not fine


def test_each_number_counts_wherever_it_stands():
    given = {"media": [{"type": "image"}] * 2}
    prompts = ("[Image 2] [Image 1]", "[Image 3] [Image 1]", "[Image 1] [Image 3]", "[Image 2] [Image 0]")
    assert [dangling_reference(FORM)({**given, "prompt": text}) for text in prompts] == [False, True, True, True]


def test_without_a_condition_every_item_is_an_image():
    form = {"prompt": "/prompt", "images": "/images", "pattern": r"image(\d)|picture(\d)"}
    prompts = ("image2", "picture2", "image3", "picture3")
    requests = [{"prompt": text, "images": ["https://a/b.png", None]} for text in prompts]
    assert [dangling_reference(form)(request) for request in requests] == [False, False, True, True]


def test_what_is_judged_may_stand_inside_of_a_body():
    assert too_long(BUDGET, "/input/prompt")({"input": {"prompt": "a" * 5001}})
    body = {"input": {"prompt": "[Image 2]", "media": [{"type": "image"}]}}
    assert dangling_reference(FORM, "/input")(body)
    assert not dangling_reference(FORM)(body)


@pytest.mark.parametrize("request_", [None, [], "x", {"prompt": 5}, {"prompt": "[Image 1]", "media": 5}])
def test_survives_any_request(request_):
    assert dangling_reference(FORM)(request_) is (request_ == {"prompt": "[Image 1]", "media": 5})


def test_lists_references_in_order():
    assert references(r"character(\d+)", "character2, character1") == [2, 1]


def test_a_pattern_without_a_group_is_the_number_itself():
    assert references(r"\d+", "12 and 3") == [12, 3]
    assert references(r"\d+", "123456789 and 1234567890") == [123456789]


def test_a_text_without_weights_is_as_long_as_it_is():
    assert prompt_units("马马", {}) == 2
