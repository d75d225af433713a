"""What a reader must remember until it has read on: in memory while small, else on the disk."""

from __future__ import annotations

import sqlite3


def scratch_database(tables: str) -> sqlite3.Connection:
    """A SQLite database without a name, in one transaction that is never committed.

    SQLite holds little of it in memory and the rest in a file that is gone with the connection.

    Args:
        tables: the statements that make its tables.
    """
    database = sqlite3.connect("", isolation_level=None)
    database.executescript(
        f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {tables} ; BEGIN;"
    )
    return database
