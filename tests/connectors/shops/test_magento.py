"""The Magento import format."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError, ConfigError
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.records import Note, ProductRecord
from k3m_kg_readers.shops.magento import MagentoReader


def read(tmp_path: Path, *rows: dict[str, str]) -> list:
    columns = dict.fromkeys(
        ["sku", "additional_attributes", *(name for row in rows for name in row)]
    )
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), restval="")
    writer.writeheader()
    writer.writerows(rows)
    path = tmp_path / "products.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    assert choose_reader(path).name == "magento"
    return list(MagentoReader().read(path, None))


def one(tmp_path: Path, **cells: str) -> ProductRecord:
    (record,) = read(tmp_path, {"sku": "A", **cells})
    assert isinstance(record, ProductRecord), record
    return record


def test_a_row_becomes_a_product(tmp_path: Path) -> None:
    record = one(
        tmp_path,
        name="Hoodie",
        product_type="configurable",
        attribute_set_code="Top",
        price="52",
        qty="100",
        use_config_manage_stock="1",
        my_own_column="x",
        description="<p>Two-tone &amp; warm.</p>\n<p>Wash.</p>",
        short_description="<style>p {}</style>",
    )
    assert record == ProductRecord(
        "A",
        "Hoodie",
        properties=(
            ("attribute_set_code", "Top"),
            ("price", "52"),
            ("my_own_column", "x"),
            ("description", "Two-tone & warm.\nWash."),
        ),
        line=2,
    )


@pytest.mark.parametrize(
    ("cell", "pairs"),
    [
        ("size=XS,color=Black", [("size", "XS"), ("color", "Black")]),
        ("material=Cotton|Wool| |Cotton", [("material", "Cotton"), ("material", "Wool")]),
        ("has_options=0,new=,old=__EMPTY__VALUE__,a=b", [("a", "b")]),
        ("note=red, white and blue,size=M", [("note", "red, white and blue"), ("size", "M")]),
        ('note="a=1,b=2",size="5"" disk"', [("note", "a=1,b=2"), ("size", '5" disk')]),
        ('note="open,size=M', [("note", '"open'), ("size", "M")]),
        ('note="5"" and 6",x=1', [("note", '5" and 6'), ("x", "1")]),
        ("nothing", []),
        (" a=b , c = d", [("a", "b , c = d")]),
        ("formula=a=b", [("formula", "a=b")]),
    ],
)
def test_additional_attributes(tmp_path: Path, cell: str, pairs: list[tuple[str, str]]) -> None:
    assert list(one(tmp_path, additional_attributes=cell).properties) == pairs


def test_variants_and_related_products_are_links(tmp_path: Path) -> None:
    record = one(
        tmp_path,
        configurable_variations="sku=A-S,size=S,color=Red|size=M,sku=A-M|size=L",
        related_skus="B, C,B",
        crosssell_skus="D",
        upsell_skus="E",
        associated_skus="F=1.0000,G=2",
        related_position="1,2",
    )
    assert record.links == (
        ("variant", "A-S"), ("variant", "A-M"), ("related", "B"), ("related", "C"),
        ("cross-sell", "D"), ("up-sell", "E"), ("grouped", "F"), ("grouped", "G"),
    )  # fmt: skip
    assert record.properties == ()


def test_the_deepest_category_is_the_category(tmp_path: Path) -> None:
    record = one(
        tmp_path,
        categories="Default Category,Default Category/New,Default Category/Men/Tops & Tees",
    )
    assert record.category == "Men/Tops & Tees"
    assert record.properties == (("category", "New"),)
    assert one(tmp_path, categories="Default Category").category is None


def test_pictures_come_in_order(tmp_path: Path) -> None:
    record = one(
        tmp_path, base_image="/a.jpg", small_image="/s.jpg", additional_images="/b.jpg, /a.jpg"
    )
    assert record.images == ("/a.jpg", "/b.jpg")
    assert one(tmp_path, base_image="no_selection", thumbnail_image="/t.jpg").images == ("/t.jpg",)


def test_a_single_store_view_never_replaces_the_product(tmp_path: Path) -> None:
    first, second, told = read(
        tmp_path,
        {"sku": "A", "name": "Hoodie", "additional_attributes": "size=XS"},
        {"sku": "A", "name": "Kapuzenpulli", "store_view_code": "de"},
        {"sku": "A", "additional_attributes": "size=34,fit=slim", "store_view_code": "fr"},
        {"sku": "A", "name": "Hoodie", "store_view_code": "en"},
        {"sku": "B", "name": "Cap", "store_view_code": ""},
        {"sku": "A", "name": "Felpa", "store_view_code": "it"},
    )
    assert (first.title, first.line) == ("Hoodie", 2)
    assert first.properties == (
        ("size", "XS"), ("name (de)", "Kapuzenpulli"), ("size (fr)", "34"), ("fit (fr)", "slim"),
    )  # fmt: skip
    assert (second.id, second.properties) == ("B", ())
    assert isinstance(told, Note)
    assert "1 rows of the store view 'it'" in told.text


def test_a_file_of_changes_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "delta.csv"
    path.write_text("sku,store_view_code,product_online,color\nA,,1,red\n")
    assert choose_reader(path).name == "magento"
    assert list(MagentoReader().read(path, None)) == [
        ProductRecord("A", properties=(("color", "red"),), line=2)
    ]
    path.write_text("sku,name\nA,Mug\n")
    assert choose_reader(path).name == "csv"
    assert [record.title for record in MagentoReader().read(path, None)] == ["Mug"]


def test_rows_that_are_no_product_are_rejected_alone(tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    path.write_bytes(b"sku,additional_attributes\nA,,c\n,a=b\n\xff,a=b\n\nB,a=b\n")
    found = list(MagentoReader("utf-8").read(path, None))
    assert [record.line for record in found] == [2, 3, 4, 6]
    assert [
        next(part for part in ("expected 2", "no sku", "not valid in") if part in row.reason)
        for row in found[:3]
    ] == ["expected 2", "no sku", "not valid in"]


def test_a_mapping_is_refused_and_a_sku_needed(tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    path.write_text("id\n1\n")
    with pytest.raises(ConfigError, match="takes no mapping"):
        list(MagentoReader().read(path, path))
    with pytest.raises(CatalogError, match="is the header of this format"):
        list(MagentoReader().read(path, None))


@pytest.mark.realdata
def test_the_luma_shop_is_read_whole(data_dir: Path) -> None:
    source = data_dir / "magento-luma" / "products.csv"
    assert choose_reader(source).name == "magento"
    found = list(MagentoReader().read(source, None))
    with source.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [record.id for record in found] == [row["sku"] for row in rows]
    assert len(found) == 1994

    variants = sum(row["configurable_variations"].count("sku=") for row in rows)
    assert sum(len(record.links) for record in found) == variants == 1847
    children = {sku for record in found for _, sku in record.links}
    assert children == {row["sku"] for row in rows if row["product_type"] == "simple"}

    skipped = ("has_options=", "required_options=")
    attributes = sum(
        len(part.partition("=")[2].split("|"))
        for row in rows
        for part in row["additional_attributes"].split(",")
        if not part.startswith(skipped)
    )
    columns = ("attribute_set_code", "description", "weight", "price")
    others = sum(bool(row[column]) for row in rows for column in columns)
    below_root = ([path for path in row["categories"].split(",") if "/" in path] for row in rows)
    others += sum(len(paths) - 1 for paths in below_root)
    assert sum(len(record.properties) for record in found) == attributes + others

    assert all(record.category and record.title and record.images for record in found)
    descriptions = [dict(record.properties)["description"] for record in found]
    assert not any(mark in text for text in descriptions for mark in ("<p>", "<br", "&bull;", "</"))
