"""Delimited text for readers of its dialects: a header, then rows of cells with their lines.

What a dialect adds is what its columns mean; quotes, lengths, encodings and what they cost when
they are wrong are all minded here. `k3m_kg.api` hands this to plugins.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from k3m_kg.errors import CatalogError
from k3m_kg.readers.cells import raw_text, unstorable
from k3m_kg.readers.compressed import unreadable
from k3m_kg.readers.csv.blocks import read_blocks
from k3m_kg.readers.csv.encodings import sniffed_text, told_encoding
from k3m_kg.readers.csv.header import read_header
from k3m_kg.readers.csv.rows import DELIMITERS, open_text, read_rows, undecodable
from k3m_kg.readers.lines import TextLines
from k3m_kg.records import RejectedRow

HEADER_WITHIN = 10
"""Rows among which a header is looked for that is not the first one."""
_MAX_SNIFFED = 2_000
_NOT_DECODED = "bytes that are not valid in the file's encoding"


class TableRow(NamedTuple):
    """A row of a table.

    Attributes:
        line: where it begins, from 1.
        cells: without surrounding blanks, as many as the header has, where there is one.
    """

    line: int
    cells: list[str]


class DelimitedTable:
    """The rows below a header, once.

    Attributes:
        header: names of the columns.
        note: what was guessed of the file, if anything was.
        delimiter, encoding: of the text.
    """

    def __init__(
        self,
        lines: TextLines,
        header: Sequence[str],
        dialect: dict[str, Any],
        path: Path,
        note: str | None = None,
        encoding: str = "utf-8",
    ) -> None:
        self.header = list(header)
        self.note = note
        self.delimiter: str = dialect["delimiter"]
        self.encoding = encoding
        self._ids: Sequence[int] = ()
        self._lines = lines
        self._dialect = dialect
        self._path = path
        self._short = 0
        self._first_short = 0
        self._repeats = 0

    @property
    def short_note(self) -> str | None:
        """What to say of rows read so far that have fewer cells than the header, or are it."""
        said = []
        if self._repeats:
            said.append(f"{self._repeats:,} rows are the header once more, and were left out")
        if self._short:
            said.append(
                f"{self._short:,} rows, the first on line {self._first_short:,}, have fewer cells "
                "than the header: what lacks was taken as empty"
            )
        return "; ".join(said) or None

    def __iter__(self) -> Iterator[TableRow | RejectedRow]:
        """Each row that is not blank, or why it is none.

        Cells that lack at the end are empty, and empty ones beyond the header do not count.

        Raises:
            CatalogError: the quotes of the file do not balance.
        """
        width = len(self.header)
        for block in read_blocks(self._lines, self._dialect, self._path):
            if isinstance(block, RejectedRow):
                yield block
                continue
            for place, (start, row) in enumerate(zip(block.numbers, block.rows, strict=True)):
                cells = list(map(str.strip, row))
                if not any(cells):
                    continue
                if len(cells) != width:
                    if any(cells[width:]):
                        why = f"expected {width} columns as in the header, found {len(cells)}"
                        yield RejectedRow(start, why, block.raw(place), self._id_in(cells))
                        continue
                    if len(cells) < width:
                        self._short += 1
                        self._first_short = self._first_short or start
                    cells = cells[:width] + [""] * (width - len(cells))
                if block.has_formulas:
                    cells = block.shown(cells)
                if not block.is_simple and (why_not := unstorable(cells, _NOT_DECODED)):
                    yield RejectedRow(start, why_not, block.raw(place), self._id_in(cells))
                    continue
                if cells == self.header:
                    self._repeats += 1
                    continue
                yield TableRow(start, cells)

    def find_ids(self, places: Sequence[int]) -> None:
        """Look in these cells, the first that is not empty, for the product of a rejected row."""
        self._ids = places

    def rejected(self, row: TableRow, reason: str) -> RejectedRow:
        """A row that is no product, and why."""
        text = io.StringIO()
        csv.writer(text, delimiter=self.delimiter).writerow(row.cells)
        return RejectedRow(row.line, reason, raw_text(text.getvalue()), self._id_in(row.cells))

    def _id_in(self, cells: Sequence[str]) -> str | None:
        found = (cells[place] for place in self._ids if place < len(cells))
        return next(filter(None, found), None)


@contextmanager
def open_table(
    path: Path,
    *,
    encoding: str | None = None,
    is_header: Callable[[Sequence[str]], bool] | None = None,
) -> Iterator[DelimitedTable]:
    """The table in a file of delimited text, packed or not.

    Args:
        encoding: of the text; None: what its first bytes tell.
        is_header: tells the header by its names, where other rows stand above it; the first row
            that is not blank, if None.

    Raises:
        CatalogError: the file cannot be read, is not text in this encoding, or has no header.
        ConfigError: nobody knows that encoding.
    """
    try:
        note = None
        if encoding is None:
            encoding, note = told_encoding(path)
        with open_text(path, encoding) as file:
            lines = TextLines(file)
            header, dialect = _header(lines, path, is_header)
            yield DelimitedTable(lines, header, dialect, path, note, encoding)
    except OSError as error:
        raise unreadable(path, error) from None
    except UnicodeError as error:
        raise undecodable(path, error, "--set encoding=NAME says which one it is") from None


def delimited_rows(
    path: Path, delimiter: str, *, encoding: str | None = None
) -> Iterator[TableRow | RejectedRow]:
    """Each row of a text without a header for all of it, or why it is none; blank rows too.

    Args:
        encoding: of the text; None: what its first bytes tell.

    Raises:
        CatalogError: the file cannot be read, or its quotes do not balance.
        ConfigError: nobody knows that encoding.
    """
    dialect = {"delimiter": delimiter, "strict": True}
    try:
        with open_text(path, encoding or told_encoding(path)[0]) as file:
            lines = TextLines(file)
            for line, row in read_rows(lines, dialect, path):
                if isinstance(row, str):
                    yield RejectedRow(line, row, raw_text(lines.row_text()))
                elif why_not := unstorable(row, _NOT_DECODED):
                    yield RejectedRow(line, why_not, raw_text(lines.row_text()))
                else:
                    yield TableRow(line, [cell.strip() for cell in row])
    except OSError as error:
        raise unreadable(path, error) from None
    except UnicodeError as error:
        raise undecodable(path, error, "--set encoding=NAME says which one it is") from None


def _header(
    lines: TextLines, path: Path, is_header: Callable[[Sequence[str]], bool] | None
) -> tuple[list[str], dict[str, Any]]:
    header, dialect = read_header(lines, None, path)
    if is_header is None or is_header(header):
        return header, dialect
    with suppress(CatalogError):
        for _ in range(1, HEADER_WITHIN):
            header, dialect = read_header(lines, None, path)
            if is_header(header):
                return header, dialect
    raise CatalogError(
        f"none of its first {HEADER_WITHIN} rows is the header of this format", where=str(path)
    )


def sniffed_rows(head: bytes, count: int = 1) -> list[list[str]]:
    """The first rows in the beginning of a file, if it is delimited text; for `sniff`.

    They are read as well as may be: bytes that do not decode are replaced, and a row that is cut
    off ends there.
    """
    text = sniffed_text(head)
    rows: list[list[str]] = []
    lines = (line for line in io.StringIO(text, newline="") if line.strip())
    for first in lines:
        if len(rows) >= count:
            break
        delimiter = max(DELIMITERS, key=first.count)
        try:
            row = next(csv.reader(_with(first, lines), delimiter=delimiter))
        except (csv.Error, StopIteration):
            return rows
        rows.append([cell.strip() for cell in row[:_MAX_SNIFFED]])
    return rows


def _with(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines
