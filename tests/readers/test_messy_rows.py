"""Rows in several languages, categories in several columns, amounts with their currency."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from k3m_kg.errors import ConfigError, MappingNeeded
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.readers.json.jsonl import JSONLinesReader
from k3m_kg.records import ProductRecord

SPOKEN = (
    "id,language,title,brand,price,image\n1,de,Becher,Acme,5,a.jpg\n1,en,Mug,Acme,5,a.jpg\n"
    "2,de,Tasse,Acme,6,b.jpg\n3,de,Topf,Acme,7,\n3,en,Pot,Acme,7.5,\n"
)


def by_mapping(folder: Path, text: str, mapping: str, name: str = "c.csv") -> list[ProductRecord]:
    path, file = folder / name, folder / "m.yaml"
    path.write_text(text)
    file.write_text(mapping)
    records = choose_reader(path, mapped=True).reader.read(path, file)
    return [record for record in records if isinstance(record, ProductRecord)]


def suggested(folder: Path, text: str) -> str:
    path = folder / "c.csv"
    path.write_text(text)
    with pytest.raises(MappingNeeded) as needed:
        list(choose_reader(path).reader.read(path, None))
    return needed.value.mapping


def accepted(folder: Path, text: str) -> dict[str, ProductRecord]:
    return {one.id: one for one in by_mapping(folder, text, suggested(folder, text))}


def test_a_product_has_a_row_for_each_language(tmp_path: Path) -> None:
    assert yaml.safe_load(suggested(tmp_path, SPOKEN))["languages"] == ["en", "de"]
    found = accepted(tmp_path, SPOKEN)
    assert [found[id_].title for id_ in "123"] == ["Mug", "Tasse", "Pot"]
    assert found["1"].images == ("a.jpg",)
    assert set(found["1"].properties) == {("title.de", "Becher"), ("brand", "Acme"), ("price", "5")}
    assert ("price", "7.5") in found["3"].properties
    assert ("price.de", "7") in found["3"].properties


def test_rows_of_a_product_that_do_not_stand_together_are_no_guess(tmp_path: Path) -> None:
    text = "id,lang,title\n1,en,Mug\n2,en,Cup\n1,de,Becher\n2,de,Tasse\n"
    said = suggested(tmp_path, text)
    assert "id: ???" in said
    assert "sort the file" in said


def test_a_language_of_one_row_each_is_a_property(tmp_path: Path) -> None:
    found = accepted(tmp_path, "id,language,title\n1,en,Emma\n2,de,Faust\n")
    assert found["2"].properties == (("language", "de"),)


@pytest.mark.parametrize(
    "names",
    ["category_1,category_2", "Category Level 1,Category Level 2", "category_l1,category_l2",
     "Kategorie-Ebene 1,Kategorie-Ebene 2", "L1 category,L2 category"],
)  # fmt: skip
def test_levels_of_the_category_in_columns(tmp_path: Path, names: str) -> None:
    rows = "A,Mug,Home,Kitchen\nB,Cup,Home,Kitchen\nC,Sofa,Home,\n"
    found = accepted(tmp_path, f"sku,name,{names}\n{rows}")
    assert [found[id_].category for id_ in "ABC"] == ["Home > Kitchen", "Home > Kitchen", "Home"]
    assert not any(record.properties for record in found.values())


def test_several_categories_of_a_product_are_no_levels(tmp_path: Path) -> None:
    rows = "A,Mug,Home,Gifts\nB,Cup,Gifts,Home\nC,Sofa,Home,\n"
    found = accepted(tmp_path, f"sku,name,category_1,category_2\n{rows}")
    assert found["A"].category is None
    assert found["A"].properties == (("category_1", "Home"), ("category_2", "Gifts"))


def test_levels_in_columns_by_a_mapping(tmp_path: Path) -> None:
    levels = "category_levels: {columns: [a, b], keep: 1, names: [department]}\n"
    (record,) = by_mapping(tmp_path, "id,a,b\n1,X,Y\n", f"id: id\n{levels}")
    assert (record.category, record.properties) == ("X", (("department", "X"),))
    with pytest.raises(ConfigError, match="takes no `category`"):
        by_mapping(tmp_path, "id,a,b\n1,X,Y\n", f"id: id\ncategory: a\n{levels}")
    with pytest.raises(ConfigError, match="'c'"):
        by_mapping(tmp_path, "id,a\n1,X\n", "id: id\ncategory_levels: {columns: [a, c]}\n")


def test_amounts_with_their_currency_or_unit(tmp_path: Path) -> None:
    product = {
        "id": "a", "price": {"amount": 5.5, "currency": "EUR"},
        "weight": {"value": "300", "unit": "g"}, "old": {"amount": None, "currency": "EUR"},
        "size": {"value": 3, "width": 4},
    }  # fmt: skip
    path = tmp_path / "c.jsonl"
    path.write_text(json.dumps(product))
    (record,) = JSONLinesReader().read(path, None)
    assert isinstance(record, ProductRecord)
    assert record.properties == (
        ("price", "5.5 EUR"), ("weight", "300 g"), ("size.value", "3"), ("size.width", "4"),
    )  # fmt: skip


def test_a_mapping_may_name_the_amount_alone(tmp_path: Path) -> None:
    text = json.dumps({"id": "a", "price": {"amount": 5, "currency": "EUR"}})
    mapping = "id: id\nrename: {price.amount: price}\nleave_out: [price.currency]\n"
    (record,) = by_mapping(tmp_path, text, mapping, "c.jsonl")
    assert record.properties == (("price", "5"),)
