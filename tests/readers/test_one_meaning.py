"""Every setting of a mapping means the same in every format."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from k3m_kg.errors import ConfigError
from k3m_kg.readers.columnar.parquet import ParquetReader
from k3m_kg.readers.csv.delimited import DelimitedReader
from k3m_kg.readers.json.jsonl import JSONLinesReader
from k3m_kg.records import CatalogRecord, Note, ProductRecord, RejectedRow

Rows = list[dict[str, str]]
ROWS: Rows = [
    {
        "sku": "1", "alt": "x1", "name_en": "", "name": "mug", "kind": "Home > Mugs|Gifts",
        "photo": "a.jpg|b.jpg", "colour": r"red|blue\|green", "size": "NA", "related": "2|3",
        "a1n": "made in", "a1v": "EU", "a2n": "weight", "a2v": "2", "a2u": "kg",
        "more": '{"Brand": "Acme", "sizes": ["S", "M"]}', "html": "<p>Two &amp; one</p>",
        "facts": "voltage: 18; new", "title-de": "Becher", "title-en_US": "Mug", "price": "9.50",
    },
    {
        "sku": "2", "alt": "", "name_en": "cup", "name": "", "kind": "", "photo": "",
        "colour": "red", "size": "L", "related": "", "a1n": "", "a1v": "", "a2n": "", "a2v": "",
        "a2u": "", "more": "", "html": "", "facts": "", "title-de": "Tasse", "title-en_US": "",
        "price": "1.00",
    },
]  # fmt: skip


def as_csv(path: Path, rows: Rows) -> list[CatalogRecord]:
    with (path / "c.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return list(DelimitedReader().read(path / "c.csv", path / "m.yaml"))


def as_jsonl(path: Path, rows: Rows) -> list[CatalogRecord]:
    (path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return list(JSONLinesReader().read(path / "c.jsonl", path / "m.yaml"))


def as_parquet(path: Path, rows: Rows) -> list[CatalogRecord]:
    pq.write_table(pa.Table.from_pylist(rows), path / "c.parquet")
    return list(ParquetReader().read(path / "c.parquet", path / "m.yaml"))


def as_tree(path: Path, rows: Rows) -> list[CatalogRecord]:
    """With a column of structs beside the others, which nobody asks for."""
    table = pa.Table.from_pylist([{**row, "zz": {"x": ""}} for row in rows])
    pq.write_table(table, path / "c.parquet")
    return list(ParquetReader().read(path / "c.parquet", path / "m.yaml"))


READ: list[Callable[[Path, Rows], list[CatalogRecord]]] = [as_csv, as_jsonl, as_parquet, as_tree]
MAPPINGS = {
    "plain": 'title: name\ncategory: kind\nimage: photo\nmissing: [NA]',
    "separators": (
        'title: name\ncategory: kind\nimage: photo\nlinks: {related: goes with}\n'
        'separators: {kind: "|", photo: "|", colour: "|", related: "|", name: u}'
    ),
    "escapes": 'separators: {colour: {between: "|", escape: "\\\\"}}\nproperties: [colour]',
    "fallback": "title: [name_en, name]\nproperties: [size, colour]\nrename: {colour: Farbe}",
    "leave out": 'leave_out: ["a*", more, html, facts]\nmissing_in: {size: [NA]}',
    "patterns": 'properties: ["a*v", siz*]\nseparators: {"c*r": "|"}',
    "pairs": 'pairs: [{name: "a{n}n", value: "a{n}v", unit: "a{n}u"}]\nproperties: "*"',
    "pair names": (
        'title: made in\npairs: [{name: "a{n}n", value: "a{n}v"}]\n'
        'rename: {weight: Gewicht}\noptional: [made in, weight]'
    ),
    "levels": (
        'category: kind\nseparators: {kind: "|"}\n'
        'category_levels: {between: ">", names: [department, group]}'
    ),
    "one level": 'category: kind\ncategory_levels: {between: ">", keep: 1}',
    "cells": (
        'cells: {more: json, html: html, facts: {between: ";", after_name: ":"}}\n'
        'unprefixed: [more]\nproperties: [more, html, facts]'
    ),
    "prefixed": 'cells: {more: json}\nproperties: [more]\nrename: {more.Brand: maker}',
    "languages": "title: title\nlanguages: [en_US, de]\noptional: [title]",
    "template": 'image: ["p/{sku}-{alt}.jpg", photo]\nproperties: [size]',
}  # fmt: skip


@pytest.mark.parametrize("name", MAPPINGS)
def test_a_mapping_gives_the_same_products_in_every_format(tmp_path: Path, name: str) -> None:
    (tmp_path / "m.yaml").write_text(f"id: sku\n{MAPPINGS[name]}\n")
    found = []
    for read in READ:
        products = [r for r in read(tmp_path, ROWS) if isinstance(r, ProductRecord)]
        found.append(
            [(p.id, p.title, p.category, p.images, sorted(p.properties), p.links) for p in products]
        )
    assert len(found[0]) == 2
    assert found[0] == found[1]
    assert found[0] == found[2]
    assert found[0] == found[3]


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("title: nme", "`title` names the column 'nme', which the file does not have; did you"),
        ("separators: {colou: x}", "`separators` names the column 'colou'"),
        ("rename: {colou: x}", "did you mean 'colour'"),
        ("missing_in: {colou: [x]}", "`missing_in` names"),
        ("links: {relatd: x}", "`links` names"),
        ("image: '{skuu}.jpg'", "`image` names the column 'skuu'"),
        ("properties: [siz]", "`properties` names the column 'siz'"),
        ("leave_out: [siz]", "`leave_out` names"),
        ("title: [nme, ttle]", "`title` names"),
        ("cells: {mor: json}", "`cells` names"),
        ("unprefixed: [mor]", "`unprefixed` names"),
        ("pairs: [{name: a1n, value: a1val}]", "`pairs` names"),
    ],
)
def test_a_column_that_is_not_there_is_an_error_in_every_format(
    tmp_path: Path, read: Callable[[Path, Rows], list[CatalogRecord]], mapping: str, message: str
) -> None:
    (tmp_path / "m.yaml").write_text(f"id: sku\n{mapping}\n")
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, ROWS)
    assert message in str(raised.value)


@pytest.mark.parametrize("read", READ)
def test_an_id_that_no_row_has_is_an_error_in_every_format(
    tmp_path: Path, read: Callable[[Path, Rows], list[CatalogRecord]]
) -> None:
    (tmp_path / "m.yaml").write_text("id: skuu\n")
    with pytest.raises(ConfigError, match=r"`id` names the column 'skuu'.*did you mean 'sku'"):
        read(tmp_path, ROWS)


@pytest.mark.parametrize("read", READ)
def test_a_column_that_need_not_be_there(
    tmp_path: Path, read: Callable[[Path, Rows], list[CatalogRecord]]
) -> None:
    (tmp_path / "m.yaml").write_text(
        "id: sku\ntitle: nme\nrename: {x: y}\nseparators: {z: '|'}\noptional: [nme, x, z]\n"
        "properties: [size]\n"
    )
    first, _ = (r for r in read(tmp_path, ROWS) if isinstance(r, ProductRecord))
    assert (first.title, first.properties) == (None, (("size", "NA"),))


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize("key", ["title", "category"])
def test_a_second_title_or_category_is_a_property(
    tmp_path: Path, read: Callable[[Path, Rows], list[CatalogRecord]], key: str
) -> None:
    mapping = f"id: sku\n{key}: colour\nproperties: []\nseparators: {{colour: '|'}}\n"
    (tmp_path / "m.yaml").write_text(mapping + "rename: {colour: hue}\n")
    first, _ = (r for r in read(tmp_path, ROWS) if isinstance(r, ProductRecord))
    assert getattr(first, key) == "red"
    assert first.properties == (("hue", "blue\\"), ("hue", "green"))


@pytest.mark.parametrize("read", READ)
def test_two_ids_are_none(
    tmp_path: Path, read: Callable[[Path, Rows], list[CatalogRecord]]
) -> None:
    (tmp_path / "m.yaml").write_text("id: related\nseparators: {related: '|'}\ntitle: name\n")
    bad, none = (r for r in read(tmp_path, ROWS) if not isinstance(r, Note))
    assert isinstance(bad, RejectedRow)
    assert "several ids in 'related': '2', '3'" in bad.reason
    assert isinstance(none, RejectedRow)


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize("id_", ["1.23E+12", "4,00638E+12", "1e+09"])
def test_an_id_that_lost_its_digits_is_rejected(
    tmp_path: Path, read: Callable[[Path, Rows], list[CatalogRecord]], id_: str
) -> None:
    (tmp_path / "m.yaml").write_text("id: sku\ntitle: name\nlinks: {up: part of}\n")
    rows = [
        {"sku": id_, "name": "mug", "up": ""},
        {"sku": "1.234567890123E+12", "name": "whole", "up": ""},
        {"sku": "5E3", "name": "a code", "up": ""},
        {"sku": "2", "name": "cup", "up": id_},
    ]
    found = [r for r in read(tmp_path, rows) if not isinstance(r, Note)]
    assert [type(r) for r in found] == [RejectedRow, ProductRecord, ProductRecord, RejectedRow]
    for row in (found[0], found[3]):
        assert isinstance(row, RejectedRow)
        assert "lost its digits" in row.reason
