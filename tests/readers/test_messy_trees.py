"""JSON and columnar products without a mapping: what their names and contents tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

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
