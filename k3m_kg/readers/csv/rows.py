"""Rows of delimited text, with the line of each, whatever its quotes do."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from k3m_kg.errors import CatalogError, ConfigError
from k3m_kg.readers.cells import check_width, unstorable
from k3m_kg.readers.compressed import open_bytes
from k3m_kg.readers.lines import MAX_LINE, LineTooLong, RowTooLong, TextLines
from k3m_kg.readers.mapping import Mapping

DELIMITERS = ",\t;|"
HEADER_WITHIN = 20
"""Rows among which a header is looked for that is not the first one."""
_SAID = re.compile(r'\ufeff?"?sep=([^\w\s"]|\t)"?\s*', re.IGNORECASE)


def undecodable(path: Path, error: UnicodeError, hint: str) -> CatalogError:
    """The error for a file that is not in its encoding, where a surrogate cannot stand for it."""
    return CatalogError(f"is not text in this encoding: {error}", where=str(path), hint=hint)


def open_text(path: Path, encoding: str = "utf-8") -> TextIO:
    """The text of a file.

    Raises:
        ConfigError: nobody knows that encoding.
        OSError: the file cannot be opened.
    """
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    try:
        # Bytes that do not decode become surrogates, which readers look for: a row's loss only.
        return TextIOWrapper(
            open_bytes(path), encoding=encoding, errors="surrogateescape", newline=""
        )
    except LookupError:
        raise ConfigError(f"unknown encoding {encoding!r}", where=str(path)) from None


def read_header(
    lines: TextLines, settings: Mapping | None, path: Path
) -> tuple[list[str], dict[str, Any]]:
    """Names of the columns, and the arguments that make a `csv.reader` for this file.

    Raises:
        CatalogError: there is no header that can be read, or it has too many columns.
    """
    delimiter = settings.delimiter if settings else None
    quote = settings.quote if settings else '"'
    first = _next_line(lines, path)
    if (said := _SAID.fullmatch(first)) is not None:  # a line for Excel
        delimiter = delimiter or said[1]
        first = _next_line(lines, path)
    if delimiter is None:
        delimiter = max(DELIMITERS, key=_unquoted(first, quote).count)
    dialect: dict[str, Any] = {"delimiter": delimiter, "strict": True}
    dialect |= {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    if settings is not None and settings.escape:
        dialect["escapechar"] = settings.escape
    csv.field_size_limit(MAX_LINE)
    lines.give_back(first)
    lines.mark()
    try:
        header = next(csv.reader(lines, **dialect))
    except (csv.Error, LineTooLong, TypeError, ValueError) as error:
        raise CatalogError(f"the header cannot be read: {error}", where=str(path)) from None
    if why := unstorable(header, "bytes that are not valid in the file's encoding"):
        hint = "set `encoding` in the mapping file, such as `encoding: cp1252`"
        raise CatalogError(f"the header cannot be read: {why}", where=str(path), hint=hint)
    check_width(header, str(path))
    return [excel_text(name.strip()) for name in header], dialect


def find_header(
    lines: TextLines, settings: Mapping | None, path: Path
) -> tuple[list[str], dict[str, Any], str | None]:
    """`read_header`, of the row that is the header, and what is to be said if it was looked for.

    Raises:
        CatalogError: there is no header that can be read, or it has too many columns.
    """
    header, dialect = read_header(lines, settings, path)
    if settings is None:
        return header, dialect, None
    if settings.header is not None:
        for _ in range(settings.header - 1):
            header, dialect = read_header(lines, settings, path)
    elif not set(settings.ids).intersection(header):
        wanted = [names[0] for names in (settings.titles, settings.categories) if len(names) == 1]
        for row in range(2, HEADER_WITHIN + 1):
            try:
                below, dialect_below = read_header(lines, settings, path)
            except CatalogError:
                break
            if set(settings.ids).intersection(below) and set(wanted).issubset(below):
                note = f"the header is row {row}, which has the columns that the mapping names"
                return below, dialect_below, note
    return header, dialect, None


def excel_text(cell: str) -> str:
    """The text of a cell that is written as a formula, `="0012"`, so that it stays a text."""
    if cell.startswith('="') and cell.endswith('"') and len(cell) > 2:
        return cell[2:-1].replace('""', '"').strip()
    return cell


def _next_line(lines: TextLines, path: Path) -> str:
    try:
        first = next((line for line in lines if line.strip()), None)
    except LineTooLong:
        raise CatalogError(
            f"the header is longer than {MAX_LINE:,} characters", where=str(path)
        ) from None
    if first is None:
        raise CatalogError("there is no header in this file", where=str(path))
    return first


def _unquoted(line: str, quote: str | None) -> str:
    """A line without what stands in quotes."""
    return "".join(line.split(quote)[::2]) if quote else line


def read_rows(
    lines: TextLines, dialect: dict[str, Any], path: Path
) -> Iterator[tuple[int, list[str] | str]]:
    """Each row with the line where it begins, or the reason why it is none.

    Raises:
        CatalogError: quotes open all over the file and never close.
    """
    reader = csv.reader(lines, **dialect)
    reread = 0
    while True:
        lines.mark()
        start = lines.line + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except LineTooLong:
            yield start, f"line longer than {MAX_LINE:,} characters"
            reader = csv.reader(lines, **dialect)
        except (csv.Error, RowTooLong) as error:
            reread += lines.rewind()
            # A quote that stays open costs one more reading of what it swallowed. A file made of
            # nothing else would be read once per line.
            if reread > 8 * MAX_LINE and reread > 0.8 * lines.read:
                raise CatalogError(
                    "the quotes of this file do not balance",
                    where=f"{path}:{start}",
                    hint="set `quote: null` in the mapping file if its cells are not quoted",
                ) from None
            yield start, f"quotes do not balance ({error or 'a quote that never closes'})"
            reader = csv.reader(lines, **dialect)
        else:
            yield start, row
