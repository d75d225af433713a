"""What the dialects of delimited text have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import ClassVar

from k3m_kg.api import (
    CatalogRecord,
    Confidence,
    ConfigError,
    DelimitedTable,
    Note,
    RejectedRow,
    TableRow,
    open_table,
    sniffed_rows,
)

SURE = 0.9
"""Of a header that only one software writes: above `STRONG`, which says "has marks of its own"."""

_LOOKED_AT, _LOOKED_AT_CHARACTERS = 1_000, 1 << 22
"""Rows that a file is told by."""

Pairs = tuple[tuple[str, str], ...]
_name = itemgetter(0)


def refuse_mapping(name: str, mapping: Path | None) -> None:
    """See that no mapping file is given to a format that says itself what its columns mean.

    Raises:
        ConfigError: there is one.
    """
    if mapping is not None:
        raise ConfigError(
            f"the format {name} takes no mapping file",
            where=str(mapping),
            hint="leave --mapping out, or read the file by the mapping with --format csv",
        )


MAX_ROWS = 10_000
MAX_CHARACTERS = 1 << 26
"""What the rows of one product may have together: it is held until its last row."""
_COUNTED_FROM = 30
"""Rows that cannot have more than that, whatever they hold."""
_TOO_LONG = (
    f"more than {MAX_ROWS:,} rows, or {MAX_CHARACTERS:,} characters, of one product: the rows "
    "before make it"
)


def product_rows(
    table: DelimitedTable,
    rows: Iterable[TableRow | RejectedRow],
    begins: Callable[[TableRow, TableRow | None], bool | str],
) -> Iterator[list[TableRow] | RejectedRow]:
    """The rows of each product, which stand together, and what belongs to none.

    A row that cannot be read does not end the product that it stands in.

    Args:
        begins: of a row and the first one of the product above it, whether another product begins;
            a text says why it is part of none.
    """
    held: list[TableRow] = []
    characters = 0
    for row in rows:
        if isinstance(row, RejectedRow):
            yield row
            continue
        answer = begins(row, held[0] if held else None)
        if isinstance(answer, str):
            yield table.rejected(row, answer)
            continue
        if answer and held:
            yield held
            held, characters = [], 0
        if len(held) >= _COUNTED_FROM:
            if not characters:
                characters = sum(len("".join(one.cells)) for one in held)
            characters += len("".join(row.cells))
        if held and (len(held) == MAX_ROWS or characters > MAX_CHARACTERS):
            characters = MAX_CHARACTERS
            yield table.rejected(row, _TOO_LONG)
        else:
            held.append(row)
    if held:
        yield held


def looked_ahead(
    rows: Iterator[TableRow | RejectedRow],
) -> tuple[list[TableRow], Iterator[TableRow | RejectedRow]]:
    """The first rows that can be read, and all rows."""
    first: list[TableRow | RejectedRow] = []
    characters = 0
    for row in rows:
        first.append(row)
        characters += sum(map(len, row.cells)) if isinstance(row, TableRow) else len(row.raw)
        if len(first) >= _LOOKED_AT or characters > _LOOKED_AT_CHARACTERS:
            break
    return [row for row in first if isinstance(row, TableRow)], chain(first, rows)


class TableDialect(ABC):
    """A reader of delimited text that knows its files by their header."""

    name: ClassVar[str]
    rows_to_header: ClassVar[int] = 1

    def __init__(self, encoding: str | None = None) -> None:
        self._encoding = encoding

    def sniff(self, path: Path, head: bytes) -> float:
        """Sure if the header is one that only this software writes."""
        rows = sniffed_rows(head, self.rows_to_header)
        return SURE if any(map(self.is_header, rows)) else Confidence.NONE

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; a row that is none is rejected alone.

        Raises:
            CatalogError: the file cannot be read or has no such header.
            ConfigError: a mapping was given, which this format has no use for.
        """
        refuse_mapping(self.name, mapping)
        with self.opened(path) as table:
            if table.note:
                yield Note(table.note)
            table.find_ids(self.ids(table.header))
            yield from self.records(table)
            if table.short_note:
                yield Note(table.short_note)

    def opened(self, path: Path) -> AbstractContextManager[DelimitedTable]:
        """The table of a file, whose header has at least what names a product.

        A part of a file, such as one with a few columns that changed, has less than a sure header.

        Raises:
            CatalogError: the file cannot be read or has no such header.
        """
        return open_table(path, encoding=self._encoding, is_header=self._may_be_header)

    def _may_be_header(self, names: Sequence[str]) -> bool:
        return self.is_header(names) or self.names_products(names)

    def names_products(self, names: Sequence[str]) -> bool:
        """Whether columns of these names are enough to tell which product a row is about."""
        return bool(self.ids(names))

    @abstractmethod
    def ids(self, names: Sequence[str]) -> Sequence[int]:
        """Where the columns are that name the product of a row, the surest first."""

    @abstractmethod
    def is_header(self, names: Sequence[str]) -> bool:
        """Whether these are the columns of this format."""

    @abstractmethod
    def records(self, table: DelimitedTable) -> Iterator[CatalogRecord]:
        """The products of a table."""


def inherited(own: Iterable[tuple[str, str]], of_parent: Iterable[tuple[str, str]]) -> Pairs:
    """What a variant states, then what its parent does of properties that it does not state.

    Args:
        of_parent: without repeats.
    """
    stated = dict.fromkeys(own)
    names = set(map(_name, stated))
    return (*stated, *[pair for pair in of_parent if pair[0] not in names])


def split(cell: str, separator: str = ",") -> list[str]:
    """The parts of a cell that are not empty."""
    return [part for part in map(str.strip, cell.split(separator)) if part]


def places(header: Sequence[str], names: Collection[str]) -> list[int]:
    """Where columns of these names are."""
    return [place for place, name in enumerate(header) if name in names]
