from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from k3m_kg.errors import CatalogError
from k3m_kg.records import ProductRecord, RejectedRow

from .. import EXAMPLES, products, told, values, written

PLACE = "https://images.salsify.com/image/upload/s--k3/"


def test_columns_of_one_name_and_locales() -> None:
    found = products(EXAMPLES / "salsify.csv", "salsify")
    television = found["TV-40"]
    assert (television.title, television.category) == ('40" Television', "Electronics")
    assert television.images == (f"{PLACE}tv40.jpg",)
    assert values(television) == {
        "Product Name (de-DE)": ['40"-Fernseher'], "Brand": ["Viewline"],
        "Feature": ["Child lock", "Sleep timer"], "Care": ["Dry & dust-free"],
    }  # fmt: skip
    black = found["TV-40-B"]
    assert black.links == (("variant of", "TV-40"),)
    assert (black.title, black.images) == (television.title, television.images)


def test_properties_choices_and_assets_of_a_document() -> None:
    found = products(EXAMPLES / "salsify.json", "salsify")
    television = found["TV-40"]
    assert television.title == "40-inch Television"
    assert television.category == "Electronics > Televisions"
    assert television.images == (f"{PLACE}a1",)
    assert values(television) == {
        "Display Title (de-DE)": ["40-Zoll-Fernseher"], "Feature": ["Child lock", "Sleep timer"],
        "Aspect Ratio": ["16:9"], "Manual": [f"{PLACE}manual.pdf"],
    }  # fmt: skip
    assert television.links == (("Accessory", "CAB-1"),)
    black = found["TV-40-B"]
    assert (black.images, black.title) == ((f"{PLACE}a9.png",), "40-inch Television")
    assert ("Color", "black") in black.properties
    assert not any(name == "Gallery" for name, _ in black.properties)
    assert values(found["CAB-1"]) == {"In Stock": ["true"], "Length": ["1.50"]}


def test_another_locale_has_the_plain_names() -> None:
    for name in ("salsify.csv", "salsify.json"):
        found = products(EXAMPLES / name, "salsify", "locale=de-AT")
        assert "Fernseher" in str(found["TV-40"].title)
        assert found["CAB-1"].title in ("HDMI-Kabel", "HDMI cable")


@pytest.mark.parametrize("around", ["list", "page"])
def test_products_as_the_interface_gives_them(tmp_path: Path, around: str) -> None:
    items: list[Any] = [{"salsify:id": "1", "Name": "Mug"}, {"Name": "no id"}, 5]
    content = items if around == "list" else {"data": items, "meta": {"page": 1}}
    name, records = told(written(tmp_path, json.dumps(content), "x.json"))
    assert name == "salsify"
    rejected = [one.reason for one in records if isinstance(one, RejectedRow)]
    (mug,) = (one for one in records if isinstance(one, ProductRecord))
    assert (mug.id, mug.title) == ("1", "Mug")
    assert rejected == ["no salsify:id", "not an object in braces"]


def test_definitions_of_properties_are_no_products(tmp_path: Path) -> None:
    text = "salsify:id,salsify:name,salsify:data_type\nfeature,Feature,string\n"
    with pytest.raises(CatalogError, match="no products"):
        told(written(tmp_path, text))
