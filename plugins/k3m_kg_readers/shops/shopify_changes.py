"""Changes as Shopify's import file: the handle and title, of variants their options and SKU too."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from k3m_kg.api import ChangedRow, DelimitedTable, ProductChange, TableRow, Unwritten
from k3m_kg_readers.shops.shopify import ShopifyColumns, ShopifyReader, option_names, variants_of
from k3m_kg_readers.tables.changes import TableChanges
from k3m_kg_readers.tables.dialect import product_rows
from k3m_kg_readers.tables.written_cells import EditedRow, as_html

_NO_KEY = re.compile(r"[^a-z0-9]+")
_BELOW_PRODUCT = "Shopify has this on the product, not on a variant"


class ShopifyChanges(TableChanges[ShopifyReader]):
    """Writes products and variants back; a property without a column becomes a metafield."""

    def __init__(self, encoding: str | None = None, category: str | None = None) -> None:
        super().__init__(ShopifyReader(encoding, category))

    def keys(self, header: Sequence[str]) -> Sequence[str]:
        """The handle and the title."""
        columns = ShopifyColumns(header)
        places = [columns.handle, columns.title]
        return [header[place] for place in places if place is not None]

    def edited(
        self, table: DelimitedTable, changes: Mapping[int, Sequence[ProductChange]]
    ) -> Iterator[ChangedRow | Unwritten]:
        """The rows of the changed products, and the first row of a product whose variant changed.

        That row may be another variant's own: what was filled in there before goes along.
        """
        columns, rows, _ = self._reader.columns(table)
        keys = self.keys(table.header)
        for group in product_rows(table, rows, columns.begins):
            if isinstance(group, list) and any(row.line in changes for row in group):
                yield from _family(columns, table.header, keys, group, changes)


def _family(
    columns: ShopifyColumns,
    header: Sequence[str],
    keys: Sequence[str],
    rows: Sequence[TableRow],
    changes: Mapping[int, Sequence[ProductChange]],
) -> Iterator[ChangedRow | Unwritten]:
    handle = rows[0].cells[columns.handle]
    variants = {row.line: id_ for id_, row, _ in variants_of(columns, handle, rows)}
    # The first row states the product, and often a variant too: each by its id.
    by_id = {change.product.id: change for row in rows for change in changes.get(row.line, ())}
    if not any(change.since for change in by_id.values()):
        return
    keys = list(keys)
    if any(by_id[id_].since for id_ in variants.values() if id_ in by_id):
        keys += [header[place] for pair in columns.options for place in pair]
        keys += [header[columns.sku]] if columns.sku is not None else []
    names = option_names(columns, rows[0])
    product = by_id.get(handle)
    for number, row in enumerate(rows):
        edited = EditedRow(handle, header, row.cells)
        own = [product] if number == 0 and product is not None else []
        if own:
            edited.product = handle
            _edit(edited, own[0], columns, header, names, of_variant=False, alone=not variants)
        variant = by_id.get(variants.get(row.line, ""))
        if variant is not None:
            own.append(variant)
            edited.product = variant.product.id
            above = product.properties if product is not None else frozenset()
            _edit(edited, variant, columns, header, names, of_variant=True, above=above)
        changed = any(change.since for change in own)
        if changed:
            yield from edited.unwritten
        if number == 0 or (changed and edited.is_changed):
            yield edited.row(keys, changed=changed)


def _edit(
    row: EditedRow,
    change: ProductChange,
    columns: ShopifyColumns,
    header: Sequence[str],
    options: Sequence[str],
    *,
    of_variant: bool,
    alone: bool = False,
    above: frozenset[str] = frozenset(),
) -> None:
    """Put what changed into the row.

    Args:
        of_variant: the row is a variant's own.
        alone: the product has no variants: its row says what is said of a variant too.
        above: properties that changed on the product, which a variant takes over from there.
    """
    product, said = change.product, len(row.unwritten)
    if not of_variant:
        if change.title:
            row.put_one("title", _at(header, columns.title) or "Title", _some(product.title))
        if change.category:
            row.put_one(
                "category", _at(header, columns.category) or "Type", _some(product.category)
            )
    else:
        above |= frozenset(name for name in ("title", "category") if getattr(change, name))
    of_product = {name: (header[place], how) for place, name, how, _ in columns.of_product}
    own = {name: (header[place], how) for place, name, how, _ in columns.of_variant}
    holders = _holders(change, {*own, *of_product, *options})
    for name in sorted(change.properties):
        values = change.values(name)
        if name in options:
            row.cannot(name, "an option tells variants apart, and is not written")
        elif name in own and (of_variant or alone):
            _put(row, name, values, *own[name])
        elif name in of_product and not of_variant:
            _put(row, name, values, *of_product[name])
        elif name in own:
            row.cannot(name, "Shopify has this on the variants")
        elif name in of_product:
            if name not in above:
                row.cannot(name, _BELOW_PRODUCT)
        else:
            kind = "variant" if of_variant else "product"
            key = _key(name)
            if not key or "(" in name:
                row.cannot(name, "its name makes no key of a metafield")
            elif (holder := holders.get(key, name)) != name:
                if values:
                    row.cannot(name, f"{holder!r} makes the same key of a metafield")
            else:
                row.put_one(name, f"{name} ({kind}.metafields.custom.{key[:60]})", values)
    row.refuse_pictures_and_links(change)
    if not change.since:
        del row.unwritten[said:]


def _key(name: str) -> str:
    return _NO_KEY.sub("_", name.lower()).strip("_")


def _holders(change: ProductChange, in_columns: Collection[str]) -> dict[str, str]:
    """By the key of a metafield the property whose values it holds: names may differ in case."""
    names = sorted({name for name, _ in change.product.properties} - set(in_columns), reverse=True)
    return {_key(name): name for name in names}


def _put(row: EditedRow, name: str, values: Sequence[str], column: str, how: str) -> None:
    if how == "tags":
        if any("," in value for value in values):
            row.cannot(name, "a tag of Shopify has no comma")
        else:
            row.put(column, ", ".join(values))
    elif how == ";":
        if any(";" in value for value in values):
            row.cannot(name, "a value of this list has no semicolon")
        else:
            row.put(column, "; ".join(values))
    elif how == "description":
        row.put_one(name, column, [as_html(value) for value in values])
    elif how == "weight value (grams)":
        if all(value.endswith(" g") for value in values):
            row.put_one(name, column, [value.removesuffix(" g") for value in values])
        else:
            row.cannot(name, "its unit is not the gram of this column")
    elif how == "unit price total measure":
        row.cannot(name, "a measure with its unit is not written")
    else:
        row.put_one(name, column, values)


def _at(header: Sequence[str], place: int | None) -> str | None:
    return header[place] if place is not None else None


def _some(value: str | None) -> list[str]:
    return [value] if value else []
