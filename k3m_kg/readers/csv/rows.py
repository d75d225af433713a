"""Rows of delimited text, with the line of each, whatever its quotes do."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from k3m_kg.errors import CatalogError, ConfigError
from k3m_kg.readers.compressed import open_bytes
from k3m_kg.readers.lines import MAX_LINE, LineTooLong, RowTooLong, TextLines

DELIMITERS = ",\t;|"


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


def excel_text(cell: str) -> str:
    """The text of a cell that is written as a formula, `="0012"`, so that it stays a text."""
    if cell.startswith('="') and cell.endswith('"') and len(cell) > 2:
        return cell[2:-1].replace('""', '"').strip()
    return cell


def read_rows(
    lines: TextLines, dialect: dict[str, Any], path: Path
) -> Iterator[tuple[int, list[str] | str]]:
    """Each row with the line where it begins, or the reason why it is none.

    One by one: the lines of the row stand in `lines`. `read_blocks` reads them faster.

    Raises:
        CatalogError: quotes open all over the file and never close.
    """
    reread = 0
    while (found := one_row(lines, dialect, path, reread)) is not None:
        start, row, reread = found
        yield start, row


def one_row(
    lines: TextLines, dialect: dict[str, Any], path: Path, reread: int
) -> tuple[int, list[str] | str, int] | None:
    """The next row as `read_rows` gives it, and how much was read again so far.

    Args:
        reread: characters that were read again before.

    Raises:
        CatalogError: quotes open all over the file and never close.
    """
    lines.mark()
    start = lines.line + 1
    try:
        row = next(csv.reader(lines, **dialect))
    except StopIteration:
        return None
    except LineTooLong:
        return lines.number(start), f"line longer than {MAX_LINE:,} characters", reread
    except (csv.Error, RowTooLong) as error:
        reread += lines.rewind()
        # A quote that stays open costs one more reading of what it swallowed. A file made of
        # nothing else would be read once per line.
        if reread > 8 * MAX_LINE and reread > 0.8 * lines.read:
            raise CatalogError(
                "the quotes of this file do not balance",
                where=f"{path}:{lines.number(start)}",
                hint="set `quote: null` in the mapping file if its cells are not quoted",
            ) from None
        why = f"quotes do not balance ({error or 'a quote that never closes'})"
        return lines.number(start), why, reread
    return lines.number(start), row, reread
