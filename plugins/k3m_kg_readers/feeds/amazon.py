"""Amazon's flat files: three header rows, of which the last names the fields.

Templates until 2023 name them `item_sku`, later ones `item_name[language_tag=en_US]#1.value`. A
child is a variant of the product in `parent_sku`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from k3m_kg.api import CatalogRecord, DelimitedTable, ProductRecord, RejectedRow, html_to_text
from k3m_kg_readers.tables.dialect import TableDialect
from k3m_kg_readers.tables.variants import Families

_QUALIFIERS = re.compile(r"\[[^\[\]]*\]|#\d+")
_LANGUAGE = re.compile(r"\[language_tag=([A-Za-z_-]+)\]")
_NUMBERED = re.compile(r"(.*[a-z_])\d{1,2}")
_UNIT = re.compile(r"(.*?)(?:_unit_of_measure|\.unit)")
_IDS = ("item_sku", "contribution_sku")
_PARENTS = (
    "parent_sku",
    "child_parent_sku_relationship.parent_sku",
)
_PICTURES = re.compile(r"(main|other)_(?:offer_|product_)?image_(?:url|locator).*")
_STEERING = re.compile(
    r"::record_action|list_price|standard_price|sale_|offer_|business_price|quantity|fulfillment|"
    r"condition_|merchant_|max_order|restock|product_tax|update_delete|parent_child|parentage|"
    r"relationship|variation_theme|child_parent|purchasable_offer|swatch_image|currency|"
    r"website_shipping|offering_|recommended_browse|external_product_id_type|skip_offer|"
    r"minimum_seller|missing_keyset"
)
"""Fields that steer offers and delivery."""
_TYPES = ("feed_product_type", "product_type")


class _Columns:
    """Where in a row what stands."""

    def __init__(self, header: Sequence[str]) -> None:
        plain = [_plain(name) for name in header]
        at = {name: place for place, name in reversed(list(enumerate(plain)))}
        self.id = next(at[name] for name in _IDS if name in at)
        self.parent = next((at[name] for name in _PARENTS if name in at), None)
        self.title = at.get("item_name")
        self.type = next((at[name] for name in _TYPES if name in at), None)
        self.external = at.get("external_product_id_type")
        self.pictures: list[tuple[bool, int]] = []
        self.units: dict[str, int] = {}
        self.properties: list[tuple[int, str]] = []
        read = {self.id, self.parent, self.title, self.type}
        for place, name in enumerate(plain):
            if place in read or not name:
                continue
            if picture := _PICTURES.fullmatch(name):
                self.pictures.append((picture[1] != "main", place))
            elif unit := _UNIT.fullmatch(name):
                self.units.setdefault(unit[1], place)
            elif not _STEERING.match(name):
                numbered = _NUMBERED.fullmatch(name)
                language = _LANGUAGE.search(header[place])
                shown = numbered[1] if numbered else name
                if name == "item_name" and language:  # the title in another language
                    shown = f"{shown} ({language[1]})"
                self.properties.append((place, shown))
        self.pictures.sort()


class AmazonReader(TableDialect):
    """Reads flat files of Amazon's sellers."""

    name = "amazon"
    rows_to_header = 6

    def is_header(self, names: Sequence[str]) -> bool:
        """An SKU as Amazon names it, and one of the fields that all templates have."""
        found = {_plain(name) for name in names}
        return bool(found & set(_IDS)) and bool(
            found & {"item_name", "external_product_id", *_TYPES, "update_delete"}
        )

    def ids(self, names: Sequence[str]) -> Sequence[int]:
        """The SKU."""
        return [place for place, name in enumerate(names) if _plain(name) in _IDS]

    def records(self, table: DelimitedTable) -> Iterator[CatalogRecord]:
        """The products in order; a child that comes before its parent, after it."""
        columns = _Columns(table.header)
        with Families() as families:
            for number, row in enumerate(table):
                if isinstance(row, RejectedRow):
                    yield row
                    continue
                cells = row.cells
                if number < 2 and cells[columns.id].lower() in ("sku", "seller sku", "item_sku"):
                    continue  # labels, which some templates have below the fields
                if not cells[columns.id]:
                    yield table.rejected(row, f"no {table.header[columns.id]}")
                    continue
                record = _product(columns, cells, row.line)
                parent = cells[columns.parent] if columns.parent is not None else ""
                if parent and parent != record.id:
                    yield from families.variant(record, parent)
                else:
                    yield from families.product(record)
            yield from families.rest()


def _plain(name: str) -> str:
    """`item_name[language_tag=en_US]#1.value` is `item_name`."""
    return _QUALIFIERS.sub("", name).strip().removesuffix(".value")


def _product(columns: _Columns, cells: Sequence[str], line: int) -> ProductRecord:
    found: list[tuple[str, str]] = []
    for place, name in columns.properties:
        if not (cell := cells[place]):
            continue
        if name == "external_product_id" and columns.external is not None:
            name = cells[columns.external] or name
        elif "<" in cell:
            cell = html_to_text(cell)
        unit = columns.units.get(name)
        if cell and unit is not None and cells[unit]:
            cell = f"{cell} {cells[unit]}"
        found.append((name, cell))
    return ProductRecord(
        cells[columns.id],
        (cells[columns.title] or None) if columns.title is not None else None,
        (cells[columns.type] or None) if columns.type is not None else None,
        tuple(dict.fromkeys(cells[place] for _, place in columns.pictures if cells[place])),
        tuple(dict.fromkeys(pair for pair in found if all(pair))),
        line,
    )
