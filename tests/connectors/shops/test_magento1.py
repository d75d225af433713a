"""Magento 1's product CSV."""

from __future__ import annotations

from pathlib import Path

from k3m_kg.readers.choosing import choose_reader
from k3m_kg.records import RejectedRow

EXPORTS = Path(__file__).parents[3] / "examples" / "exports"


def test_rows_without_sku_go_on_with_the_product_above() -> None:
    path = EXPORTS / "magento1.csv"
    chosen = choose_reader(path)
    assert chosen.name == "magento1"
    white, sand, shirt, oil = chosen.reader.read(path, None)
    assert (white.id, white.title, white.category) == (
        "shirt-w", "Linen shirt White", "Clothing > Shirts",
    )  # fmt: skip
    assert set(white.properties) == {
        ("color", "White"), ("description", "Cut in Porto."), ("price", "59.0000"),
        ("weight", "0.3000"),
    }  # fmt: skip
    assert sand.images == ("/s/h/sand.jpg",)
    assert (shirt.title, shirt.line) == ("Linen shirt", 4)
    assert shirt.images == ("/s/h/front.jpg", "/s/h/back.jpg")
    assert shirt.links == (("variant", "shirt-w"), ("related", "oil"), ("variant", "shirt-s"))
    assert {
        ("category", "Sale"), ("name (french)", "Chemise en lin"),
        ("description (french)", "Coupe de Porto."), ("description", "Cut in Porto."),
    } <= set(shirt.properties)  # fmt: skip
    assert (oil.id, oil.images) == ("oil", ())


def test_columns_and_levels_without_a_name_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sku,_type,_attribute_set,,_category\nA,simple,Default,x,Home//Mugs/\nB,,,,/\n")
    mug, other = choose_reader(path).reader.read(path, None)
    assert (mug.properties, mug.category) == ((), "Home > Mugs")
    assert other.category is None


def test_a_row_that_goes_on_with_nothing_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sku,_type,_attribute_set,name\n,simple,Default,Mug\nA,simple,Default,Cup\n")
    rejected, cup = choose_reader(path).reader.read(path, None)
    assert isinstance(rejected, RejectedRow)
    assert "no product above it" in rejected.reason
    assert (cup.id, cup.title) == ("A", "Cup")
