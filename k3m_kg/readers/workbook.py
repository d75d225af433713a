"""Workbooks of Excel (xlsx, xlsm, xlsb, xls) and OpenDocument (ods), read as delimited text is.

One sheet is a table. A number is what the cell holds, in all of its digits and no more (a GTIN is
no `4.006E+12`); a date is written as ISO 8601 has it. Formulas are what they last gave.
"""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from k3m_kg.errors import CatalogError, ConfigError, nearest
from k3m_kg.plugin.catalog_reader import Confidence
from k3m_kg.readers.csv.delimited import DelimitedReader
from k3m_kg.readers.mapped.rewritten import Rewritten
from k3m_kg.records import CatalogRecord

_SUFFIXES = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ODS = b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet"
_OFFICE = (b"[Content_Types].xml", b"xl/")
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
        with Rewritten(path, ".csv") as table:
            blank = 0
            for number, row in enumerate(self._rows(path), start=1):
                cells = [written(cell) for cell in row]
                if not any(cells):
                    blank += 1
                    continue
                # Blank rows count where a mapping numbers rows.
                if blank:
                    table.add("\n" * blank, number - blank)
                table.add(_line(cells), number)
                blank = 0
            if not len(table):
                raise CatalogError("there is nothing in this sheet", where=str(path))
            yield from table.read(DelimitedReader(), mapping)

    def _rows(self, path: Path) -> Iterator[Sequence[Any]]:
        """All rows from the first of the sheet on."""
        # Native code: this is only ever done where a worker reads.
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError

        try:
            with CalamineWorkbook.from_path(path) as book:
                name = self._name(book.sheet_names, path)
                yield from book.get_sheet_by_name(name).iter_rows()
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


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
