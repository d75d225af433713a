"""The schema's version: what a database is at, and how it gets to ours."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text

from k3m_kg.errors import GraphError
from k3m_kg.graph.database.dialect import dialect_of
from k3m_kg.graph.database.engine import (
    WRITER_PATIENCE,
    clear_errors,
    safe_url,
    sqlite_file,
    write_transaction,
)
from k3m_kg.graph.tables import SCHEMA_REVISION, VERSION_TABLE
from k3m_kg.resources import migrations_folder


def revision_of(connection: Connection) -> str | None:
    """The schema revision of a database; None where no graph is in it."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
    return found.scalar_one_or_none()


def check_revision(revision: str | None, where: str) -> None:
    """Accept our own revision only.

    Raises:
        GraphError: no graph is there, or one of an older or newer k3m-kg.
    """
    if revision is None:
        raise GraphError(
            "no k3m-kg graph is in this database", where=where, hint="`k3m-kg init` makes one"
        )
    _refuse_newer(revision, where)
    if revision != SCHEMA_REVISION:
        raise GraphError(
            f"the database has schema {revision}, this k3m-kg needs {SCHEMA_REVISION}",
            where=where,
            hint="`k3m-kg migrate` upgrades it and keeps its content",
        )


def _refuse_newer(revision: str, where: str) -> None:
    if not (revision.isdecimal() and int(revision) <= int(SCHEMA_REVISION)):
        raise GraphError(
            f"the database was written by a newer k3m-kg (schema {revision}, "
            f"this one knows {SCHEMA_REVISION})",
            where=where,
            hint="upgrade k3m-kg; the database was not touched",
        )


def upgrade(engine: Engine, *, create: bool) -> tuple[str | None, str]:
    """Bring a database to our schema in one transaction: all of it or nothing.

    Safe to call from two processes at once: the second finds the work done.

    Args:
        create: make the schema where there is none yet.

    Returns:
        The revision before (None: there was none) and after.

    Raises:
        GraphError: it is newer, it is another application's, or it cannot be written.
    """
    where = str(sqlite_file(engine.url) or safe_url(engine.url))
    with clear_errors(engine.url):
        if engine.dialect.name == "sqlite":
            _use_wal(engine)
        with write_transaction(engine, dialect_of(engine)) as connection:
            before = revision_of(connection)
            if before is None:
                if not create:
                    check_revision(before, where)
                _refuse_foreign(connection, where)
            else:
                _refuse_newer(before, where)
            if before != SCHEMA_REVISION:
                _run_alembic(connection)
    return before, SCHEMA_REVISION


def _use_wal(engine: Engine) -> None:
    with engine.connect() as connection:
        # Outside a transaction, and before the first one: readers then never block the writer.
        # Only a database of ours or a new one is changed, so look first.
        driver = connection.connection.driver_connection
        tables = driver.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()  # type: ignore[union-attr]
        if not tables or (VERSION_TABLE,) in tables:
            _switch_to_wal(driver)


def _switch_to_wal(driver: Any) -> None:
    # While another process does the same, SQLite fails at once, whatever its busy timeout is.
    deadline = time.monotonic() + WRITER_PATIENCE
    while True:
        try:
            driver.execute("PRAGMA journal_mode = WAL")
            return
        except Exception as error:
            name = getattr(error, "sqlite_errorname", "")
            if not name.startswith("SQLITE_BUSY") or time.monotonic() >= deadline:
                raise
        time.sleep(0.05)


def _refuse_foreign(connection: Connection, where: str) -> None:
    tables = set(inspect(connection).get_table_names()) - {VERSION_TABLE}
    if tables:
        raise GraphError(
            f"the database already holds other tables ({', '.join(sorted(tables)[:5])})",
            where=where,
            hint="give the graph a database of its own",
        )


def _run_alembic(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
