"""Rows of delimited text, thousands at once, with the line of each, whatever its quotes do.

A block of whole lines goes through `csv.reader` in one call. Where that finds fault, the rows
before are good, and the one that it found fault with is read by itself, line by line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any

from k3m_kg.readers.cells import raw_text, unstorable
from k3m_kg.readers.csv.rows import excel_text, one_row
from k3m_kg.readers.lines import TextLines
from k3m_kg.records import RejectedRow


class RowBlock:
    """Rows that follow each other in a file.

    Attributes:
        rows: of cells as they are written.
        first: the line where the first row begins, from 1.
        is_simple: whether nothing in it can be other than plain text: every cell can be stored.
        has_formulas: whether a cell may be written as a formula, `="0012"`.
    """

    __slots__ = ("_ends", "_lines", "first", "has_formulas", "is_simple", "rows")

    def __init__(
        self,
        rows: list[list[str]],
        first: int,
        lines: Sequence[str],
        ends: Sequence[int] | None,
        *,
        is_simple: bool,
        has_formulas: bool,
    ) -> None:
        """Hold them.

        Args:
            lines: of the text.
            ends: number of lines up to the end of each row; None where each row is a line.
        """
        self.rows = rows
        self.first = first
        self.is_simple = is_simple
        self.has_formulas = has_formulas
        self._lines = lines
        self._ends = ends

    @property
    def numbers(self) -> Sequence[int]:
        """The line where each row begins."""
        if self._ends is None:
            return range(self.first, self.first + len(self.rows))
        return [self.first + end for end in chain((0,), self._ends[:-1])]

    def last_line(self, place: int) -> int:
        """The line where a row ends."""
        return self.first + (place if self._ends is None else self._ends[place] - 1)

    def raw(self, place: int) -> str:
        """A row as it is reported if it is rejected."""
        if self._ends is None:
            return raw_text(self._lines[place] if place < len(self._lines) else "")
        begin = self._ends[place - 1] if place else 0
        return raw_text("".join(self._lines[begin : self._ends[place]]))

    def unstorable(self, place: int, cells: Sequence[str], not_decoded: str) -> str | None:
        """Why the cells of a row are no text that a database takes, or None."""
        return None if self.is_simple else unstorable(cells, not_decoded)

    def shown(self, cells: list[str]) -> list[str]:
        """Cells without what makes a spreadsheet take them as texts."""
        return [excel_text(cell) for cell in cells] if self.has_formulas else cells


def read_blocks(
    lines: TextLines, dialect: dict[str, Any], path: Path
) -> Iterator[RowBlock | RejectedRow]:
    """The rows of a text, and why one cannot be read.

    Raises:
        CatalogError: quotes open all over the file and never close.
    """
    reread = 0
    escapes = "escapechar" in dialect
    while True:
        if text := lines.block():
            begin = lines.line + 1
            held = list(StringIO(text, newline=""))
            rows, ends = _parsed(text, held, dialect)
            if len(held) > (used := 0 if not rows else len(held) if ends is None else ends[-1]):
                lines.give_all_back(held[used:])
                held = held[:used]
                text = "".join(held)
            lines.took(used, len(text))
            if rows:
                yield block_of(rows, begin, text, held, ends, escapes=escapes)
                continue
        found = one_row(lines, dialect, path, reread)
        if found is None:
            return
        start, row, reread = found
        held = lines.row_lines()
        if isinstance(row, str):
            yield RejectedRow(start, row, raw_text("".join(held)))
        else:
            yield block_of([row], start, "".join(held), held, [len(held)], escapes=escapes)


def block_of(
    rows: list[list[str]],
    first: int,
    text: str,
    lines: Sequence[str],
    ends: Sequence[int] | None,
    *,
    escapes: bool = False,
) -> RowBlock:
    """A block of the rows in a text.

    Args:
        escapes: whether a character of a cell may be written as two, quotes aside.
    """
    formulas = escapes or '="' in text
    return RowBlock(rows, first, lines, ends, is_simple=_is_simple(text), has_formulas=formulas)


def _is_simple(text: str) -> bool:
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parsed(
    text: str, lines: Sequence[str], dialect: dict[str, Any]
) -> tuple[list[list[str]], list[int] | None]:
    """The rows before the first that cannot be read, and up to which line each goes.

    None for these where each row is a line.
    """
    if '"' not in text and dialect.get("quotechar", '"') == '"':
        try:
            rows = list(csv.reader(lines, **dialect))
        except csv.Error:
            rows = []
        if len(rows) == len(lines):  # else an escaped line break is in one
            return rows, None
    rows, ends = [], []
    reader = csv.reader(lines, **dialect)
    try:
        for row in reader:
            rows.append(row)
            ends.append(reader.line_num)
    except csv.Error:
        pass  # that row is read by itself
    return rows, None if len(rows) == len(lines) else ends
