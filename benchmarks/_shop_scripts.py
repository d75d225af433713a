r"""The shortest scripts that read exports of shop software: see `reader_scripts`.

Each names the columns of its one file, and holds in memory what variants inherit.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from html import unescape
from itertools import groupby
from pathlib import Path
from typing import Any

Product = dict[str, Any]
Pairs = Iterable[tuple[str, str | None]]


def grouped(pairs: Pairs) -> dict[str, list[str]]:
    """Values by their properties, without those that are missing."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        if value:
            found[name].append(value)
    return dict(found)


def plain(html: str) -> str:
    """HTML as text."""
    text = unescape(re.sub(r"<[^>]*>", "", re.sub(r"</?(?:p|br|ul|li)\b[^>]*>", "\n", html)))
    return "\n".join(filter(None, map(str.strip, text.split("\n"))))


def rows_of(path: Path, delimiter: str = ",", above: int = 0) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        for _ in range(above):
            next(file)
        yield from csv.DictReader(file, delimiter=delimiter)


def split(cell: str, separator: str = ",") -> list[str]:
    return [part.strip() for part in cell.split(separator) if part.strip()]


def product_of(
    id_: str,
    title: str | None,
    category: str | None,
    pictures: list[str],
    properties: dict[str, list[str]],
    links: Iterable[tuple[str, str]] = (),
) -> Product:
    return {
        "id": id_, "title": title or None, "category": category or None, "pictures": pictures,
        "properties": properties, "links": list(links),
    }  # fmt: skip


def variant_of(product: Product, parent: Product) -> Product:
    """A variant with what it does not state from its product."""
    return {
        "id": product["id"],
        **{key: product[key] or parent[key] for key in ("title", "category", "pictures")},
        "properties": {**parent["properties"], **product["properties"]},
        "links": [("variant of", parent["id"]), *product["links"]],
    }


def of_shopify(path: Path) -> Iterator[Product]:
    mine = {
        "Vendor": "Vendor", "Product Category": "Product category",
        "Google Shopping / Gender": "Gender",
    }  # fmt: skip
    of_variant = {
        "Variant SKU": "SKU", "Variant Price": "Price", "Variant Compare At Price":
        "Compare-at price", "Variant Barcode": "Barcode",
    }  # fmt: skip
    for handle, group in groupby(rows_of(path), lambda row: row["Handle"]):
        rows = list(group)
        first = rows[0]
        lists = [name for name in first if "metafields.shopify" in name]
        properties = grouped([
            ("Description", plain(first["Body (HTML)"])),
            *((shown, first[name]) for name, shown in mine.items()),
            *(("Tags", tag) for tag in split(first["Tags"])),
            *((name.partition(" (")[0], value) for name in lists
              for value in split(first[name], ";")),
            ("Washing", first["Washing (product.metafields.custom.washing)"]),
        ])  # fmt: skip
        images = [
            (int(row["Image Position"]), row["Image Src"]) for row in rows if row["Image Src"]
        ]
        pictures = [url for _, url in sorted(images)]
        product = product_of(handle, first["Title"], first["Type"], pictures, properties)
        found = []
        for row in rows:
            own = [(shown, row[name].lstrip("'")) for name, shown in of_variant.items()]
            if float(row["Variant Grams"] or 0):
                own.append(("Weight", f"{row['Variant Grams']} g"))
            if row["Unit Price Total Measure"]:
                measure = row["Unit Price Total Measure"], row["Unit Price Total Measure Unit"]
                own.append(("Unit price total measure", " ".join(measure)))
            own.append(("Fit", row["Fit (variant.metafields.custom.fit)"]))
            if row["Option1 Value"] and row["Option1 Value"] != "Default Title":
                options = [(first[f"Option{n} Name"], row[f"Option{n} Value"]) for n in "12"]
                image = [row["Variant Image"]] if row["Variant Image"] else []
                stated = grouped([*options, *own])
                id_ = row["Variant SKU"] or "/".join([handle, *(one for _, one in options if one)])
                found.append(variant_of(product_of(id_, None, None, image, stated), product))
        if not found:
            product["properties"] |= grouped(own)
        yield product
        yield from found


def of_woocommerce(path: Path) -> Iterator[Product]:
    def parts(cell: str) -> list[str]:
        return [part.strip().replace("\\,", ",") for part in re.split(r"(?<!\\),", cell) if part]

    units = {"Weight": "kg", "Length": "cm", "Width": "cm", "Height": "cm"}
    texts = ("GTIN, UPC, EAN, or ISBN", "Sale price", "Regular price")
    parents: dict[str, Product] = {}
    for row in rows_of(path):
        categories = sorted(parts(row["Categories"]), key=lambda path: -path.count(">"))
        properties = grouped([
            *((name, row[name]) for name in texts),
            *((name, plain(row[name].replace("\\n", "\n")))
              for name in ("Short description", "Description")),
            *((name, f"{row[f'{name} ({unit})']} {unit}") for name, unit in units.items()
              if row[f"{name} ({unit})"]),
            *((name, value) for name in ("Tags", "Brands") for value in parts(row[name])),
            *((row[f"Attribute {n} name"], value) for n in "12"
              for value in parts(row[f"Attribute {n} value(s)"])),
            *(("category", path) for path in categories[1:]),
            ("origin", row["Meta: origin"]),
        ])  # fmt: skip
        links = {"grouped": "Grouped products", "up-sell": "Upsells", "cross-sell": "Cross-sells"}
        product = product_of(
            row["SKU"] or f"id:{row['ID']}", row["Name"], categories[0] if categories else None,
            parts(row["Images"]), properties,
            [(name, other) for name, column in links.items() for other in parts(row[column])],
        )  # fmt: skip
        if row["Type"] == "variation":
            product = variant_of(product, parents[row["Parent"]])
        elif row["Type"] == "variable":
            parents[product["id"]] = product
        yield product


def of_prestashop(path: Path) -> Iterator[Product]:
    texts = (
        "Price tax excluded", "Reference #", "Supplier", "Manufacturer", "EAN13", "UPC", "Summary",
        "Description",
    )  # fmt: skip
    for row in rows_of(path, ";"):
        categories = split(row["Categories (x,y,z...)"])
        features = (one.split(":") for one in split(row["Feature(Name:Value:Position)"]))
        properties = grouped([
            *((name.removesuffix(" #"), plain(row[name])) for name in texts),
            *((name, row[name]) for name in ("Width", "Height", "Depth", "Weight")
              if row[name].strip("0.")),
            *(("Tags", tag) for tag in split(row["Tags (x,y,z...)"])),
            *((name, value) for name, value, *_ in features),
            *(("category", one) for one in categories[:-1]),
        ])  # fmt: skip
        accessories = split(row["Accessories (x,y,z...)"])
        yield product_of(
            row["Product ID"], row["Name *"], categories[-1], split(row["Image URLs (x,y,z...)"]),
            properties, [("accessory", other) for other in accessories],
        )  # fmt: skip


def of_bigcommerce(path: Path) -> Iterator[Product]:
    codes = ("UPC/EAN", "Global Trade Number", "Manufacturer Part Number")
    of_variant = ("Price", "Retail Price", "Sale Price", *codes)
    measures = ("Weight", "Width", "Height", "Depth")

    def own(row: dict[str, str]) -> list[tuple[str, str]]:
        texts = [(name, row[name]) for name in of_variant]
        return texts + [(name, row[name]) for name in measures if row[name].strip("0.")]

    products: list[list[dict[str, str]]] = []

    def made(rows: list[dict[str, str]]) -> Iterator[Product]:
        first = rows[0]
        fields = (field.split("=") for field in split(first["Custom Fields"], ";"))
        categories = split(first["Categories"], ";")
        properties = grouped([
            *own(first), ("Brand ID", first["Brand ID"]), ("Warranty", first["Warranty"]),
            ("Product Condition", first["Product Condition"]),
            ("Description", plain(first["Description"])),
            *(("Search Keywords", word) for word in split(first["Search Keywords"])),
            *((name, value) for name, value in fields),
            *(("category", number) for number in categories[1:]),
        ])  # fmt: skip
        images = sorted(
            (row for row in rows if row["Item"] == "Image"),
            key=lambda row: int(row["Image Sort Order"]),
        )
        pictures = [row["Internal Image URL (Export)"] for row in images]
        product = product_of(first["SKU"], first["Name"], categories[0], pictures, properties)
        yield product
        for row in rows:
            if row["Item"] == "Variant":
                options = re.findall(r"Name=([^|]*)\|Value=([^|\[]*)", row["Options"])
                picture = [row["Variant Image URL"]] if row["Variant Image URL"] else []
                stated = grouped([*options, *own(row)])
                yield variant_of(product_of(row["SKU"], None, None, picture, stated), product)

    for row in rows_of(path):
        if row["Item"] == "Product" and products:
            yield from made(products.pop())
        if row["Item"] == "Product":
            products.append([])
        products[-1].append(row)
    yield from made(products.pop())


def of_magento1(path: Path) -> Iterator[Product]:
    texts = ("color", "price", "weight")
    links = {
        "_links_related_sku": "related", "_associated_sku": "grouped",
        "_super_products_sku": "variant",
    }  # fmt: skip
    sku = ""

    def of_product(row: dict[str, str]) -> str:
        nonlocal sku
        sku = row["sku"] or sku
        return sku

    for id_, group in groupby(rows_of(path), of_product):
        rows = list(group)
        first = rows[0]
        paths = [row["_category"].replace("/", " > ") for row in rows if row["_category"]]
        paths.sort(key=lambda path: -path.count(">"))
        pictures = [first["image"], *(row["_media_image"] for row in rows)]
        pictures = [one for one in dict.fromkeys(pictures) if one and one != "no_selection"]
        properties = grouped([
            *((name, first[name]) for name in texts),
            *((f"name ({row['_store']})", row["name"]) for row in rows if row["_store"]),
            *((f"description ({row['_store']})" if row["_store"] else "description",
               plain(row["description"])) for row in rows),
            *(("category", path) for path in paths[1:]),
        ])  # fmt: skip
        found = [(name, row[column]) for row in rows for column, name in links.items()]
        yield product_of(
            id_, first["name"], paths[0], pictures, properties, [pair for pair in found if pair[1]]
        )
