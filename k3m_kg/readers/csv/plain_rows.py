"""A product of a row by a plain mapping: what `Products` makes of it too, in less time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any, Protocol

from k3m_kg.readers.columns import Columns, Template
from k3m_kg.readers.mapped.splitting import values_in
from k3m_kg.readers.numbers import digits_lost, lost_digits
from k3m_kg.records import ProductRecord, RejectedRow


class _Row(Protocol):
    @property
    def line(self) -> int: ...
    @property
    def cells(self) -> list[str]: ...
    def raw(self) -> str: ...


class _Rows(Protocol):
    """Rows that follow each other."""

    @property
    def lines(self) -> Sequence[int]: ...
    @property
    def cells(self) -> Sequence[Sequence[str]]: ...
    def __iter__(self) -> Iterator[_Row]: ...


class PlainRows:
    """A plain mapping applied to many rows at once, column by column.

    Rows with anything out of the ordinary, such as an id that lacks, go through `plain_record`.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        names = [name for _, name in columns.properties]
        self._repeats = len(set(names)) < len(names) or bool(columns.separators)
        self._images = columns.images
        self._one_image = (
            columns.images[0]
            if len(columns.images) == 1
            and isinstance(columns.images[0], int)
            and columns.images[0] not in columns.separators
            else None
        )

    def records(self, rows: _Rows) -> Iterator[ProductRecord | RejectedRow]:
        """The product of each row, or why there is none."""
        columns = self._columns
        by_column = list(zip(*rows.cells, strict=True))
        ids = by_column[columns.id]
        if (
            columns.links
            or not columns.missing[columns.id].isdisjoint(ids)
            or any(map(lost_digits, filter(_has_plus, ids)))
        ):
            return (plain_record(columns, row) for row in rows)
        return map(
            ProductRecord,
            ids,
            self._texts(columns.title, by_column),
            self._texts(columns.category, by_column),
            self._pictures(rows.cells, by_column),
            self._properties(by_column),
            rows.lines,
        )

    def _texts(
        self, number: int | None, by_column: Sequence[Sequence[str]]
    ) -> Iterable[str | None]:
        if number is None:
            return repeat(None)
        missing, cells = self._columns.missing[number], by_column[number]
        if missing.isdisjoint(cells):
            return cells
        return [None if cell in missing else cell for cell in cells]

    def _pictures(
        self, rows: Sequence[Sequence[str]], by_column: Sequence[Sequence[str]]
    ) -> Iterable[tuple[str, ...]]:
        if not self._images:
            return repeat(())
        if (number := self._one_image) is not None:
            missing = self._columns.missing[number]
            return [() if cell in missing else (cell,) for cell in by_column[number]]
        return [tuple(dict.fromkeys(_images(self._columns, cells))) for cells in rows]

    def _properties(
        self, by_column: Sequence[Sequence[str]]
    ) -> Iterable[tuple[tuple[str, str], ...]]:
        columns = self._columns
        if not columns.properties:
            return repeat(())
        pairs: list[Iterable[Any]] = []
        holes = False
        for number, name in columns.properties:
            cells, missing = by_column[number], columns.missing[number]
            if (separator := columns.separators.get(number)) is not None:
                pairs.append(
                    [
                        [(name, text) for text in values_in(cell, separator, missing)]
                        for cell in cells
                    ]
                )
            elif missing.isdisjoint(cells):
                found: Iterable[Any] = zip(repeat(name), cells)
                pairs.append(zip(found) if columns.separators else found)
            else:
                holes = True
                found = [None if cell in missing else (name, cell) for cell in cells]
                pairs.append(zip(found) if columns.separators else found)
        rows: Iterable[tuple[Any, ...]] = zip(*pairs, strict=True)
        if columns.separators:
            rows = map(tuple, map(chain.from_iterable, rows))
        if holes:
            rows = [tuple(filter(None, row)) for row in rows]
        return [tuple(dict.fromkeys(row)) for row in rows] if self._repeats else rows


def _has_plus(text: str) -> bool:
    return "+" in text


def plain_record(columns: Columns, row: _Row) -> ProductRecord | RejectedRow:
    """The product of a row, or why there is none."""
    cells = row.cells
    missing = columns.missing

    def cell(number: int | None) -> str | None:
        return None if number is None or cells[number] in missing[number] else cells[number]

    id_ = cell(columns.id)
    if id_ is None:
        return RejectedRow(row.line, "no id", row.raw())
    links: tuple[tuple[str, str], ...] = ()
    if columns.links:
        links = tuple(
            dict.fromkeys(
                (name, value)
                for number, name in columns.links
                for value in _values(columns, number, cells[number])
            )
        )
    for text in (id_, *(target for _, target in links)):
        if lost_digits(text):
            return RejectedRow(row.line, digits_lost(text), row.raw(), id_)
    if columns.single is not None:  # most are
        pairs = [
            (name, cells[number])
            for number, name, empty in columns.single
            if cells[number] not in empty
        ]
    else:
        pairs = [
            (name, value)
            for number, name in columns.properties
            for value in _values(columns, number, cells[number])
        ]
    return ProductRecord(
        id=id_,
        title=cell(columns.title),
        category=cell(columns.category),
        images=tuple(dict.fromkeys(_images(columns, cells))) if columns.images else (),
        properties=tuple(dict.fromkeys(pairs)),
        line=row.line,
        links=links,
    )


def _images(columns: Columns, cells: Sequence[str]) -> Iterator[str]:
    for image in columns.images:
        if not isinstance(image, Template):
            yield from _values(columns, image, cells[image])
        elif not any(cells[column] in columns.missing[column] for column in image.columns):
            yield image.fill(cells)


def _values(columns: Columns, number: int, cell: str) -> Sequence[str]:
    return values_in(cell, columns.separators.get(number), columns.missing[number])
