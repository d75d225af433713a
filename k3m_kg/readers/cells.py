"""What every reader asks of the text in a cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from k3m_kg.errors import CatalogError

MAX_COLUMNS = 50_000
"""Columns that a table may have: each costs something in every row."""
RAW_LIMIT = 2000
"""Characters of a rejected row that are kept."""


def unstorable(
    cells: Iterable[str],
    not_unicode: str = "characters that are no Unicode text (lone surrogates)",
) -> str | None:
    """Why the cells are no text that a database or a tokenizer takes, or None."""
    text = "\t".join(cells)
    if "\0" in text:
        return "NUL character in the row"
    try:
        text.encode()
    except UnicodeEncodeError:
        return not_unicode
    return None


def check_width(header: Sequence[str], where: str) -> None:
    """See that a table does not have too many columns.

    Raises:
        CatalogError: it has more than `MAX_COLUMNS`.
    """
    if len(header) > MAX_COLUMNS:
        raise CatalogError(
            f"the table has {len(header):,} columns; at most {MAX_COLUMNS:,} are read",
            where=where,
            hint="write it with a row for each triple: head, property, value",
        )


def raw_text(row: str | bytes) -> str:
    """A rejected row as it is reported: cut, and printable whatever it held."""
    if isinstance(row, bytes):
        row = row[: 4 * RAW_LIMIT].decode(errors="backslashreplace")
    row = row[: 2 * RAW_LIMIT].rstrip("\r\n")
    return row.encode(errors="backslashreplace").decode()[:RAW_LIMIT]
