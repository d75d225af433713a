"""Taking back a database that was made for an ingest of which nothing came."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from k3m_kg.graph.database.engine import clear_errors, sqlite_file
from k3m_kg.graph.tables import ingest_runs


def remove_unused(engine: Engine) -> bool:
    """Remove a SQLite file that nothing was ever brought into and nobody else has open.

    SQLite itself says whether somebody has: only alone can one leave its write-ahead log. Whoever
    opens the file between that and the end finds out when he wants to write: `write_transaction`
    looks whether the file is still there. A PostgreSQL database is not ours to drop.

    Returns:
        Whether it is gone.
    """
    file = sqlite_file(engine.url)
    if file is None or not file.is_file():
        return False
    engine.dispose()
    with clear_errors(engine.url), engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA busy_timeout = 0")
        try:
            if driver.execute("PRAGMA journal_mode = DELETE").fetchone() != ("delete",):
                return False
            driver.execute("BEGIN EXCLUSIVE")
        except Exception as error:
            if getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
                return False  # somebody works with it
            raise
        used = driver.execute(f"SELECT 1 FROM {ingest_runs.name} LIMIT 1").fetchone()  # noqa: S608
        if used is None:
            file.unlink()
        driver.execute("ROLLBACK")
        if used is not None:
            driver.execute("PRAGMA journal_mode = WAL")
    engine.dispose()
    return used is None
