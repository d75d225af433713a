"""Tables as shops and PIMs write them, without a mapping: what is suggested, and read by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from k3m_kg.errors import MappingNeeded
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.records import Note, ProductRecord, RejectedRow
from tests.processes import no_hang


@pytest.mark.parametrize("unit", [" ", "-", "1 ", "name ", "(", "["])
def test_a_column_of_a_very_long_name_is_no_work(tmp_path: Path, unit: str) -> None:
    """Each guess by its name began anew at every blank or number: half a minute for 40 KB."""
    long = unit * (40_000 // len(unit))
    text = f"sku,title,a{long}b,name{long}x1\n1,Mug,red,blue\n2,Cup,blue,red\n"
    with no_hang():
        mapping, products, _ = accepted(tmp_path, text)
    assert mapping["id"] == "sku"
    assert {id_: record.title for id_, record in products.items()} == {"1": "Mug", "2": "Cup"}


def accepted(
    tmp_path: Path, text: str, name: str = "c.csv"
) -> tuple[dict[str, Any], dict[str, ProductRecord], list[Note | RejectedRow]]:
    """The suggested mapping, the products by it, and what else was said."""
    path, mapping = tmp_path / name, tmp_path / "m.yaml"
    path.write_text(text, encoding="utf-8")
    reader = choose_reader(path).reader
    with pytest.raises(MappingNeeded) as needed:
        list(reader.read(path, None))
    mapping.write_text(needed.value.mapping, encoding="utf-8")
    found = list(reader.read(path, mapping))
    products = {record.id: record for record in found if isinstance(record, ProductRecord)}
    others = [record for record in found if isinstance(record, Note | RejectedRow)]
    return yaml.safe_load(needed.value.mapping), products, others


@pytest.mark.parametrize("form", ["name_{}", "Name ({})", "name-{}", "Name {}"])
def test_the_title_is_in_several_languages(tmp_path: Path, form: str) -> None:
    german, english = form.format("de"), form.format("en")
    text = f"sku,{german},{english},text_de,text_en\nA,Becher,Mug,gut,good\nB,Teller,Plate,,\n"
    said, found, _ = accepted(tmp_path, text)
    assert said["languages"] == ["en"]
    assert found["A"].title == "Mug"
    assert found["A"].properties == ((german, "Becher"), ("text_de", "gut"), ("text", "good"))


def test_a_product_without_a_title_in_english_has_the_other_one(tmp_path: Path) -> None:
    said, found, _ = accepted(tmp_path, "sku,name_de,name_en\nA,Becher,Mug\nB,Teller,\n")
    assert said["languages"] == ["en", "de"]
    assert (found["A"].title, found["B"].title) == ("Mug", "Teller")


def test_codes_that_look_like_languages_are_none(tmp_path: Path) -> None:
    said, _, _ = accepted(tmp_path, "sku,name,size_it,item_no\nA,Mug,1,2\nB,Cup,2,3\n")
    assert (said["title"], "languages" in said) == ("name", False)


def test_numbered_columns_are_several_pictures_and_several_values(tmp_path: Path) -> None:
    text = (
        "sku,name,image1,image2,feature1,feature2\nA,Mug,a.jpg,b.jpg,big,red\nB,Cup,c.jpg,,,blue\n"
    )
    _, found, _ = accepted(tmp_path, text)
    assert found["A"].images == ("a.jpg", "b.jpg")
    assert found["A"].properties == (("feature", "big"), ("feature", "red"))
    assert (found["B"].images, found["B"].properties) == (("c.jpg",), (("feature", "blue"),))


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("spec_name_1,spec_value_1,spec_name_2,spec_value_2", ""),
        ("attribute_1_label,attribute_1_value,attribute_2_label,attribute_2_value", ""),
        ("Attribute 1,Value 1,Attribute 2,Value 2", ""),
        ("a1_name,a1_value,a1_unit,a2_name,a2_value,a2_unit", " V"),
    ],
)
def test_pairs_of_columns(tmp_path: Path, header: str, unit: str) -> None:
    cell = ",V" if unit else ""
    text = f"sku,name,{header}\nA,Drill,Volt,18{cell},Kind,x{cell}\nB,Saw,Volt,36{cell},,{cell}\n"
    _, found, _ = accepted(tmp_path, text)
    assert found["A"].properties == (("Volt", f"18{unit}"), ("Kind", f"x{unit}"))
    assert found["B"].properties == (("Volt", f"36{unit}"),)


@pytest.mark.parametrize("between", ["|", ";", ", ", " "])
def test_several_pictures_in_a_cell(tmp_path: Path, between: str) -> None:
    cell = f"https://x/1,0.jpg{between}https://x/2.jpg"
    said, found, _ = accepted(
        tmp_path, f'id,title,pic_urls\n1,Mug,"{cell}"\n2,Cup,https://x/3.jpg\n'
    )
    assert said["image"] == "pic_urls"
    assert found["1"].images == ("https://x/1,0.jpg", "https://x/2.jpg")
    assert found["2"].images == ("https://x/3.jpg",)


def test_a_column_whose_cells_are_pictures_is_one(tmp_path: Path) -> None:
    said, _, _ = accepted(tmp_path, "id,name,look\n1,Mug,a/b.PNG\n2,Cup,https://x/c.webp?w=1\n")
    assert said["image"] == "look"


def test_names_and_values_in_a_cell(tmp_path: Path) -> None:
    text = "item_id\ttitle\tprops\n1\t杯子\t颜色:红色;材质:陶瓷\n2\t盘子\t颜色:蓝色\n"
    _, found, _ = accepted(tmp_path, text, "c.tsv")
    assert found["1"].properties == (("颜色", "红色"), ("材质", "陶瓷"))


def test_several_values_in_a_cell(tmp_path: Path) -> None:
    text = "id,name,sizes,note\n1,Tee,S|M|L,a; b\n2,Cap,S|M,c\n3,Sock,L,d\n"
    said, found, _ = accepted(tmp_path, text)
    assert said["separators"] == {"sizes": "|"}
    assert found["2"].properties == (("sizes", "S"), ("sizes", "M"), ("note", "c"))


def test_what_stands_where_nothing_is_known(tmp_path: Path) -> None:
    text = "id,title,brand,size,where\n1,Mug,N/A,null,NA\n2,Cup,-,#N/A,EU\n3,Pot,Acme,L,EU\n"
    said, found, _ = accepted(tmp_path, text)
    assert sorted(said["missing"]) == ["#N/A", "-", "N/A", "null"]
    assert [found[id_].properties for id_ in "123"] == [
        (("where", "NA"),),  # of one column it may be North America
        (("where", "EU"),),
        (("brand", "Acme"), ("size", "L"), ("where", "EU")),
    ]


def test_html_becomes_text(tmp_path: Path) -> None:
    text = 'id,title,text\n1,Mug &amp; Cup,"<p>5 &lt; 6<br>big</p>"\n2,A & B,x\n'
    said, found, _ = accepted(tmp_path, text)
    assert said["cells"] == {"title": "html", "text": "html"}
    assert (found["1"].title, found["2"].title) == ("Mug & Cup", "A & B")
    assert found["1"].properties == (("text", "5 < 6\nbig"),)


def test_a_row_for_each_picture(tmp_path: Path) -> None:
    text = "sku,name,image_url\nA,Mug,1.jpg\nA,Mug,2.jpg\nB,Cup,3.jpg\nB,Cup,4.jpg\nC,Pot,5.jpg\n"
    said, found, _ = accepted(tmp_path, text)
    assert said["rows"] == "continue"
    assert [product.images for product in found.values()] == [
        ("1.jpg", "2.jpg"), ("3.jpg", "4.jpg"), ("5.jpg",),
    ]  # fmt: skip


def test_a_row_for_each_attribute_beside_the_name(tmp_path: Path) -> None:
    text = "sku,name,attribute,value\nA,Mug,colour,red\nA,Mug,size,L\nB,Cup,colour,blue\n"
    _, found, _ = accepted(tmp_path, text)
    assert found["A"].title == "Mug"
    assert found["A"].properties == (("colour", "red"), ("size", "L"))


def test_variants_name_their_product(tmp_path: Path) -> None:
    text = "sku,parent_sku,name,brand,size\nTEE,,Tee,Acme,\nTEE-S,TEE,,,S\nCAP,,Cap,Bolt,\n"
    said, found, _ = accepted(tmp_path, text)
    assert said["variants"] == {"parent": "parent_sku"}
    assert found["TEE-S"].title == "Tee"
    assert found["TEE-S"].properties == (("size", "S"), ("brand", "Acme"))


def test_variants_before_their_product_are_linked_to_it(tmp_path: Path) -> None:
    text = "sku,parent_sku,name\nTEE-S,TEE,Tee S\nTEE,,Tee\n"
    said, found, _ = accepted(tmp_path, text)
    assert said["links"] == {"parent_sku": "variant of"}
    assert found["TEE-S"].links == (("variant of", "TEE"),)


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "index"])
def test_the_numbers_of_rows_are_no_property(tmp_path: Path, name: str) -> None:
    _, found, _ = accepted(tmp_path, f"{name},uniq_id,name\n0,a,Mug\n1,b,Cup\n")
    assert (found["a"].title, found["a"].properties) == ("Mug", ())


def test_keys_of_an_object_in_a_cell_are_properties(tmp_path: Path) -> None:
    text = "asin,title,details\nB1,Mug,\"{'Brand': 'Acme'}\"\nB2,Cup,\"{'Brand': None}\"\n"
    _, found, _ = accepted(tmp_path, text)
    assert found["B1"].properties == (("Brand", "Acme"),)


def test_columns_of_one_name_are_several_pictures(tmp_path: Path) -> None:
    _, found, _ = accepted(tmp_path, "id,title,image,image\n1,Mug,a.jpg,b.jpg\n2,Cup,c.jpg,\n")
    assert (found["1"].images, found["2"].images) == (("a.jpg", "b.jpg"), ("c.jpg",))


def test_the_header_once_more_is_no_product(tmp_path: Path) -> None:
    text = 'sku;name;ref\nA;Mug;="01"\n sku ;name;ref\nB;Cup;2\nsku;name;ref\n'
    _, found, others = accepted(tmp_path, text)
    assert list(found) == ["A", "B"]
    (note,) = [item.text for item in others if "once more" in getattr(item, "text", "")]
    assert note == "2 rows are the header once more, and were left out"


def test_rows_without_an_id_and_a_title_go_on_with_the_product(tmp_path: Path) -> None:
    said, found, _ = accepted(
        tmp_path, "Handle;Titel;Farbe\nmug;Becher;rot\n;;blau\ncup;Tasse;rot\n"
    )
    assert said["rows"] == "continue"
    assert found["mug"].properties == (("Farbe", "rot"), ("Farbe", "blau"))


def test_columns_that_name_other_products_are_links(tmp_path: Path) -> None:
    text = 'sku,name,related,size\nA1,Mug,"A2,A3",1\nA2,Cup,A1,2\nA3,Pot,,3\n'
    said, found, _ = accepted(tmp_path, text)
    assert said["links"] == {"related": "related"}
    assert found["A1"].links == (("related", "A2"), ("related", "A3"))
    said, _, _ = accepted(tmp_path, "sku,name,related\nA1,Mug,B7\nA2,Cup,A1\n")
    assert "links" not in said  # not all are products of this file


def test_rows_without_a_title_are_variants_with_an_id_of_their_own(tmp_path: Path) -> None:
    """As Squarespace, Wix and others write them: untitled products of their own before."""
    text = (
        "Product ID [Non Editable],Title,SKU,Option Name 1,Option Value 1,Price\n"
        "5f01,Tee,T-S,Size,S,15\n,,T-M,,M,16\n5f02,Cap,C,,,9\n"
    )
    said, found, _ = accepted(tmp_path, text)
    assert said["id"] == "Product ID [Non Editable]"
    assert said["variants"] == {"id": "SKU", "own": ["Option Value 1", "Price"]}
    assert found["T-M"].title == "Tee"
    assert found["T-M"].properties == (("Size", "M"), ("Price", "16"))
    assert found["T-M"].links == (("variant of", "5f01"),)


@pytest.mark.parametrize("header", ["optionName{n},optionValue{n}", "infoTitle{n},infoText{n}"])
def test_pairs_whose_names_have_capitals_within(tmp_path: Path, header: str) -> None:
    names = ",".join(header.replace("{n}", n) for n in "12")
    _, found, _ = accepted(tmp_path, f"sku,{names}\nA,Size,S,Colour,red\nB,Size,M,,\n")
    assert found["A"].properties == (("Size", "S"), ("Colour", "red"))


@pytest.mark.parametrize(
    ("header", "id_", "title"),
    [
        ("OXID,OXTITLE,OXEAN,OXPRICE", "OXID", "OXTITLE"),  # what all begin with
        ("Custom label (SKU),Title,C:Brand,PicURL", "Custom label (SKU)", "Title"),
        ("رقم المنتج,الاسم,السعر,اللون", "رقم المنتج", "الاسم"),
        ("商品编号,商品名称,价格,颜色", "商品编号", "商品名称"),
        ("Item no.,Description,GTIN,Weight", "Item no.", "Description"),
    ],
)
def test_names_of_columns_that_say_more_or_are_in_other_scripts(
    tmp_path: Path, header: str, id_: str, title: str
) -> None:
    said, found, _ = accepted(tmp_path, f"{header}\nA1,Mug,1,x\nA2,Cup,2,x\n")
    assert (said["id"], said["title"]) == (id_, title)
    assert found["A2"].title == "Cup"


def test_a_long_description_is_no_title(tmp_path: Path) -> None:
    said, _, _ = accepted(tmp_path, f"sku,description\nA,{'long ' * 40}\nB,short\n")
    assert "title" not in said


def test_a_row_for_each_attribute_and_store(tmp_path: Path) -> None:
    text = (
        "value_id,entity_id,attribute_code,store_id,value\n1,7,name,0,Mug\n2,7,name,2,Becher\n"
        "3,7,color,0,red\n4,8,name,0,Cup\n"
    )
    said, found, _ = accepted(tmp_path, text)
    assert (said["language"], said["languages"]) == ("store_id", ["0", "2"])
    assert found["7"].title == "Mug"
    assert found["7"].properties == (("name.2", "Becher"), ("color", "red"))


def test_rows_of_attributes_that_do_not_stand_together_are_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("entity,attribute,value\n1,name,Mug\n2,name,Cup\n1,color,red\n")
    with pytest.raises(MappingNeeded) as needed:
        list(choose_reader(path).reader.read(path, None))
    assert "sort the file by it" in needed.value.mapping


def test_units_below_the_header_are_no_product(tmp_path: Path) -> None:
    text = "item no,name,weight,note\n,,kg,\nA,Mug,0.25,\nB,Cup,0.5,x\n"
    said, found, _ = accepted(tmp_path, text)
    assert (said["skip_after_header"], list(found)) == (1, ["A", "B"])


@pytest.mark.parametrize("first", ["A,Mug,on request", ",Mug 2,kg", ",,0.1"])
def test_a_row_that_is_no_row_of_units(tmp_path: Path, first: str) -> None:
    path = tmp_path / "c.csv"
    path.write_text(f"sku,name,price\n{first}\nB,Cup,0.25\nC,Pot,0.5\n")
    with pytest.raises(MappingNeeded) as needed:
        list(choose_reader(path).reader.read(path, None))
    assert "skip_after_header" not in needed.value.mapping


def test_rows_that_tell_how_a_template_is_filled_in_are_no_products(tmp_path: Path) -> None:
    """As templates of TikTok Shop, Walmart and others have them: they were products before."""
    text = (
        "category,product_name,main_image,weight,price,seller_sku\n"
        "Category,Product Name,Main Image,Weight (lb),Retail Price,Seller SKU\n"
        "Mandatory,Mandatory,Optional,Mandatory,Mandatory,Optional\n"
        "Choose one,1-255 characters,Paste a URL,Enter a number,Enter a price,Enter your own\n"
        "Mugs,Blue mug,https://a.example/1.jpg,0.5,9.00,M-1\n"
        "Mugs,Red mug,https://a.example/2.jpg,0.6,9.50,M-2\n"
    )
    said, found, _ = accepted(tmp_path, text)
    assert (said["id"], said["skip_after_header"]) == ("seller_sku", 3)
    assert list(found) == ["M-1", "M-2"]
    path = tmp_path / "c.csv"
    with pytest.raises(MappingNeeded) as needed:
        list(choose_reader(path).reader.read(path, None))
    assert "the 3 rows below the header say more of the columns" in needed.value.mapping


@pytest.mark.parametrize(
    "first", ["A,n/a,-,Mug", "A,free,1,Mug", "A,,unlimited,Mug", "A,1,2,Mug", "A,???,---,Mug"]
)
def test_a_product_without_numbers_is_no_row_of_labels(tmp_path: Path, first: str) -> None:
    text = f"sku,price,stock,name\n{first}\nB,0.25,3,Cup\nC,0.5,4,Pot\n"
    said, found, _ = accepted(tmp_path, text)
    assert "skip_after_header" not in said
    assert list(found) == ["A", "B", "C"]


def test_comments_above_the_header_are_not_it(tmp_path: Path) -> None:
    text = (
        "# Required | The id that you know it by,# Required | What it is called,# 1 | a | b\n"
        "sku,name,#\nA,Mug,7\nB,Cup,8\n"
    )
    said, found, _ = accepted(tmp_path, text)
    assert (said["header"], said["id"], list(found)) == (2, "sku", ["A", "B"])
    assert found["A"].properties == (("#", "7"),)
    said, found, _ = accepted(tmp_path, "#,sku,name\n1,A,Mug\n2,B,Cup\n")
    assert ("header" in said, list(found)) == (False, ["A", "B"])


@pytest.mark.parametrize(
    ("cells", "category", "others", "said_"),
    [
        (["c1|c2", "c2|c3", "c3"], "c1", ["c2"], (None, "|")),
        (["Home|Mugs", "Home|Cups", "Garden|Pots"], "Home > Mugs", [], ("|", None)),
        (["A > B,C > D", "C > D", "A > B"], "A > B", ["C > D"], (">", ",")),
        (['"/a, /b"', "/b", "/a"], "/a", ["/b"], (None, ",")),
        (['"Pots, pans and lids"', "Cups", "Mugs"], "Pots, pans and lids", [], (None, None)),
    ],
)
def test_several_categories_of_a_product_are_no_path(
    tmp_path: Path,
    cells: list[str],
    category: str,
    others: list[str],
    said_: tuple[str | None, str | None],
) -> None:
    cells = [cell if cell.startswith('"') else f'"{cell}"' for cell in cells]
    rows = "".join(f"{n},Mug {n},{cell}\n" for n, cell in enumerate(cells))
    said, found, _ = accepted(tmp_path, f"sku,name,categories\n{rows}")
    parted = said.get("separators", {}).get("categories")
    assert (said.get("category_levels"), parted) == said_
    assert found["0"].category == category
    assert [value for name, value in found["0"].properties if name == "categories"] == others


def test_numbered_columns_of_paths_are_categories_and_no_levels(tmp_path: Path) -> None:
    text = (
        "sku,name,category_1,category_2\nA,Mug,Home / Mugs,Sale / Now\nB,Cup,Home / Cups,\n"
        "C,Pot,Garden / Pots,Sale / Now\n"
    )
    said, found, _ = accepted(tmp_path, text)
    assert not isinstance(said.get("category_levels"), dict)
    assert found["A"].category != "Home / Mugs > Sale / Now"


def test_variations_and_galleries_under_other_names(tmp_path: Path) -> None:
    text = (
        "SKU,Label,Variation of,Thumbnail,Gallery\n"
        'C,Chair,,https://a.example/c.jpg,"https://a.example/1.jpg,https://a.example/2.jpg"\n'
        "C-B,Chair black,C,https://a.example/b.jpg,\n"
    )
    said, found, _ = accepted(tmp_path, text)
    assert said["variants"] == {"parent": "Variation of"}
    assert found["C"].images == tuple(f"https://a.example/{name}.jpg" for name in "c12")
    assert found["C-B"].links == (("variant of", "C"),)


def test_attachments_are_pictures_by_their_address(tmp_path: Path) -> None:
    at = "https://files.example/v3/"
    text = f'sku,photos\nA,"red mug.jpg ({at}x),back (1).jpg ({at}y)"\nB,\nC,c.png ({at}z)\n'
    said, found, _ = accepted(tmp_path, text)
    assert said["cells"] == {"photos": "attachments"}
    assert found["A"].images == (f"{at}x", f"{at}y")
    assert found["C"].images == (f"{at}z",)
