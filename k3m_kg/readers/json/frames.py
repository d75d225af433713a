"""Tables as pandas writes them to JSON: column by column (`DataFrame.to_json()`), or `split`.

Rows of `split` come one by one. A table that is written column by column has to be held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

MAX_COLUMNS_TEXT = 64 << 20
"""Characters of a document that is held."""
_OF_SPLIT = frozenset(("columns", "index", "data", "index_names", "column_names"))


def is_split(keys: set[str]) -> bool:
    """Whether an object of these keys is a table in parts."""
    return {"columns", "data"} <= keys <= _OF_SPLIT


def row_of(columns: Sequence[str], cells: Sequence[Any]) -> dict[str, Any]:
    """A row as an object; columns of one name are several values."""
    row: dict[str, Any] = {}
    for name, cell in zip(columns, cells, strict=True):
        if name in row:
            before = row[name]
            row[name] = [*(before if isinstance(before, list) else [before]), cell]
        else:
            row[name] = cell
    return row


def rows_of(table: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of a table that is written column by column."""
    numbers = dict.fromkeys(number for column in table.values() for number in column)
    for number in numbers:
        yield {name: column.get(number) for name, column in table.items()}
