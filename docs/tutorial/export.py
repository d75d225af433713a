"""Writes the catalog of the tutorial: a shop that does not exist, in the form of a Shopify export.

    python docs/tutorial/export.py docs/tutorial/hearth-and-trail.csv

It is wide and messy as such exports are: most columns are empty for most products, a colour is
spelt in several ways, cells say "n/a", some say what is not so, and a few rows are broken.
"""

from __future__ import annotations

import csv
import io
import random
import sys
from pathlib import Path

PRODUCTS = 600
COLOURS = {
    "black": ["Black", "black", "BLACK"],
    "white": ["White", "white", "off white"],
    "navy": ["Navy", "navy", "Navy Blue"],
    "green": ["Green", "green", "forest green"],
    "red": ["Red", "red", "RED"],
    "grey": ["Grey", "grey", "gray"],
}
VENDORS = ("Northfold", "Aldermoor", "Kettle & Pine", "Tarn", "Oxbow", "Seventh Field")
KINDS = {
    # type: category, materials, what it has besides
    "Mug": (
        "Home & Garden > Kitchen & Dining > Drinkware > Mugs",
        {"Stoneware": "glazed by hand", "Porcelain": "thin and bright", "Enamel": "light to carry"},
        {"Capacity": ["250 ml", "330 ml", "450 ml"], "Dishwasher safe": ["yes", "no"]},
    ),
    "Bottle": (
        "Home & Garden > Kitchen & Dining > Drinkware > Water Bottles",
        {"Steel": "keeps cold for a day", "Glass": "tastes of nothing", "Tritan": "does not break"},
        {"Capacity": ["500 ml", "750 ml", "1 l"], "Insulated": ["yes", "no"]},
    ),
    "Lamp": (
        "Home & Garden > Lighting > Lamps",
        {"Brass": "warms with age", "Oak": "turned from one piece", "Paper": "folded, soft light"},
        {"Bulb base": ["E14", "E27"], "Dimmable": ["yes", "no"], "Power": ["7 W", "12 W", "40 W"]},
    ),
    "Backpack": (
        "Luggage & Bags > Backpacks",
        {"Canvas": "waxed, sheds rain", "Nylon": "light and quick to dry", "Leather": "ages well"},
        {"Volume": ["15 l", "22 l", "30 l"], "Closure": ["Roll top", "Zip", "Buckles"]},
    ),
    "Shirt": (
        "Apparel & Accessories > Clothing > Shirts & Tops",
        {"Cotton": "soft and heavy", "Linen": "cool in summer", "Merino": "warm, never smells"},
        {"Fit": ["Regular", "Slim", "Relaxed"], "Sleeve": ["Long", "Short"]},
    ),
    "Blanket": (
        "Home & Garden > Linens & Bedding > Bedding > Blankets",
        {"Wool": "woven, warm", "Cotton": "soft and heavy", "Fleece": "light, dries fast"},
        {"Size": ["130 x 180 cm", "150 x 200 cm"], "Care": ["Hand wash", "Machine wash 30°C"]},
    ),
}
EXTRAS = sorted({name for _, _, more in KINDS.values() for name in more})
ALWAYS_EMPTY = [
    "Tax code", "Unit price total measure", "Unit price total measure unit", "Cost per item",
    "Option2 name", "Option2 value", "Option3 name", "Option3 value", "Variant image URL",
    "Google Shopping / Gender", "Google Shopping / Age group", "Google Shopping / Condition",
    "Warranty (product.metafields.custom.warranty)", "Origin (product.metafields.custom.origin)",
    "Season (product.metafields.custom.season)", "Legacy id (product.metafields.erp.legacy_id)",
]  # fmt: skip
HEADER = [
    "Title", "URL handle", "Description", "Vendor", "Product category", "Type", "Tags",
    "Published on online store", "Status", "SKU", "Barcode", "Option1 name", "Option1 value",
    "Price", "Compare-at price", "Charge tax", "Inventory tracker", "Inventory quantity",
    "Continue selling when out of stock", "Weight value (grams)", "Weight unit for display",
    "Requires shipping", "Fulfillment service", "Product image URL", "Image position",
    "Gift card", "SEO title", "Color (product.metafields.shopify.color-pattern)",
    "Material (product.metafields.shopify.material)",
    *(f"{name} (product.metafields.custom.{name.lower().replace(' ', '_')})" for name in EXTRAS),
    *ALWAYS_EMPTY,
]  # fmt: skip


def row(number: int, draw: random.Random) -> dict[str, str]:
    """One product, most of whose cells are empty."""
    kind = draw.choice(list(KINDS))
    category, materials, more = KINDS[kind]
    colour = draw.choice(list(COLOURS))
    vendor = draw.choice(VENDORS)
    # what a shop sells is not drawn by lot: brands have materials of their own
    material = list(materials)[(VENDORS.index(vendor) + draw.choice((0, 0, 0, 1))) % 3]
    said = draw.random()
    words = [vendor, *([draw.choice(COLOURS[colour])] if said < 0.55 else []), material, kind]
    text = f"<p>{kind} in {material.lower()}, <b>{materials[material]}</b>.</p>"
    if said > 0.35:
        text += f"<p>Comes in {colour}.</p>"
    cells = {
        "Title": " ".join(words) if draw.random() > 0.01 else "",
        "URL handle": f"{kind.lower()}-{number:04}",
        "Description": text if draw.random() > 0.15 else "",
        "Vendor": vendor if draw.random() > 0.1 else draw.choice(("n/a", "", vendor.upper())),
        "Product category": category if draw.random() > 0.2 else "",
        "Type": kind,
        "Tags": ", ".join(sorted({kind.lower(), draw.choice(("new", "sale", "gift"))})),
        "Published on online store": "TRUE",
        "Status": "Active",
        "SKU": f"HT-{number:04}",
        "Price": f"{draw.randrange(12, 180)}.00",
        "Charge tax": "TRUE",
        "Inventory tracker": "shopify",
        "Inventory quantity": str(draw.randrange(40)),
        "Continue selling when out of stock": "DENY",
        "Weight value (grams)": str(draw.randrange(100, 1500, 10)),
        "Weight unit for display": "g",
        "Requires shipping": "TRUE",
        "Fulfillment service": "manual",
        "Product image URL": f"https://cdn.example/{number:04}.jpg",
        "Image position": "1",
        "Gift card": "FALSE",
    }
    if draw.random() < 0.65:
        wrong = draw.random() < 0.03
        told = draw.choice(list(COLOURS)) if wrong else colour
        cells[HEADER[27]] = draw.choice(COLOURS[told]) if draw.random() > 0.05 else "n/a"
    if draw.random() < 0.6:
        cells[HEADER[28]] = material if draw.random() > 0.1 else material.lower()
    for name, values in more.items():
        if draw.random() < 0.55:
            # of a capacity or a fit nothing else tells: the vendor's habit does, half of the time
            habit = values[VENDORS.index(vendor) % len(values)]
            column = f"{name} (product.metafields.custom.{name.lower().replace(' ', '_')})"
            cells[column] = habit if draw.random() < 0.7 else draw.choice(values)
    return cells


def export() -> str:
    """The whole file, always the same."""
    draw = random.Random(7)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, HEADER, restval="", lineterminator="\n")
    writer.writeheader()
    for number in range(1, PRODUCTS + 1):
        writer.writerow(row(number, draw))
    lines = text.getvalue().splitlines(keepends=True)
    lines[100] = lines[100].replace("\n", ',"one cell too many",x\n')
    lines[200] = "," * (len(HEADER) - 1) + "\n"
    lines[301] = lines[301].replace(lines[301].split(",")[1], "", 1)  # no handle
    return "".join(lines)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(export(), encoding="utf-8")
