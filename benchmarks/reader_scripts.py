"""The shortest scripts that give the same products with the library that a reader uses.

What somebody writes for one file: each gives a dict of id, title, category, pictures, properties
grouped by name, and whatever else of the product the reader gives. None checks a cell, tells an
encoding, keeps a line, or survives a bad row.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from html import unescape
from itertools import groupby
from pathlib import Path
from typing import Any

Product = dict[str, Any]


def _grouped(pairs: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        if value:
            found[name].append(value)
    return dict(found)


def _table(row: dict[str, Any]) -> Product:
    return {
        "id": row.pop("id"), "title": row.pop("title"), "category": row.pop("category"),
        "pictures": [], "properties": {name: [value] for name, value in row.items() if value},
    }  # fmt: skip


def of_csv(path: Path) -> Iterator[Product]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from map(_table, csv.DictReader(file))


def of_jsonl(path: Path) -> Iterator[Product]:
    with path.open(encoding="utf-8") as file:
        yield from (_table(json.loads(line)) for line in file)


def of_json(path: Path) -> Iterator[Product]:
    yield from map(_table, json.loads(path.read_text(encoding="utf-8")))


def of_workbook(path: Path) -> Iterator[Product]:
    from python_calamine import CalamineWorkbook

    rows = iter(CalamineWorkbook.from_path(path).get_sheet_by_index(0).iter_rows())
    header = next(rows)
    yield from (_table(dict(zip(header, row, strict=True))) for row in rows)


def of_parquet(path: Path) -> Iterator[Product]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(path).iter_batches():
        yield from map(_table, batch.to_pylist())


def of_rdf(path: Path) -> Iterator[Product]:
    import pyoxigraph as ox

    triples = ox.parse(path=str(path), format=ox.RdfFormat.N_TRIPLES)
    for subject, group in groupby(triples, lambda triple: triple.subject.value):
        found = _grouped((t.predicate.value.rpartition("/")[2], t.object.value) for t in group)
        title, category = found.pop("name", [None])[0], found.pop("category", [None])[0]
        id_ = subject.rpartition("/")[2]
        yield {"id": id_, "title": title, "category": category, "pictures": [], "properties": found}


def of_xml(path: Path) -> Iterator[Product]:
    import xml.etree.ElementTree as ET

    for _, offer in ET.iterparse(path):
        if offer.tag == "offer":
            found = _grouped(
                (child.get("name", child.tag), child.text)
                for child in offer
                if child.tag not in ("name", "picture", "categoryId")
            )
            yield {
                "id": offer.get("id"), "title": offer.findtext("name"),
                "category": offer.findtext("categoryId"),
                "pictures": [picture.text for picture in offer.findall("picture")],
                "properties": found,
            }  # fmt: skip
            offer.clear()


def _plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html)).strip()


def of_shopify(path: Path) -> Iterator[Product]:
    mine = {"Vendor": "Vendor", "Product Category": "Product category", "Type": "Type"}
    of_variant = {
        "Variant SKU": "SKU", "Variant Price": "Price", "Variant Compare At Price":
        "Compare-at price", "Variant Barcode": "Barcode", "Variant Grams": "Weight",
    }  # fmt: skip
    with path.open(newline="", encoding="utf-8") as file:
        for handle, group in groupby(csv.DictReader(file), lambda row: row["Handle"]):
            rows = list(group)
            first = rows[0]
            metafields = [name for name in first if "metafields" in name]
            properties = _grouped([
                ("Description", _plain(first["Body (HTML)"])),
                *((shown, first[name]) for name, shown in mine.items() if name in first),
                *((name.partition(" (")[0], first[name]) for name in metafields),
                *(("Tags", tag.strip()) for tag in first["Tags"].split(",")),
            ])  # fmt: skip
            pictures = [row["Image Src"] for row in rows if row["Image Src"]]
            product = {"title": first["Title"], "category": first["Type"], "pictures": pictures}
            yield {"id": handle, **product, "properties": properties}
            for row in rows:
                if not row["Option1 Value"] or row["Option1 Value"] == "Default Title":
                    continue
                own = {shown: [row[name]] for name, shown in of_variant.items() if row.get(name)}
                for n in "123":
                    if row.get(f"Option{n} Value"):
                        own[first[f"Option{n} Name"]] = [row[f"Option{n} Value"]]
                yield {
                    "id": row["Variant SKU"] or handle, **product,
                    "pictures": [row["Variant Image"]] if row["Variant Image"] else pictures,
                    "properties": {**properties, **own}, "variant of": handle,
                }  # fmt: skip


SCRIPTS: dict[str, Callable[[Path], Iterator[Product]]] = {
    "csv": of_csv, "jsonl": of_jsonl, "json": of_json, "workbook": of_workbook,
    "parquet": of_parquet, "rdf": of_rdf, "xml": of_xml, "shopify": of_shopify,
}  # fmt: skip
