"""Changes as Akeneo's import file: the identifier, and the attributes that changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from k3m_kg.api import ChangedRow, DelimitedTable, ProductChange, RejectedRow, Unwritten
from k3m_kg_readers.pim.akeneo import AkeneoColumns, AkeneoReader, options_in
from k3m_kg_readers.tables.changes import TableChanges
from k3m_kg_readers.tables.dialect import split
from k3m_kg_readers.tables.written_cells import EditedRow

_CODE = re.compile(r"[A-Za-z0-9_]+")
_NO_OPTIONS = "several values are options of Akeneo, whose codes have letters, digits and _ only"


class AkeneoChanges(TableChanges[AkeneoReader]):
    """Writes products and models back, in the locale and channel that have the plain names."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(AkeneoReader(**settings))

    def keys(self, header: Sequence[str]) -> Sequence[str]:
        """The identifier."""
        return [header[self._reader.columns(header).id]]

    def edited(
        self, table: DelimitedTable, changes: Mapping[int, Sequence[ProductChange]]
    ) -> Iterator[ChangedRow | Unwritten]:
        """The rows of the changed products."""
        columns = self._reader.columns(table.header)
        keys = self.keys(table.header)
        for row in table:
            for change in changes.get(row.line, ()):
                if isinstance(row, RejectedRow) or not change.since:
                    continue
                edited = EditedRow(change.product.id, table.header, row.cells)
                _edit(edited, change, columns, table.header)
                yield from edited.told(keys)


def _edit(
    row: EditedRow, change: ProductChange, columns: AkeneoColumns, header: Sequence[str]
) -> None:
    product = change.product
    if change.title:
        titles = [header[column.place] for column in columns.titles]
        used = next((title for title in titles if row.cell(title)), None)
        row.put_one("title", used or next(iter(titles), "name"), _some(product.title))
    if change.category:
        place = columns.family
        family = header[place] if place is not None else "family"
        if product.category and not _CODE.fullmatch(product.category):
            row.cannot("category", "a family of Akeneo is a code of letters, digits and _")
        else:
            row.put_one("category", family, _some(product.category))
    known = {columns.name_of(column): column for column in reversed(columns.columns)}
    for name in sorted(change.properties):
        values = change.values(name)
        column = known.get(name)
        if name == "categories" and columns.categories is not None:
            row.put(header[columns.categories], ",".join(values))
        elif column is None and not _CODE.fullmatch(name):
            row.cannot(name, "the code of an attribute has letters, digits and _ only")
        else:
            unit = columns.units.get(column.code) if column is not None else None
            currency = column.currency if column is not None else ""
            at = header[column.place] if column is not None else name
            _put(row, name, values, at, header[unit] if unit is not None else None, currency)
    row.refuse_pictures_and_links(change)


def _put(
    row: EditedRow,
    name: str,
    values: Sequence[str],
    column: str,
    unit_column: str | None,
    currency: str,
) -> None:
    if unit_column is not None and values:
        amount, blank, unit = values[0].rpartition(" ")
        if len(values) > 1 or not blank:
            row.cannot(name, "a measure is one amount and its unit")
            return
        row.put(column, amount)
        row.put(unit_column, unit)
    elif currency and values:
        if len(values) > 1 or not values[0].endswith(f" {currency}"):
            row.cannot(name, f"a price here is one amount in {currency}")
            return
        row.put(column, values[0].removesuffix(f" {currency}"))
    else:
        cell = ",".join(values)
        if options_in(cell) != list(values) and values:
            row.cannot(name, _NO_OPTIONS)
            return
        row.put(column, cell)


def _some(value: str | None) -> list[str]:
    return split(value, "\0") if value else []
