"""BigCommerce's product CSV, modern and legacy."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.readers.choosing import choose_reader
from k3m_kg.records import ProductRecord, RejectedRow

EXPORTS = Path(__file__).parents[3] / "examples" / "exports"


def read(path: Path) -> dict[str, ProductRecord]:
    chosen = choose_reader(path)
    assert chosen.name == "bigcommerce"
    found = list(chosen.reader.read(path, None))
    assert all(isinstance(record, ProductRecord) for record in found), found
    return {record.id: record for record in found}


def test_variants_and_pictures_stand_in_rows_of_their_own() -> None:
    found = read(EXPORTS / "bigcommerce.csv")
    assert list(found) == ["LS", "LS-W-S", "LS-S-M", "OIL-500"]
    shirt, white, sand, oil = found.values()
    assert (shirt.title, shirt.category, shirt.line) == ("Linen shirt", "24", 2)
    assert shirt.images == ("https://cdn.example/front.jpg", "https://cdn.example/back.jpg")
    assert set(shirt.properties) == {
        ("Price", "59"), ("Retail Price", "69"), ("Brand ID", "36"), ("Weight", "0.3"),
        ("Description", "Cut in Porto."), ("Material", "Linen"), ("Origin", "Portugal"),
        ("Search Keywords", "linen"), ("Search Keywords", "summer"), ("category", "27"),
        ("Manufacturer Part Number", "LS-1"), ("Product Condition", "New"),
    }  # fmt: skip
    assert white.properties[:2] == (("Size", "S"), ("Colour", "White"))
    assert ("UPC/EAN", "0614141000036") in white.properties
    assert white.images == ("https://cdn.example/white.jpg",)
    assert white.links == (("variant of", "LS"),)
    assert {("Price", "55"), ("Weight", "0.32"), ("Material", "Linen")} <= set(sand.properties)
    assert sand.images == shirt.images
    assert (oil.id, ("Height", "25") in oil.properties, oil.links) == ("OIL-500", True, ())


def test_the_legacy_file_says_the_same_in_other_words() -> None:
    found = read(EXPORTS / "bigcommerce-legacy.csv")
    assert list(found) == ["LS", "LS-W-S", "LS-S-M"]
    shirt, white, sand = found.values()
    assert shirt.category == "Clothing > Shirts"
    assert ("category", "Sale") in shirt.properties
    assert shirt.images == ("l/1/front.jpg", "l/1/back.jpg")
    assert {("Material", "Linen"), ("Brand Name", "Northfold")} <= set(shirt.properties)
    assert white.properties[:2] == (("Size", "S"), ("Colour", "White"))
    assert sand.properties[:2] == (("Size", "M"), ("Colour", "Sand"))
    assert sand.title == "Linen shirt"


@pytest.mark.parametrize(
    ("row", "why"),
    [("Variant,,,X,", "no product stands above"), ("Product,,Mug,,", "neither SKU nor ID")],
)
def test_rows_that_are_no_product_are_rejected_alone(tmp_path: Path, row: str, why: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"Item,ID,Name,SKU,Options,Custom Fields\n{row},\nProduct,7,Cup,C,,\n")
    rejected, cup = choose_reader(path).reader.read(path, None)
    assert isinstance(rejected, RejectedRow)
    assert why in rejected.reason
    assert (cup.id, cup.line) == ("C", 3)


def test_a_bad_row_says_which_product_it_is_about(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Item,ID,Name,SKU,Options,Custom Fields\nProduct,7,Cup,C,,,too,many\n")
    (rejected,) = choose_reader(path).reader.read(path, None)
    assert rejected.id == "C"


def test_cells_that_nobody_would_write_take_neither_time_nor_the_rest(tmp_path: Path) -> None:
    """With a search from each beginning to the end of the cell this would take hours."""
    path = tmp_path / "odd.csv"
    path.write_text(
        "Item,ID,Name,SKU,Options,Inventory Tracking,Is Visible,Image Sort Order,"
        "Internal Image URL (Export)\n"
        "Product,1,Mug,M,,none,TRUE,,\n"
        f"Variant,2,{'[A]' * 100_000},M1,{'Name=' * 60_000},,,,\n"
        f"Variant,3,,M2,Name=Colour|Value={'[' * 300_000},,,,\n"
        f"Image,4,,,,,,{'9' * 5000},http://shop.example/late.png\n"
        "Image,5,,,,,,2,http://shop.example/early.png\n"
    )
    found = read(path)
    assert list(found) == ["M", "M1", "M2"]
    assert [Path(picture).stem for picture in found["M"].images] == ["early", "late"]
