"""The product CSV of Shopify, with the header that it had until 2024 and the one it has since.

The category is one column for the whole file, `Type` or `Product category`, since the words of one
mean nothing among those of the other: the one that more products have, or that a setting names.

A product is the rows of one handle, which stand together: the first one states it, each row may
bring a variant and a picture. A variant becomes a product of its own, linked to the product, with
what it does not state taken over from there. A product that has no options is one product.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter

from k3m_kg.api import (
    CatalogRecord,
    DelimitedTable,
    Note,
    ProductRecord,
    RejectedRow,
    TableRow,
    html_to_text,
)
from k3m_kg_readers.tables.dialect import (
    Pairs,
    TableDialect,
    inherited,
    looked_ahead,
    product_rows,
    split,
)
from k3m_kg_readers.tables.variants import VARIANT_OF

_NEW_NAMES = {
    "handle": "url handle",
    "body (html)": "description",
    "variant sku": "sku",
    "variant barcode": "barcode",
    "variant barcodes": "barcode",
    "variant price": "price",
    "variant compare at price": "compare-at price",
    "variant grams": "weight value (grams)",
    "image src": "product image url",
    "variant image": "variant image url",
    "google shopping / mpn": "google shopping / manufacturer part number (mpn)",
}
"""Names of columns in lower case, as they were and as they are."""
_OF_PRODUCT = {
    "description": "Description",
    "vendor": "Vendor",
    "type": "Type",
    "product category": "Product category",
    "tags": "Tags",
    "google shopping / google product category": "Google product category",
    "google shopping / gender": "Gender",
    "google shopping / age group": "Age group",
    "google shopping / condition": "Condition",
    "google shopping / manufacturer part number (mpn)": "MPN",
}
_OF_VARIANT = {
    "sku": "SKU",
    "barcode": "Barcode",
    "price": "Price",
    "compare-at price": "Compare-at price",
    "weight value (grams)": "Weight",
}
_SHOP = frozenset(
    [
        "published", "published on online store", "status", "option1 linked to",
        "option2 linked to", "option3 linked to", "variant inventory tracker",
        "variant inventory qty", "variant inventory policy", "variant fulfillment service",
        "variant requires shipping", "variant taxable", "variant tax code", "variant weight unit",
        "inventory tracker", "inventory quantity", "continue selling when out of stock",
        "fulfillment service", "requires shipping", "charge tax", "tax code",
        "weight unit for display", "cost per item", "gift card", "image position",
        "image alt text", "seo title", "seo description", "google shopping / custom product",
        "unit price total measure unit", "unit price base measure", "unit price base measure unit",
    ]
)  # fmt: skip
"""ShopifyColumns that steer the shop."""
_STEERING = re.compile(
    r"(?:included|price|compare at price) / |google shopping / (?:custom label|ad )"
    r"|google shopping / ad(?:s|words)"
)
_METAFIELD = re.compile(r"(.*\S)\s*\((product|variant)\.metafields\.([^.()]+)\.[^()]*\)$")
_TEXT_NUMBER = re.compile(r"'(?=\d)")
_DEFAULT = ("Title", "Default Title")
_MEASURE = "unit price total measure"
_Read = Callable[[str], str | list[str]]
"""How a cell is read: as one text, or as several."""
_Stated = tuple[int, str, str, _Read | None]
"""Where a column is, the property that it states, its kind, and how such cells are read."""
TYPE, PRODUCT_CATEGORY = "type", "product category"


class ShopifyColumns:
    """Where in a row what stands.

    Args:
        category: the column of the category, `type` or `product category`; None: what a file has,
            or `type`.
    """

    def __init__(self, header: Sequence[str], category: str | None = None) -> None:
        lower = [_NEW_NAMES.get(name.lower(), name.lower()) for name in header]
        found = {name: place for place, name in reversed(list(enumerate(lower)))}
        self.handle = found["url handle"]
        self.title = found.get("title")
        self.kinds = {name: found[name] for name in (TYPE, PRODUCT_CATEGORY) if name in found}
        category = category if category in self.kinds else next(iter(self.kinds), None)
        self.category = self.kinds[category] if category is not None else None
        self.image = found.get("product image url")
        self.position = found.get("image position")
        self.variant_image = found.get("variant image url")
        self.sku = found.get("sku")
        self.options = [
            (found[f"option{number} name"], found[f"option{number} value"])
            for number in (1, 2, 3)
            if f"option{number} name" in found and f"option{number} value" in found
        ]
        self.of_product: list[_Stated] = []
        self.of_variant: list[_Stated] = []
        used = {self.handle, self.title, self.category, self.image, self.variant_image}
        used |= {place for pair in self.options for place in pair}
        for place, name in enumerate(lower):
            if place not in used and header[place]:
                self._add(place, name, header[place])
        makes = [self.variant_image, *(place for place, *_ in self.of_variant)]
        of_a_variant = [place for place in makes if place is not None]
        of_a_variant += [place for _, place in self.options]
        self._of_a_variant = _getter(of_a_variant)
        self._of_the_product = _getter([place for place, *_ in self.of_product])
        self._own = _getter([place for place, *_ in self.of_variant])
        self._read_of_product = [(name, read) for _, name, _, read in self.of_product]
        self._read_of_variant = [(name, read) for _, name, _, read in self.of_variant]
        kinds = [kind for _, _, kind, _ in self.of_variant]
        with_unit = "unit price total measure unit" in found and _MEASURE in kinds
        self._measured = kinds.index(_MEASURE) if with_unit else None
        self._measure_unit = found.get("unit price total measure unit", 0)

    def has_variant(self, row: TableRow) -> bool:
        """Whether a row states a variant."""
        return any(self._of_a_variant(row.cells))

    def of_the_product(self, row: TableRow) -> list[tuple[str, str]]:
        """What a row says of the product."""
        cells = self._of_the_product(row.cells)
        return _pairs(self._read_of_product, cells) if any(cells) else []

    def of_the_variant(self, row: TableRow) -> list[tuple[str, str]]:
        """What a row says of its variant alone, but for the options."""
        cells = self._own(row.cells)
        if self._measured is not None and cells[self._measured]:
            amount, unit = cells[self._measured], row.cells[self._measure_unit]
            cells = [*cells]
            cells[self._measured] = f"{amount} {unit}".strip()
        return _pairs(self._read_of_variant, cells)

    def begins(self, row: TableRow, first: TableRow | None) -> bool | str:
        """Whether a row begins another product than that of `first`."""
        handle = row.cells[self.handle]
        if not handle:
            return "no handle"
        return first is None or first.cells[self.handle] != handle

    def is_begun(self, first: TableRow) -> bool:
        """Whether a product's first row says that it is one: it has a title."""
        return self.title is None or _cell(first, self.title) is not None

    def _add(self, place: int, name: str, written: str) -> None:
        if name in _SHOP or _STEERING.match(name):
            return
        if metafield := _METAFIELD.match(written):
            # Fields of Shopify's own taxonomy are lists.
            how = ";" if metafield[3] == "shopify" else "json"
            places = self.of_product if metafield[2] == "product" else self.of_variant
            places.append((place, metafield[1], how, _READ[how]))
        elif name in _OF_VARIANT:
            self.of_variant.append((place, _OF_VARIANT[name], name, _READ.get(name)))
        elif name == _MEASURE:
            self.of_variant.append((place, "Unit price total measure", name, None))
        else:
            self.of_product.append((place, _OF_PRODUCT.get(name, written), name, _READ.get(name)))


def _pairs(
    columns: Sequence[tuple[str, _Read | None]], cells: Sequence[str]
) -> list[tuple[str, str]]:
    """The properties that cells state."""
    found: list[tuple[str, str]] = []
    add = found.append
    for (name, read), cell in zip(columns, cells, strict=True):
        if not cell:
            continue
        if read is None:  # most are
            add((name, cell))
        elif type(text := read(cell)) is not str:
            found += [(name, one) for one in text]
        elif text:
            add((name, text))
    return found


def _getter(places: Sequence[int]) -> Callable[[Sequence[str]], Sequence[str]]:
    """The cells at some places."""
    if len(places) < 2:
        return lambda cells: [cells[place] for place in places]
    return itemgetter(*places)


class ShopifyReader(TableDialect):
    """Reads product files of Shopify's export and import."""

    name = "shopify"

    def __init__(self, encoding: str | None = None, category: str | None = None) -> None:
        super().__init__(encoding)
        self._category = category.replace("-", " ") if category is not None else None

    def is_header(self, names: Sequence[str]) -> bool:
        """A handle, and columns of options, variants or pictures as only Shopify names them."""
        lower = {_NEW_NAMES.get(name.lower(), name.lower()) for name in names}
        marks = {"option1 name", "option1 value", "product image url", "variant image url"}
        return "url handle" in lower and bool(lower & marks)

    def ids(self, names: Sequence[str]) -> Sequence[int]:
        """A variant's SKU, else the handle."""
        lower = [_NEW_NAMES.get(name.lower(), name.lower()) for name in names]
        if "url handle" not in lower:
            return []
        return [lower.index(name) for name in ("sku", "url handle") if name in lower]

    def records(self, table: DelimitedTable) -> Iterator[CatalogRecord]:
        """Each product with its variants, when its rows have been read."""
        columns, rows, note = self.columns(table)
        if note is not None:
            yield note
        unread = 0  # the line of the last row that was rejected
        for group in product_rows(table, rows, columns.begins):
            if isinstance(group, RejectedRow):
                unread = group.line
                yield group
            else:
                yield from _product(table, columns, group, unread)

    def columns(
        self, table: DelimitedTable
    ) -> tuple[ShopifyColumns, Iterator[TableRow | RejectedRow], Note | None]:
        """Where in a row what stands, all rows, and what is to be said of the category."""
        columns = ShopifyColumns(table.header, self._category)
        if len(columns.kinds) < 2:
            return columns, iter(table), None
        first, rows = looked_ahead(iter(table))
        begun = [row for row in first if columns.is_begun(row)]
        counts = {
            name: sum(bool(row.cells[place]) for row in begun)
            for name, place in columns.kinds.items()
        }
        if self._category is None:
            columns = ShopifyColumns(table.header, max(counts, key=counts.__getitem__))
        chosen = next(name for name, place in columns.kinds.items() if place == columns.category)
        other = next(name for name in columns.kinds if name != chosen)
        taken, left = columns.kinds[chosen], columns.kinds[other]
        without = sum(not row.cells[taken] and bool(row.cells[left]) for row in begun)
        if not without:
            return columns, rows, None
        text = (
            f"the category is {chosen!r}, which {counts[chosen]:,} of the first {len(begun):,} "
            f"products have; {without:,} have only a {other!r}, which is a property: --set "
            f"category={other.replace(' ', '-')} takes that as the category of all"
        )
        return columns, rows, Note(text)


def _product(
    table: DelimitedTable, columns: ShopifyColumns, rows: list[TableRow], unread: int
) -> Iterator[CatalogRecord]:
    first = rows[0]
    handle = first.cells[columns.handle]
    title = _cell(first, columns.title)
    if not columns.is_begun(first):
        why = f"no title, and no row of {handle!r} with one stands right above: rows of a product "
        why += "stand together, the one with its title first"
        if unread == first.line - 1:
            why = f"no title; the row above, on line {unread:,}, could not be read"
        for row in rows:
            yield table.rejected(row, why)
        return
    category = _cell(first, columns.category)
    stated = tuple(dict.fromkeys([pair for row in rows for pair in columns.of_the_product(row)]))
    images = _images(columns, rows)
    variants = [row for row in rows if columns.has_variant(row)]
    names = option_names(columns, first)
    if len(variants) < 2 and not _options(columns, names, first):
        properties = inherited(columns.of_the_variant(first), stated)
        yield ProductRecord(handle, title, category, images, properties, first.line)
        return
    yield ProductRecord(handle, title, category, images, stated, first.line)
    variant_image = columns.variant_image
    for id_, row, options in _variants(columns, handle, names, variants):
        if id_ is None:
            yield table.rejected(row, f"a second variant of {handle!r} with the same options")
            continue
        own = (*options, *columns.of_the_variant(row))
        picture = row.cells[variant_image] if variant_image is not None else ""
        yield ProductRecord(
            id_,
            title,
            category,
            (picture,) if picture else images,
            inherited(own, stated),
            row.line,
            ((VARIANT_OF, handle),),
        )


def option_names(columns: ShopifyColumns, first: TableRow) -> list[str]:
    """What the options of a product are called, which its first row says."""
    return [first.cells[name] for name, _ in columns.options]


def variants_of(
    columns: ShopifyColumns, handle: str, rows: Sequence[TableRow]
) -> list[tuple[str, TableRow, Pairs]]:
    """Id, row and options of each variant; none where the product is one without any."""
    names = option_names(columns, rows[0])
    variants = [row for row in rows if columns.has_variant(row)]
    if len(variants) < 2 and not _options(columns, names, rows[0]):
        return []
    found = _variants(columns, handle, names, variants)
    return [(id_, row, options) for id_, row, options in found if id_ is not None]


def _variants(
    columns: ShopifyColumns, handle: str, names: Sequence[str], rows: Sequence[TableRow]
) -> Iterator[tuple[str | None, TableRow, Pairs]]:
    """Each variant with its id: the SKU, else the handle with the options; None for a second."""
    ids = {handle}
    for row in rows:
        options = _options(columns, names, row)
        sku = _without_mark(row.cells[columns.sku]) if columns.sku else ""
        id_ = sku
        if not sku or sku in ids:
            id_ = "/".join([handle, *(value for _, value in options)])
        yield (None if id_ in ids else id_), row, options
        ids.add(id_)


def _cell(row: TableRow, place: int | None) -> str | None:
    return (row.cells[place] or None) if place is not None else None


def _options(columns: ShopifyColumns, names: Sequence[str], row: TableRow) -> Pairs:
    """What the row chooses of the options, whose names stand in the product's first row."""
    cells = row.cells
    found = [
        (cells[name_place] or name or "Option", value)
        for (name_place, value_place), name in zip(columns.options, names, strict=True)
        if (value := cells[value_place])
    ]
    return tuple(found) if _DEFAULT not in found else tuple(p for p in found if p != _DEFAULT)


def _texts_of(cell: str) -> list[str]:
    """The values of a metafield that is a list, or an amount with its unit, as JSON."""
    try:
        read = json.loads(cell, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return [cell]
    texts = []
    for item in read if isinstance(read, list) else [read]:
        if isinstance(item, dict):
            amount = item.get("value", item.get("amount"))
            unit = item.get("unit", item.get("currency_code"))
            if not (isinstance(amount, str) and isinstance(unit, str)):
                return [cell]
            item = f"{amount} {unit}"
        if not isinstance(item, str):
            return [cell]
        texts.append(item.strip())
    return [text for text in texts if text]


def _without_mark(cell: str) -> str:
    """A number that Shopify marks as a text."""
    return _TEXT_NUMBER.sub("", cell, count=1) if "'" in cell else cell


_READ: dict[str, _Read] = {
    "description": html_to_text,
    "tags": split,
    ";": lambda cell: split(cell, ";"),
    "json": lambda cell: _texts_of(cell) if cell[0] in "[{" else cell,
    "sku": _without_mark,
    "barcode": _without_mark,
    # Shopify writes 0 where nobody has weighed it.
    "weight value (grams)": lambda cell: f"{cell} g" if cell.strip("0.") else "",
}
"""How the texts of a cell are read, by the kind of its column."""


def _images(columns: ShopifyColumns, rows: Sequence[TableRow]) -> tuple[str, ...]:
    """Pictures in the order of their positions, else of the rows."""
    if columns.image is None:
        return ()
    if len(rows) == 1:
        image = rows[0].cells[columns.image]
        return (image,) if image else ()
    place, position = columns.image, columns.position
    having = [row.cells for row in rows if row.cells[place]]
    if len(having) < 2:
        return tuple([cells[place] for cells in having])
    found = []
    for number, cells in enumerate(having):
        said = cells[position] if position is not None else ""
        told = said.isdecimal() and len(said) < 10
        found.append((int(said) if told else len(rows), number, cells[place]))
    return tuple(dict.fromkeys(image for _, _, image in sorted(found)))
