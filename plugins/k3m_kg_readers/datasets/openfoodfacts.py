"""Open Food Facts: the CSV (tab-separated) and the JSON Lines of its exports.

Nutriments are paired with their units. What is kept is what a product is: who edited it when, and
how complete its page is, are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from k3m_kg.api import (
    CatalogRecord,
    Confidence,
    DelimitedTable,
    ProductRecord,
    RejectedRow,
    open_bytes,
)
from k3m_kg_readers.documents.lines import LinesDialect, record, text
from k3m_kg_readers.tables.dialect import TableDialect, split

_TEXTS = (
    "generic_name", "quantity", "serving_size", "ingredients_text", "nutriscore_grade",
    "nova_group", "environmental_score_grade", "ecoscore_grade", "pnns_groups_1", "pnns_groups_2",
)  # fmt: skip
_LISTS = (
    "brands", "packaging", "labels", "origins", "manufacturing_places", "countries", "stores",
    "allergens", "traces", "additives", "food_groups", "ingredients_analysis", "emb_codes",
)  # fmt: skip
_UNKNOWN = frozenset(("", "unknown", "not-applicable", "undefined"))
_PER_100 = "_100g"
_UNITS = {
    "energy-kcal": " kcal",
    "energy-kj": " kJ",
    "energy": " kJ",
    "energy-from-fat": " kJ",
    "alcohol": " % vol",
    "ph": "",
    "nutrition-score-fr": "",
    "nutrition-score-uk": "",
    "nova-group": "",
    "fruits-vegetables-nuts": " %",
    "fruits-vegetables-nuts-estimate": " %",
    "fruits-vegetables-nuts-estimate-from-ingredients": " %",
    "fruits-vegetables-legumes-estimate-from-ingredients": " %",
    "collagen-meat-protein-ratio": " %",
    "cocoa": " %",
}
"""Per 100 g every nutriment is in grams, but for these."""
_PICTURES = "https://images.openfoodfacts.org/images/products"


class OpenFoodFactsReader(TableDialect, LinesDialect):
    """Reads the exports of Open Food Facts and its siblings for beauty, pet food and products."""

    name = "openfoodfacts"
    id_key = "code"
    marks = frozenset(
        ["nutriments", "states_tags", "_keywords", "ingredients_n", "pnns_groups_1", "created_t",
         "last_modified_t", "entry_dates_tags", "nutriscore_data", "ingredients_text"]
    )  # fmt: skip

    def sniff(self, path: Path, head: bytes) -> float:
        """Sure if it has the columns of the CSV, or keys of the lines."""
        if head.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"{"):
            return LinesDialect.sniff(self, path, head) if b'"code"' in head else Confidence.NONE
        return TableDialect.sniff(self, path, head)

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; a row or line that is none is rejected alone.

        Raises:
            CatalogError: the file cannot be read, or is neither of both.
            ConfigError: a mapping was given, which this format has no use for.
        """
        reads = LinesDialect if begins_with_brace(path) else TableDialect
        yield from reads.read(self, path, mapping)

    def is_header(self, names: Sequence[str]) -> bool:
        """A code, a name, and nutriments per 100 g."""
        found = set(names)
        return {"code", "product_name"} <= found and (
            any(name.endswith(_PER_100) for name in names) or "states_tags" in found
        )

    def ids(self, names: Sequence[str]) -> Sequence[int]:
        """The code."""
        return [place for place, name in enumerate(names) if name == "code"]

    def records(self, table: DelimitedTable) -> Iterator[CatalogRecord]:
        """A row is a product."""
        at = {name: place for place, name in enumerate(table.header)}
        nutriments = [
            (place, name.removesuffix(_PER_100))
            for name, place in at.items()
            if name.endswith(_PER_100) and name != _PER_100
        ]
        for row in table:
            if isinstance(row, RejectedRow):
                yield row
                continue
            cells = row.cells

            def value(name: str, cells: list[str] = cells) -> str:
                place = at.get(name)
                return cells[place] if place is not None else ""

            def values(name: str, value: Callable[[str], str] = value) -> list[str]:
                return split(value(f"{name}_en") or value(name))

            pairs = [(name, cells[place]) for place, name in nutriments if cells[place]]
            pictures = [value("image_url")]
            found = _product(value, values, pairs, pictures, row.line)
            yield table.rejected(row, found) if isinstance(found, str) else found

    def product(self, tree: dict[str, Any], line: int) -> ProductRecord | str:
        """The product of a line."""
        language = text(tree.get("lang")) or text(tree.get("lc")) or "en"

        def value(name: str) -> str:
            return text(tree.get(name)) or text(tree.get(f"{name}_{language}"))

        def values(name: str) -> list[str]:
            tags = tree.get(f"{name}_tags")
            if isinstance(tags, list) and name != "brands":
                return [found for tag in tags if (found := text(tag))]
            return split(value(name))

        stated = tree.get("nutriments")
        pairs = [
            (key.removesuffix(_PER_100), found)
            for key, item in (stated.items() if isinstance(stated, dict) else ())
            if key.endswith(_PER_100) and key != _PER_100 and (found := text(item))
        ]
        pictures = [value("image_front_url") or value("image_url") or _picture(tree, language)]
        return _product(value, values, pairs, pictures, line)


def begins_with_brace(path: Path) -> bool:
    """Whether the first character of the file is `{`."""
    with open_bytes(path) as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \r\n").startswith(b"{")


def _product(
    value: Callable[[str], str],
    values: Callable[[str], list[str]],
    nutriments: list[tuple[str, str]],
    pictures: list[str],
    line: int,
) -> ProductRecord | str:
    code = value("code")
    if not code:
        return "no code"
    title = value("product_name") or value("abbreviated_product_name") or value("generic_name")
    categories = values("categories")
    properties = [(name, value(name)) for name in _TEXTS if value(name) not in _UNKNOWN]
    for name in _LISTS:
        properties += ((name, one) for one in values(name))
    properties += (("categories", one) for one in categories)
    properties += (
        (f"{name} per 100 g", amount + _UNITS.get(name.removesuffix("_prepared"), " g"))
        for name, amount in nutriments
    )
    category = value("main_category_en") or (categories[-1] if categories else "")
    return record(code, title, category, pictures, properties, line)


def _picture(tree: dict[str, Any], language: str) -> str:
    """The address of the front's picture, which the lines do not hold as a whole."""
    images, code = tree.get("images"), text(tree.get("code"))
    if not isinstance(images, dict) or not code.isdecimal():
        return ""
    fronts = [f"front_{language}", *sorted(key for key in images if key.startswith("front"))]
    for key in fronts:
        image = images.get(key)
        if isinstance(image, dict) and (revision := text(image.get("rev"))):
            code = code.zfill(13)
            folder = "/".join((code[:3], code[3:6], code[6:9], code[9:]))
            return f"{_PICTURES}/{folder}/{key}.{revision}.400.jpg"
    return ""
