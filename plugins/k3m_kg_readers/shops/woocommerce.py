r"""The product CSV of WooCommerce.

Attributes are pairs of columns, `Attribute 1 name` and `Attribute 1 value(s)`: which property a
value belongs to stands in its own row. Values, categories, tags and pictures are separated by
commas; `\,` is a comma within one. A variation is a product linked to the one in `Parent`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from k3m_kg.api import CatalogRecord, DelimitedTable, ProductRecord, RejectedRow, html_to_text
from k3m_kg_readers.tables.dialect import TableDialect
from k3m_kg_readers.tables.variants import Families

_LINKS = {"grouped products": "grouped", "upsells": "up-sell", "cross-sells": "cross-sell"}
_HTML = frozenset(("short description", "description", "purchase note"))
_LISTS = frozenset(("tags", "brands"))
_SHOP = frozenset(
    [
        "type", "published", "is featured?", "visibility in catalog", "date sale price starts",
        "date sale price ends", "tax status", "tax class", "in stock?", "stock",
        "low stock amount", "backorders allowed?", "sold individually?", "allow customer reviews?",
        "purchase note", "shipping class", "download limit", "download expiry days",
        "external url", "button text", "position",
    ]
)  # fmt: skip
"""WooCommerceColumns that steer the shop."""
_READ_APART = {"id", "sku", "name", "categories", "images", "parent", *_LINKS}
_ATTRIBUTE = re.compile(r"attribute (\d{1,6}) (name|value\(s\)|visible|global|default)")
_MEASURE = re.compile(r"(weight|length|width|height) \((.+)\)")
_STEERING = re.compile(r"meta: _|download \d+ ")
_MARKS = frozenset(("attribute 1 name", "is featured?", "visibility in catalog", "regular price"))


class WooCommerceColumns:
    """Where in a row what stands."""

    def __init__(self, header: Sequence[str]) -> None:
        lower = [name.lower() for name in header]
        self.at = {name: place for place, name in reversed(list(enumerate(lower)))}
        self.properties: list[tuple[int, str, str]] = []
        pairs: dict[str, dict[str, int]] = {}
        for place, name in enumerate(lower):
            if attribute := _ATTRIBUTE.fullmatch(name):
                pairs.setdefault(attribute[1], {})[attribute[2]] = place
            elif measure := _MEASURE.fullmatch(name):
                title, unit = header[place].partition(" (")[0], measure[2].strip()
                self.properties.append((place, title, f" {unit}" if unit else ""))
            elif name and name not in _READ_APART and not _steers(name):
                how = "html" if name in _HTML else "list" if name in _LISTS else ""
                self.properties.append((place, _shown(header[place]), how))
        self._pairs = pairs
        self.numbers = [int(number) for number in pairs]
        self.attributes = [
            (pair["name"], pair["value(s)"])
            for pair in pairs.values()
            if "name" in pair and "value(s)" in pair
        ]

    def beside(self, kind: str) -> list[tuple[int, int]]:
        """(place of an attribute's name, place of its `visible` or `global`), where both are."""
        return [
            (pair["name"], pair[kind])
            for pair in self._pairs.values()
            if "name" in pair and kind in pair
        ]


class WooCommerceReader(TableDialect):
    """Reads product files of the WooCommerce export and import."""

    name = "woocommerce"

    def is_header(self, names: Sequence[str]) -> bool:
        """An SKU or ID, a name, and columns that only WooCommerce has."""
        lower = {name.lower() for name in names}
        return "name" in lower and bool(lower & {"sku", "id"}) and _is_its_own(lower)

    def ids(self, names: Sequence[str]) -> Sequence[int]:
        """The SKU."""
        return [place for place, name in enumerate(names) if name.lower() == "sku"]

    def names_products(self, names: Sequence[str]) -> bool:
        """An SKU or ID is enough."""
        return bool({name.lower() for name in names} & {"sku", "id"})

    def records(self, table: DelimitedTable) -> Iterator[CatalogRecord]:
        """The products in order; a variation that comes before its product, after it."""
        columns = WooCommerceColumns(table.header)
        at = columns.at
        kind = at.get("type")
        with Families() as variants:
            for row in table:
                if isinstance(row, RejectedRow):
                    yield row
                    continue
                cells = row.cells
                if (id_ := product_id(at, cells)) is None:
                    yield table.rejected(row, "neither SKU nor ID")
                    continue
                record = _product(columns, id_, cells, row.line)
                kinds = split_escaped(cells[kind].lower()) if kind is not None else []
                parent = _cell(at, cells, "parent")
                is_variation = any("variation" in name for name in kinds)
                if is_variation and not parent:
                    yield table.rejected(row, "a variation without a Parent")
                elif is_variation:
                    yield from variants.variant(record, parent)
                elif not kinds or any(name.startswith("variable") for name in kinds):
                    number = _cell(at, cells, "id")
                    yield from variants.product(record, f"id:{number}" if number else None)
                else:
                    yield record
            yield from variants.rest()


def is_of_attribute(column: str) -> bool:
    """Whether a column says something of an attribute."""
    return _ATTRIBUTE.fullmatch(column.lower()) is not None


def _is_its_own(lower: set[str]) -> bool:
    return "attribute 1 value(s)" in lower or len(lower & _MARKS) > 1


def _steers(name: str) -> bool:
    return name in _SHOP or _STEERING.match(name) is not None


def _shown(name: str) -> str:
    return name[len("meta:") :].strip() if name.lower().startswith("meta: ") else name


def _cell(at: dict[str, int], cells: Sequence[str], name: str) -> str:
    place = at.get(name)
    return cells[place] if place is not None else ""


def product_id(at: dict[str, int], cells: Sequence[str]) -> str | None:
    """The SKU, else the number as other rows refer to it."""
    if sku := _cell(at, cells, "sku"):
        return sku
    number = _cell(at, cells, "id")
    return f"id:{number}" if number else None


def _product(
    columns: WooCommerceColumns, id_: str, cells: Sequence[str], line: int
) -> ProductRecord:
    at = columns.at
    texts = split_escaped(_cell(at, cells, "categories"))
    paths = [path for text in texts if (path := _path(text))]
    paths.sort(key=lambda path: path.count(" > "), reverse=True)
    found: list[tuple[str, str]] = []
    for name_place, value_place in columns.attributes:
        if (name := cells[name_place]) and (cell := cells[value_place]):
            found += ((name, value) for value in split_escaped(cell))
    for place, name, how in columns.properties:
        if not (cell := cells[place]):
            continue
        if how == "list":
            found += ((name, value) for value in split_escaped(cell))
        elif how == "html":
            # WooCommerce writes a line break as two characters.
            found.append((name, html_to_text(cell.replace("\\n", "<br>"))))
        else:
            found.append((name, cell + how))
    found += (("category", path) for path in paths[1:])
    return ProductRecord(
        id_,
        _cell(at, cells, "name") or None,
        paths[0] if paths else None,
        tuple(dict.fromkeys(split_escaped(_cell(at, cells, "images")))),
        tuple(dict.fromkeys(pair for pair in found if pair[1])),
        line,
        tuple(
            dict.fromkeys(
                (name, other)
                for column, name in _LINKS.items()
                for other in split_escaped(_cell(at, cells, column))
            )
        ),
    )


def _path(text: str) -> str:
    return " > ".join(level for part in text.split(">") if (level := part.strip()))


def split_escaped(cell: str) -> list[str]:
    r"""The parts of a cell between commas; `\,` is a comma within one."""
    if "," not in cell:
        return [cell] if cell else []
    if "\\," in cell:
        cell = cell.replace("\\,", "\0")  # no cell holds a NUL
        parts = [part.replace("\0", ",") for part in cell.split(",")]
    else:
        parts = cell.split(",")
    return [text for part in parts if (text := part.strip())]
