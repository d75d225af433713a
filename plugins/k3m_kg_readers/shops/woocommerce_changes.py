"""Changes as WooCommerce's import file: an SKU or ID, and the columns that changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from k3m_kg.api import (
    ChangedRow,
    DelimitedTable,
    ProductChange,
    RejectedRow,
    Unwritten,
    WrittenForm,
)
from k3m_kg_readers.shops.woocommerce import (
    WooCommerceColumns,
    WooCommerceReader,
    is_of_attribute,
    split_escaped,
)
from k3m_kg_readers.tables.changes import TableChanges
from k3m_kg_readers.tables.written_cells import EditedRow, as_html, escaped_list

_KEYS = ("id", "sku")
_UNSAID = {"visible": "1", "global": "0"}
"""What the columns beside a new attribute have where no row of the source says it."""
_NOT_OF_PARENT = "WooCommerce takes no attribute of a variation that its product has not"


class WooCommerceChanges(TableChanges[WooCommerceReader]):
    """Writes products back; a property without a column of its own becomes an attribute."""

    def __init__(self, encoding: str | None = None) -> None:
        super().__init__(WooCommerceReader(encoding))
        self._flags = _Flags()

    def written(
        self, path: Path, changes: Mapping[str, ProductChange]
    ) -> Iterator[WrittenForm | ChangedRow | Unwritten]:
        """First the form, then the rows; before, how the source has each attribute is counted."""
        with self._reader.opened(path) as table:
            self._flags = _Flags.of(table)
        yield from super().written(path, changes)

    def keys(self, header: Sequence[str]) -> Sequence[str]:
        """The number and the SKU."""
        at = WooCommerceColumns(header).at
        return [header[at[name]] for name in _KEYS if name in at]

    def edited(
        self, table: DelimitedTable, changes: Mapping[int, Sequence[ProductChange]]
    ) -> Iterator[ChangedRow | Unwritten]:
        """The rows of the changed products and variations."""
        columns = WooCommerceColumns(table.header)
        keys = self.keys(table.header)
        for row in table:
            for change in changes.get(row.line, ()):
                if isinstance(row, RejectedRow) or not change.since:
                    continue
                edited = EditedRow(change.product.id, table.header, row.cells)
                _edit(edited, change, columns, table.header, self._flags)
                yield from edited.told([*keys, *_needed(edited, columns, table.header)])


class _Flags:
    """How the rows of a source have each attribute: shown to customers, shared by products.

    WooCommerce takes an empty `global` for an attribute of this product alone.
    """

    def __init__(self) -> None:
        self._said: dict[str, dict[str, Counter[str]]] = {}

    @classmethod
    def of(cls, table: DelimitedTable) -> _Flags:
        """What is said in the columns that the source has."""
        found, columns = cls(), WooCommerceColumns(table.header)
        kinds = {kind: columns.beside(kind) for kind in _UNSAID}
        found._said = {kind: {} for kind, places in kinds.items() if places}
        for row in table:
            if isinstance(row, RejectedRow):
                continue
            for kind, said in found._said.items():
                for name_at, place in kinds[kind]:
                    if (name := row.cells[name_at].lower()) and (cell := row.cells[place]):
                        said.setdefault(name, Counter())[cell] += 1
        return found

    def cells(self, name: str) -> Iterator[tuple[str, str]]:
        """(kind of column, cell): what most rows say of an attribute."""
        for kind, said in self._said.items():
            told = said.get(name.lower())
            yield kind, told.most_common(1)[0][0] if told else _UNSAID[kind]


def _needed(row: EditedRow, columns: WooCommerceColumns, header: Sequence[str]) -> list[str]:
    """What must stand beside what changed: a variation is refused without its parent, and of a
    product WooCommerce keeps no attributes but those that it is told, each as it is told."""
    needed = [header[columns.at["parent"]]] if _is_variation(row, columns, header) else []
    if row.is_changed_in(is_of_attribute):
        needed += [column for column in header if is_of_attribute(column)]
    return needed


def _is_variation(row: EditedRow, columns: WooCommerceColumns, header: Sequence[str]) -> bool:
    return "parent" in columns.at and bool(row.cell(header[columns.at["parent"]]))


def _edit(
    row: EditedRow,
    change: ProductChange,
    columns: WooCommerceColumns,
    header: Sequence[str],
    flags: _Flags,
) -> None:
    product, at = change.product, columns.at

    def named(column: str) -> str:
        return header[at[column]] if column in at else column.capitalize()

    if change.title:
        row.put(named("name"), product.title or "")
    if change.category or "category" in change.properties:
        paths = [product.category or "", *change.values("category")]
        row.put(named("categories"), escaped_list([path for path in paths if path]))
    known = {name: (header[place], how) for place, name, how in columns.properties}
    for name in sorted(change.properties - {"category"}):
        values = change.values(name)
        if name not in known:
            _put_attribute(row, name, values, columns, header, flags)
            continue
        column, how = known[name]
        if how == "list":
            row.put(column, escaped_list(values))
        elif how == "html":
            row.put_one(name, column, [as_html(value) for value in values])
        elif how and any(not value.endswith(how) for value in values):
            row.cannot(name, f"its unit is not that of the column {column!r}")
        else:
            row.put_one(name, column, [value.removesuffix(how) for value in values])
    row.refuse_pictures_and_links(change)


def _put_attribute(
    row: EditedRow,
    name: str,
    values: Sequence[str],
    columns: WooCommerceColumns,
    header: Sequence[str],
    flags: _Flags,
) -> None:
    """The pair of columns that has this name in the row, else one that is free, else a new one."""
    cell = escaped_list(values)
    if split_escaped(cell) != list(values):
        row.cannot(name, "a value has blanks or backslashes that WooCommerce would read otherwise")
        return
    pairs = [(header[name_at], header[value_at]) for name_at, value_at in columns.attributes]
    number = max([*columns.numbers, 0])
    pairs += [(f"Attribute {n} name", f"Attribute {n} value(s)") for n in range(number + 1, 999)]
    place = next((pair for pair in pairs if row.cell(pair[0]).lower() == name.lower()), None)
    if place is None and _is_variation(row, columns, header):
        row.cannot(name, _NOT_OF_PARENT)
        return
    is_new = place is None
    place = place or next(pair for pair in pairs if not row.cell(pair[0]))
    row.put(place[0], name if values else "")
    row.put(place[1], cell)
    if is_new and values:
        pair = place[0].lower().removesuffix(" name")
        for kind, said in flags.cells(name):
            column = f"{pair} {kind}"
            row.put(
                header[columns.at[column]] if column in columns.at else column.capitalize(), said
            )
