"""Changes as BigCommerce's import file: what names a row, and the columns that changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from k3m_kg.api import ChangedRow, DelimitedTable, ProductChange, TableRow, Unwritten
from k3m_kg_readers.shops.bigcommerce import (
    HTML,
    LISTS,
    OF_VARIANT,
    BigCommerceColumns,
    BigCommerceReader,
    fields_in,
    paths_in,
    variants_of,
)
from k3m_kg_readers.tables.changes import TableChanges
from k3m_kg_readers.tables.dialect import product_rows, split
from k3m_kg_readers.tables.written_cells import EditedRow, as_html

_KEYS = ("item", "id", "name", "sku", "options")
_ON_PRODUCT = "BigCommerce has this on the product, not on a variant"
_NO_ORDER = "of several paths the deepest is read as the category, and ; and / part names"
_BY_NUMBER = "BigCommerce's file has categories by their numbers"


class BigCommerceChanges(TableChanges[BigCommerceReader]):
    """Writes products and variants back; a property without a column becomes a custom field."""

    def __init__(self, encoding: str | None = None) -> None:
        super().__init__(BigCommerceReader(encoding))

    def keys(self, header: Sequence[str]) -> Sequence[str]:
        """What kind of row it is, and what names it."""
        at = BigCommerceColumns(header).at
        return [header[place] for key in _KEYS if (place := at[key]) is not None]

    def edited(
        self, table: DelimitedTable, changes: Mapping[int, Sequence[ProductChange]]
    ) -> Iterator[ChangedRow | Unwritten]:
        """The rows of the changed products; a variant stands below the row of its product."""
        columns = BigCommerceColumns(table.header)
        keys = self.keys(table.header)
        for group in product_rows(table, table, columns.begins):
            if isinstance(group, list) and any(row.line in changes for row in group):
                yield from _family(columns, table.header, keys, group, changes)


def _family(
    columns: BigCommerceColumns,
    header: Sequence[str],
    keys: Sequence[str],
    rows: Sequence[TableRow],
    changes: Mapping[int, Sequence[ProductChange]],
) -> Iterator[ChangedRow | Unwritten]:
    id_ = columns.cell(rows[0], "sku") or columns.cell(rows[0], "id")
    variants = {row.line: own for own, row, _ in variants_of(columns, id_, rows)}
    found: list[tuple[EditedRow, ProductChange | None, bool]] = []
    for number, row in enumerate(rows):
        own = id_ if number == 0 else variants.get(row.line)
        change = next((one for one in changes.get(row.line, ()) if one.product.id == own), None)
        if number and (change is None or not change.since):
            continue
        edited = EditedRow(own or id_, header, row.cells)
        if change is not None:
            _edit(edited, change, columns, header, of_variant=number > 0)
        found.append((edited, change, change is not None and change.since))
    changed = [edited.is_changed for edited, _, since in found if since]
    for number, (edited, _, since) in enumerate(found):
        if since:
            yield from edited.unwritten
        if edited.is_changed if number else any(changed):
            yield edited.row(keys, changed=since)


def _edit(
    row: EditedRow,
    change: ProductChange,
    columns: BigCommerceColumns,
    header: Sequence[str],
    *,
    of_variant: bool,
) -> None:
    product = change.product
    if of_variant:
        for what, changed in (("title", change.title), ("category", change.category)):
            if changed:
                row.cannot(what, _ON_PRODUCT)
    else:
        if change.title:
            row.put(_named(columns, header, "name", "Name"), product.title or "")
        if change.category or "category" in change.properties:
            _put_categories(row, change, _named(columns, header, "categories", "Categories"))
    known = {shown: (header[place], name) for place, shown, name in columns.properties}
    for name in sorted(change.properties - {"category"}):
        values = change.values(name)
        column, lower = known.get(name, (None, ""))
        if of_variant and (column is None or lower not in OF_VARIANT):
            row.cannot(name, _ON_PRODUCT)
        elif column is None:
            _put_field(row, name, values, _named(columns, header, "fields", "Custom Fields"))
        elif lower in LISTS:
            if split(cell := ", ".join(values)) == values:
                row.put(column, cell)
            else:
                row.cannot(name, "a comma would part a value")
        else:
            row.put_one(name, column, [as_html(v) if lower in HTML else v for v in values])
    row.refuse_pictures_and_links(change)


def _named(columns: BigCommerceColumns, header: Sequence[str], key: str, otherwise: str) -> str:
    place = columns.at[key]
    return header[place] if place is not None else otherwise


def _put_categories(row: EditedRow, change: ProductChange, column: str) -> None:
    paths = [path for path in (change.product.category, *change.values("category")) if path]
    before = split(row.cell(column), ";")
    if any(text.isdecimal() for text in before) and not all(path.isdecimal() for path in paths):
        row.cannot("category", _BY_NUMBER)
    elif paths_in(cell := ";".join(path.replace(" > ", "/") for path in paths)) != paths:
        row.cannot("category", _NO_ORDER)
    else:
        row.put(column, cell)


def _put_field(row: EditedRow, name: str, values: Sequence[str], column: str) -> None:
    """All custom fields of the product, which the file replaces."""
    kept = [pair for pair in fields_in(row.cell(column)) if pair[0] != name]
    wanted = [*kept, *((name, value) for value in values)]
    cell = ";".join(f"{label}={value}" for label, value in wanted)
    if list(fields_in(cell)) == wanted:
        row.put(column, cell)
    else:
        row.cannot(name, "BigCommerce would read ; or = in it as the end of a field")
