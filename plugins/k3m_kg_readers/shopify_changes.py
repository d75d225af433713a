"""Changes as Shopify's import file: the handle and title, of variants their options and SKU too."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from k3m_kg.api import ChangedRow, ProductChange, TableRow, Unwritten, WrittenForm
from k3m_kg_readers.dialect import refuse_mapping
from k3m_kg_readers.shopify import ShopifyColumns, ShopifyReader, option_names, variants_of
from k3m_kg_readers.written_cells import EditedRow, as_html

_NO_KEY = re.compile(r"[^a-z0-9]+")
_BELOW_PRODUCT = "Shopify has this on the product, not on a variant"


class ShopifyChanges:
    """Writes products and variants back; a property without a column becomes a metafield."""

    def __init__(self, encoding: str | None = None) -> None:
        self._reader = ShopifyReader(encoding)

    def rows(
        self, path: Path, mapping: Path | None, changes: Mapping[str, ProductChange]
    ) -> Iterator[WrittenForm | ChangedRow | Unwritten]:
        """The rows of the changed products, and the first row of a product whose variant changed.

        Raises:
            CatalogError: the source cannot be read.
            ConfigError: a mapping was given, which this format has no use for.
        """
        refuse_mapping(self._reader.name, mapping)
        with self._reader.opened(path) as table:
            yield WrittenForm(table.delimiter)
            columns = ShopifyColumns(table.header)
            seen = set()
            for handle, group in groupby(table, columns.handle_of):
                rows = [row for row in group if isinstance(row, TableRow)]
                # What was rejected when it was read does not go back: a handle that stood above
                # already, rows whose first one has no title.
                if handle and handle not in seen and columns.is_begun(rows[0]):
                    seen.add(handle)
                    yield from _family(columns, table.header, handle, rows, changes)


def _family(
    columns: ShopifyColumns,
    header: Sequence[str],
    handle: str,
    rows: Sequence[TableRow],
    changes: Mapping[str, ProductChange],
) -> Iterator[ChangedRow | Unwritten]:
    variants = {row.line: id_ for id_, row, _ in variants_of(columns, handle, rows)}
    owned = {handle, *variants.values()}
    if not owned & changes.keys():
        return
    keys = [header[columns.handle]]
    if columns.title is not None:
        keys.append(header[columns.title])
    if any(id_ in changes for id_ in variants.values()):
        keys += [header[place] for pair in columns.options for place in pair]
        keys += [header[columns.sku]] if columns.sku is not None else []
    names = option_names(columns, rows[0])
    product = changes.get(handle)
    for number, row in enumerate(rows):
        edited = EditedRow(handle, header, row.cells)
        if number == 0 and product is not None:
            edited.product = handle
            _edit(edited, product, columns, header, names, of_variant=False, alone=not variants)
        variant = changes.get(variants.get(row.line, ""))
        if variant is not None:
            edited.product = variant.product.id
            above = product.properties if product is not None else frozenset()
            _edit(edited, variant, columns, header, names, of_variant=True, above=above)
        yield from edited.unwritten
        if edited.is_changed or (number == 0 and any(id_ in changes for id_ in owned)):
            yield edited.row(keys)


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
    product = change.product
    if not of_variant:
        if change.title:
            row.put_one("title", _at(header, columns.title) or "Title", _some(product.title))
        if change.category:
            place = columns.type if columns.type is not None else columns.category
            row.put_one("category", _at(header, place) or "Type", _some(product.category))
    else:
        above |= frozenset(name for name in ("title", "category") if getattr(change, name))
    of_product = {name: (header[place], how) for place, name, how in columns.of_product}
    own = {name: (header[place], how) for place, name, how in columns.of_variant}
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
