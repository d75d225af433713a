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


def test_relations_have_the_name_of_their_kind(tmp_path: Path) -> None:
    relation = {"salsify:id": "r9", "relation_type": "Spare", "salsify:target_product_id": "2"}
    content = [{"salsify:id": "1", "Name": "Mug", "salsify:relations": [relation]}]
    assert products(written(tmp_path, json.dumps(content), "x.json"), "salsify")["1"].links == (
        ("Spare", "2"),
    )


def test_what_stands_behind_the_products_is_missed_with_a_note(tmp_path: Path) -> None:
    attributes = {"attributes": [{"salsify:id": "t", "salsify:name": "Title"}]}
    content = [{"products": [{"salsify:id": "1", "t": "Mug"}]}, attributes]
    _, records = told(written(tmp_path, json.dumps(content), "x.json"))
    assert "stand behind products" in records[-1].text  # type: ignore[union-attr]
    _, records = told(written(tmp_path, json.dumps(content[::-1]), "x.json"))
    assert [type(one) for one in records] == [ProductRecord]


def test_a_long_text_that_begins_like_an_address_takes_no_time(tmp_path: Path) -> None:
    """Forty minutes before."""
    long = "https://x" + ".jpg#" * 180_000 + " y"
    path = written(tmp_path, f"SKU,Name,Text,salsify:parent_id\n1,Mug,{long},\n", "x.csv")
    assert products(path, "salsify")["1"].properties == (("Text", long),)


def test_definitions_of_properties_are_no_products(tmp_path: Path) -> None:
    text = "salsify:id,salsify:name,salsify:data_type\nfeature,Feature,string\n"
    with pytest.raises(CatalogError, match="no products"):
        told(written(tmp_path, text))
