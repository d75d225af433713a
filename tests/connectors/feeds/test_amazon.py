from __future__ import annotations

from pathlib import Path

from k3m_kg.records import RejectedRow

from .. import EXAMPLES, products, told, values, written


def test_the_third_row_names_the_fields_and_children_inherit() -> None:
    found = products(EXAMPLES / "amazon.txt", "amazon")
    red = found["TEE-RED"]
    assert (red.title, red.category) == ("Tee, red", "shirt")
    assert red.links == (("variant of", "TEE"),)
    assert red.images == ("https://cdn.example/tee-red.jpg", "https://cdn.example/tee-back.jpg")
    assert values(red) == {
        "EAN": ["0614141000036"],
        "color_name": ["Red"],
        "item_weight": ["180 GR"],
        "brand_name": ["Northfold"],
        "product_description": ["Soft & plain"],
        "bullet_point": ["Organic cotton", "Made in Porto"],
    }


def test_fields_of_newer_templates_have_qualifiers(tmp_path: Path) -> None:
    fields = (
        "contribution_sku#1.value\titem_name[marketplace_id=A][language_tag=en_US]#1.value\t"
        "item_weight#1.value\titem_weight#1.unit\tbullet_point[language_tag=en_US]#1.value\t"
        "bullet_point[language_tag=en_US]#2.value\tproduct_type#1.value\t"
        "child_parent_sku_relationship[marketplace_id=A]#1.parent_sku\t"
        "main_product_image_locator[marketplace_id=A]#1.media_location"
    )
    rows = "P\tShirt\t2\tkg\tsoft\twarm\tSHIRT\t\thttps://x/1.jpg\nC\t\t\t\t\t\tSHIRT\tP\t\n"
    text = f"settings=x\ty\nSKU\tName\n{fields}\n{rows}\tno sku\t\t\t\t\t\t\t\n"
    name, records = told(written(tmp_path, text, "a.txt"))
    assert name == "amazon"
    parent, child, rejected = records
    assert isinstance(rejected, RejectedRow)
    assert not isinstance(child, RejectedRow)
    assert (child.id, child.title, child.links) == ("C", "Shirt", (("variant of", "P"),))
    assert parent.images == ("https://x/1.jpg",)
    assert values(child) == {"item_weight": ["2 kg"], "bullet_point": ["soft", "warm"]}


def test_labels_below_the_fields_are_no_product(tmp_path: Path) -> None:
    text = "item_sku\titem_name\tcolor_name\nSeller SKU\tProduct Name\tColor\nT-1\tTee\tRed\n"
    assert list(products(written(tmp_path, text, "a.txt"), "amazon")) == ["T-1"]


def test_a_unit_of_nothing_is_nothing(tmp_path: Path) -> None:
    """Markup without a text stands for no number."""
    text = (
        "TemplateType=fptcustom\tVersion=1\nSKU\tName\tWeight\tUnit\n"
        "item_sku\titem_name\titem_weight\titem_weight_unit_of_measure\nT-1\tTee\t<br>\tGR\n"
    )
    assert values(products(written(tmp_path, text, "a.txt"), "amazon")["T-1"]) == {}
