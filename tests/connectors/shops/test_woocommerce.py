from __future__ import annotations

from pathlib import Path

from k3m_kg.records import RejectedRow

from .. import EXAMPLES, products, told, values, written

EXPORT = EXAMPLES / "woocommerce.csv"


def test_the_cell_beside_a_value_names_its_property() -> None:
    found = products(EXPORT, "woocommerce")
    assert values(found["CUP-BLUE"])["Maker"] == ["Potters Ltd, Porto"]
    assert values(found["TEAPOT"])["Colour"] == ["Blue", "Grey"]
    assert values(found["TEAPOT"])["Maker"] == ["Potters Ltd, Porto", "Second kiln"]


def test_a_variation_inherits_what_it_does_not_state() -> None:
    found = products(EXPORT, "woocommerce")
    teapot, blue, grey = found["TEAPOT"], found["TEAPOT-BLUE"], found["id:103"]
    assert blue.links == grey.links == (("variant of", "TEAPOT"),)
    assert blue.title == "Teapot - Blue"
    assert blue.category == teapot.category == "Kitchen > Tea"
    assert blue.images == ("https://cdn.example/teapot-blue.jpg",)
    assert grey.images == teapot.images
    assert values(grey)["Colour"] == ["Grey"]
    assert values(grey)["Weight"] == ["1.1 kg"]
    assert values(blue)["Weight"] == ["0.9 kg"]
    assert values(blue)["Description"] == ["Stoneware.\nTwo sizes"]


def test_links_name_products_by_sku_or_number() -> None:
    found = products(EXPORT, "woocommerce")
    assert found["CUP-BLUE"].links == (("cross-sell", "TEAPOT"), ("cross-sell", "id:105"))
    assert found["id:105"].links == (("grouped", "TEAPOT"), ("grouped", "CUP-BLUE"))
    assert found["TEAPOT"].links == (("up-sell", "CUP-BLUE"),)


def test_columns_that_steer_the_shop_are_no_properties() -> None:
    names = {name for r in products(EXPORT, "woocommerce").values() for name in values(r)}
    assert names == {
        "Colour", "Maker", "Short description", "Description", "Weight", "Height", "Tags", "Brands",
        "Sale price", "Regular price", "GTIN, UPC, EAN, or ISBN", "origin", "category",
    }  # fmt: skip


HEAD = "ID,Type,SKU,Name,Parent,Regular price,Attribute 1 name,Attribute 1 value(s)\n"


def test_a_variation_may_come_before_its_product(tmp_path: Path) -> None:
    rows = "2,variation,V,,P,1,Size,S\n3,variation,W,,gone,1,,\n1,variable,P,Shirt,,,Stuff,Wool\n"
    found = products(written(tmp_path, HEAD + rows), "woocommerce")
    assert list(found) == ["P", "V", "W"]
    assert found["V"].title == "Shirt"
    assert values(found["V"])["Stuff"] == ["Wool"]
    assert found["W"].links == (("variant of", "gone"),)


def test_rows_that_are_no_product_are_rejected(tmp_path: Path) -> None:
    rows = ",simple,,Mug,,,,\n2,variation,V,,,,,\n3,simple,M,Mug,,,,\n"
    _, records = told(written(tmp_path, HEAD + rows))
    rejected = {r.line: r.reason for r in records if isinstance(r, RejectedRow)}
    assert rejected == {2: "neither SKU nor ID", 3: "a variation without a Parent"}


def test_only_the_columns_of_attributes_are_needed(tmp_path: Path) -> None:
    text = (
        'ID,SKU,Name,"Attribute 1 name","Attribute 1 value(s)"\n1,B1,Book,Publisher,"A\\, B, C"\n'
    )
    found = products(written(tmp_path, text), "woocommerce")
    assert values(found["B1"]) == {"Publisher": ["A, B", "C"]}


def test_levels_without_a_name_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("SKU,Name,Categories,Attribute 1 value(s)\nA,Mug,Home > ,\nB,Cup,>,\n")
    found = products(path, "woocommerce")
    assert (found["A"].category, found["B"].category) == ("Home", None)


def test_a_unit_with_blanks_around_it(tmp_path: Path) -> None:
    file = written(
        tmp_path, 'SKU,Name,Attribute 1 value(s),"Width ( cm\r)",Height ( )\nA,Mug,,3,4\n'
    )
    assert values(products(file, "woocommerce")["A"]) == {"Width": ["3 cm"], "Height": ["4"]}
