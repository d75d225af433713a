"""Workbooks of Excel (xlsx, xlsm, xlsb, xls) and OpenDocument (ods), read as delimited text is.

One sheet is a table. A number is what the cell holds, in all of its digits and no more (a GTIN is
no `4.006E+12`); a date is written as ISO 8601 has it. Formulas are what they last gave.
"""

from __future__ import annotations

import csv
import datetime
import io
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from k3m_kg.errors import CatalogError, ConfigError, MappingNeeded, nearest
from k3m_kg.plugin.catalog_reader import Confidence
from k3m_kg.readers.cells import raw_text
from k3m_kg.readers.csv.blocks import RowBlock, block_of
from k3m_kg.readers.csv.delimited import table_records
from k3m_kg.readers.csv.rows import one_row
from k3m_kg.readers.lines import TextLines
from k3m_kg.readers.mapping import load_mapping
from k3m_kg.records import CatalogRecord, Note, RejectedRow

_SUFFIXES = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ODS = b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet"
_OFFICE = (b"[Content_Types].xml", b"xl/")
_AT_ONCE = 1000
"""Rows that are held."""
_WHOLE = 1 << 53
"""Beyond this a float does not tell one whole number from the next."""


def is_workbook(head: bytes) -> bool:
    """Whether a file begins as a workbook does; such a zip is no packed catalog."""
    return head.startswith(b"PK\x03\x04") and (
        _ODS in head[:200] or any(mark in head for mark in _OFFICE)
    )


class WorkbookReader:
    """Reads one sheet of a workbook."""

    def __init__(self, sheet: str = "") -> None:
        self._sheet = sheet

    def sniff(self, path: Path, head: bytes) -> float:
        """Certain of a zip with the parts of a workbook, strong of the old format by its name."""
        if is_workbook(head):
            return Confidence.CERTAIN
        named = path.suffix.lower() in _SUFFIXES
        return Confidence.STRONG if named and head.startswith((_OLE, b"PK")) else Confidence.NONE

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products of the sheet; the line of each is its row.

        Raises:
            CatalogError: the workbook cannot be read, or the sheet is empty.
            ConfigError: there is no such sheet, or as with delimited text.
        """
        settings = load_mapping(mapping) if mapping is not None else None
        told: list[str] = []
        sheet = _Sheet(self._rows(path, told), path)
        try:
            yield from table_records(_SheetLines(sheet), settings, path, mapping, sheet.blocks)
        except MappingNeeded as needed:
            said = "".join(f"# {text}\n" for text in told) + needed.mapping
            raise MappingNeeded(needed.message, where=needed.where, mapping=said) from None
        yield from map(Note, told)

    def _rows(self, path: Path, told: list[str]) -> Iterator[Sequence[Any]]:
        """All rows from the first of the sheet on; puts in `told` that there are others."""
        # Native code: this is only ever done where a worker reads.
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError

        try:
            with CalamineWorkbook.from_path(path) as book:
                names = book.sheet_names
                sheet = book.get_sheet_by_name(self._name(names, path))
                if not self._sheet:
                    tables = (book.get_sheet_by_name(name) for name in names[1:])
                    sheet = next(filter(_is_table, chain([sheet], tables)), sheet)
                    if others := [name for name in names if name != sheet.name]:
                        listed = ", ".join(map(repr, others[:8]))
                        told.append(
                            f"the sheet {sheet.name!r} was read, and not: {listed}; "
                            "--set sheet=NAME reads another"
                        )
                merged = _merged_down(sheet)
                yield from _filled_down(sheet.iter_rows(), merged) if merged else sheet.iter_rows()
        except PasswordError:
            raise CatalogError(
                "is protected by a password", where=str(path), hint="save it without one"
            ) from None
        except (CalamineError, OSError) as error:
            raise CatalogError(
                f"is no workbook that can be read: {error}",
                where=str(path),
                hint="open it and save it anew, or save the sheet as CSV UTF-8",
            ) from None

    def _name(self, names: Sequence[str], path: Path) -> str:
        if not names:
            raise CatalogError("there is no sheet in this workbook", where=str(path))
        if not self._sheet:
            return names[0]
        if self._sheet not in names:
            guess = nearest(self._sheet, names)
            raise ConfigError(
                f"there is no sheet {self._sheet!r}"
                + (f"; did you mean {guess!r}?" if guess else ""),
                where=str(path),
                hint=f"sheets: {', '.join(names)[:500]}",
            )
        return self._sheet


def _is_table(sheet: Any) -> bool:
    """Whether a sheet has columns and rows, as a page of text before the tables has not."""
    return bool(sheet.width > 1 and sheet.height > 1)


def _merged_down(sheet: Any) -> dict[int, list[tuple[int, int]]]:
    """Cells that are merged with those below them: of each row its columns, and the last row."""
    found: dict[int, list[tuple[int, int]]] = {}
    top, left = sheet.start or (0, 0)
    for (first, column), (last, _) in sheet.merged_cell_ranges or ():
        if last > first and first >= top and column >= left:
            found.setdefault(first - top, []).append((column - left, last - top))
    return found


def _filled_down(
    rows: Iterable[Sequence[Any]], merged: dict[int, list[tuple[int, int]]]
) -> Iterator[Sequence[Any]]:
    """Rows in which what a merged cell says is said in each of its rows."""
    open_: dict[int, tuple[int, Any]] = {}
    for number, row in enumerate(rows):
        cells = list(row)
        for column, (last, said) in list(open_.items()):
            if number > last:
                del open_[column]
            elif column < len(cells) and cells[column] in ("", None):
                cells[column] = said
        for column, last in merged.get(number, ()):
            if column < len(cells):
                open_[column] = last, cells[column]
        yield cells


def written(cell: Any) -> str:
    """A cell as text: numbers with all of their digits, dates by ISO 8601."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        whole = cell.is_integer() and abs(cell) < _WHOLE
        return str(int(cell)) if whole else repr(cell)
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return cell.isoformat()
    return "" if cell is None else str(cell)


class _Sheet:
    """The rows of a sheet, the first of which are read as a file of comma-separated values.

    So a header is found as it is in delimited text. The rows below it come as they are.

    Attributes:
        numbers: of each line of that text, the row that it is of.
    """

    def __init__(self, rows: Iterator[Sequence[Any]], path: Path) -> None:
        self._rows = map(_cells, rows)
        self._path = path
        self._row = 0
        self._any = False
        self._lines: deque[str] = deque()
        self.numbers: list[int] = []

    def readline(self, size: int = -1, /) -> str:
        """The next line of the text; empty at the end.

        Raises:
            CatalogError: the sheet is empty.
        """
        if not self._lines:
            cells = next(self._rows, None)
            if cells is None:
                if not self._any:
                    raise CatalogError("there is nothing in this sheet", where=str(self._path))
                return ""
            self._row += 1
            self._any = self._any or bool(cells)
            lines = list(io.StringIO(_line(cells), newline=""))
            self._lines.extend(lines)
            self.numbers += [self._row] * len(lines)
        return self._lines.popleft()

    def read(self, size: int = -1, /) -> str:
        """The next line: the rest is not read as text."""
        return self.readline(size)

    def blocks(
        self, lines: TextLines, dialect: dict[str, Any], path: Path
    ) -> Iterator[RowBlock | RejectedRow]:
        """The rows below the header."""
        while lines.has_returned or self._lines:
            found = one_row(lines, dialect, path, 0)
            if found is None:
                return
            start, row, _ = found
            held = lines.row_lines()
            text = "".join(held)
            if isinstance(row, str):
                yield RejectedRow(start, row, raw_text(text))
            else:
                yield block_of([row], start, text, held, [len(held)])
        while rows := list(islice(self._rows, _AT_ONCE)):
            first = self._row + 1
            self._row += len(rows)
            yield block_of(rows, first, "".join(map("".join, rows)), _Written(rows), None)


class _Written(Sequence[str]):
    """Rows as lines of text, each written when it is asked for."""

    def __init__(self, rows: Sequence[Sequence[str]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: Any) -> Any:
        return _line(self._rows[place])


class _SheetLines(TextLines):
    """The first rows of a sheet as text; lines are called by their rows."""

    delimiter = ","

    def __init__(self, sheet: _Sheet) -> None:
        super().__init__(sheet)
        self._numbers = sheet.numbers

    def number(self, line: int) -> int:
        """The row that a line is of."""
        return self._numbers[line - 1] if line <= len(self._numbers) else line


def _cells(row: Sequence[Any]) -> list[str]:
    """The texts of a row; none of a blank one."""
    cells = [cell.strip() if type(cell) is str else written(cell) for cell in row]
    return cells if any(cells) else []


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
