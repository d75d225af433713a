from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.records import RejectedRow

from .. import EXAMPLES, products, told, values, written


def test_features_have_names_and_units() -> None:
    found = products(EXAMPLES / "bmecat.xml", "bmecat")
    drill = found["D-10"]
    assert (drill.title, drill.category) == ("Cordless drill", "Tools > Drills")
    assert values(drill) == {
        "description": ["Light and strong"],
        "EAN": ["4006381333931"],
        "manufacturer article number": ["MX-10"],
        "manufacturer": ["Maxwerk"],
        "keyword": ["drill", "battery"],
        "ETIM-8.0": ["EC000149"],
        "Voltage": ["18 V"],
        "Colour": ["blue", "black"],
    }
    assert drill.images == ("d10.jpg", "d10_small.jpg")
    assert drill.links == (("accessories", "B-2"),)
    assert found["B-2"].category is None


def test_languages_are_kept_apart() -> None:
    drill = products(EXAMPLES / "bmecat-2005.xml", "bmecat")["D-10"]
    assert drill.title == "Akkubohrer"
    assert values(drill) == {
        "title (eng)": ["Cordless drill"],
        "description": ["Leicht und stark"],
        "description (eng)": ["Light and strong"],
        "GTIN": ["04006381333931"],
        "manufacturer article number": ["MX-10"],
        "Spannung": ["18 VLT"],
    }
    assert drill.images == ("front.jpg", "back.jpg")
    assert drill.links == (("consists of", "B-2"),)


@pytest.mark.parametrize(
    ("article", "why"),
    [
        ("<ARTICLE/>", "no SUPPLIER_AID"),
        ('<ARTICLE mode="delete"><SUPPLIER_AID>1</SUPPLIER_AID></ARTICLE>', "to be deleted"),
    ],
)
def test_what_is_no_product_is_rejected(tmp_path: Path, article: str, why: str) -> None:
    text = f"<BMECAT><T_NEW_CATALOG>\n{article}</T_NEW_CATALOG></BMECAT>"
    (rejected,) = told(written(tmp_path, text, "b.xml"))[1]
    assert isinstance(rejected, RejectedRow)
    assert rejected.line == 2
    assert why in rejected.reason


def test_groups_that_lie_in_a_circle_end(tmp_path: Path) -> None:
    group = "<CATALOG_STRUCTURE><GROUP_ID>1</GROUP_ID><GROUP_NAME>a</GROUP_NAME>"
    text = (
        f"<BMECAT>{group}<PARENT_ID>1</PARENT_ID></CATALOG_STRUCTURE>"
        "<ARTICLE><SUPPLIER_AID>x</SUPPLIER_AID></ARTICLE><ARTICLE_TO_CATALOGGROUP_MAP>"
        "<ART_ID>x</ART_ID><CATALOG_GROUP_ID>1</CATALOG_GROUP_ID></ARTICLE_TO_CATALOGGROUP_MAP>"
        "</BMECAT>"
    )
    found = products(written(tmp_path, text, "b.xml"), "bmecat")
    assert found["x"].category == "a"


def test_a_document_on_one_line_has_all_groups_of_a_product(tmp_path: Path) -> None:
    groups = "".join(
        f"<CATALOG_STRUCTURE><GROUP_ID>{name}</GROUP_ID><GROUP_NAME>{name}</GROUP_NAME>"
        "<PARENT_ID>0</PARENT_ID></CATALOG_STRUCTURE>"
        for name in "ab"
    )
    members = "".join(
        "<ARTICLE_TO_CATALOGGROUP_MAP><ART_ID>x</ART_ID>"
        f"<CATALOG_GROUP_ID>{name}</CATALOG_GROUP_ID></ARTICLE_TO_CATALOGGROUP_MAP>"
        for name in "ab"
    )
    article = "<ARTICLE><SUPPLIER_AID>x</SUPPLIER_AID></ARTICLE>"
    text = f"<BMECAT>{groups}{article}{members}</BMECAT>"
    found = products(written(tmp_path, text, "b.xml"), "bmecat")["x"]
    assert (found.category, found.properties) == ("a", (("category", "b"),))


def test_a_group_without_a_name_is_no_level(tmp_path: Path) -> None:
    text = (
        "<BMECAT><CATALOG_STRUCTURE><GROUP_ID>1</GROUP_ID><GROUP_NAME> </GROUP_NAME>"
        "<PARENT_ID>0</PARENT_ID></CATALOG_STRUCTURE>"
        "<CATALOG_STRUCTURE><GROUP_ID>2</GROUP_ID><GROUP_NAME>Drills</GROUP_NAME>"
        "<PARENT_ID>1</PARENT_ID></CATALOG_STRUCTURE>"
        "<ARTICLE><SUPPLIER_AID>x</SUPPLIER_AID></ARTICLE><ARTICLE_TO_CATALOGGROUP_MAP>"
        "<ART_ID>x</ART_ID><CATALOG_GROUP_ID>2</CATALOG_GROUP_ID></ARTICLE_TO_CATALOGGROUP_MAP>"
        "</BMECAT>"
    )
    assert products(written(tmp_path, text, "b.xml"), "bmecat")["x"].category == "Drills"


def test_blanks_around_attributes_are_no_part_of_them(tmp_path: Path) -> None:
    references = "".join(
        f"<ARTICLE_REFERENCE type='{kind}'><ART_ID_TO>y</ART_ID_TO></ARTICLE_REFERENCE>"
        for kind in ("\u2028spare_part ", " ")
    )
    text = f"<BMECAT><ARTICLE><SUPPLIER_AID>x</SUPPLIER_AID>{references}</ARTICLE></BMECAT>"
    found = products(written(tmp_path, text, "b.xml"), "bmecat")["x"]
    assert found.links == (("spare part", "y"), ("others", "y"))
