"""Columnar tables with a row for each product."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from k3m_kg.readers.cells import raw_text
from k3m_kg.readers.columnar.arrow_batches import Batches, TextBatch, as_written, texts
from k3m_kg.readers.columns import Columns, Template
from k3m_kg.readers.mapped.named import ByName, above, named_columns
from k3m_kg.readers.mapped.products import Products
from k3m_kg.readers.mapped.splitting import values_in
from k3m_kg.readers.mapping import Mapping
from k3m_kg.readers.numbers import digits_lost, lost_digits
from k3m_kg.records import CatalogRecord, ProductRecord, RejectedRow

_Made = TypeVar("_Made")


def is_list(kind: Any) -> bool:
    """Whether cells of this type hold several values."""
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def is_tree(kind: Any) -> bool:
    """Whether cells of this type are more than a value or a list of values."""
    return bool(pa.types.is_nested(kind.value_type if is_list(kind) else kind))


def tree_records(
    mapping: Mapping, source: Batches, where: str, folder: Path | None
) -> Iterator[CatalogRecord]:
    """The products of a table, row by row, by a mapping of any kind.

    Raises:
        ConfigError: the mapping names a column that the table does not have.
    """
    products = Products(mapping, where, folder)
    products.see(*(path for field in source.schema for path in paths(field.name, field.type)))
    if not (mapping.pairs or mapping.cells or mapping.languages or _names_of_its_own(source)):
        products.check()
    for before, batch in source.of(_wanted(mapping, list(source.schema.names))):
        arrays = [as_written(column) for column in batch.columns]
        batch = pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)
        for line, tree in enumerate(batch.to_pylist(), start=before + 1):
            yield from products.of(tree, line)
    yield from products.rest()


def paths(name: str, kind: Any, *, leaves: bool = False) -> Iterator[str]:
    """The dotted paths in a column.

    Args:
        leaves: only those of texts, numbers and lists of these.
    """
    if is_list(kind):
        kind = kind.value_type
    is_leaf = not pa.types.is_nested(kind)
    if is_leaf or not leaves:
        yield name
    if pa.types.is_struct(kind):
        for place in range(kind.num_fields):
            field = kind.field(place)
            yield from paths(f"{name}.{field.name}", field.type, leaves=leaves)


def _names_of_its_own(source: Batches) -> bool:
    """Whether rows bring names that the schema does not know: maps, objects in lists."""
    return any(map(_holds_names, source.schema.types))


def _holds_names(kind: Any) -> bool:
    types = pa.types
    if types.is_map(kind) or is_list(kind):
        return bool(types.is_nested(kind.item_type if types.is_map(kind) else kind.value_type)) or (
            bool(types.is_map(kind))
        )
    if types.is_struct(kind):
        return any(_holds_names(kind.field(place).type) for place in range(kind.num_fields))
    return bool(types.is_nested(kind))


def _wanted(mapping: Mapping, names: list[str]) -> list[str]:
    """The columns that the mapping asks for; those of others need not even be text."""
    if mapping.properties == "*":
        return names
    asked = [path for _, path in named_columns(mapping)]
    asked += [*mapping.ids, *mapping.titles, *mapping.categories]
    known = {up for path in asked for up in above(path)}
    patterns = ByName({path: True for path in asked if "*" in path or "{n}" in path})
    wild = bool(patterns) or bool(mapping.languages)
    return [name for name in names if name in known or wild]


class WideBatch:
    """One batch of a table without trees."""

    def __init__(self, columns: Columns, before: int, batch: Any) -> None:
        """Take a batch that begins after `before` rows of the table."""
        self._columns = columns
        self._before = before
        self._batch = batch
        self._bad: dict[int, str] = {}
        self._read: dict[int, TextBatch] = {}

    def records(self) -> Iterator[CatalogRecord]:
        """A product or a rejected row for each row."""
        columns = self._columns
        ids = self._single(columns.id)
        titles = self._single(columns.title)
        categories = self._single(columns.category)
        properties = self._properties()
        links = self._rows([self._several(column, _pair(name)) for column, name in columns.links])
        images = self._rows([self._images(image) for image in columns.images])
        rows = zip(ids, titles, categories, images, properties, links, strict=True)
        for row, (id_, title, category, pictures, pairs, others) in enumerate(rows):
            line = self._before + row + 1
            if id_ is None or row in self._bad:
                cells = self._batch.slice(row, 1)
                yield RejectedRow(line, self._bad.get(row, "no id"), _raw(cells), id_)
            elif cut := next(filter(lost_digits, (id_, *(target for _, target in others))), None):
                yield RejectedRow(line, digits_lost(cut), _raw(self._batch.slice(row, 1)), id_)
            else:
                yield ProductRecord(id_, title, category, pictures, pairs, line, others)

    def _properties(self) -> Iterable[tuple[tuple[str, str], ...]]:
        columns = self._columns.properties
        names = {name for _, name in columns}
        if len(names) < len(columns) or any(self._has_several(column) for column, _ in columns):
            return self._rows([self._several(column, _pair(name)) for column, name in columns])
        if not columns:
            return self._rows([])
        cells = [self._one(column, _pair(name)) for column, name in columns]
        return (tuple(filter(None, row)) for row in zip(*cells, strict=True))

    def _rows(self, cells: Sequence[Iterable[tuple[_Made, ...]]]) -> Iterable[tuple[_Made, ...]]:
        """The cells of several columns as one tuple a row, repeats dropped."""
        if not cells:
            return [()] * self._batch.num_rows
        return (tuple(dict.fromkeys(chain(*row))) for row in zip(*cells, strict=True))

    def _has_several(self, column: int) -> bool:
        return column in self._columns.separators or is_list(self._batch.column(column).type)

    def _single(self, column: int | None) -> Sequence[str | None]:
        if column is None:
            return [None] * self._batch.num_rows
        if self._has_several(column):
            return [cell[0] if cell else None for cell in self._several(column, str)]
        return self._one(column, str)

    def _one(self, column: int, make: Callable[[str], _Made]) -> list[_Made | None]:
        """What is made of each cell of a column with single values."""
        missing = self._columns.missing[column]
        found = self._texts(column)
        made = [None if text is None or text in missing else make(text) for text in found.distinct]
        return [made[code] for code in found.codes.tolist()]

    def _several(self, column: int, make: Callable[[str], _Made]) -> list[tuple[_Made, ...]]:
        """What is made of the values in each cell of a column."""
        missing = self._columns.missing[column]
        separator = self._columns.separators.get(column)

        def parts(text: str | None) -> tuple[_Made, ...]:
            if text is None or text in missing:
                return ()
            return tuple(map(make, values_in(text, separator, missing)))

        found = self._texts(column)
        made = list(map(parts, found.distinct))
        cells = [made[code] for code in found.codes.tolist()]
        array = self._batch.column(column)
        if not is_list(array.type):
            return cells
        ends = _ends(array)
        return [
            tuple(chain(*cells[start:end])) for start, end in zip([0, *ends], ends, strict=False)
        ]

    def _images(self, image: int | Template) -> list[tuple[str, ...]]:
        if not isinstance(image, Template):
            return self._several(image, str)
        columns = image.columns
        return [
            (image.fill(dict(zip(columns, row, strict=True))),) if all(row) else ()
            for row in zip(*map(self._single, columns), strict=True)
        ]

    def _texts(self, column: int) -> TextBatch:
        """The texts of a column, read once; no cycle, or the batch would outlive its rows."""
        if column not in self._read:
            self._read[column] = self._read_texts(column)
        return self._read[column]

    def _read_texts(self, column: int) -> TextBatch:
        array = self._batch.column(column)
        if not is_list(array.type):
            found = texts(array)
            self._bad.update(found.bad)
        else:
            found = texts(array.flatten())
            rows = np.searchsorted(_ends(array), list(found.bad), side="right")
            self._bad.update(zip(map(int, rows), found.bad.values(), strict=True))
        return found


def _ends(array: Any) -> list[int]:
    """Where the values of each list end in the flattened array."""
    lengths = pc.fill_null(pc.list_value_length(array), 0)
    return [int(end) for end in np.cumsum(lengths.to_numpy(zero_copy_only=False))]


def _pair(name: str) -> Callable[[str], tuple[str, str]]:
    return lambda text: (name, text)


def _raw(row: Any) -> str:
    try:
        return raw_text(repr(row.to_pylist()[0]))
    except UnicodeDecodeError:
        return ""
