"""Changes as PrestaShop's import file: the product's number, and the columns that changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from k3m_kg.api import ChangedRow, DelimitedTable, ProductChange, RejectedRow, Unwritten
from k3m_kg_readers.shops.prestashop import (
    HTML,
    LISTS,
    PrestaShopReader,
    features_in,
    is_property,
    label_of,
    plain_name,
)
from k3m_kg_readers.tables.changes import TableChanges
from k3m_kg_readers.tables.dialect import split
from k3m_kg_readers.tables.written_cells import EditedRow, as_html

_FEATURE = "Feature(Name:Value:Position)"
_MARK = "PrestaShop would read {mark!r} in it as the end of a value"


class PrestaShopChanges(TableChanges[PrestaShopReader]):
    """Writes products back; a property without a column of its own becomes a feature."""

    def __init__(self, encoding: str | None = None) -> None:
        super().__init__(PrestaShopReader(encoding))

    def keys(self, header: Sequence[str]) -> Sequence[str]:
        """What names a product or combination."""
        plain = [plain_name(name) for name in header]
        wanted = ["product id", "reference"]
        if _of_combinations(plain):
            wanted += ["product reference", "attribute", "value"]
        return [header[plain.index(name)] for name in wanted if name in plain]

    def edited(
        self, table: DelimitedTable, changes: Mapping[int, Sequence[ProductChange]]
    ) -> Iterator[ChangedRow | Unwritten]:
        """The rows of the changed products."""
        plain = [plain_name(name) for name in table.header]
        at = {name: table.header[place] for place, name in reversed(list(enumerate(plain)))}
        combinations = _of_combinations(plain)
        for row in table:
            for change in changes.get(row.line, ()):
                if isinstance(row, RejectedRow) or not change.since:
                    continue
                edited = EditedRow(change.product.id, table.header, row.cells)
                if combinations:
                    _edit_combination(edited, change, at)
                else:
                    _edit(edited, change, at)
                edited.refuse_pictures_and_links(change)
                yield from edited.told(self.keys(table.header))


def _of_combinations(plain: Sequence[str]) -> bool:
    return "attribute" in plain and "value" in plain


def _edit(row: EditedRow, change: ProductChange, at: Mapping[str, str]) -> None:
    product = change.product
    if change.title:
        row.put(at.get("name", "Name"), product.title or "")
    if change.category or "category" in change.properties:
        paths = [*change.values("category"), product.category or ""]
        _put_list(row, "category", at.get("categories", "Categories (x,y,z...)"), paths)
    columns = {label_of(shown): name for name, shown in at.items() if is_property(name)}
    features = {}
    for name in sorted(change.properties - {"category"}):
        values = change.values(name)
        if name not in columns:
            features[name] = values
        elif columns[name] in LISTS:
            _put_list(row, name, at[columns[name]], values)
        elif columns[name] in HTML:
            row.put_one(name, at[columns[name]], [as_html(value) for value in values])
        else:
            row.put_one(name, at[columns[name]], values)
    if features:
        _put_features(row, at.get("feature", _FEATURE), features)


def _edit_combination(row: EditedRow, change: ProductChange, at: Mapping[str, str]) -> None:
    codes = {name.upper(): at[name] for name in ("ean13", "upc", "mpn") if name in at}
    for name in sorted(change.properties):
        if name in codes:
            row.put_one(name, codes[name], change.values(name))
        else:
            row.cannot(name, "PrestaShop has this on the product, or in what makes a combination")
    for what, changed in (("title", change.title), ("category", change.category)):
        if changed:
            row.cannot(what, "PrestaShop has this on the product, not on a combination")


def _put_list(row: EditedRow, what: str, column: str, values: Sequence[str]) -> None:
    values = [value for value in values if value]
    if split(cell := ",".join(values)) != values:
        row.cannot(what, _MARK.format(mark=","))
    else:
        row.put(column, cell)


def _put_features(row: EditedRow, column: str, changed: Mapping[str, Sequence[str]]) -> None:
    """All features of the product: PrestaShop keeps none but those of the file."""
    kept = [item for item in features_in(row.cell(column)) if item[0] not in changed]
    parts = [":".join(filter(None, item)) for item in kept]
    read = [item[:2] for item in kept]
    any_said = False
    for name, values in changed.items():
        added = [f"{name}:{value}:{len(parts) + n}" for n, value in enumerate(values, start=1)]
        wanted = [*read, *((name, value) for value in values)]
        if [item[:2] for item in features_in(",".join([*parts, *added]))] == wanted:
            parts, read, any_said = [*parts, *added], wanted, True
        else:
            row.cannot(name, _MARK.format(mark=":"))
    if any_said:
        row.put(column, ",".join(parts))
