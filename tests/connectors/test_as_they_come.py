"""Exports as they come from the field's software, read without any mapping: nothing in silence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from k3m_kg.errors import MappingNeeded
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.records import Note

from . import EXAMPLES, products, told, written

SHOPIFY = (
    "Handle,Title,Option1 Name,Option1 Value,Image Src,Fabric (product.metafields.custom.fabric),"
    "Pack (product.metafields.custom.pack),Note (product.metafields.custom.note)\n"
)


def test_metafields_that_are_lists_and_amounts(tmp_path: Path) -> None:
    row = (
        'mug,Mug,Title,Default Title,,"[""clay"",""tin""]","{""value"":1.50,""unit"":""kg""}",[x\n'
    )
    found = products(written(tmp_path, SHOPIFY + row), "shopify")["mug"]
    assert found.properties == (
        ("Fabric", "clay"), ("Fabric", "tin"), ("Pack", "1.50 kg"), ("Note", "[x"),
    )  # fmt: skip


@pytest.mark.parametrize("variation_first", [False, True])
def test_a_variation_may_name_its_product_by_number(tmp_path: Path, variation_first: bool) -> None:
    rows = ["10,variable,HOOD,Hoodie,,Size,S", "12,variation,,,id:10,Size,M"]
    header = "ID,Type,SKU,Name,Parent,Attribute 1 name,Attribute 1 value(s)"
    text = "\n".join([header, *(reversed(rows) if variation_first else rows), ""])
    variation = products(written(tmp_path, text), "woocommerce")["id:12"]
    assert variation.title == "Hoodie"
    assert variation.links == (("variant of", "HOOD"),)


def test_names_and_values_in_capitals(tmp_path: Path) -> None:
    params = "".join(
        f"<PARAM><PARAM_NAME>{name}</PARAM_NAME><VAL>{text}</VAL></PARAM>"
        for name, text in (("Colour", "red"), ("Height", "9 cm"))
    )
    item = f"<SHOPITEM><ITEM_ID>1</ITEM_ID><PRODUCTNAME>Mug</PRODUCTNAME>{params}"
    text = f"<SHOP>{item}<IMGURL>a.jpg</IMGURL></SHOPITEM></SHOP>"
    _, (note, found) = told(written(tmp_path, text, "feed.xml"))
    assert isinstance(note, Note)
    assert (found.title, found.images) == ("Mug", ("a.jpg",))
    assert found.properties == (("Colour", "red"), ("Height", "9 cm"))
    line = {"id": "1", "specs": [{"Name": "Colour", "Value": "red", "Unit": None}]}
    (read,) = products(written(tmp_path, json.dumps(line), "a.jsonl"), "jsonl").values()
    assert read.properties == (("Colour", "red"),)


def test_products_within_a_product_are_said(tmp_path: Path) -> None:
    line = {"id": "1", "title": "iPod", "bundle": [{"sku": "R", "price": "1"}, {"sku": "B"}]}
    _, records = told(written(tmp_path, json.dumps(line), "a.jsonl"))
    (note,) = [record.text for record in records if isinstance(record, Note)]
    assert "'bundle' have ids of their own" in note


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("product_id,attribute,value,unit\n1,Power,750,W\n1,Mass,2,kg\n", "unit: unit"),
        ("Item no.,Name,Note\n1001,Box,x\n1002,Crate,x\n", "id: Item no."),
        ("sku,name,image,image\n1,Mug,a.jpg,b.jpg\n", "columns of one name: image"),
        ("ean,name\n4.00638E+12,Mug\n4006381333931,Cup\n", "lost their digits"),
    ],
)
def test_what_a_suggestion_says(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(MappingNeeded) as needed:
        list(choose_reader(path).reader.read(path, None))
    assert said in needed.value.mapping


def test_a_long_table_with_units_is_read_as_suggested(tmp_path: Path) -> None:
    path = written(tmp_path, "product_id,attribute,value,unit\n1,Power,750,W\n1,Kind,saw,\n")
    with pytest.raises(MappingNeeded) as needed:
        list(choose_reader(path).reader.read(path, None))
    (tmp_path / "m.yaml").write_text(needed.value.mapping)
    (found,) = choose_reader(path).reader.read(path, tmp_path / "m.yaml")
    assert found.properties == (("Power", "750 W"), ("Kind", "saw"))


@pytest.mark.parametrize("name", ["shopify.csv", "akeneo-products.csv", "woocommerce.csv"])
def test_exports_that_were_put_together_have_the_header_twice(tmp_path: Path, name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    again = text.rstrip("\n") + "\n" + text.partition("\n")[0] + "\n"
    _, records = told(written(tmp_path, again))
    _, expected = told(written(tmp_path, text, "once.csv"))
    assert [r for r in records if not isinstance(r, Note)] == [
        r for r in expected if not isinstance(r, Note)
    ]
    notes = [record.text for record in records if isinstance(record, Note)]
    assert any("1 rows are the header once more" in note for note in notes)
