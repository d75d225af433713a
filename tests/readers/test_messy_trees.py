"""JSON and columnar products without a mapping: what their names and contents tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from k3m_kg.errors import CatalogError, MappingNeeded
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.records import Note, ProductRecord


def lines(tmp_path: Path, *products: Any) -> tuple[list[ProductRecord], list[str]]:
    path = tmp_path / "c.jsonl"
    path.write_text("".join(json.dumps(product) + "\n" for product in products))
    return read(path)


def read(path: Path) -> tuple[list[ProductRecord], list[str]]:
    found = list(choose_reader(path).reader.read(path, None))
    notes = [record.text for record in found if isinstance(record, Note)]
    return [record for record in found if isinstance(record, ProductRecord)], notes


def test_a_title_in_several_languages(tmp_path: Path) -> None:
    (first, second), (note,) = lines(
        tmp_path,
        {"id": 1, "name_de": "Becher", "name_en": "Mug"},
        {"id": 2, "name_de": "Teller", "name_en": "Plate"},
    )
    assert (first.title, first.properties) == ("Mug", (("name_de", "Becher"),))
    assert second.title == "Plate"
    assert "en has the plain names" in note


def test_an_object_with_a_text_in_each_language(tmp_path: Path) -> None:
    (first,), _ = lines(tmp_path, {"id": 1, "name": {"en": "Mug", "de": "Becher"}})
    assert (first.title, first.properties) == ("Mug", (("name.de", "Becher"),))


def test_less_usual_names_are_taken_and_said(tmp_path: Path) -> None:
    product = {"id": 1, "productTitle": "Mug", "media": [{"url": "a.jpg"}, {"url": "b.jpg"}]}
    (first,), (note,) = lines(tmp_path, product)
    assert (first.title, first.images) == ("Mug", ("a.jpg", "b.jpg"))
    assert "title: taken from 'productTitle'; image: taken from 'media.url'" in note


def test_html_becomes_text(tmp_path: Path) -> None:
    (first, second), (note,) = lines(
        tmp_path,
        {"id": 1, "title": "Mug &amp; Cup", "text": ["<b>big</b>", "x"]},
        {"id": 2, "title": "A & B"},
    )
    assert (first.title, second.title) == ("Mug & Cup", "A & B")
    assert first.properties == (("text", "big"), ("text", "x"))
    assert "HTML became text in 'title', 'text'" in note


def test_the_usual_names_need_no_word(tmp_path: Path) -> None:
    (first,), notes = lines(tmp_path, {"id": 1, "name": "Mug", "image": "a.jpg", "size": "L"})
    assert (first.title, first.images, notes) == ("Mug", ("a.jpg",), [])


def test_a_columnar_table_is_told_the_same_way(tmp_path: Path) -> None:
    table = {"id": ["1", "2"], "name_en": ["Mug", "Cup"], "name_de": ["Becher", "Tasse"]}
    table |= {"text": ["<p>a</p>", "b"], "raw": [b"\xff", b"x"]}
    pq.write_table(pa.table(table), tmp_path / "c.parquet")
    found, notes = read(tmp_path / "c.parquet")
    assert [product.title for product in found] == ["Cup"]  # bytes that are no text: rejected
    assert ("text", "b") in found[0].properties
    assert "HTML became text" in notes[0]


def document(tmp_path: Path, content: Any, name: str = "c.json") -> Any:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read(path)


def test_a_resource_of_json_api(tmp_path: Path) -> None:
    of_tags = {"data": [{"type": "tags", "id": "4"}, {"type": "tags", "id": "5"}]}
    resource = {
        "type": "products", "id": "1", "links": {"self": "https://x.example/1"},
        "attributes": {"name": "Mug", "colour": "red"}, "relationships": {"tags": of_tags},
    }  # fmt: skip
    (first, _), _ = document(tmp_path, {"data": [resource, resource | {"id": "2"}]})
    assert (first.id, first.title, first.category) == ("1", "Mug", None)
    assert first.properties == (("colour", "red"), ("tags", "4"), ("tags", "5"))


def test_values_of_dynamodb(tmp_path: Path) -> None:
    item = {"sku": {"S": "A"}, "price": {"N": "12.50"}, "tags": {"SS": ["a", "b"]}}
    item |= {"size": {"M": {"w": {"N": "9"}}}, "old": {"BOOL": False}, "none": {"NULL": True}}
    for content in (item, {"Item": item}):
        (first,), _ = lines(tmp_path, content)
        assert first.id == "A"
        assert first.properties == (
            ("price", "12.50"), ("tags", "a"), ("tags", "b"), ("size.w", "9"), ("old", "false"),
        )  # fmt: skip


def test_documents_of_firestore(tmp_path: Path) -> None:
    fields = {"title": {"stringValue": "Mug"}, "price": {"integerValue": "12"}}
    fields |= {"tags": {"arrayValue": {"values": [{"stringValue": "a"}]}}}
    fields |= {"size": {"mapValue": {"fields": {"w": {"doubleValue": 9.5}}}}}
    fields |= {"none": {"nullValue": None}, "empty": {"arrayValue": {}}}
    name = "projects/p/databases/(default)/documents/products/A1"
    (first,), _ = document(tmp_path, {"documents": [{"name": name, "fields": fields}]})
    assert (first.id, first.title) == ("A1", "Mug")
    assert first.properties == (("price", "12"), ("tags", "a"), ("size.w", "9.5"))


FRAME = [
    {"sku": "A", "name": "Mug", "gtin": 4006381333931},
    {"sku": "B", "name": "Cup", "gtin": None},
]
FRAMES = {
    "columns": {key: {str(n): row[key] for n, row in enumerate(FRAME)} for key in FRAME[0]},
    "split": {
        "columns": list(FRAME[0]), "index": [0, 1], "data": [list(r.values()) for r in FRAME],
    },
    "table": {
        "schema": {"fields": [{"name": "index", "type": "integer"}], "primaryKey": ["index"]},
        "data": [{"index": n} | row for n, row in enumerate(FRAME)],
    },
}  # fmt: skip


@pytest.mark.parametrize("form", FRAMES)
def test_a_table_as_pandas_writes_it(tmp_path: Path, form: str) -> None:
    (first, second), notes = document(tmp_path, FRAMES[form])
    assert (first.id, first.title, first.properties) == ("A", "Mug", (("gtin", "4006381333931"),))
    assert (second.id, second.properties) == ("B", ())
    assert any("pandas" in note or "numbers the rows" in note for note in notes)


def test_products_by_numbers_are_no_columns(tmp_path: Path) -> None:
    (first, _), _ = document(tmp_path, {"products": {"1": {"name": "Mug"}, "2": {"name": "Cup"}}})
    assert (first.id, first.title) == ("1", "Mug")


def test_a_table_of_columns_is_held_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("k3m_kg.readers.json.text.MAX_COLUMNS_TEXT", 1 << 20)
    many = {"sku": {str(n): f"A{n}" for n in range(100_000)}}
    with pytest.raises(CatalogError, match="column by column"):
        document(tmp_path, many)


XML = """<catalog xmlns="http://shop.example/ns"><product product-id="A">
<display-name xml:lang="x-default">Mug</display-name>
<display-name xml:lang="de">Becher</display-name>
<custom-attribute attribute-id="colour">red</custom-attribute>
<custom-attribute attribute-id="made of" xml:lang="x-default"><value>clay</value><value>tin</value>
</custom-attribute><height measurementUnitCode="CMT">9.50</height>
<classification-category catalog-id="c">mugs</classification-category></product></catalog>"""


def test_texts_for_all_languages_and_attributes_by_their_ids(tmp_path: Path) -> None:
    (first,), _ = document(tmp_path, XML, "c.xml")
    assert (first.id, first.title, first.category) == ("A", "Mug", "mugs")
    assert first.properties == (
        ("display-name.de", "Becher"), ("colour", "red"), ("made of", "clay"), ("made of", "tin"),
        ("height", "9.50 CMT"), ("classification-category.catalog-id", "c"),
    )  # fmt: skip


def test_what_is_said_in_a_language_has_its_name_beside_it(tmp_path: Path) -> None:
    values = [
        {"code": "colour", "locale": "en", "value": "red"},
        {"code": "colour", "locale": "de", "value": "rot"},
    ]
    (first,), _ = lines(tmp_path, {"id": 1, "values": values})
    assert first.properties == (("colour", "red"), ("colour.de", "rot"))


def test_the_kind_of_a_text_is_no_name(tmp_path: Path) -> None:
    (first,), _ = document(
        tmp_path, '<f><item id="1"><name type="html">Mug</name><x/></item></f>', "c.xml"
    )
    assert first.title == "Mug"
    assert ("html", "Mug") not in first.properties


def test_an_id_and_a_title_deep_in_an_object(tmp_path: Path) -> None:
    text = "".join(
        f"<rec><item><gtin>{n}</gtin><part><say><descriptionShort>{name}</descriptionShort></say>"
        "</part></item></rec>"
        for n, name in (("04006381333931", "Mug"), ("04006381333948", "Cup"))
    )
    path, mapping = tmp_path / "c.xml", tmp_path / "m.yaml"
    path.write_text(f"<all>{text}</all>")
    with pytest.raises(MappingNeeded) as needed:
        read(path)
    mapping.write_text(needed.value.mapping)
    first = next(
        one for one in choose_reader(path, mapped=True).reader.read(path, mapping)
        if isinstance(one, ProductRecord)
    )  # fmt: skip
    assert (first.id, first.title) == ("04006381333931", "Mug")


def test_pictures_in_objects_of_a_columnar_table_and_its_index(tmp_path: Path) -> None:
    pictures = [[{"thumb": "t.jpg", "large": "l.jpg"}], []]
    table = {"id": ["1", "2"], "images": pictures, "__index_level_0__": [7, 9]}
    pq.write_table(pa.table(table), tmp_path / "c.parquet")
    (first, second), notes = read(tmp_path / "c.parquet")
    assert (first.images, second.images) == (("l.jpg",), ())
    assert first.properties == (("images.thumb", "t.jpg"),)
    assert "__index_level_0__" in notes[0]
