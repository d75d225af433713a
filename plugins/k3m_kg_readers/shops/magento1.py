"""The product CSV of Magento 1 (OpenMage): rows without SKU go on with the product above.

They hold further categories, pictures, values and links; those of a store view (`_store`) hold its
texts, which are kept apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from k3m_kg.api import (
    CatalogRecord,
    DelimitedTable,
    ProductRecord,
    RejectedRow,
    TableRow,
    html_to_text,
)
from k3m_kg_readers.tables.dialect import TableDialect, product_rows

_LINKS = {
    "_super_products_sku": "variant",
    "_links_related_sku": "related",
    "_links_crosssell_sku": "cross-sell",
    "_links_upsell_sku": "up-sell",
    "_associated_sku": "grouped",
}
"""Columns of links, called as those of Magento 2 are."""
_PICTURES = ("image", "small_image", "thumbnail")
_HTML = frozenset(("description", "short_description"))
_MISSING = frozenset(("", "no_selection"))
_SHOP = frozenset(
    [
        "custom_design", "custom_design_from", "custom_design_to", "custom_layout_update",
        "created_at", "updated_at", "gallery", "gift_message_available", "has_options",
        "image_label", "small_image_label", "thumbnail_label", "media_gallery", "meta_description",
        "meta_keyword", "meta_title", "msrp_display_actual_price_type", "msrp_enabled",
        "news_from_date", "news_to_date", "options_container", "page_layout", "required_options",
        "special_from_date", "special_to_date", "status", "tax_class_id", "url_key", "url_path",
        "visibility", "qty", "min_qty", "is_qty_decimal", "backorders", "min_sale_qty",
        "max_sale_qty", "is_in_stock", "notify_stock_qty", "manage_stock", "minimal_price",
        "stock_status_changed_auto", "qty_increments", "enable_qty_increments", "is_recurring",
        "is_decimal_divided", "recurring_profile", "price_view", "price_type", "sku_type",
        "weight_type", "shipment_type", "links_purchased_separately", "links_title",
        "samples_title", "links_exist", "enable_googlecheckout",
    ]
)  # fmt: skip
"""Columns that steer the shop, beside those that begin with an underscore or `use_config_`."""


class MagentoOneReader(TableDialect):
    """Reads product files of Magento 1's import and export."""

    name = "magento1"

    def is_header(self, names: Sequence[str]) -> bool:
        """An SKU with the columns that only Magento 1 calls so."""
        return {"sku", "_type", "_attribute_set"} <= set(names)

    def ids(self, names: Sequence[str]) -> Sequence[int]:
        """The SKU."""
        return [place for place, name in enumerate(names) if name == "sku"]

    def records(self, table: DelimitedTable) -> Iterator[CatalogRecord]:
        """Each product, when its rows have been read."""
        at = {name: place for place, name in reversed(list(enumerate(table.header)))}

        def begins(row: TableRow, first: TableRow | None) -> bool | str:
            begun = bool(row.cells[at["sku"]])
            return "no sku, and no product above it" if first is None and not begun else begun

        for group in product_rows(table, table, begins):
            if isinstance(group, RejectedRow):
                yield group
                continue
            product = _Product(group[0].cells[at["sku"]], group[0].line)
            for row in group:
                product.add(at, row)
            yield product.record()


class _Product:
    """What the rows of a product say."""

    def __init__(self, sku: str, line: int) -> None:
        self._sku = sku
        self._line = line
        self._title: str | None = None
        self._categories: dict[str, None] = {}
        self._pictures: dict[str, None] = {}
        self._properties: dict[tuple[str, str], None] = {}
        self._links: dict[tuple[str, str], None] = {}

    def add(self, at: dict[str, int], row: TableRow) -> None:
        """One more row."""
        found = ((name, row.cells[place]) for name, place in at.items())
        cells = {name: cell for name, cell in found if cell not in _MISSING}
        if path := cells.get("_category"):
            parts = [part.strip() for part in path.split("/")]
            if levels := " > ".join(part for part in parts if part):
                self._categories.setdefault(levels)
        for column in (*_PICTURES, "_media_image"):
            if picture := cells.get(column):
                self._pictures.setdefault(picture)
        for column, name in _LINKS.items():
            if other := cells.get(column):
                self._links.setdefault((name, other))
        store = cells.get("_store")
        if "name" in cells and store is None and self._title is None:
            self._title = cells.pop("name")
        for name, cell in cells.items():
            if (
                name
                and name not in _SHOP
                and name not in ("sku", *_PICTURES)
                and not name.startswith(("_", "use_config_"))
            ):
                value = html_to_text(cell) if name in _HTML else cell
                if value:
                    shown = f"{name} ({store})" if store is not None else name
                    self._properties.setdefault((shown, value))

    def record(self) -> ProductRecord:
        """The product."""
        paths = sorted(self._categories, key=lambda path: path.count(" > "), reverse=True)
        properties = [*self._properties, *(("category", path) for path in paths[1:])]
        return ProductRecord(
            self._sku,
            self._title,
            paths[0] if paths else None,
            tuple(self._pictures),
            tuple(dict.fromkeys(properties)),
            self._line,
            tuple(self._links),
        )
