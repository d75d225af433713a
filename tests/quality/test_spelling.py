"""Spellings that mean the same, and those that only look so."""

from __future__ import annotations

import pytest

from k3m_kg.placeholders import placeholder_kind
from k3m_kg.quality.spelling import fold, folded_variants, near_pairs, one_letter_apart, typos
from k3m_kg.quality.units import mixed_units


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("T-Shirt", "t shirt"),
        ("10 ml", "10ml"),
        ("Café", "CAFE"),
        ("Ｓ", "s"),
        ("women's", "Womens"),
        ("nuance communications inc.", "nuance-communications-inc ."),
        ("Color ", "color"),
        ("wi‑fi", "WiFi"),
    ],
)
def test_spellings_of_one_thing_fold_to_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.5", "15"), ("1.5", "1,5"), ("5-10", "510"), ("1 2", "12"), ("-5", "5"), ("S/M", "SM"),
        ('12"', "12"), ("C++", "C"), ("R&D", "RD"), ("50%", "50"), ("10:30", "1030"),
        ("红", "白"), ("が", "か"),
    ],
)  # fmt: skip
def test_what_makes_a_difference_stays(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_the_most_frequent_spelling_is_the_one_meant() -> None:
    found = folded_variants([("T-Shirt", 90), ("Mug", 80), ("t shirt", 7), ("TSHIRT", 7)])
    assert [(v.text, v.count, v.like, v.like_count) for v in found] == [
        ("t shirt", 7, "T-Shirt", 90),
        ("TSHIRT", 7, "T-Shirt", 90),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("casual", "causal"),
        ("colour", "color"),
        ("shirts", "shirt"),
        ("purple shirts", "purle shirts"),
        ("authentic", "authantic"),
        ("магазин", "магазн"),
    ],
)
def test_a_typo_is_one_letter_apart(one: str, other: str) -> None:
    assert one_letter_apart(one, other)
    assert one_letter_apart(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("black", "block"), ("height", "weight"), ("leather", "heather"), ("shirts", "shorts"),
        ("mh01 xs black", "mh01 xl black"), ("2011 a", "2012 a"),
        ("红色外套的衣服", "白色外套的衣服"),
        ("same", "same"), ("size 38 eu", "size 39 eu"), ("a", ""), ("cotton", "cottage"),
    ],
)  # fmt: skip
def test_what_is_another_word_is_not(one: str, other: str) -> None:
    assert not one_letter_apart(one, other)
    assert not one_letter_apart(other, one)


def test_a_typo_is_rare_beside_what_is_meant() -> None:
    values = [("Casual", 1000), ("Casuals", 500), ("Formal", 40), ("Causal", 3), ("Formaal", 1)]
    assert [(v.text, v.like) for v in typos(values)] == [
        ("Causal", "Casual"),
        ("Formaal", "Formal"),
    ]
    assert typos([("Casual", 1000), ("Causal", 11)]) == []
    assert typos([]) == []


def test_a_typo_is_found_wherever_it_stands() -> None:
    word = "turquoise"
    for place in range(1, len(word)):
        for typo in (word[:place] + word[place + 1 :], word[:place] + "x" + word[place + 1 :]):
            assert [v.like for v in typos([(word, 100), (typo, 1)])] == [word], typo
        swapped = word[: place - 1] + word[place] + word[place - 1] + word[place + 1 :]
        if place > 1:
            assert [v.like for v in typos([(word, 100), (swapped, 1)])] == [word], swapped


def test_names_that_are_alike_are_paired() -> None:
    names = ["colour", "size", "Color", "Size ", "height", "weight", "colors"]
    assert set(near_pairs(names)) == {("colour", "Color"), ("size", "Size "), ("Color", "colors")}


@pytest.mark.parametrize(
    "text",
    [
        "N/A", "n.a.", "-", "--", "...", "?", "TBD", "tbd.", "请填写", "【请填写】", "暂无", "xxx",
        "XXXX", "Please fill in",
        "please  fill in!", "(null)", "NULL", "unknown", "test", "Keine Angabe",
        "Lorem ipsum dolor sit amet, consectetur adipiscing elit and so on for very long",
        "不详", "*",
    ],
)  # fmt: skip
def test_placeholders(text: str) -> None:
    assert placeholder_kind(text) == "placeholder"


@pytest.mark.parametrize("text", ["Other", "其他", "OTHER", "other/其 他", "无", "none", "见描述"])
def test_catch_alls(text: str) -> None:
    assert placeholder_kind(text) == "catch-all"


@pytest.mark.parametrize(
    "text",
    ["XXL", "XXXL", "No", "0", "5", "100%", "$", "C", "♥", "red", "Testarossa", "红色", "N", "✓"],
)
def test_values_that_say_something(text: str) -> None:
    assert placeholder_kind(text) is None


def test_none_is_an_answer_where_yes_or_no_is_asked() -> None:
    assert placeholder_kind("无", "是否带帽子") is None
    assert placeholder_kind("none", "has hood") is None
    assert placeholder_kind("无", "作者") == "catch-all"
    assert placeholder_kind("请填写", "是否带帽子") == "placeholder"


def test_mixed_units_are_those_of_one_dimension() -> None:
    assert mixed_units([("10 cm", 5), ("4cm", 2), ("80 mm", 3), ("12", 1)]) == {
        "cm": 7,
        "mm": 3,
        "": 1,
    }
    assert mixed_units([("10 cm", 5), ("4 CM", 2)]) is None
    assert mixed_units([("10", 5), ("4", 2)]) is None
    assert mixed_units([("2XL", 5), ("3XL", 2), ("38", 9)]) is None
    assert mixed_units([("red", 5), ("4 cm", 1), ("4 mm", 1)]) is None
    assert mixed_units([("0012", 50), ("12 W", 1)]) is None
    assert mixed_units([]) is None
