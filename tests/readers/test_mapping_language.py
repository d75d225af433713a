"""What a mapping can say, on exports as shops and suppliers write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from k3m_kg.errors import CatalogError, ConfigError
from k3m_kg.readers.csv.delimited import DelimitedReader
from k3m_kg.readers.json.jsonl import JSONLinesReader
from k3m_kg.records import CatalogRecord, Note, ProductRecord, RejectedRow


def read_all(
    tmp_path: Path, content: str | bytes, mapping: str, name: str = "c.csv"
) -> list[CatalogRecord]:
    path, file = tmp_path / name, tmp_path / "mapping.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    file.write_text(mapping, encoding="utf-8")
    reader = JSONLinesReader() if name.endswith("jsonl") else DelimitedReader()
    return list(reader.read(path, file))


def read(tmp_path: Path, content: str | bytes, mapping: str, name: str = "c.csv") -> list:
    found = read_all(tmp_path, content, mapping, name)
    return [record for record in found if not isinstance(record, Note)]


def notes(found: list[CatalogRecord]) -> list[str]:
    return [record.text for record in found if isinstance(record, Note)]


SHOPIFY = """\
Handle,Title,Body (HTML),Vendor,Type,Tags,Option1 Name,Option1 Value,Option2 Name,Option2 Value,\
Variant SKU,Variant Price,Image Src,Image Position,Variant Image
soft-tee,Soft Tee,<p>Nice &amp; soft</p>,Acme,Shirts,"cotton, summer",Size,S,Color,Red,\
TEE-S-R,19.00,1.jpg,1,red.jpg
soft-tee,,,,,,,M,,Blue,TEE-M-B,19.00,2.jpg,2,blue.jpg
soft-tee,,,,,,,,,,,,3.jpg,3,
cap,Cap,<p>Cap</p>,Acme,Hats,,Title,Default,,,CAP-1,9.00,cap.jpg,1,
"""
SHOPIFY_MAPPING = """\
id: Handle
title: Title
category: Type
image: [Variant Image, Image Src]
rows: continue
pairs: [{name: "Option{n} Name", value: "Option{n} Value"}]
cells: {"Body (HTML)": html}
separators: {Tags: ","}
leave_out: [Image Position]
"""


def test_rows_that_continue_a_product_add_to_it(tmp_path: Path) -> None:
    mapping = SHOPIFY_MAPPING.replace("[Image Position]", '["Image Position", "Variant *"]')
    tee, cap = read(tmp_path, SHOPIFY, mapping)
    assert tee == ProductRecord(
        "soft-tee",
        "Soft Tee",
        "Shirts",
        ("red.jpg", "blue.jpg", "1.jpg", "2.jpg", "3.jpg"),
        (
            ("Body (HTML)", "Nice & soft"), ("Vendor", "Acme"), ("Tags", "cotton"),
            ("Tags", "summer"), ("Size", "S"), ("Color", "Red"), ("Size", "M"), ("Color", "Blue"),
        ),
        2,
    )  # fmt: skip
    assert (cap.id, cap.line, cap.images) == ("cap", 5, ("cap.jpg",))


def test_variants_are_products_that_take_over_what_they_do_not_state(tmp_path: Path) -> None:
    variants = 'variants: {id: Variant SKU, own: ["Option*", "Variant *"]}\n'
    tee, small, medium, cap, one = read(tmp_path, SHOPIFY, SHOPIFY_MAPPING + variants)
    shared = (
        ("Body (HTML)", "Nice & soft"), ("Vendor", "Acme"), ("Tags", "cotton"), ("Tags", "summer"),
    )  # fmt: skip
    assert tee == ProductRecord(
        "soft-tee", "Soft Tee", "Shirts", ("1.jpg", "2.jpg", "3.jpg"), shared, 2
    )
    assert small == ProductRecord(
        "TEE-S-R",
        "Soft Tee",
        "Shirts",
        ("red.jpg",),
        (("Size", "S"), ("Color", "Red"), ("Variant Price", "19.00"), *shared),
        2,
        (("variant of", "soft-tee"),),
    )
    assert (medium.id, medium.line) == ("TEE-M-B", 3)
    assert medium.properties[:2] == (("Size", "M"), ("Color", "Blue"))
    assert (cap.id, one.id, one.images) == ("cap", "CAP-1", ("cap.jpg",))
    alone = variants.replace("{", "{inherit: false, link: is a, ")
    (small,) = [r for r in read(tmp_path, SHOPIFY, SHOPIFY_MAPPING + alone) if r.id == "TEE-S-R"]
    assert (small.title, small.links) == (None, (("is a", "soft-tee"),))


def test_a_row_that_cannot_be_read_costs_only_itself(tmp_path: Path) -> None:
    content = "id,name,colour\n,x,y\n1,mug,red\n,,\0\n,,blue\n1,a,b,c,d\n2,cup,\n2,,green\n"
    found = read(tmp_path, content, "id: id\ntitle: name\nrows: continue\n")
    assert [(type(r).__name__[0], r.line) for r in found] == [
        ("R", 2), ("P", 3), ("R", 4), ("R", 6), ("P", 7),
    ]  # fmt: skip
    assert "no product before it" in found[0].reason
    assert found[1].properties == (("colour", "red"), ("colour", "blue"))
    assert found[4].properties == (("colour", "green"),)


def test_a_row_with_a_parent_is_a_variant_of_it(tmp_path: Path) -> None:
    content = (
        "sku,name,kind,parent,size,brand\nT,Tee,shirts,,,Acme\nT-S,,,T,S,\nT-M,Tee M,,T,M,Zeta\n"
        "X-1,,,X,L,\nC,Cap,hats,,,\n"
    )
    mapping = "id: sku\ntitle: name\ncategory: kind\nvariants: {parent: parent}\n"
    found = read_all(tmp_path, content, mapping)
    tee, small, medium, alone, _ = (r for r in found if isinstance(r, ProductRecord))
    assert tee == ProductRecord("T", "Tee", "shirts", (), (("brand", "Acme"),), 2)
    assert small == ProductRecord(
        "T-S", "Tee", "shirts", (), (("size", "S"), ("brand", "Acme")), 3, (("variant of", "T"),)
    )
    assert (medium.title, medium.properties) == ("Tee M", (("size", "M"), ("brand", "Zeta")))
    assert (alone.title, alone.links) == (None, (("variant of", "X"),))
    assert "1 variants, such as 'X-1', take over nothing" in notes(found)[0]


def test_a_row_for_each_attribute(tmp_path: Path) -> None:
    content = (
        "sku,attribute,value,unit\nA1,name,Mug,\nA1,weight,1.5,kg\nA1,colour,red|blue,\n"
        "A2,name,Cup,\nA2,colour,,\n"
    )
    mapping = (
        "id: sku\ntitle: name\nrows: continue\nseparators: {colour: '|'}\n"
        "pairs: [{name: attribute, value: value, unit: unit}]\n"
    )
    colours = (("weight", "1.5 kg"), ("colour", "red"), ("colour", "blue"))
    assert read(tmp_path, content, mapping) == [
        ProductRecord("A1", "Mug", properties=colours, line=2),
        ProductRecord("A2", "Cup", line=5),
    ]


def test_pairs_of_columns_with_escaped_commas(tmp_path: Path) -> None:
    content = (
        'ID,SKU,Name,"Attribute 1 name","Attribute 1 value(s)","Attribute 12 name",'
        '"Attribute 12 value(s)"\n'
        '1,B1,Book,Publisher,"Lenos Verlag\\, Basel, Diogenes",,lost?\n2,B2,Mug,Colour,Red,Size,L\n'
    )
    mapping = """
        id: SKU
        title: Name
        leave_out: [ID]
        pairs: [{name: "Attribute {n} name", value: "Attribute {n} value(s)"}]
        separators: {"Attribute * value(s)": {between: ",", escape: "\\\\"}}
    """
    book, mug = read(tmp_path, content, mapping)
    assert book.properties == (
        ("Publisher", "Lenos Verlag, Basel"), ("Publisher", "Diogenes"),
        ("Attribute 12 value(s)", "lost?"),
    )  # fmt: skip
    assert mug.properties == (("Colour", "Red"), ("Size", "L"))


def test_a_separator_may_be_quoted(tmp_path: Path) -> None:
    content = 'id,v\n1,"a, ""b, c"", d""e, """", ""x""""y"""\n'
    mapping = "id: id\nseparators: {v: {between: ',', quote: '\"'}}\n"
    (record,) = read(tmp_path, content, mapping)
    assert [value for _, value in record.properties] == ["a", "b, c", 'd"e', 'x"y']


@pytest.mark.parametrize(
    ("within", "products"),
    [
        (
            "{within: attributes, name: key, value: evidences.value}",
            '{"id": 1, "attributes": [{"key": "hue", "evidences": [{"value": "red", "pid": 3}]}]}',
        ),
        (
            "{within: f, name: Feature.Name.Value, value: Shown}",
            '{"id": 1, "f": [{"Feature": {"Name": {"Value": "hue"}}, "Shown": "red"}]}',
        ),
        (
            "{within: specs, name: n, value: v}",
            '{"id": 1, "specs": {"n": "hue", "v": "red", "w": 3}}',
        ),
    ],
)
def test_which_keys_of_an_object_hold_name_and_value(
    tmp_path: Path, within: str, products: str
) -> None:
    (record,) = read(tmp_path, products, f"id: id\npairs: [{within}]\n", "c.jsonl")
    assert record.properties == (("hue", "red"),)


def test_an_amount_keeps_its_unit(tmp_path: Path) -> None:
    line = '{"id": 1, "price": {"by": [{"sum": 9.50, "in": "EUR"}, {"sum": 10, "in": "USD"}]}, '
    line += '"w": [{"value": 8, "unit": "oz"}], "s": {"value": 1, "unit": "g"}}'
    mapping = "id: id\npairs: [{within: price.by, value: sum, unit: in}]\nrename: {price.by: price}"
    (record,) = read(tmp_path, line, mapping, "c.jsonl")
    assert record.properties == (
        ("price", "9.50 EUR"), ("price", "10 USD"), ("w", "8 oz"), ("s", "1 g"),
    )  # fmt: skip


def test_what_of_an_object_is_not_read_is_said(tmp_path: Path) -> None:
    line = (
        '{"id": 7, "attributes": [{"id": 6, "name": "Color", "position": 0, "options": ["Red"]}]}'
    )
    found = read_all(tmp_path, line, "id: id\n", "c.jsonl")
    assert found[0] == ProductRecord("7", properties=(("Color", "Red"),), line=1)
    assert "'attributes'" in notes(found)[0]
    assert "id, pos" in notes(found)[0]


def test_cells_that_hold_data(tmp_path: Path) -> None:
    content = (
        "sku,image,category,details,specs,ruby\n"
        'A1,"[""a.jpg"", ""b.jpg""]","[""Beauty >> Skin""]","{""Brand"": ""Acme"", ""n"": 1.50}",'
        '"size=XS, material=Cotton|Wool,fine","{""s""=>[{""key""=>""a"", ""value""=>""b""}]}"\n'
        "A2,c.jpg,plain,\"{'x': None, 'y': ['1', u'2'], 'z': True}\",,\n"
        "A3,c.jpg,plain,\"{'x': \",,\n"
    )
    mapping = """
        id: sku
        image: image
        category: category
        category_levels: ">>"
        cells: {image: json, category: json, details: json, ruby: json, specs: {between: ","}}
        separators: {specs.material: "|"}
        unprefixed: [details]
    """
    first, second, bad = read(tmp_path, content, mapping)
    assert (first.images, first.category) == (("a.jpg", "b.jpg"), "Beauty > Skin")
    assert first.properties == (
        ("Brand", "Acme"), ("n", "1.50"), ("size", "XS"), ("material", "Cotton"),
        ("material", "Wool"), ("specs", "fine"), ("a", "b"),
    )  # fmt: skip
    assert (second.images, second.category) == (("c.jpg",), "plain")
    assert second.properties == (("y", "1"), ("y", "2"), ("z", "true"))
    assert isinstance(bad, RejectedRow)
    assert "the cell 'details' is no JSON: it does not end" in bad.reason


def test_levels_of_a_category_that_is_a_list(tmp_path: Path) -> None:
    line = '{"id": 1, "cat": ["Home", "Kitchen", "Mugs"]}'
    mapping = "id: id\ncategory: cat\ncategory_levels: {keep: 2, names: [department]}\n"
    (record,) = read(tmp_path, line, mapping, "c.jsonl")
    assert (record.category, record.properties) == ("Home > Kitchen", (("department", "Home"),))


def test_several_category_paths(tmp_path: Path) -> None:
    content = 'id,cat\n1,"A > B > C, A > D"\n'
    mapping = "id: id\ncategory: cat\nseparators: {cat: ','}\ncategory_levels: '>'\n"
    (record,) = read(tmp_path, content, mapping)
    assert (record.category, record.properties) == ("A > B > C", (("cat", "A > D"),))


ABO = """\
{"item_id": "P1", "item_name": [{"language_tag": "de_DE", "value": "Handtuch"}, \
{"language_tag": "en_US", "value": "Towel"}], "color": [{"language_tag": "en_US", "value": "Navy", \
"standardized_values": ["Blue"]}]}
{"item_id": "P2", "item_name": [{"language_tag": "en_GB", "value": "Towel (GB)"}, \
{"language_tag": "de_DE", "value": "Handtuch"}]}
{"item_id": "P3", "item_name": [{"language_tag": "fr_FR", "value": "Serviette"}]}
"""


@pytest.mark.parametrize("title", ["item_name", "item_name.value"])
def test_languages_beside_texts(tmp_path: Path, title: str) -> None:
    mapping = f"id: item_id\ntitle: {title}\nlanguages: [en_US, en]\n"
    first, second, third = read(tmp_path, ABO, mapping, "c.jsonl")
    assert (first.title, second.title, third.title) == ("Towel", "Towel (GB)", None)
    assert set(first.properties) == {
        ("item_name.de_DE", "Handtuch"), ("color", "Navy"), ("color.standardized_values", "Blue"),
    }  # fmt: skip
    assert second.properties == (("item_name.de_DE", "Handtuch"),)
    assert third.properties == (("item_name.fr_FR", "Serviette"),)


def test_without_a_word_of_languages_one_rule_holds_for_all_products(tmp_path: Path) -> None:
    found = read_all(tmp_path, ABO, "id: item_id\ntitle: item_name\n", "c.jsonl")
    titles = [r.title for r in found if isinstance(r, ProductRecord)]
    assert titles == ["Towel", "Towel (GB)", "Serviette"]
    assert "several languages (de_de, en_gb, en_us, fr_fr)" in notes(found)[0]


def test_languages_behind_the_names_of_columns(tmp_path: Path) -> None:
    content = (
        "sku,name-de_DE,name-en_US,name-en_GB,text[fr],text[en],made_in\n"
        "1,Becher,Mug,Cup,x,y,EU\n2,Becher,,Cup,x,,EU\n3,Becher,,,,,\n"
    )
    mapping = "id: sku\ntitle: name\nlanguages: [en_US, en]\n"
    first, second, third = read(tmp_path, content, mapping)
    assert (first.title, second.title, third.title) == ("Mug", "Cup", None)
    assert first.properties == (
        ("name-de_DE", "Becher"), ("name-en_GB", "Cup"), ("text[fr]", "x"), ("text", "y"),
        ("made_in", "EU"),
    )  # fmt: skip
    assert second.properties == (("name-de_DE", "Becher"), ("text[fr]", "x"), ("made_in", "EU"))


def test_a_language_behind_a_name_leaves_no_blank_and_needs_a_name(tmp_path: Path) -> None:
    content = "id,colour -en,size\t-de,-en\n1,red,big,x\n"
    (found,) = read(tmp_path, content, "id: id\nlanguages: [en, de]\n")
    assert found.properties == (("colour", "red"), ("size", "big"), ("-en", "x"))


def test_a_text_without_a_language_beside_one_with_it_is_kept_apart(tmp_path: Path) -> None:
    content = "id,name,name_en\n1,a,b\n2,c,\n"
    mapping = "id: id\ntitle: name\nlanguages: [en]\n"
    first, second = read(tmp_path, content, mapping)
    assert (first.title, first.properties) == ("b", (("name.other", "a"),))
    assert (second.title, second.properties) == ("c", ())


def test_languages_as_keys(tmp_path: Path) -> None:
    line = '{"id": 1, "name": {"de": "Becher", "en": "Mug"}, "size": {"w": 1}}'
    (record,) = read(tmp_path, line, "id: id\ntitle: name\nlanguages: [en]\n", "c.jsonl")
    assert (record.title, record.properties) == ("Mug", (("name.de", "Becher"), ("size.w", "1")))


def test_keys_of_an_object_as_properties_of_their_own_names(tmp_path: Path) -> None:
    line = '{"id": 1, "attributes": {"Ideal For": "x|y", "in": {"a": 2}}}'
    mapping = "id: id\nunprefixed: [attributes]\nseparators: {attributes.Ideal For: '|'}\n"
    (record,) = read(tmp_path, line, mapping, "c.jsonl")
    assert record.properties == (("Ideal For", "x"), ("Ideal For", "y"), ("in.a", "2"))


def test_a_setting_that_misses_the_prefix_is_an_error(tmp_path: Path) -> None:
    line = '{"id": 1, "attributes": {"Ideal For": "x"}}'
    with pytest.raises(ConfigError, match=r"did you mean 'attributes.Ideal For'"):
        read(tmp_path, line, "id: id\nrename: {Ideal For: for whom}\n", "c.jsonl")


def test_a_field_that_is_null_is_there(tmp_path: Path) -> None:
    line = '{"id": 1, "title": null, "size": {"w": null}, "tags": []}\n'
    mapping = "id: id\ntitle: title\nproperties: [size.w, tags]\n"
    assert read(tmp_path, line, mapping, "c.jsonl") == [ProductRecord("1", line=1)]


def test_pictures_in_a_table_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "images.csv").write_text(
        "image_id,h,path\n9,1,a/9.jpg\n8,1,b/8.jpg\n9,2,a/9b.jpg\n"
    )
    content = "id,main,more\n1,9,8|7\n2,,\n"
    mapping = (
        "id: id\nimage: [main, more]\nseparators: {more: '|'}\n"
        "image_table: {file: images.csv, key: image_id, path: path}\n"
    )
    found = read_all(tmp_path, content, mapping)
    assert [r.images for r in found if isinstance(r, ProductRecord)] == [
        ("a/9.jpg", "a/9b.jpg", "b/8.jpg"), (),
    ]  # fmt: skip
    assert notes(found) == ["1 pictures, such as '7', are not in images.csv"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("{file: ../x.csv, key: k, path: p}", "not in the folder of the mapping"),
        ("{file: /etc/passwd, key: k, path: p}", "not in the folder of the mapping"),
        ("{file: none.csv, key: k, path: p}", "no such file"),
        ("{file: images.csv, key: kee, path: p}", "did you mean 'key'"),
        ("{file: images.csv, key: key, path: p}", "no column 'p'"),
    ],
)
def test_a_picture_table_that_cannot_be_used(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "images.csv").write_text("key,where\n1,a.jpg\n")
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, "id,i\n1,1\n", f"id: id\nimage: i\nimage_table: {table}\n")


AMAZON = (
    "TemplateType=fptcustom\tVersion=2023\tTemplateSignature=U0h\t\n"
    "Seller SKU\tItem Name\tColor\tParent SKU\nitem_sku\titem_name\tcolor_name\tparent_sku\n"
    "T-1\tTee\tRed\tT-0\n"
)
TEE = ProductRecord("T-1", "Tee", properties=(("color_name", "Red"),), line=2)


@pytest.mark.parametrize(
    ("content", "more"),
    [
        (AMAZON, "properties: [color_name]\n"),
        (AMAZON, "properties: [color_name]\nheader: 3\n"),
        ("item_sku\titem_name\tcolor_name\nSeller SKU\tName\tColor\nT-1\tTee\tRed\n",
         "header: 1\nskip_after_header: 1\n"),
        ("sep=;\nitem_sku;item_name;color_name\nT-1;Tee;Red\n", ""),
        ("Our catalog 2026\n\nitem_sku,item_name,color_name\nT-1,Tee,Red\n", ""),
        ("item_sku,item_name,color_name\nT-1,Tee,Red\n\nTotal,1,\n,exported by X,\n",
         "skip_at_end: 2\n"),
        # Rows are numbered as a spreadsheet shows them: blank ones count.
        ("Our catalog\n\n\nitem_sku,item_name,color_name\nT-1,Tee,Red\n", "header: 4\n"),
        (",,\n\"two\nlines\",,\n\nitem_sku,item_name,color_name\nT-1,Tee,Red\n", "header: 4\n"),
        ("sep=;\n\nitem_sku;item_name;color_name\nT-1;Tee;Red\n", "header: 2\n"),
        ("item_sku,item_name,color_name\n\nSKU,Name,Color\nT-1,Tee,Red\n",
         "skip_after_header: 2\n"),
        ("item_sku,item_name,color_name\nT-1,Tee,Red\n\nTotal,1,\n\n\n", "skip_at_end: 2\n"),
    ],
)  # fmt: skip
def test_rows_around_the_data(tmp_path: Path, content: str, more: str) -> None:
    (found,) = read(tmp_path, content, f"id: item_sku\ntitle: item_name\n{more}")
    assert (found.id, found.title, found.properties) == (TEE.id, TEE.title, TEE.properties)


def test_a_blank_row_is_no_header(tmp_path: Path) -> None:
    content = "Our catalog\n\nitem_sku,item_name\nT-1,Tee\n"
    with pytest.raises(CatalogError, match="row 2 is blank"):
        read(tmp_path, content, "id: item_sku\nheader: 2\n")


def test_rows_in_which_the_header_was_looked_for_are_read_all_the_same(tmp_path: Path) -> None:
    content = "specs,name\n" + "".join(
        f'"{{""sku"": ""T{n}""}}",Tee\n' for n in range(30)
    )  # fmt: skip
    found = read(tmp_path, content, "id: specs.sku\ntitle: name\ncells: {specs: json}\n")
    assert [record.id for record in found] == [f"T{n}" for n in range(30)]


def test_a_header_that_was_looked_for_is_said(tmp_path: Path) -> None:
    found = read_all(tmp_path, AMAZON, "id: item_sku\ntitle: item_name\n")
    assert notes(found) == [
        "the header is row 3, which has the columns that the mapping names",
        "cells are separated by '\\t', as in the header",
    ]


@pytest.mark.parametrize(
    ("content", "second"),
    [
        ("sku;name;colour\nA1;Mug;red;\nA2;Cup;blue;;\n", (("colour", "blue"),)),
        ("sku,name,colour\nA1,Mug,red\nA2,Cup\n", ()),
    ],
)
def test_empty_cells_at_the_end_of_a_row_do_not_count(
    tmp_path: Path, content: str, second: tuple
) -> None:
    assert read(tmp_path, content, "id: sku\ntitle: name\n") == [
        ProductRecord("A1", "Mug", properties=(("colour", "red"),), line=2),
        ProductRecord("A2", "Cup", properties=second, line=3),
    ]


def test_rows_that_are_too_short_are_counted(tmp_path: Path) -> None:
    found = read_all(tmp_path, "a,b,c\n1,x\n2,y,z\n3,w\n", "id: a\n")
    assert "2 rows, the first on line 2" in notes(found)[0]


def test_a_text_that_a_spreadsheet_keeps_by_a_formula(tmp_path: Path) -> None:
    content = 'id,="name",ean\n="0012",="Mug ""A""","=""0400"""\n'
    (record,) = read(tmp_path, content, "id: id\ntitle: name\n")
    assert record == ProductRecord("0012", 'Mug "A"', properties=(("ean", "0400"),), line=2)


def test_a_cell_with_escaped_quotes(tmp_path: Path) -> None:
    content = 'id,name,x\n1,"5\\" pipe, long",y\n2,a\\,b,z\n'
    first, second = read(tmp_path, content, 'id: id\ntitle: name\nescape: "\\\\"\n')
    assert (first.title, second.title) == ('5" pipe, long', "a,b")


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", None), ("utf-8-sig", None), ("utf-16", "read as utf-16"),
        ("utf-16-le", "read as utf-16-le"), ("utf-16-be", "read as utf-16-be"),
        ("cp1252", "read as Windows-1252"),
    ],
)  # fmt: skip
def test_encodings_are_told_from_the_file(tmp_path: Path, encoding: str, note: str | None) -> None:
    content = "sku;name;Größe\r\n007;Grüner Becher;groß\r\n008;Mug;small\r\n".encode(encoding)
    found = read_all(tmp_path, content, "id: sku\ntitle: name\n")
    assert next(r for r in found if isinstance(r, ProductRecord)) == ProductRecord(
        "007", "Grüner Becher", properties=(("Größe", "groß"),), line=2
    )
    said = [text for text in notes(found) if not text.startswith("cells are separated by ';'")]
    assert len(said) == len(notes(found)) - 1
    assert [text.startswith(note or "") for text in said] == [True] * (note is not None)


@pytest.mark.parametrize("encoding", ["cp1251", "shift_jis", "gb18030"])
def test_another_script_is_not_guessed(tmp_path: Path, encoding: str) -> None:
    name = {"cp1251": "Чашка", "shift_jis": "カップ", "gb18030": "杯子红色"}[encoding]
    content = f"sku,name\n1,{name}\n".encode(encoding)
    (bad,) = read(tmp_path, content, "id: sku\ntitle: name\n")
    assert "`encoding` in the mapping says it" in bad.reason


def test_a_header_in_an_encoding_that_was_not_told_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="encoding: cp1252"):
        read(tmp_path, "sku;Größe\n1;x\n".encode("cp1252"), "id: sku\nencoding: utf-8\n")


def test_delimiters_in_quotes_do_not_count(tmp_path: Path) -> None:
    content = 'sku;name;"Size (B, H, T)"\n007;Mug;"1, 2, 3"\n'
    assert read(tmp_path, content, "id: sku\ntitle: name\n") == [
        ProductRecord("007", "Mug", properties=(("Size (B, H, T)", "1, 2, 3"),), line=2)
    ]


def test_the_first_of_several_ids(tmp_path: Path) -> None:
    content = "sku,handle,name\nA,x,1\n,y,2\n,,3\n"
    first, second, bad = read(tmp_path, content, "id: [sku, handle]\ntitle: name\n")
    assert (first.id, second.id) == ("A", "y")
    assert bad.reason == "no id: 'sku' and 'handle' are not there or empty"


def test_an_id_in_a_list_of_products_is_no_id(tmp_path: Path) -> None:
    line = '{"products": [{"id": 1, "title": "Tee"}, {"id": 2, "title": "Cap"}]}'
    (bad,) = read(tmp_path, line, "id: products.id\ntitle: products.title\n", "c.jsonl")
    assert "several ids in 'products.id': '1', '2'" in bad.reason


def test_more_rows_of_one_product_than_one_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("k3m_kg.readers.mapped.continued.MAX_ROWS", 2)
    content = "id,a\n1,x\n1,y\n1,z\n,z\n2,x\n,y\n"
    first, bad, other, second = read(tmp_path, content, "id: id\nrows: continue\n")
    assert (first.line, first.properties) == (2, (("a", "x"), ("a", "y")))
    assert [row.line for row in (bad, other)] == [4, 5]
    assert "rows of one product" in bad.reason
    assert "rows of one product" in other.reason
    assert (second.line, second.properties) == (6, (("a", "x"), ("a", "y")))
