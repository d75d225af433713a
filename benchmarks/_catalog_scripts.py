"""The shortest scripts that read feeds, catalogs and data sets: see `reader_scripts`."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks._shop_scripts import (
    Pairs,
    Product,
    grouped,
    plain,
    product_of,
    rows_of,
    split,
    variant_of,
)


def of_google(path: Path) -> Iterator[Product]:
    texts = (
        "price", "sale price", "brand", "gtin", "mpn", "condition", "google product category",
        "item group id", "color", "size", "material",
    )  # fmt: skip
    for row in rows_of(path, "\t"):
        details = (detail.split(":") for detail in split(row["product detail"]))
        properties = grouped([
            ("description", plain(row["description"])),
            *((name.replace(" ", "_"), row[name]) for name in texts),
            *((name, value) for _, name, value in details),
        ])  # fmt: skip
        pictures = [row["image link"], *split(row["additional image link"])]
        yield product_of(row["id"], row["title"], row["product type"], pictures, properties)


def of_google_rss(path: Path) -> Iterator[Product]:
    g = "{http://base.google.com/ns/1.0}"
    left_out = {"id", "title", "link", "image_link", "additional_image_link", "availability"}
    left_out |= {"product_type", "shipping", "custom_label_0", "product_detail"}
    for _, item in ET.iterparse(path):
        if item.tag == "item":
            found = {child.tag.removeprefix(g): child.text for child in item}
            title = item.findtext(f"{g}title")
            properties = grouped([
                *((name, text) for name, text in found.items() if name not in left_out),
                *((detail.findtext(f"{g}attribute_name"), detail.findtext(f"{g}attribute_value"))
                  for detail in item.iter(f"{g}product_detail")),
            ])  # fmt: skip
            properties["description"] = [plain(found["description"])]
            others = item.findall(f"{g}additional_image_link")
            pictures = [found["image_link"], *(one.text for one in others)]
            yield product_of(
                found["id"], title or found["title"], found["product_type"], pictures, properties
            )
            item.clear()


def of_akeneo(path: Path) -> Iterator[Product]:
    texts = ("ean", "size", "collection", "color")
    for row in rows_of(path, ";"):
        links = [
            ("variant of", row["parent"]),
            *(("x-sell", other) for other in split(row["X_SELL-products"])),
            *(("x-sell", other) for other in split(row["X_SELL-product_models"])),
            *(("pack", other) for other in split(row["PACK-products"])),
        ]
        properties = grouped([
            *((name, code) for name in texts for code in split(row[name])),
            ("description", plain(row["description-en_US-ecommerce"])),
            ("description (fr_FR)", plain(row["description-fr_FR-ecommerce"])),
            ("name (fr_FR)", row["name-fr_FR"]),
            *(("price", f"{row[f'price-{currency}']} {currency}") for currency in ("EUR", "USD")
              if row[f"price-{currency}"]),
            ("weight", f"{row['weight']} {row['weight-unit']}".strip()),
            *(("categories", code) for code in split(row["categories"])),
        ])  # fmt: skip
        yield product_of(
            row["sku"], row["name-en_US"], row["family"], split(row["image"]), properties,
            [link for link in links if link[1]],
        )  # fmt: skip


def of_amazon(path: Path) -> Iterator[Product]:
    parents: dict[str, Product] = {}
    for row in rows_of(path, "\t", above=2):
        properties = grouped([
            (row["external_product_id_type"], row["external_product_id"]),
            ("brand_name", row["brand_name"]),
            ("product_description", plain(row["product_description"])),
            ("bullet_point", row["bullet_point1"]), ("bullet_point", row["bullet_point2"]),
            ("color_name", row["color_name"]),
            ("item_weight", f"{row['item_weight']} {row['item_weight_unit_of_measure']}".strip()),
        ])  # fmt: skip
        pictures = [url for n in ("main_image_url", "other_image_url1") if (url := row[n])]
        product = product_of(
            row["item_sku"], row["item_name"], row["feed_product_type"], pictures, properties
        )
        if row["parent_sku"]:
            product = (
                variant_of(product, parents[row["parent_sku"]])
                if row["parent_sku"] in parents
                else product | {"links": [("variant of", row["parent_sku"])]}
            )
        else:
            parents[product["id"]] = product
        yield product


def of_salsify(path: Path) -> Iterator[Product]:
    parents: dict[str, Product] = {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        header = next(rows)
        for row in rows:
            features = [cell for name, cell in zip(header, row, strict=True) if name == "Feature"]
            cells = dict(zip(header, row, strict=True))
            properties = grouped([
                ("Product Name (de-DE)", cells["Product Name - de-DE"]), ("Brand", cells["Brand"]),
                *(("Feature", cell) for cell in features), ("Care", plain(cells["Care"])),
            ])  # fmt: skip
            pictures = [cells["Main Image"]] if cells["Main Image"] else []
            title, parent = cells["Product Name - en-US"], cells["salsify:parent_id"]
            product = product_of(cells["SKU"], title, cells["Category"], pictures, properties)
            if parent in parents:
                product = variant_of(product, parents[parent])
            parents[product["id"]] = product
            yield product


def _food(
    row: dict[str, Any], category: str | None, picture: str, lists: Pairs, nutriments: Pairs
) -> Product:
    texts = ("quantity", "serving_size", "ingredients_text", "nutriscore_grade", "nova_group")
    unknown = ("", "unknown", "not-applicable")
    units = {"energy-kj": " kJ", "energy-kcal": " kcal", "alcohol": " % vol"}
    units["nutrition-score-fr"] = ""
    properties = grouped([
        *((name, row[name]) for name in texts if row.get(name, "") not in unknown),
        *lists,
        *((f"{name} per 100 g", f"{amount}{units.get(name, ' g')}") for name, amount in nutriments
          if amount),
    ])  # fmt: skip
    return product_of(
        row["code"], row["product_name"], category, [picture] * bool(picture), properties
    )


def of_food(path: Path) -> Iterator[Product]:
    columns = {
        "packaging": "packaging_en", "brands": "brands", "labels": "labels_en",
        "origins": "origins", "countries": "countries_en", "allergens": "allergens",
        "traces": "traces_en", "additives": "additives_en", "categories": "categories_en",
    }  # fmt: skip
    nutriments = (
        "energy-kj", "energy-kcal", "fat", "sodium", "alcohol", "nutrition-score-fr",
    )  # fmt: skip
    for row in rows_of(path, "\t"):
        lists = [
            (name, one)
            for name, column in columns.items()
            for one in split(row[column] or row.get(name, ""))
        ]
        lists.append(("generic_name", row["generic_name"]))
        categories = [one for name, one in lists if name == "categories"]
        amounts = ((name, row[f"{name}_100g"]) for name in nutriments)
        category = row["main_category_en"] or categories[-1]
        yield _food(row, category, row["image_url"], lists, amounts)


def of_food_lines(path: Path) -> Iterator[Product]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            tree = json.loads(line, parse_float=str, parse_int=str)
            language = tree["lang"]
            lists = [
                (name, tag)
                for name in ("labels", "categories")
                for tag in tree.get(f"{name}_tags", ())
            ]
            lists += (("brands", brand) for brand in split(tree.get("brands", "")))
            lists.append(("generic_name", tree.get(f"generic_name_{language}")))
            tree["product_name"] = tree["product_name"] or tree[f"product_name_{language}"]
            amounts = (
                (name.removesuffix("_100g"), amount)
                for name, amount in tree["nutriments"].items()
                if name.endswith("_100g")
            )
            code, picture = tree["code"], ""
            if front := tree.get("images", {}).get(f"front_{language}"):
                folder = f"{code[:3]}/{code[3:6]}/{code[6:9]}/{code[9:]}"
                picture = (
                    f"https://images.openfoodfacts.org/images/products/{folder}/"
                    f"front_{language}.{front['rev']}.400.jpg"
                )
            categories = tree.get("categories_tags")
            yield _food(tree, categories[-1] if categories else None, picture, lists, amounts)


def of_berkeley(path: Path) -> Iterator[Product]:
    texts = ("brand", "bullet_point", "color", "material", "item_name")
    with path.open(encoding="utf-8") as file:
        for line in file:
            tree = json.loads(line, parse_float=str, parse_int=str)
            found: list[tuple[str, str]] = []
            for name in texts:
                values = tree.get(name, ())
                best = next(
                    (v["language_tag"] for v in values if v["language_tag"][:2] == "en"), ""
                )
                best = best or (values[0]["language_tag"] if values else "")
                for value in values:
                    tag = value["language_tag"]
                    found.append((name if tag == best else f"{name} ({tag})", value["value"]))
            title = next(value for name, value in found if name == "item_name")
            found += (("model_number", one["value"]) for one in tree.get("model_number", ()))
            found += (("node", one["node_name"]) for one in tree.get("node", ()))
            found += (
                ("item_weight", f"{one['value']} {one['unit']}")
                for one in tree.get("item_weight", ())
            )
            found += (
                (f"item_dimensions.{name}", f"{one['value']} {one['unit']}")
                for name, one in tree.get("item_dimensions", {}).items()
            )
            properties = grouped(pair for pair in found if pair[0] != "item_name")
            pictures = [tree["main_image_id"], *tree.get("other_image_id", ())]
            kind = tree["product_type"][0]["value"]
            yield product_of(tree["item_id"], title, kind, pictures, properties)


def of_bmecat(path: Path) -> Iterator[Product]:
    names = {
        "DESCRIPTION_LONG": "description", "EAN": "EAN", "KEYWORD": "keyword",
        "MANUFACTURER_AID": "manufacturer article number", "MANUFACTURER_NAME": "manufacturer",
    }  # fmt: skip
    x = "{http://www.bmecat.org/bmecat/1.2/bmecat_new_catalog}"
    groups: dict[str, tuple[str, str]] = {}
    products: dict[str, Product] = {}
    for _, element in ET.iterparse(path):
        name = element.tag.removeprefix(x)
        if name == "CATALOG_STRUCTURE" and element.get("type") != "root":
            groups[element[0].text] = element[2].text, element[1].text
        elif name == "ARTICLE_TO_CATALOGGROUP_MAP":  # behind the products
            levels, group = [], element[1].text
            while group in groups:
                group, level = groups[group]
                levels.insert(0, level)
            products[element[0].text]["category"] = " > ".join(levels)
        elif name == "ARTICLE":
            details = element.find(f"{x}ARTICLE_DETAILS")
            found = [(names.get(one.tag.removeprefix(x)), one.text) for one in details]
            for feature in element.iter(f"{x}FEATURE"):
                shown, unit = feature.findtext(f"{x}FNAME"), feature.findtext(f"{x}FUNIT", "")
                found += (
                    (shown, f"{value.text} {unit}".strip())
                    for value in feature.iter(f"{x}FVALUE")
                    if value.text != "-"
                )
            system = f"{x}ARTICLE_FEATURES/{x}REFERENCE_FEATURE_"
            found.append((
                element.findtext(f"{system}SYSTEM_NAME"), element.findtext(f"{system}GROUP_ID")
            ))  # fmt: skip
            pictures = sorted(
                (mime.findtext(f"{x}MIME_PURPOSE") == "thumbnail", mime.findtext(f"{x}MIME_SOURCE"))
                for mime in element.iter(f"{x}MIME")
                if mime.findtext(f"{x}MIME_TYPE").startswith("image/")
            )
            links = [
                (reference.get("type"), reference.findtext(f"{x}ART_ID_TO"))
                for reference in element.findall(f"{x}ARTICLE_REFERENCE")
            ]
            id_ = element.findtext(f"{x}SUPPLIER_AID")
            products[id_] = product_of(
                id_, details.findtext(f"{x}DESCRIPTION_SHORT"), None,
                [source for _, source in pictures],
                grouped((n, plain(v) if n == "description" else v) for n, v in found if n), links,
            )  # fmt: skip
            element.clear()
    yield from products.values()


def of_icecat(path: Path) -> Iterator[Product]:
    depth = 0
    for event, element in ET.iterparse(path, ("start", "end")):
        if element.tag != "Product":
            continue
        depth += 1 if event == "start" else -1
        if depth or event == "start":
            continue
        found = [
            ("product code", element.get("Prod_id")), ("release date", element.get("ReleaseDate")),
            ("brand", element.find("Supplier").get("Name")),
            *(("EAN", one.get("EAN")) for one in element.findall("EANCode")),
        ]  # fmt: skip
        for text in element.findall("ProductDescription"):
            found.append(("description", plain(text.get("LongDesc").replace("\\n", "\n"))))
            found.append(("short description", text.get("ShortDesc")))
        for feature in element.findall("ProductFeature"):
            value = feature.get("Presentation_Value")
            value = value or f"{feature.get('Value')} {feature.findtext('.//Sign')}"
            found.append((feature.find("Feature/Name").get("Value"), value))
        pictures = [element.get("HighPic")]
        pictures += (one.get("Pic") for one in element.findall("ProductGallery/ProductPicture"))
        related = element.findall("ProductRelated/Product")
        yield product_of(
            element.get("ID"), element.get("Title") or element.get("Name"),
            element.find("Category/Name").get("Value"),
            [one for one in dict.fromkeys(pictures) if one], grouped(found),
            [("related", one.get("ID")) for one in related],
        )  # fmt: skip
        element.clear()
