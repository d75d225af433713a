"""Changes as a supplemental feed of Google Merchant Center: the id, and what changed.

A supplemental feed is tab-separated whatever the primary one is, and adds to it by the ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from k3m_kg.api import ChangedRow, ProductChange, ProductRecord, Unwritten, WrittenForm
from k3m_kg_readers.dialect import refuse_mapping
from k3m_kg_readers.google import GoogleMerchantReader, names_in
from k3m_kg_readers.written_cells import EditedRow

_ATTRIBUTES = frozenset(
    [
        "brand", "gtin", "mpn", "condition", "adult", "multipack", "is_bundle", "age_group",
        "color", "gender", "material", "pattern", "size", "size_type", "size_system", "price",
        "sale_price", "description", "google_product_category", "item_group_id", "certification",
        "energy_efficiency_class", "min_energy_efficiency_class", "max_energy_efficiency_class",
        "unit_pricing_measure", "unit_pricing_base_measure", "product_length", "product_width",
        "product_height", "product_weight", "product_highlight", "short_title",
    ]
)  # fmt: skip
_DETAIL = "product_detail"


class GoogleMerchantChanges:
    """Writes products back; a property that is no attribute of Google's is a `product_detail`."""

    def __init__(self, encoding: str | None = None) -> None:
        self._reader = GoogleMerchantReader(encoding)

    def rows(
        self, path: Path, mapping: Path | None, changes: Mapping[str, ProductChange]
    ) -> Iterator[WrittenForm | ChangedRow | Unwritten]:
        """A row for each changed product that the feed has.

        Raises:
            CatalogError: the source cannot be read.
            ConfigError: a mapping was given, which this format has no use for.
        """
        refuse_mapping(self._reader.name, mapping)
        yield WrittenForm("\t")
        known = _ATTRIBUTES | names_in(path, self._reader)
        changed = frozenset[str]().union(
            *(change.properties & known for change in changes.values())
        )
        for record in self._reader.read(path, None):
            change = changes.get(record.id) if isinstance(record, ProductRecord) else None
            if change is not None:
                row = _edited(change, known, changed)
                yield from row.told(("id",))


def _edited(change: ProductChange, known: frozenset[str], changed: frozenset[str]) -> EditedRow:
    product = change.product
    cells = {"id": product.id, "title": product.title or "", "product_type": product.category or ""}
    for name, value in product.properties:
        if name in changed:
            cells.setdefault(name, value)
    details = [(name, value) for name, value in product.properties if name not in known]
    if all(_is_plain(name, value) for name, value in details):
        cells[_DETAIL] = _written(details)
    row = EditedRow(product.id, list(cells), list(cells.values()))
    if change.title:
        row.put("title", product.title or "")
    if change.category:
        row.put("product_type", product.category or "")
    for name in sorted(change.properties):
        if name in known:
            row.put_one(name, name, change.values(name))
        elif not all(_is_plain(name, value) for value in change.values(name)):
            row.cannot(name, "a detail of Google's has no comma, and no colon in its name")
        elif _DETAIL not in cells:
            row.cannot(name, "another detail of this product has a comma, or a colon in its name")
        else:
            row.put(_DETAIL, cells[_DETAIL])
    row.refuse_pictures_and_links(change)
    return row


def _is_plain(name: str, value: str) -> bool:
    return "," not in name + value and ":" not in name


def _written(details: list[tuple[str, str]]) -> str:
    return ",".join(f":{name}:{value}" for name, value in details)
