from __future__ import annotations

from pathlib import Path

from k3m_kg.records import RejectedRow

from .. import EXAMPLES, products, told, values, written


def test_features_lists_and_pictures() -> None:
    found = products(EXAMPLES / "prestashop-products.csv", "prestashop")
    shirt = found["1"]
    assert (shirt.title, shirt.category) == ("Linen shirt", "Shirts")
    assert shirt.images == ("https://cdn.example/shirt.jpg", "https://cdn.example/shirt-back.jpg")
    assert shirt.links == (("accessory", "2"),)
    assert values(shirt) == {
        "Price tax excluded": ["59.00"],
        "Reference": ["LS"],
        "Supplier": ["Northfold supply"],
        "Manufacturer": ["Northfold"],
        "EAN13": ["0614141000036"],
        "Weight": ["0.210"],
        "Summary": ["Worn & loved"],
        "Tags": ["linen", "summer"],
        "Composition": ["Linen"],
        "Style": ["Casual"],
        "category": ["Home", "Clothing"],
    }


def test_combinations_are_variants_of_their_product() -> None:
    found = products(EXAMPLES / "prestashop-combinations.csv", "prestashop")
    assert list(found) == ["LS-S-W", "1/Sand/M"]
    white = found["LS-S-W"]
    assert white.links == (("variant of", "1"),)
    assert values(white) == {"Colour": ["White"], "Size": ["S"], "EAN13": ["0614141000043"]}
    assert white.images == ("https://cdn.example/shirt-white.jpg",)


def test_a_row_without_a_number_is_rejected(tmp_path: Path) -> None:
    text = "Product ID;Active (0/1);Name *;Reference #;\n;1;Mug;;\n;1;Cup;C-1;\n"
    rejected, cup = told(written(tmp_path, text))[1]
    assert isinstance(rejected, RejectedRow)
    assert not isinstance(cup, RejectedRow)
    assert (cup.id, cup.title) == ("C-1", "Cup")
