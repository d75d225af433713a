from __future__ import annotations

import csv
from pathlib import Path

import pytest

from k3m_kg.lpm.title_leakage import cut_value, value_spans


@pytest.mark.parametrize(
    ("title", "value", "spelled"),
    [
        ("Men Blue Shirt", "blue", ["Blue"]),
        ("Men Blue Shirt", "Shirts", ["Shirt"]),
        ("Two Shirts, one shirt", "Shirt", ["Shirts", "shirt"]),
        ("Summer Dresses", "Dress", ["Dresses"]),
        ("Summer Dress", "Dresses", ["Dress"]),
        ("Gift Accessory", "Accessories", ["Accessory"]),
        ("Navy-Blue Polo", "Navy Blue", ["Navy-Blue"]),
        ("Navy  Blue Polo", "Navy Blue", ["Navy  Blue"]),
        ("T-Shirt", "t shirt", ["T-Shirt"]),
        ("新款 红色连衣裙 女", "红色", ["红色"]),
        ("大号XL女装", "XL", ["XL"]),
        ("高领 毛衣", "高领毛衣", ["高领 毛衣"]),
        ("Rated ★★★ today", "★★★", ["★★★"]),
        ("Mavi Gömlek", "MAVI", ["Mavi"]),
        ("a (Blue) one", "[blue]", ["Blue"]),
        ("İstanbul Blue Shirt", "blue", ["Blue"]),  # lower() is longer than the title
        ("Bluetooth, blueish, blue", "Blue", ["blue"]),
    ],
)
def test_finds_the_words_that_spell_the_value(title: str, value: str, spelled: list[str]) -> None:
    assert [title[start:end] for start, end in value_spans(title, value)] == spelled


@pytest.mark.parametrize(
    ("title", "value"),
    [
        ("Kids Tshirts", "Shirts"),
        ("Bluetooth Speaker", "Blue"),
        ("Men's Shoe", "S"),
        ("Women Shirt", "Men"),
        ("Blue", ""),
        ("Blue", "   "),
        ("", "Blue"),
        ("Navy Shirt Blue", "Navy Blue"),
        ("Semiformal Shoes", "Formal Shoes"),
        ("SXL", "XL"),
        ("snake_case", "case_"),
    ],
)
def test_finds_nothing_inside_other_words(title: str, value: str) -> None:
    expected = [(6, 10)] if title == "snake_case" else []  # an underscore parts words
    assert value_spans(title, value) == expected


def test_cut_value_closes_the_gap_and_leaves_the_rest() -> None:
    assert cut_value("Turtle Men  Navy Blue Shirt", "Navy Blue") == "Turtle Men Shirt"
    assert cut_value("红色连衣裙", "红色") == "连衣裙"
    assert cut_value("Plain  title", "Navy Blue") == "Plain  title"


def test_a_cut_title_no_longer_spells_the_value() -> None:
    for title, value in [
        ("Blue Blue Blue", "Blue"),
        ("A Bag of Bags", "Bags"),
        ("红色女红色", "红色"),
    ]:
        cut = cut_value(title, value)
        assert cut != title
        assert value_spans(cut, value) == []


@pytest.mark.realdata
def test_fashion_titles_give_away_what_the_data_page_says(data_dir: Path) -> None:
    with (data_dir / "fashion" / "styles.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    def share(column: str) -> float:
        asked = [row for row in rows if row[column]]
        return sum(bool(value_spans(r["productDisplayName"], r[column])) for r in asked) / len(
            asked
        )

    assert share("articleType") == pytest.approx(0.86, abs=0.01)  # 0.84 without Watch/Watches
    assert share("baseColour") == pytest.approx(0.95, abs=0.01)
    assert share("gender") == pytest.approx(0.95, abs=0.02)
