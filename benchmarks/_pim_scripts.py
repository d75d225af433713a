"""The shortest scripts that read documents whose products refer to what stands elsewhere in them.

See `reader_scripts`. Each holds the whole document, and knows headers and fields of its one file.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks._shop_scripts import Product, grouped, plain, product_of, split, variant_of


def of_salsify_json(path: Path) -> Iterator[Product]:
    sections: dict[str, Any] = {}
    for part in json.loads(path.read_text(encoding="utf-8"), parse_float=str, parse_int=str):
        sections |= part
    names = {one["salsify:id"]: one["salsify:name"] for one in sections["attributes"]}
    choices = {one["salsify:id"]: one for one in sections["attribute_values"]}
    assets = {one["salsify:id"]: one["salsify:url"] for one in sections["digital_assets"]}
    products: dict[str, Product] = {}
    for tree in sections["products"]:
        pictures = [one["salsify:url"] for one in tree.get("salsify:digital_assets", ())]
        pictures += [assets[id_] for id_ in filter(None, [tree.get("main_image")])]
        title, levels, level = tree.get("title"), [], choices.get(tree.get("cat"))
        while level:
            levels.insert(0, level["salsify:name"])
            level = choices.get(level.get("salsify:parent_id"))
        found: list[tuple[str, str]] = []
        if isinstance(title, dict):
            found.append(("Display Title (de-DE)", title["de-DE"]))
            title = title["en-US"]
        for name, value in tree.items():
            if name.startswith("salsify:") or name in ("sku", "title", "cat", "main_image"):
                continue
            values = value if isinstance(value, list) else [value]
            values = ["true" if one is True else assets.get(one, one) for one in values]
            if name != "Gallery":
                found += ((names.get(name, name), one) for one in values)
        links = [
            (one["relation_type"], one["salsify:target_product_id"])
            for one in tree.get("salsify:relations", ())
        ]
        product = product_of(
            tree["salsify:id"], title, " > ".join(levels), pictures, grouped(found), links
        )
        if (parent := tree.get("salsify:parent_id")) is not None:
            product = variant_of(product, products[parent])
        products[product["id"]] = product
        yield product


def of_json_api(path: Path) -> Iterator[Product]:
    document = json.loads(path.read_text(encoding="utf-8"), parse_float=str, parse_int=str)
    included = {(one["type"], one["id"]): one for one in document["included"]}

    def related(tree: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
        data = tree["relationships"].get(name, {}).get("data") or ()
        for one in [data] if isinstance(data, dict) else data:
            yield included[one["type"], one["id"]]

    for tree in document["data"]:
        said = tree["attributes"]
        category, levels = next(related(tree, "categories"), None), []
        while category:
            levels.insert(0, category["attributes"]["name"])
            category = next(related(category, "parent"), None)
        properties = grouped([
            ("productNumber", said.get("productNumber")), ("ean", said.get("ean")),
            ("stock", said.get("stock")),
            *((name, one["attributes"]["name"]) for name in ("manufacturer", "tax")
              for one in related(tree, name)),
            *((next(related(one, "group"))["attributes"]["name"], one["attributes"]["name"])
              for one in related(tree, "properties")),
        ])  # fmt: skip
        pictures = [
            media["attributes"]["url"]
            for cover in related(tree, "cover")
            for media in related(cover, "media")
        ]
        yield product_of(tree["id"], said["name"], " > ".join(levels), pictures, properties)


def of_impex(path: Path) -> Iterator[Product]:
    rows: dict[str, list[list[str]]] = defaultdict(list)
    kind, jar = "", "jar:com.example.initialdata.InitialDataSystemSetup&"
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.reader(file, delimiter=";"):
            if row and row[0].startswith(("INSERT_UPDATE", "UPDATE")):
                kind = row[0].rpartition(" ")[2] + ("+" if row[0].startswith("UPDATE") else "")
            elif row and not row[0] and kind:
                rows[kind].append(row[1:])
    groups = {row[0]: (row[1], row[3]) for row in rows["Category"]}
    media = {
        row[0]: row[1].replace("$siteResource", f"{jar}/shop/import/images").removeprefix(jar)
        for row in rows["Media"]
    }
    largest = {row[0]: media[split(row[1])[-1]] for row in rows["MediaContainer"]}
    material = dict(row[:2] for row in rows["Product+"])
    of_product: dict[str, list[str]] = defaultdict(list)
    for group, code in rows["CategoryProductRelation"]:
        of_product[code].append(group)
    links: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for code, other, name, _ in rows["ProductReference"]:
        links[code].append((name.lower(), other))
    products: dict[str, Product] = {}
    for row in rows["Product"]:
        code, categories, maker, ean, unit, name, german, text, gallery, picture, *_ = row
        paths = []
        for group in [*(one.split(":")[0] for one in split(categories)), *of_product[code]]:
            levels, above = [], group
            while above in groups:
                level, above = groups[above]
                levels.insert(0, level)
            paths.append(" > ".join(levels) or group)
        properties = grouped([
            ("manufacturerName", maker), ("ean", ean), ("unit", unit or "pieces"),
            ("name (de)", german), ("description", plain(text)), ("material", material.get(code)),
            *(("category", path) for path in paths[1:]),
        ])  # fmt: skip
        pictures = [largest[gallery] if gallery else media[picture]]
        category = paths[0] if paths else None
        products[code] = product_of(code, name, category, pictures, properties, links[code])
    yield from products.values()
    for code, parent, size, *_ in rows["ApparelVariantProduct"]:
        variant = product_of(code, None, None, [], {"size": [size]})
        yield variant_of(variant, products[parent])
