"""The row with the names of the columns, and what tells how the others are to be taken apart.

Rows are counted as a spreadsheet shows them: blank ones too, one with line breaks in it once, and
not the line `sep=;`, which is for the spreadsheet itself.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from k3m_kg.errors import CatalogError
from k3m_kg.readers.cells import check_width, unstorable
from k3m_kg.readers.csv.rows import DELIMITERS, excel_text
from k3m_kg.readers.lines import MAX_LINE, LineTooLong, RowTooLong, TextLines
from k3m_kg.readers.mapped.contents import PLACEHOLDERS
from k3m_kg.readers.mapping import Mapping

HEADER_WITHIN = 20
"""Rows among which a header is looked for that is not the first one."""
_SAID = re.compile(r'\ufeff?"?sep=([^\w\s"]|\t)"?\s*', re.IGNORECASE)
_LONGEST_NAME = 80
_NUMBER = re.compile(r"[-+]?[\d.,\s]+%?")
_ADDRESS = re.compile(r"(?:https?:)?//\S+", re.IGNORECASE)
_COMMENT = re.compile(r"#\s*[^\W\d]")
"""How a row begins that says something of the columns, above their names."""
_LOOKED_AT = 100
_MOST_LABELS = 5
_FULL = 0.6
"""Of the widest row's cells: a header names about as many, a title above it few."""

Header = tuple[list[str], dict[str, Any]]
"""Names of the columns, and the arguments that make a `csv.reader` for this file."""


def read_header(lines: TextLines, settings: Mapping | None, path: Path) -> Header:
    """The next row that is not blank, as a header.

    Raises:
        CatalogError: there is no header that can be read, or it has too many columns.
    """
    rows = _Rows(lines, settings, path)
    while (header := rows.next()) is None:
        pass
    return header


def find_header(
    lines: TextLines, settings: Mapping, path: Path
) -> tuple[list[str], dict[str, Any], str | None]:
    """The header that a mapping means, and what is to be said if it was looked for.

    It is the row that `header` names; else the first row, or the first of twenty that has the
    columns of the mapping. The rows below it are read next.

    Raises:
        CatalogError: there is no header that can be read, or it has too many columns.
    """
    rows = _Rows(lines, settings, path)
    if settings.header is not None:
        return *rows.numbered(settings.header), None
    wanted = [names[0] for names in (settings.titles, settings.categories) if len(names) == 1]
    for _ in rows.first():
        names = rows.found[-1][1][0]
        if set(settings.ids).intersection(names):
            if len(rows.found) == 1:
                return *rows.begin_below(0), None
            if set(wanted).issubset(names):
                number = rows.found[-1][0]
                note = f"the header is row {number}, which has the columns that the mapping names"
                return *rows.begin_below(-1), note
    return *rows.begin_below(0), None


def guess_header(lines: TextLines, path: Path) -> tuple[list[str], dict[str, Any], int | None]:
    """The row that looks like the header where nothing tells it, and its number if not the first.

    The first that has about as many texts as the widest among the first rows, all different. What
    stands above it is a title, a date or the like. The rows below it are read next.

    Raises:
        CatalogError: there is no header that can be read, or it has too many columns.
    """
    rows = _Rows(lines, None, path)
    for _ in rows.first():
        pass
    names = [header[0] for _, header in rows.found]
    place = comments = _comments(names)
    full = _FULL * max(map(_filled, names[comments:]))
    if _filled(names[comments]) < full:
        fits = (
            at
            for at, row in enumerate(names)
            if at >= comments and _filled(row) >= full and _are_names(row)
        )
        place = next(fits, comments)
    return *rows.begin_below(place), rows.found[place][0] if place else None


def _comments(rows: Sequence[Sequence[str]]) -> int:
    """Rows above the header that say something of the columns, as `# Required | The id`."""
    count = next(at for at, row in enumerate([*rows, [""]]) if not _COMMENT.match(row[0]))
    return count if count < len(rows) and _filled(rows[count]) > 1 else 0


def _filled(names: Sequence[str]) -> int:
    return sum(map(bool, names))


def _are_names(texts: Sequence[str]) -> bool:
    """Whether these texts may be names: different, short, and none of them a number."""
    said = [text for text in texts if text]
    return len(set(said)) == len(said) and not any(
        len(text) > _LONGEST_NAME or _NUMBER.fullmatch(text) for text in said
    )


def label_rows(rows: Sequence[Sequence[str]]) -> int:
    """How many of the first rows below a header say more of the columns, and are no products.

    These are units, names for people, what is mandatory, or how to fill the template in: texts
    where all rows below them have numbers or addresses.
    """
    for count in range(min(_MOST_LABELS, len(rows) - 2), 0, -1):
        kinds = [_kind_of(column) for column in zip(*rows[count : count + _LOOKED_AT], strict=True)]
        if all(_differs(row, kinds) for row in rows[:count]):
            return count
    return 1 if rows and are_labels(rows[0], rows[1:]) else 0


def _kind_of(column: Sequence[str]) -> re.Pattern[str] | None:
    """What all cells of a column are that are not empty, if there are several: number, address."""
    filled = [cell for cell in column if cell and cell not in PLACEHOLDERS]
    fits = (kind for kind in (_NUMBER, _ADDRESS) if all(map(kind.fullmatch, filled)))
    return next(fits, None) if len(filled) > 1 else None


def _differs(row: Sequence[str], kinds: Sequence[re.Pattern[str] | None]) -> bool:
    """Whether a row has texts, of several columns, in all that are of a kind below it."""
    told = [(cell, kind) for cell, kind in zip(row, kinds, strict=True) if cell and kind]
    return len(told) > 1 and not any(
        cell in PLACEHOLDERS or kind.fullmatch(cell) or not any(map(str.isalpha, cell))
        for cell, kind in told
    )


def are_labels(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether the first row below a header says more of the columns: units, say, and is no product.

    It has no digit, lacks the texts (else numbers) that all others have and are told apart by, and
    has a text where they have numbers.
    """
    others = others[:_LOOKED_AT]
    if len(others) < 2 or not any(first) or any(map(str.isdigit, "".join(first))):
        return False
    columns = list(zip(*others, strict=True))
    telling = [
        (cell, all(map(_NUMBER.fullmatch, column)))
        for cell, column in zip(first, columns, strict=True)
        if all(column) and len(set(column)) == len(column)
    ]
    texts = [cell for cell, is_number in telling if not is_number] or [cell for cell, _ in telling]
    return (
        bool(texts)
        and not any(texts)
        and any(
            cell and any(column) and all(_NUMBER.fullmatch(text) for text in column if text)
            for cell, column in zip(first, columns, strict=True)
        )
    )


class _Rows:
    """The first rows of a file, each as if it were the header.

    Attributes:
        found: number and header of those that are not blank, as far as they were read.
    """

    def __init__(self, lines: TextLines, settings: Mapping | None, path: Path) -> None:
        self.found: list[tuple[int, Header]] = []
        self._ends: list[int] = []
        self._texts: list[str] = []
        self._lines = lines
        self._path = path
        self._delimiter = settings.delimiter if settings else None
        self._quote = settings.quote if settings else '"'
        self._escape = settings.escape if settings else None
        self._said: str | None = None

    def first(self) -> Iterator[None]:
        """Read the first ones, as many as can be; after each that is not blank the caller looks.

        Raises:
            CatalogError: none can be read.
        """
        for number in range(1, HEADER_WITHIN + 1):
            try:
                header = self.next()
            except CatalogError:
                if not self.found:
                    raise
                self._texts += self._lines.row_lines()
                return
            self._texts += self._lines.row_lines()
            if header is not None:
                self.found.append((number, header))
                self._ends.append(len(self._texts))
                yield
        if not self.found:
            self.found.append((HEADER_WITHIN, read_header(self._lines, None, self._path)))
            self._ends.append(len(self._texts))

    def begin_below(self, place: int) -> Header:
        """One of those found; the rows below it are read next."""
        for text in reversed(self._texts[self._ends[place] :]):
            self._lines.give_back(text)
        return self.found[place][1]

    def numbered(self, number: int) -> Header:
        """The row of that number.

        Raises:
            CatalogError: there is none, or it is blank.
        """
        for _ in range(number - 1):
            self.next()
        if (header := self.next()) is None:
            raise CatalogError(
                f"row {number} is blank, and `header` of the mapping says that it names the "
                "columns",
                where=str(self._path),
                hint="rows are counted as a spreadsheet shows them, blank ones too",
            )
        return header

    def next(self) -> Header | None:
        """One more row; None if it is blank.

        Raises:
            CatalogError: there is none, it cannot be read, or it has too many columns.
        """
        lines, where = self._lines, str(self._path)
        lines.mark()
        first = self._line()
        if not self._texts and (said := _SAID.fullmatch(first)) is not None:  # a line for Excel
            self._said = said[1]
            lines.mark()
            first = self._line()
        if not first.strip():
            return None
        dialect = self._dialect(first)
        lines.give_back(first)
        lines.mark()
        try:
            header = next(csv.reader(lines, **dialect))
        except (csv.Error, LineTooLong, RowTooLong, TypeError, ValueError) as error:
            raise CatalogError(f"the header cannot be read: {error}", where=where) from None
        if why := unstorable(header, "bytes that are not valid in the file's encoding"):
            hint = "set `encoding` in the mapping file, such as `encoding: cp1252`"
            raise CatalogError(f"the header cannot be read: {why}", where=where, hint=hint)
        check_width(header, where)
        return [excel_text(name.strip()) for name in header], dialect

    def _dialect(self, line: str) -> dict[str, Any]:
        delimiter = self._lines.delimiter or self._delimiter or self._said
        if delimiter is None:
            delimiter = max(DELIMITERS, key=_unquoted(line, self._quote).count)
        dialect: dict[str, Any] = {"delimiter": delimiter, "strict": True}
        if self._lines.delimiter is not None:
            csv.field_size_limit(MAX_LINE)
            return dialect  # written by a program, as `csv` does it
        dialect |= {"quotechar": self._quote} if self._quote else {"quoting": csv.QUOTE_NONE}
        if self._escape:
            dialect["escapechar"] = self._escape
        csv.field_size_limit(MAX_LINE)
        return dialect

    def _line(self) -> str:
        where = str(self._path)
        try:
            line = next(self._lines, None)
        except LineTooLong:
            raise CatalogError(
                f"the header is longer than {MAX_LINE:,} characters", where=where
            ) from None
        if line is None:
            raise CatalogError("there is no header in this file", where=where)
        return line


def _unquoted(line: str, quote: str | None) -> str:
    """A line without what stands in quotes."""
    return "".join(line.split(quote)[::2]) if quote else line
