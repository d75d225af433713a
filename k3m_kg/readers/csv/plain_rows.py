"""A product of a row by a plain mapping: what `Products` makes of it too, in less time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

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
