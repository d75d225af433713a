"""PrestaShop's CSV of products, and of their combinations.

A combination is a variant: its attributes and values stand in two cells, in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from k3m_kg.api import CatalogRecord, DelimitedTable, ProductRecord, RejectedRow, html_to_text
from k3m_kg_readers.tables.dialect import TableDialect, split
from k3m_kg_readers.tables.variants import VARIANT_OF

_MARKS = re.compile(r"[*#]|\(.*\)")
_BLANKS = re.compile(r"\s+")
_SHOP = re.compile(
    r"active|tax rules|wholesale|on sale|discount|delivery|quantity|minimal|low stock|receive|send|"
    r"visibility|additional shipping|meta|url rewritten|rewritten|text when|label when|available|"
    r"product available|product creation|show price|delete|available online|customizable|"
    r"uploadable|"
    r"text fields|out of stock|virtual|file url|number of allowed|expiration|id / name|"
    r"advanced stock|depends|warehouse|image alt|image position|default|impact|supplier reference|"
    r"ecotax|choose among"
)
HTML = frozenset(("summary", "short description", "description"))
LISTS = frozenset(("tags",))
_READ_APART = frozenset(
    ["product id", "name", "categories", "image urls", "feature", "accessories"]
)
_MEASURES = frozenset(("width", "height", "depth", "weight"))
_NEXT = re.compile(r",(?=[^:,]+:)")


class PrestaShopReader(TableDialect):
    """Reads the files of PrestaShop's import."""

    name = "prestashop"

    def is_header(self, names: Sequence[str]) -> bool:
        """A product's number, with the marks of the columns as PrestaShop writes them."""
        lower = {name.lower().strip() for name in names}
        plain = {plain_name(name) for name in names}
        marks = {"active (0/1)", "categories (x,y,z...)", "image urls (x,y,z...)"}
        pairs = ("feature(name:", "feature (name:", "attribute (name:")
        fits = bool(lower & marks) or any(name.startswith(pairs) for name in lower)
        return "product id" in plain and fits

    def ids(self, names: Sequence[str]) -> Sequence[int]:
        """The product's number, of a combination its reference."""
        plain = [plain_name(name) for name in names]
        is_combination = "attribute" in plain and "value" in plain
        wanted = ("reference",) if is_combination else ("product id", "reference")
        return [plain.index(name) for name in wanted if name in plain]

    def records(self, table: DelimitedTable) -> Iterator[CatalogRecord]:
        """A row is a product, or a combination of one."""
        plain = [plain_name(name) for name in table.header]
        at = {name: place for place, name in reversed(list(enumerate(plain)))}
        combinations = "attribute" in at and "value" in at
        for row in table:
            if isinstance(row, RejectedRow):
                yield row
                continue
            cells = {name: row.cells[place] for name, place in at.items() if row.cells[place]}
            if not cells.get("product id") and not cells.get("reference"):
                yield table.rejected(row, "neither Product ID nor Reference")
            elif combinations:
                yield _combination(cells, row.line)
            else:
                yield _product(cells, dict(zip(plain, table.header, strict=True)), row.line)


def plain_name(name: str) -> str:
    """A column's name without its marks, `Feature(Name:Value:Position)` is `feature`."""
    return _BLANKS.sub(" ", _MARKS.sub("", name)).strip().lower()


def is_property(name: str) -> bool:
    """Whether a column, by its plain name, holds a property."""
    return name not in _READ_APART and not _SHOP.match(name)


def label_of(shown: str) -> str:
    """What the property of a column is called."""
    return _MARKS.sub("", shown).strip()


def features_in(cell: str) -> list[tuple[str, str, str]]:
    """Name, value and what stands behind these of each feature in a cell."""
    found = []
    for feature in _NEXT.split(cell) if cell else ():
        name, _, rest = feature.partition(":")
        value, _, behind = rest.partition(":")
        found.append((name.strip(), value.strip(), behind.strip()))
    return found


def _product(cells: dict[str, str], shown: dict[str, str], line: int) -> ProductRecord:
    categories = split(cells.get("categories", ""))
    found: list[tuple[str, str]] = []
    for name, cell in cells.items():
        if not is_property(name):
            continue
        label = label_of(shown[name])
        if name in LISTS:
            found += ((label, one) for one in split(cell))
        elif name in HTML:
            found.append((label, html_to_text(cell)))
        elif name not in _MEASURES or cell.strip("0.,"):
            found.append((label, cell))
    found += ((name, value) for name, value, _ in features_in(cells.get("feature", "")))
    found += (("category", one) for one in categories[:-1])
    return ProductRecord(
        cells.get("product id") or cells["reference"],
        cells.get("name"),
        categories[-1] if categories else None,
        tuple(dict.fromkeys(split(cells.get("image urls", "")))),
        tuple(dict.fromkeys(pair for pair in found if all(pair))),
        line,
        tuple(dict.fromkeys(("accessory", one) for one in split(cells.get("accessories", "")))),
    )


def _combination(cells: dict[str, str], line: int) -> ProductRecord:
    names = [part.partition(":")[0].strip() for part in split(cells.get("attribute", ""))]
    values = [part.partition(":")[0].strip() for part in split(cells.get("value", ""))]
    options = list(zip(names, values, strict=False))
    product = cells.get("product id") or cells.get("product reference") or cells["reference"]
    codes = [(name.upper(), cells[name]) for name in ("ean13", "upc", "mpn") if name in cells]
    return ProductRecord(
        cells.get("reference") or "/".join([product, *values]),
        images=tuple(dict.fromkeys(split(cells.get("image urls", "")))),
        properties=tuple(dict.fromkeys(pair for pair in (*options, *codes) if all(pair))),
        line=line,
        links=((VARIANT_OF, product),),
    )
