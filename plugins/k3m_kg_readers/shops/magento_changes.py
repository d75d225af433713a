"""Changes as Magento's import file: the SKU, and the columns that changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from k3m_kg.api import ChangedRow, DelimitedTable, ProductChange, RejectedRow, Unwritten
from k3m_kg_readers.shops.magento import (
    HTML,
    MagentoReader,
    attributes_in,
    categories_in,
    is_property,
)
from k3m_kg_readers.tables.changes import TableChanges
from k3m_kg_readers.tables.written_cells import EditedRow, as_html

_ATTRIBUTES = "additional_attributes"
_CODE = re.compile(r"[a-z][a-z0-9_]{0,59}")
_NOTHING = "__EMPTY__VALUE__"
"""What empties an attribute; a cell that is empty leaves it as it is."""
_ROOT = "Default Category"
_NO_ORDER = "of several paths the deepest is read as the category, and a comma parts them"
_AS_OTHERS = "Magento would read , | or quotes in it as the end of a value"


class MagentoChanges(TableChanges[MagentoReader]):
    """Writes products back; a property without a column of its own is an additional attribute."""

    def __init__(self, encoding: str | None = None) -> None:
        super().__init__(MagentoReader(encoding))

    def keys(self, header: Sequence[str]) -> Sequence[str]:
        """The SKU."""
        return ["sku"]

    def edited(
        self, table: DelimitedTable, changes: Mapping[int, Sequence[ProductChange]]
    ) -> Iterator[ChangedRow | Unwritten]:
        """The rows of the changed products, those for all store views."""
        for row in table:
            for change in changes.get(row.line, ()):
                if isinstance(row, RejectedRow) or not change.since:
                    continue
                edited = EditedRow(change.product.id, table.header, row.cells)
                _edit(edited, change, table.header)
                edited.refuse_pictures_and_links(change)
                yield from edited.told(self.keys(table.header))


def _edit(row: EditedRow, change: ProductChange, header: Sequence[str]) -> None:
    product = change.product
    if change.title:
        row.put("name", product.title or _NOTHING)
    if change.category or "category" in change.properties:
        _put_categories(row, [product.category, *change.values("category")])
    stated = dict.fromkeys(name for name, _ in attributes_in(row.cell(_ATTRIBUTES)))
    further = {}
    for name in sorted(change.properties - {"category"}):
        values = change.values(name)
        if name in stated or name not in header or not is_property(name):
            further[name] = values
        else:
            texts = [as_html(value) if name in HTML else value for value in values]
            row.put_one(name, name, texts or [_NOTHING])
    if further:
        _put_attributes(row, further)


def _put_categories(row: EditedRow, paths: Sequence[str | None]) -> None:
    """All paths, below the root that those of before have."""
    said = [path for path in paths if path]
    root = row.cell("categories").partition(",")[0].partition("/")[0].strip() or _ROOT
    cell = ",".join(f"{root}/{path}" for path in said)
    if categories_in(cell) == said:
        row.put("categories", cell or _NOTHING)
    else:
        row.cannot("category", _NO_ORDER)


def _put_attributes(row: EditedRow, changed: Mapping[str, Sequence[str]]) -> None:
    kept: dict[str, list[str]] = {}
    for name, value in attributes_in(row.cell(_ATTRIBUTES)):
        if name not in changed:
            kept.setdefault(name, []).append(value)
    parts = [_attribute(name, values) for name, values in kept.items()]
    read = [(name, value) for name, values in kept.items() for value in values]
    any_said = False
    for name, values in changed.items():
        if not _CODE.fullmatch(name):
            row.cannot(name, "an attribute's code has small letters, digits and _ only")
            continue
        part = _attribute(name, values)
        wanted = [*read, *((name, value) for value in values)]
        if part and list(attributes_in(",".join([*parts, part]))) == wanted:
            parts, read, any_said = [*parts, part], wanted, True
        else:
            row.cannot(name, _AS_OTHERS)
    if any_said:
        row.put(_ATTRIBUTES, ",".join(parts))


def _attribute(name: str, values: Sequence[str]) -> str:
    """A name and its values, in quotes only where they would be read otherwise without."""
    text = "|".join(values) or _NOTHING
    wanted = [(name, value) for value in values]
    for written in (f"{name}={text}", f'{name}="{text.replace(chr(34), chr(34) * 2)}"'):
        if list(attributes_in(f"{written},z=1"))[:-1] == wanted:
            return written
    return ""
