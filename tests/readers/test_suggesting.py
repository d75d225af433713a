"""The mapping that is suggested for a file without one."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from k3m_kg.errors import MappingNeeded
from k3m_kg.readers.csv.delimited import DelimitedReader
from k3m_kg.readers.json.jsonl import JSONLinesReader
from k3m_kg.readers.mapped.guessing.suggesting import OPEN, is_open
from k3m_kg.readers.mapping import load_mapping
from k3m_kg.records import ProductRecord


def suggested(tmp_path: Path, content: str, name: str = "c.csv") -> str:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    reader = JSONLinesReader() if name.endswith("jsonl") else DelimitedReader()
    with pytest.raises(MappingNeeded) as raised:
        list(reader.read(path, None))
    return raised.value.mapping


def said(mapping: str) -> dict:
    return dict(yaml.safe_load(mapping))


def table(header: str, *rows: str) -> str:
    return "\n".join((header, *rows)) + "\n"


def test_the_id_is_a_column_whose_values_are_all_there_and_all_different(tmp_path: Path) -> None:
    content = table("code,sku,name", "1,A,mug", "1,B,cup", "2,C,lamp")
    assert said(suggested(tmp_path, content))["id"] == "sku"
    content = table("code,sku,name", "1,A,mug", "3,,cup", "2,C,lamp")
    assert said(suggested(tmp_path, content))["id"] == "code"


def test_a_row_in_fifty_without_an_id_of_its_own_is_forgiven_a_column_that_is_called_so(
    tmp_path: Path,
) -> None:
    rows = [f"A{number},mug" for number in range(98)]
    mapping = suggested(tmp_path, table("sku,name", *rows, ",cup", "A1,lamp"))
    assert said(mapping)["id"] == "sku"
    assert "all but 2 of 100 rows" in mapping
    for name, bad in (("sku", [",cup", "A1,lamp", "A2,lamp"]), ("colour", [",cup"])):
        assert is_open(suggested(tmp_path, table(f"{name},kind", *rows[:97], *bad)))


def test_the_first_column_is_no_id_for_being_the_first(tmp_path: Path) -> None:
    line = '{{"main_category": "x", "title": "{0}", "parent_asin": "{0}", '
    line += '"images": [{{"large": "y"}}]}}\n'
    mapping = said(suggested(tmp_path, line.format("A") + line.format("B"), "c.jsonl"))
    assert mapping["id"] == "parent_asin"
    assert (mapping["title"], mapping["category"]) == ("title", "main_category")
    assert mapping["image"] == "images.large"


@pytest.mark.parametrize(
    "content",
    [
        table("kind,name", "mug,a b", "mug,c d"),
        table("sku,name", "A,mug", "A,cup"),
        table("sku,name", ",mug", ",cup"),
        table("ean,name", "4.00E+12,mug", "4.01E+12,cup"),
    ],
)
def test_where_no_column_looks_like_an_id_it_stays_open(tmp_path: Path, content: str) -> None:
    mapping = suggested(tmp_path, content)
    assert is_open(mapping)
    assert said(mapping)["id"] == OPEN
    assert "which column?" in mapping


def test_why_a_column_that_is_called_as_an_id_is_none(tmp_path: Path) -> None:
    mapping = suggested(tmp_path, table("sku,name", "A,mug", ",cup", "A,lamp"))
    assert "1 of 3 rows have none and 1 have one that came before" in mapping
    assert "rows: continue" in mapping


def test_a_path_in_a_list_is_never_the_id(tmp_path: Path) -> None:
    line = '{"products": [{"id": 1, "title": "Tee"}, {"id": 2, "title": "Cap"}]}'
    mapping = suggested(tmp_path, line, "c.jsonl")
    assert is_open(mapping)
    path = tmp_path / "c.jsonl"
    with pytest.raises(MappingNeeded, match=r"list of 2 under 'products'.*jq -c '\.products\[\]'"):
        list(JSONLinesReader().read(path, None))


def test_pairs_levels_and_cells_are_seen(tmp_path: Path) -> None:
    content = table(
        "SKU,Name,Categories,Attribute 1 name,Attribute 1 value(s),Option1 Name,Option1 Value,more",
        'A,mug,Home > Mugs,Farbe,rot,Size,S,"{""a"": 1}"',
        'B,cup,Home > Cups,Watt,5,Size,M,"{""b"": 2}"',
    )
    text = suggested(tmp_path, content)
    mapping = said(text)
    assert mapping["pairs"] == [
        {"name": "Attribute {n} name", "value": "Attribute {n} value(s)"},
        {"name": "Option{n} Name", "value": "Option{n} Value"},
    ]
    assert (mapping["category"], mapping["category_levels"]) == ("Categories", ">")
    assert mapping["cells"] == {"more": "json"}
    (tmp_path / "m.yaml").write_text(text)
    assert load_mapping(tmp_path / "m.yaml").ids == ["SKU"]
    first, _ = DelimitedReader().read(tmp_path / "c.csv", tmp_path / "m.yaml")
    assert isinstance(first, ProductRecord)
    assert first.properties == (("Farbe", "rot"), ("Size", "S"), ("more.a", "1"))


@pytest.mark.parametrize(
    "header", ["head,property,value", "sku,attribute,value", "product_id,attribute_name,value"]
)
def test_a_row_for_each_attribute_is_seen(tmp_path: Path, header: str) -> None:
    content = table(header, "A,colour,red", "A,size,L", "B,colour,blue")
    text = suggested(tmp_path, content)
    (tmp_path / "m.yaml").write_text(text)
    found = list(DelimitedReader().read(tmp_path / "c.csv", tmp_path / "m.yaml"))
    assert found == [
        ProductRecord("A", properties=(("colour", "red"), ("size", "L")), line=2),
        ProductRecord("B", properties=(("colour", "blue"),), line=4),
    ]


@pytest.mark.parametrize("name", ["Handle", "Artikelnummer", "Item Number", "product-id", "EAN"])
def test_names_of_the_field_are_known(tmp_path: Path, name: str) -> None:
    content = table(f"a,b,{name},Bild", "x,1,7,a.jpg", "y,2,8,b.jpg")
    mapping = said(suggested(tmp_path, content))
    assert (mapping["id"], mapping["image"]) == (name, "Bild")


def test_an_object_of_properties_is_seen(tmp_path: Path) -> None:
    line = '{{"artikelnr": "{0}", "attributes": {{"Ideal For": "x"}}, '
    line += '"details": {{"artikelnr": 1}}}}\n'
    mapping = said(suggested(tmp_path, line.format("A") + line.format("B"), "c.jsonl"))
    assert (mapping["id"], mapping["unprefixed"]) == ("artikelnr", ["attributes"])


@pytest.mark.parametrize(
    ("content", "header"),
    [
        ("Catalog 2026,,\nsku,name,colour\nA,mug,red\nB,cup,blue\n", 2),
        ("Catalog 2026\n\nSpring\nsku,name,colour\nA,mug,red\nB,cup,\n", 4),
        ("Supplier,ACME,,,\nDate,2026-02-01,,,\nsku,name,colour,size,ean\nA,mug,red,L,4006\n", 3),
        ("sku,name,colour\nA,mug,red\nB,cup,blue\n", None),
        ("\nsku,name,colour\nA,mug,red\nB,cup,blue\n", None),
        ("sku;name\nA;mug\nB;cup\n", None),
        ("sku,,,\n1,mug,red,L\n2,cup,blue,M\n", None),  # no row but the first has names alone
    ],
)
def test_a_header_below_a_title_is_found_and_said(
    tmp_path: Path, content: str, header: int | None
) -> None:
    mapping = suggested(tmp_path, content)
    found = said(mapping)
    assert found["id"] == "sku"
    assert found.get("header") == header
    assert ("# header: the first row with a name" in mapping) is (header is not None)
    if header is not None:
        assert found["title"] == "name"
        path = tmp_path / "m.yaml"
        path.write_text(mapping)
        records = DelimitedReader().read(tmp_path / "c.csv", path)
        assert next(r.id for r in records if isinstance(r, ProductRecord)) == "A"


def test_a_few_cells_with_several_values_tell_a_separator(tmp_path: Path) -> None:
    rows = [f"s{n},{'a|b' if n < 20 else 'a'},1.{n % 9},yes,EN,Lamp {n}" for n in range(60)]
    rows += ["t1,b,1.91|2.07,yes|no,EN|FCC,Lamp | red", "t2,b,2.0,no,FCC,x"]
    content = table("sku,ways,version,joins,norm,note", *rows)
    assert said(suggested(tmp_path, content))["separators"] == dict.fromkeys(
        ("ways", "version", "joins", "norm"), "|"
    )


@pytest.mark.parametrize(
    "cell",
    ["soft; washable", "Lamp | Acme", "https://a.b/c|d", "10x20", "m/s", "Procter/Gamble", "1,5"],
)
def test_what_is_no_separator_is_left(tmp_path: Path, cell: str) -> None:
    rows = [f"s{n},{'a|b' if n % 2 else 'b;c'},{'r;s' if n % 2 else 'r'},x{n}" for n in range(60)]
    content = table("sku,ways,more,note", *rows, f't1,a,r,"{cell}"', f't2,a,r,"{cell}"')
    assert "note" not in said(suggested(tmp_path, content))["separators"]


def test_parts_that_are_values_of_other_cells_are_values(tmp_path: Path) -> None:
    rows = [f"s{n},{'yes' if n % 2 else 'no'},red {n}" for n in range(60)]
    content = table("sku,joins,note", *rows, "t1,yes|no,red|blue", "t2,no,blue")
    assert said(suggested(tmp_path, content))["separators"] == {"joins": "|", "note": "|"}
    content = table("sku,joins,note", *rows, "t1,aye|nay,red|blue", "t2,no,black")
    assert "separators" not in said(suggested(tmp_path, content))
