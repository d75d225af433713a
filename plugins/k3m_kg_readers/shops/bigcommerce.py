"""BigCommerce's product CSV: the legacy one, and the one of the modern export.

A product's rows stand below it: its variants (`SKU`, today `Variant`) and its pictures (`Image`). A
variant becomes a product of its own, linked to the product, with what it does not state from there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from k3m_kg.api import (
    CatalogRecord,
    DelimitedTable,
    Note,
    ProductRecord,
    RejectedRow,
    TableRow,
    html_to_text,
)
from k3m_kg_readers.tables.dialect import Pairs, TableDialect, inherited, product_rows, split
from k3m_kg_readers.tables.variants import VARIANT_OF

_NAMES = {
    "item": ("item", "item type"),
    "id": ("id", "product id"),
    "name": ("name", "product name"),
    "sku": ("sku", "product code/sku"),
    "options": ("options",),
    "categories": ("categories", "category"),
    "fields": ("custom fields", "product custom fields"),
    "variant image": ("variant image url",),
    "image": ("internal image url (export)",),
    "imported image": ("image url (import)",),
    "position": ("image sort order",),
}
HTML = frozenset(("description", "product description"))
LISTS = frozenset(("search keywords",))
OF_VARIANT = frozenset(
    [
        "price", "cost price", "retail price", "sale price", "upc/ean", "global trade number",
        "manufacturer part number", "weight", "width", "height", "depth", "product weight",
        "product width", "product height", "product depth", "product upc/ean",
        "gps global trade item number", "gps manufacturer part number",
    ]
)  # fmt: skip
_MEASURE = re.compile(r"(?:product )?(?:weight|width|height|depth)")
_PICTURE = re.compile(r"product image (?:file|url) - (\d{1,4})")
_SHOP = re.compile(
    r"type$|product type|inventory tracking|track inventory|current stock|low stock|channels|"
    r"page title|product url|meta |redirect|bin picking|free shipping|fixed shipping|is visible|"
    r"is featured|tax class|product tax class|show product condition|sort order|image |"
    r"product image|"
    r"youtube|video |option set|allow purchases|product visible|product availability|event date|"
    r"stop processing|myob|date |product files|gps enabled|minimum purchase|maximum purchase|"
    r"related products|product inventoried|calculated price|category details|cost price"
)
"""Columns that steer the shop."""
_TYPE_OF_BEFORE = re.compile(r"\[[A-Z]{1,3}\]")
_NEXT_OF_BEFORE = re.compile(r",\s*\[[A-Z]{1,3}\]")
_SWATCH = re.compile(r"(?:\[[^\[\]]*\]|:#[0-9A-Fa-f]{3,8})$")
_KINDS = frozenset(("product", "variant", "sku", "image", "rule"))
"""Kinds of rows that are known; a rule is about prices."""
_LAST_POSITION = 10**9
_MARKS = {"options", "custom fields", "inventory tracking", "is visible", "brand id"}
_MARKS |= {"product code/sku", "brand name", "product visible?", "option set", "track inventory"}


class BigCommerceColumns:
    """Where in a row what stands.

    Attributes:
        at: places of the columns that are read apart, by what they hold.
        properties: place, name as it is written, and in lower case, of the others.
    """

    def __init__(self, header: Sequence[str]) -> None:
        lower = [name.lower().strip() for name in header]
        found = {name: place for place, name in reversed(list(enumerate(lower)))}
        self.at = {
            key: next((found[name] for name in names if name in found), None)
            for key, names in _NAMES.items()
        }
        used = set(self.at.values())
        self.pictures = sorted(
            (int(match[1]), "url" in name, place)
            for place, name in enumerate(lower)
            if (match := _PICTURE.fullmatch(name))
        )
        self.properties = [
            (place, header[place], name)
            for place, name in enumerate(lower)
            if name and place not in used and not _SHOP.match(name)
        ]

    def cell(self, row: TableRow, key: str) -> str:
        """What stands in a column, or nothing."""
        place = self.at[key]
        return row.cells[place] if place is not None else ""

    def begins(self, row: TableRow, first: TableRow | None) -> bool | str:
        """Whether a row begins another product."""
        begun = self.cell(row, "item").lower() == "product"
        return "no product stands above it" if first is None and not begun else begun


class BigCommerceReader(TableDialect):
    """Reads product files of BigCommerce's export and import."""

    name = "bigcommerce"

    def is_header(self, names: Sequence[str]) -> bool:
        """What kind of row it is, a name, and columns that only BigCommerce has."""
        lower = {name.lower().strip() for name in names}
        kinds = ({"item", "name"} <= lower) or ({"item type", "product name"} <= lower)
        return kinds and len(lower & _MARKS) > 1

    def ids(self, names: Sequence[str]) -> Sequence[int]:
        """The SKU, else the number."""
        lower = [name.lower().strip() for name in names]
        if not set(lower) & set(_NAMES["item"]):
            return []
        wanted = (*_NAMES["sku"], *_NAMES["id"])
        return [lower.index(name) for name in wanted if name in lower]

    def records(self, table: DelimitedTable) -> Iterator[CatalogRecord]:
        """Each product with its variants, when its rows have been read."""
        columns = BigCommerceColumns(table.header)
        others: Counter[str] = Counter()
        for group in product_rows(table, table, columns.begins):
            if isinstance(group, RejectedRow):
                yield group
            else:
                kinds = [columns.cell(row, "item") for row in group]
                others.update(kind[:40] for kind in kinds if kind.lower() not in _KINDS)
                yield from _family(table, columns, group)
        if others:
            most = ", ".join(f"{kind or '(blank)'} ({n:,})" for kind, n in others.most_common(5))
            yield Note(f"rows of kinds that are not read were left out: {most}")


def _family(
    table: DelimitedTable, columns: BigCommerceColumns, rows: Sequence[TableRow]
) -> Iterator[CatalogRecord]:
    first = rows[0]
    id_ = columns.cell(first, "sku") or columns.cell(first, "id")
    if not id_:
        yield table.rejected(first, "neither SKU nor ID")
        return
    kinds = [columns.cell(row, "item").lower() for row in rows]
    paths = paths_in(columns.cell(first, "categories"))
    stated = (
        *_pairs(columns, first),
        *fields_in(columns.cell(first, "fields")),
        *(("category", path) for path in paths[1:]),
    )
    title = columns.cell(first, "name") or None
    category = paths[0] if paths else None
    pictures = _pictures(columns, rows, kinds)
    product = ProductRecord(
        id_, title, category, pictures, tuple(dict.fromkeys(stated)), first.line
    )
    yield product
    for own_id, row, options in variants_of(columns, id_, rows):
        if own_id is None:
            yield table.rejected(row, f"a second variant of {id_!r} with the same options")
            continue
        picture = columns.cell(row, "variant image")
        yield ProductRecord(
            own_id,
            title,
            category,
            (picture,) if picture else pictures,
            inherited((*options, *_pairs(columns, row, of_variant=True)), product.properties),
            row.line,
            ((VARIANT_OF, id_),),
        )


def variants_of(
    columns: BigCommerceColumns, id_: str, rows: Sequence[TableRow]
) -> Iterator[tuple[str | None, TableRow, Pairs]]:
    """Id, row and options of each variant of a product; no id of one that is there twice."""
    ids = {id_}
    for row in rows[1:]:
        if columns.cell(row, "item").lower() not in ("variant", "sku"):
            continue
        options = _options(columns, row)
        own_id = columns.cell(row, "sku")
        if not own_id or own_id in ids:
            own_id = "/".join([id_, *(value for _, value in options)])
        yield (None if own_id in ids else own_id), row, options
        ids.add(own_id)


def paths_in(cell: str) -> list[str]:
    """The paths of categories in a cell, the deepest first."""
    paths = [path for text in split(cell, ";") if (path := _path(text))]
    return sorted(paths, key=lambda path: path.count(" > "), reverse=True)


def _path(text: str) -> str:
    return " > ".join(part.strip() for part in text.split("/") if part.strip())


def _pairs(columns: BigCommerceColumns, row: TableRow, *, of_variant: bool = False) -> Pairs:
    found: list[tuple[str, str]] = []
    for place, shown, name in columns.properties:
        cell = row.cells[place]
        if not cell or (of_variant and name not in OF_VARIANT):
            continue
        if name in HTML:
            cell = html_to_text(cell)
        elif name in LISTS:
            found += ((shown, word) for word in split(cell))
            continue
        elif _MEASURE.fullmatch(name) and not cell.strip("0."):
            continue  # nobody has measured it
        if cell:
            found.append((shown, cell))
    return tuple(dict.fromkeys(found))


def fields_in(cell: str) -> Iterator[tuple[str, str]]:
    """Custom fields, `Material=Cotton;Origin=Portugal`, each perhaps in quotes."""
    for part in split(cell, ";"):
        name, _, value = part.strip('"').partition("=")
        if name.strip() and value.strip():
            yield name.strip(), value.strip()


def _options(columns: BigCommerceColumns, row: TableRow) -> Pairs:
    """What a variant chooses: `Type=Dropdown|Name=Colour|Value=Red`, before `[RB]Colour=Red`."""
    found = list(_options_of_now(columns.cell(row, "options")))
    found = found or list(_options_of_before(columns.cell(row, "name")))
    pairs = ((name.strip(), _plain_value(value)) for name, value in found)
    return tuple(dict.fromkeys(pair for pair in pairs if all(pair)))


def _options_of_now(cell: str) -> Iterator[tuple[str, str]]:
    for option in cell.split("|Type="):
        name, told, value = option.partition("Name=")[2].partition("|Value=")
        if told:
            yield name, value


def _options_of_before(cell: str) -> Iterator[tuple[str, str]]:
    if first := _TYPE_OF_BEFORE.search(cell):
        for option in _NEXT_OF_BEFORE.split(cell[first.end() :]):
            name, told, value = option.partition("=")
            if told:
                yield name, value


def _plain_value(value: str) -> str:
    """A swatch has its colour or picture behind it, `Red[#ff0000]` or `Red:#ff0000`."""
    return _SWATCH.sub("", value.strip()).strip()


def _pictures(
    columns: BigCommerceColumns, rows: Sequence[TableRow], kinds: Sequence[str]
) -> tuple[str, ...]:
    found = [rows[0].cells[place] for _, _, place in columns.pictures if rows[0].cells[place]]
    placed = []
    for number, (row, kind) in enumerate(zip(rows, kinds, strict=True)):
        if kind == "image":
            picture = columns.cell(row, "image") or columns.cell(row, "imported image")
            position = columns.cell(row, "position")
            told = position.isdecimal() and len(position) < len(str(_LAST_POSITION))
            rank = int(position) if told else _LAST_POSITION
            placed.append((rank, number, picture))
    found += [picture for _, _, picture in sorted(placed) if picture]
    return tuple(dict.fromkeys(found))
