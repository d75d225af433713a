"""Amazon Berkeley Objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError, ConfigError
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.records import Note, RejectedRow

EXPORTS = Path(__file__).parents[3] / "examples" / "exports"
LISTINGS = EXPORTS / "amazon-berkeley.jsonl"
IMAGES = f"images={EXPORTS / 'amazon-berkeley-images.csv'}"


def test_texts_are_in_one_language_and_pictures_found_by_their_table() -> None:
    chosen = choose_reader(LISTINGS, "amazon-berkeley", [IMAGES])
    towel, cup = chosen.reader.read(LISTINGS, None)
    assert (towel.id, towel.title, towel.category) == ("B00EXAMP01", "Bath towel, navy", "TOWEL")
    assert towel.images == ("61/61a1b2c3.jpg", "71/71a1b2c3.jpg")
    assert set(towel.properties) == {
        ("brand", "Northfold"), ("brand (de_DE)", "Northfold"), ("bullet_point", "Soft and thick"),
        ("bullet_point (de_DE)", "Weich und dick"), ("color", "Navy"),
        ("item_dimensions.height", "2 centimeters"), ("item_dimensions.width", "70 centimeters"),
        ("item_weight", "0.5 kilograms"), ("model_number", "NF-T-1"),
        ("node", "/Home/Bath/Towels"), ("item_name (de_DE)", "Handtuch, marine"),
    }  # fmt: skip
    assert (cup.title, ("material", "Keramik") in cup.properties) == ("Becher", True)


def test_another_language_and_no_table() -> None:
    chosen = choose_reader(LISTINGS, "amazon-berkeley", ["language=de"])
    towel, _, note = chosen.reader.read(LISTINGS, None)
    assert towel.title == "Handtuch, marine"
    assert ("item_name (en_GB)", "Bath towel, navy") in towel.properties
    assert towel.images == ("61abcdEFghL", "71abcdEFghL")
    assert isinstance(note, Note)
    assert "images.csv" in note.text
    assert choose_reader(LISTINGS).name == "amazon-berkeley"


def test_a_table_of_something_else_is_one_error(tmp_path: Path) -> None:
    other = tmp_path / "images.csv"
    other.write_text("a,b\n1,2\n")
    chosen = choose_reader(LISTINGS, "amazon-berkeley", [f"images={other}"])
    with pytest.raises(ConfigError, match="`image_id` and `path`"):
        list(chosen.reader.read(LISTINGS, None))
    chosen = choose_reader(LISTINGS, "amazon-berkeley", ["images=nowhere.csv"])
    with pytest.raises(CatalogError, match="cannot be read"):
        list(chosen.reader.read(LISTINGS, None))


def test_a_line_of_another_shape_is_rejected_or_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"item_name": 7}\n{"item_id": "A", "item_name": [3, {"value": null}], "node": {"a": 1}, '
        '"color": [[{}]], " ": "x", " cut ": "slim", "item_weight": [{"unit": "g"}], '
        '"size": {"x": {"value": 3}}}\n'
    )
    rejected, found, _ = choose_reader(path, "amazon-berkeley").reader.read(path, None)
    assert isinstance(rejected, RejectedRow)
    assert (found.id, found.title, found.properties) == (
        "A", None, (("cut", "slim"), ("size.x", "3")),
    )  # fmt: skip
