"""The shortest scripts that give the same products with the library that a reader uses.

What somebody writes for one file: each gives a dict of id, title, category, pictures, properties
grouped by name, and links to other products. None checks a cell, tells an encoding, keeps a line,
or survives a bad row. `readers` sees that they give what the readers do.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks import _catalog_scripts as catalogs
from benchmarks import _pim_scripts as pim
from benchmarks import _shop_scripts as shops
from benchmarks._shop_scripts import Product, grouped

XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


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
        found = grouped((t.predicate.value.rpartition("/")[2], t.object.value) for t in group)
        title = found.pop("name", [None])[0]
        id_ = subject.rpartition("/")[2]
        yield {"id": id_, "title": title, "category": None, "pictures": [], "properties": found}


def of_xml(path: Path) -> Iterator[Product]:
    import xml.etree.ElementTree as ET

    for _, offer in ET.iterparse(path):
        if offer.tag == "offer":
            found = grouped(
                (
                    f"{child.tag}.{lang}"
                    if (lang := child.get(XML_LANG, "en")) != "en"
                    else child.get("name", child.tag),
                    f"{child.text} {child.get('unit', '')}".strip(),
                )
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


SCRIPTS: dict[str, Callable[[Path], Iterator[Product]]] = {
    "csv": of_csv, "jsonl": of_jsonl, "json": of_json, "workbook": of_workbook,
    "parquet": of_parquet, "rdf": of_rdf, "xml": of_xml, "shopify": shops.of_shopify,
    "woocommerce": shops.of_woocommerce, "google-merchant": catalogs.of_google,
    "google-merchant-rss": catalogs.of_google_rss, "akeneo": catalogs.of_akeneo,
    "amazon": catalogs.of_amazon, "prestashop": shops.of_prestashop,
    "bigcommerce": shops.of_bigcommerce, "magento1": shops.of_magento1,
    "openfoodfacts": catalogs.of_food, "openfoodfacts-lines": catalogs.of_food_lines,
    "amazon-berkeley": catalogs.of_berkeley, "bmecat": catalogs.of_bmecat,
    "icecat": catalogs.of_icecat, "salsify": catalogs.of_salsify,
    "salsify-json": pim.of_salsify_json, "json-api": pim.of_json_api, "impex": pim.of_impex,
}  # fmt: skip
