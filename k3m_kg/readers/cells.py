"""What every reader asks of the text in a cell."""

from __future__ import annotations

from collections.abc import Iterable

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


def raw_text(row: str | bytes) -> str:
    """A rejected row as it is reported: cut, and printable whatever it held."""
    if isinstance(row, bytes):
        row = row[: 4 * RAW_LIMIT].decode(errors="backslashreplace")
    row = row[: 2 * RAW_LIMIT].rstrip("\r\n")
    return row.encode(errors="backslashreplace").decode()[:RAW_LIMIT]
