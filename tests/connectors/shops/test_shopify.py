from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.records import Note, ProductRecord, RejectedRow

from .. import EXAMPLES, products, told, values, written


def test_variants_are_products_that_inherit_what_they_do_not_state() -> None:
    found = products(EXAMPLES / "shopify.csv", "shopify")
    assert list(found) == ["linen-shirt", "LS-S-W", "LS-M-W", "LS-M-S", "olive-oil"]
    shirt, medium, sand = found["linen-shirt"], found["LS-M-W"], found["LS-M-S"]
    assert (shirt.title, shirt.category) == ("Linen shirt", "Shirts")
    assert values(shirt) == {
        "Description": ["Cut in Porto.\nWorn & loved."],
        "Vendor": ["Northfold"],
        "Product category": ["Apparel & Accessories > Clothing > Shirts"],
        "Tags": ["linen", "summer"],
        "Gender": ["unisex"],
        "Material": ["linen", "cotton"],
        "Washing": ["30°C; no tumbling"],
    }
    assert shirt.links == ()
    assert medium.title == "Linen shirt"
    assert medium.links == (("variant of", "linen-shirt"),)
    assert values(medium) == values(shirt) | {
        "Size": ["M"],
        "Colour": ["White"],
        "SKU": ["LS-M-W"],
        "Barcode": ["0614141000043"],
        "Price": ["59.00"],
        "Compare-at price": ["69.00"],
        "Weight": ["230.0 g"],
        "Fit": ["wide"],
    }
    assert "Fit" not in values(sand)


def test_pictures_are_in_the_order_of_their_positions() -> None:
    found = products(EXAMPLES / "shopify.csv", "shopify")
    front, back, detail = (
        f"https://cdn.example/shirt-{name}.jpg" for name in ("front", "back", "detail")
    )
    assert found["linen-shirt"].images == (front, back, detail)
    assert found["LS-S-W"].images == ("https://cdn.example/shirt-white.jpg",)
    assert found["LS-M-S"].images == (front, back, detail)


def test_a_position_that_no_number_can_be_is_none(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(
        "Handle,Title,Image Src,Image Position\n"
        f"mug,Mug,https://cdn.example/b.jpg,{'9' * 5000}\nmug,,https://cdn.example/a.jpg,1\n"
    )
    found = products(path, "shopify")["mug"]
    assert [Path(image).stem for image in found.images] == ["a", "b"]


def test_a_product_without_options_is_one_product() -> None:
    oil = products(EXAMPLES / "shopify.csv", "shopify")["olive-oil"]
    assert oil.links == ()
    assert values(oil) == {
        "SKU": ["OIL-500"],
        "Barcode": ["4006381333931"],
        "Price": ["12.50"],
        "Unit price total measure": ["500.0 ml"],
        "Description": ["Cold pressed"],
        "Vendor": ["Northfold"],
        "Product category": ["Food, Beverages & Tobacco > Food Items"],
    }


def test_old_and_new_headers_say_the_same() -> None:
    old = products(EXAMPLES / "shopify.csv", "shopify")
    new = products(EXAMPLES / "shopify-2024.csv", "shopify")
    assert old.keys() == new.keys()
    for name, record in old.items():
        assert values(new[name]) == values(record)
        assert (new[name].images, new[name].links) == (record.images, record.links)


HEAD = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Image Src\n"


def test_a_variant_without_a_sku_of_its_own_goes_by_its_options(tmp_path: Path) -> None:
    rows = "tee,Tee,Size,S,,\ntee,,,M,,\ntee,,,L,X,\ntee,,,XL,X,\n"
    found = products(written(tmp_path, HEAD + rows), "shopify")
    assert list(found) == ["tee", "tee/S", "tee/M", "X", "tee/XL"]


def test_what_cannot_be_a_variant_is_rejected_with_its_line(tmp_path: Path) -> None:
    rows = "a,,,,X,\n,Mug,,,Y,\nb,Tee,Size,S,,\nb,,,S,,\nb,,,S,1,2,3,4\n"
    _, records = told(written(tmp_path, HEAD + rows))
    rejected = {r.line: r.reason for r in records if isinstance(r, RejectedRow)}
    assert set(rejected) == {2, 3, 5, 6}
    assert "no row of 'a' with one stands right above" in rejected[2]
    assert rejected[3] == "no handle"
    assert "same options" in rejected[5]
    assert "expected 6 columns" in rejected[6]
    assert [r.id for r in records if isinstance(r, ProductRecord)] == ["b", "b/S"]


KINDS = "Handle,Title,Type,Product Category,Option1 Name,Variant SKU\n"


@pytest.mark.parametrize(
    ("rows", "setting", "category", "other"),
    [
        ("a,A,Mugs,Home > Mugs,,\nb,B,,Home > Cups,,\nc,C,Lamps,,,\n", None, "type", "c"),
        ("a,A,Mugs,Home > Mugs,,\nb,B,,Home > Cups,,\nc,C,,Lamps,,\n", None, "product", None),
        ("a,A,,Home > Mugs,,\nb,B,,Home > Cups,,\n", None, "product", None),
        ("a,A,Mugs,,,\n", None, "type", None),
        ("a,A,Mugs,Home > Mugs,,\nb,B,Cups,,,\n", "product-category", "product", "type"),
    ],
)
def test_the_category_is_one_column_for_the_whole_file(
    tmp_path: Path, rows: str, setting: str | None, category: str, other: str | None
) -> None:
    path = written(tmp_path, KINDS + rows)
    chosen = choose_reader(path, overrides=[f"category={setting}"] if setting else [])
    records = list(chosen.reader.read(path, None))
    found = [record for record in records if isinstance(record, ProductRecord)]
    place = 2 if category == "type" else 3
    columns = [row.split(",")[place] or None for row in rows.splitlines()]
    assert [record.category for record in found] == columns
    names = {name for record in found for name, _ in record.properties}
    assert ("Product Category" if category == "product" else "Type") not in names
    said = [r.text for r in records if isinstance(r, Note) and "the category is" in r.text]
    assert bool(said) is (other is not None)


def test_a_row_that_cannot_be_read_does_not_end_its_product(tmp_path: Path) -> None:
    rows = "tee,Tee,Size,S,,\ntee,,,M,1,2,3,4\ntee,,,L,,\n"
    _, records = told(written(tmp_path, HEAD + rows))
    assert [r.id for r in records if isinstance(r, ProductRecord)] == ["tee", "tee/S", "tee/L"]
    assert [r.line for r in records if isinstance(r, RejectedRow)] == [3]


def test_rows_below_a_first_row_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    rows = "tee,Tee,Size,S,1,2,3,4\ntee,,,L,,\n"
    _, records = told(written(tmp_path, HEAD + rows))
    first, second = (r for r in records if isinstance(r, RejectedRow))
    assert (first.line, second.line) == (2, 3)
    assert second.reason == "no title; the row above, on line 2, could not be read"


def test_a_file_of_another_shape_is_none_of_shopify(tmp_path: Path) -> None:
    path = written(tmp_path, "Name,Title\na,b\n")
    assert choose_reader(path).name == "csv"
    with pytest.raises(CatalogError, match="is the header of this format"):
        list(choose_reader(path, "shopify").reader.read(path, None))


def test_a_mapping_file_comes_before_what_the_header_tells() -> None:
    path = EXAMPLES / "shopify.csv"
    assert choose_reader(path, mapped=True).name == "csv"


def test_rows_that_are_cut_short_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    whole = (EXAMPLES / "shopify.csv").read_text()
    path.write_text(whole + "some garbage,cells\n")
    name, records = told(path)
    said = [record.text for record in records if isinstance(record, Note)]
    assert name == "shopify"
    (short,) = [text for text in said if "fewer cells" in text]
    assert short.startswith("1 rows, the first on line ")
