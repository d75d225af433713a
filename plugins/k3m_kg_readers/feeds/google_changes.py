"""Changes as a supplemental feed of Google Merchant Center: the id, and what changed.

A supplemental feed is tab-separated whatever the primary one is, and adds to it by the ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from k3m_kg.api import ChangedRow, ProductChange, Unwritten, WrittenForm
from k3m_kg_readers.feeds.google import GoogleMerchantReader, Sections, names_in, sections_in
from k3m_kg_readers.tables.changes import SourceChanges
from k3m_kg_readers.tables.written_cells import SEVERAL, EditedRow

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
_KEYS = ("id",)


class GoogleMerchantChanges(SourceChanges[GoogleMerchantReader]):
    """Writes products back; a property that is no attribute of Google's is a `product_detail`."""

    def __init__(self, encoding: str | None = None) -> None:
        super().__init__(GoogleMerchantReader(encoding))

    def written(
        self, path: Path, changes: Mapping[str, ProductChange]
    ) -> Iterator[WrittenForm | ChangedRow | Unwritten]:
        """A row for each changed product that the feed has."""
        yield WrittenForm("\t", keys=_KEYS)
        changes = {id_: change for id_, change in changes.items() if change.since}
        known = _ATTRIBUTES | names_in(path, self._reader)
        changed = frozenset[str]().union(
            *(change.properties & known for change in changes.values())
        ) - _with_several(changes)
        sections = {id_: found for id_, found in sections_in(path, self._reader) if id_ in changes}
        for record, change in self.stated(path, changes):
            row = _edited(change, known, changed, sections.get(record.id, {}))
            yield from row.told(_KEYS)


def _with_several(changes: Mapping[str, ProductChange]) -> frozenset[str]:
    """Attributes of which some product has several values: a column of them would keep one."""
    several: set[str] = set()
    for change in changes.values():
        counts = Counter(name for name, _ in change.product.properties)
        several.update(name for name, count in counts.items() if count > 1)
    return frozenset(several)


def _edited(
    change: ProductChange, known: frozenset[str], changed: frozenset[str], sections: Sections
) -> EditedRow:
    """The row of a product: attributes that are `changed` in some product have a column."""
    product = change.product
    cells = {"id": product.id, "title": product.title or "", "product_type": product.category or ""}
    for name, value in product.properties:
        if name in changed:
            cells.setdefault(name, value)
    details = [(name, value) for name, value in product.properties if name not in known]
    if all(_is_plain(*detail, sections.get(detail, "")) for detail in details):
        cells[_DETAIL] = ",".join(":".join((sections.get(one, ""), *one)) for one in details)
    row = EditedRow(product.id, list(cells), list(cells.values()))
    if change.title:
        row.put("title", product.title or "")
    if change.category:
        row.put("product_type", product.category or "")
    for name in sorted(change.properties):
        if name in known and name not in changed:
            row.cannot(name, SEVERAL)
        elif name in known:
            row.put_one(name, name, change.values(name))
        elif not all(_is_plain(name, value) for value in change.values(name)):
            row.cannot(name, "a detail of Google's has no comma, and no colon in its name")
        elif _DETAIL not in cells:
            row.cannot(name, "another detail of this product has a comma, or a colon in its name")
        else:
            row.put(_DETAIL, cells[_DETAIL])
    row.refuse_pictures_and_links(change)
    return row


def _is_plain(name: str, value: str, section: str = "") -> bool:
    return "," not in name + value + section and ":" not in name + section
