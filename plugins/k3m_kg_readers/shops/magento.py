"""The import format of Magento and Adobe Commerce.

- `additional_attributes` holds further attributes, `size=XS,material=Cotton|Wool`: several values
  are separated by bars, a value with commas may be quoted.
- Variants of a configurable product become links from it, as do related, cross-sell and up-sell
  products, and the parts of a grouped product.
- The category is the deepest path without its root; other paths are properties.
- Descriptions lose their HTML.
- Columns that steer the shop (stock, tax, layout, addresses) are left out. Other columns, those of
  one's own too, are properties.
- A row of a single store view translates or overrides the product in the row above it: what it says
  otherwise is kept apart, `name (french)`. Elsewhere it is left out, with a note.
- A file with a few of these columns, as shops send them for changes, is read as far as it goes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from k3m_kg.api import (
    CatalogRecord,
    DelimitedTable,
    Note,
    ProductRecord,
    RejectedRow,
    html_to_text,
)
from k3m_kg_readers.tables.dialect import TableDialect

_MISSING = frozenset(("", "__EMPTY__VALUE__", "no_selection"))
HTML = frozenset(("description", "short_description"))
_ATTRIBUTE_NAME = re.compile(r"(?:^|,)\s*+(\w++)=")
_QUOTED = re.compile(r'"((?:[^"]|"")*+)"(?=\s*+(?:,|$))')
_LINKS = {
    "related_skus": "related",
    "crosssell_skus": "cross-sell",
    "upsell_skus": "up-sell",
    "associated_skus": "grouped",
}
_PICTURES = ("base_image", "small_image", "thumbnail_image")
_READ_APART = {"sku", "name", "categories", "additional_images", "additional_attributes"}
_READ_APART |= {"configurable_variations", *_LINKS, *_PICTURES}
_SHOP = frozenset(
    [
        "_attribute_set",
        "_type",
        "store_view_code",
        "product_type",
        "product_websites",
        "website_id",
        "product_online",
        "tax_class_name",
        "visibility",
        "url_key",
        "meta_title",
        "meta_keywords",
        "meta_description",
        "base_image_label",
        "small_image_label",
        "thumbnail_image_label",
        "swatch_image",
        "swatch_image_label",
        "additional_image_labels",
        "hide_from_product_page",
        "created_at",
        "updated_at",
        "new_from_date",
        "new_to_date",
        "special_price_from_date",
        "special_price_to_date",
        "display_product_options_in",
        "map_price",
        "map_enabled",
        "msrp_display_actual_price_type",
        "gift_message_available",
        "custom_design",
        "custom_design_from",
        "custom_design_to",
        "custom_layout",
        "custom_layout_update",
        "page_layout",
        "product_options_container",
        "qty",
        "out_of_stock_qty",
        "is_qty_decimal",
        "allow_backorders",
        "min_cart_qty",
        "max_cart_qty",
        "is_in_stock",
        "notify_on_stock_below",
        "manage_stock",
        "qty_increments",
        "enable_qty_increments",
        "is_decimal_divided",
        "deferred_stock_update",
        "configurable_variation_prices",
        "configurable_variation_labels",
        "related_position",
        "crosssell_position",
        "upsell_position",
        "associated_position",
        "custom_options",
        "has_options",
        "required_options",
        "bundle_price_type",
        "bundle_sku_type",
        "bundle_price_view",
        "bundle_weight_type",
        "bundle_shipment_type",
        "bundle_values",
    ]
)


_MARKS = frozenset(
    [
        "store_view_code", "attribute_set_code", "product_websites", "product_online",
        "additional_images", "base_image", "configurable_variations", "related_skus",
        "crosssell_skus", "upsell_skus", "tax_class_name", "out_of_stock_qty",
        "use_config_manage_stock", "hide_from_product_page",
    ]
)  # fmt: skip
"""Columns that only Magento 2 calls so; two of them tell a file of changes."""


class MagentoReader(TableDialect):
    """Reads product files of the Magento import and export."""

    name = "magento"

    def is_header(self, names: Sequence[str]) -> bool:
        """An SKU with columns that only Magento has."""
        found = set(names)
        return "sku" in found and (
            "additional_attributes" in found
            or {"attribute_set_code", "product_type"} <= found
            or len(found & _MARKS) > 1
        )

    def ids(self, names: Sequence[str]) -> Sequence[int]:
        """The SKU."""
        return [place for place, name in enumerate(names) if name == "sku"]

    def records(self, table: DelimitedTable) -> Iterator[CatalogRecord]:
        """Each product, when the rows of its store views have been read."""
        header = table.header
        view_at = header.index("store_view_code") if "store_view_code" in header else None
        views: Counter[str] = Counter()
        last: ProductRecord | None = None
        for row in table:
            if isinstance(row, RejectedRow):
                if last is not None:
                    yield last
                    last = None
                yield row
                continue
            view = row.cells[view_at] if view_at is not None else ""
            found = _product(header, row.cells, row.line)
            if view not in _MISSING:
                if last is not None and not isinstance(found, str) and found.id == last.id:
                    last = _with_view(last, found, view)
                else:
                    views[view] += 1
                continue
            if last is not None:
                yield last
                last = None
            if isinstance(found, str):
                yield table.rejected(row, found)
            else:
                last = found
        if last is not None:
            yield last
        for view, count in sorted(views.items()):
            yield Note(
                f"{count:,} rows of the store view {view!r} are left out: the row for all views "
                "of their product does not stand above them"
            )


def _with_view(product: ProductRecord, view: ProductRecord, name: str) -> ProductRecord:
    """The product with what one store view says otherwise, kept apart."""
    said = [("name", view.title), ("category", view.category), *view.properties]
    known = {("name", product.title), ("category", product.category), *product.properties}
    apart = [(f"{label} ({name})", text) for label, text in said if (label, text) not in known]
    found = [*product.properties, *((label, text) for label, text in apart if text)]
    return replace(product, properties=tuple(dict.fromkeys(found)))


def _product(header: Sequence[str], row: Sequence[str], line: int) -> ProductRecord | str:
    """The product of a row, or why there is none."""
    cells = {name: cell for name, cell in zip(header, row, strict=True) if cell not in _MISSING}
    if "sku" not in cells:
        return "no sku"
    categories = categories_in(cells.get("categories", ""))
    properties = [
        (name, html_to_text(cell) if name in HTML else cell)
        for name, cell in cells.items()
        if is_property(name)
    ]
    properties += (("category", path) for path in categories[1:])
    properties += attributes_in(cells.get("additional_attributes", ""))
    return ProductRecord(
        id=cells["sku"],
        title=cells.get("name"),
        category=categories[0] if categories else None,
        images=tuple(dict.fromkeys(_images(cells))),
        properties=tuple(dict.fromkeys(pair for pair in properties if pair[1])),
        line=line,
        links=tuple(dict.fromkeys(_links(cells))),
    )


def is_property(name: str) -> bool:
    """Whether a column holds a property."""
    return (
        bool(name)
        and name not in _READ_APART
        and name not in _SHOP
        and not name.startswith("use_config_")
    )


def _split(cell: str, separator: str = ",") -> list[str]:
    parts = (part.strip() for part in cell.split(separator))
    return [part for part in parts if part not in _MISSING]


def categories_in(cell: str) -> list[str]:
    """Paths without their root, the deepest first; a root alone says nothing."""
    paths = [path.split("/") for path in _split(cell)]
    paths.sort(key=len, reverse=True)
    found = ("/".join(part.strip() for part in path[1:]) for path in paths)
    return [path for path in found if path]


def _images(cells: dict[str, str]) -> Iterable[str]:
    first = next((cells[name] for name in _PICTURES if name in cells), None)
    return ([first] if first else []) + _split(cells.get("additional_images", ""))


def attributes_in(cell: str) -> Iterator[tuple[str, str]]:
    """A name, then a value in quotes or one that ends where the next name begins."""
    found = _ATTRIBUTE_NAME.search(cell)
    while found is not None:
        begin = found.end()
        quoted = _QUOTED.match(cell, begin)
        following = _ATTRIBUTE_NAME.search(cell, quoted.end() if quoted else begin)
        if quoted:
            text = quoted[1].replace('""', '"')
        else:
            text = cell[begin : following.start() if following else len(cell)]
        if found[1] not in _SHOP:
            yield from ((found[1], value) for value in _split(text, "|"))
        found = following


def _links(cells: dict[str, str]) -> Iterator[tuple[str, str]]:
    for variation in _split(cells.get("configurable_variations", ""), "|"):
        for part in variation.split(","):
            name, _, sku = part.partition("=")
            if name.strip() == "sku" and sku.strip() not in _MISSING:
                yield "variant", sku.strip()
    for column, name in _LINKS.items():
        for sku in _split(cells.get(column, "")):
            # A part of a grouped product is written with its quantity.
            yield name, sku.partition("=")[0].strip() if column == "associated_skus" else sku
