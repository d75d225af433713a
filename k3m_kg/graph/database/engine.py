"""Connections: from a database URL to an engine, and from a driver's error to a clear one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, ProgrammingError

from k3m_kg.errors import GraphError, UsageError, unknown_name
from k3m_kg.extras import missing_extra
from k3m_kg.files import Kept
from k3m_kg.files.guard import sqlite_files
from k3m_kg.graph.database.dialect import Dialect

WRITER_PATIENCE = 60.0
"""Seconds that a writer waits for another one before it gives up."""
_CACHE_KIB = 131_072
_SETTINGS = ("pool_size", "pool_timeout", "statement_timeout")
_SQLITE_OPTIONS = ("uri", "mode", "cache", "immutable", "nolock", "vfs")


def parse_url(text: str) -> URL:
    """A SQLAlchemy URL for SQLite or PostgreSQL.

    Raises:
        UsageError: it is no database URL, or one of another database.
    """
    shown = text if len(text) <= 200 else f"{text[:200]}…"
    if "\0" in text or not _is_text(text):
        raise UsageError(f"{shown!r} is no UTF-8, or holds a NUL", where="--db")
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise UsageError(
            f"{shown!r} is no database URL",
            where="--db",
            hint=f"for a file that is a database: sqlite:///{text}"
            if text
            else "sqlite:///k3m-kg.db or postgresql://user@host/name",
        ) from None
    if any("\0" in part for part in (url.database or "", *map(str, url.query.values()))):
        raise UsageError(f"{shown!r} holds a NUL", where="--db")
    backend = url.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise UsageError(
            f"no graph can live in {backend!r}", where="--db", hint="use sqlite or postgresql"
        )
    if any((url.host, url.username, url.password, url.port)):
        raise UsageError(
            f"{safe_url(url)!r} names a server, and SQLite has none",
            where="--db",
            hint="three slashes before a file, four before an absolute path: sqlite:///k3m-kg.db",
        )
    _check_sqlite_options(url)
    return url.set(drivername="sqlite")


def _check_sqlite_options(url: URL) -> None:
    for name, value in url.query.items():
        if name not in (*_SETTINGS, *_SQLITE_OPTIONS):
            raise UsageError(
                unknown_name("option of SQLite", name, (*_SETTINGS, *_SQLITE_OPTIONS)),
                where=safe_url(url),
            )
        if name == "uri" and str(value).lower() not in ("true", "false", "1", "0"):
            raise UsageError(f"uri={value} is neither true nor false", where=safe_url(url))


def _check_postgresql_options(url: URL) -> None:
    from psycopg import ProgrammingError as DriverError
    from psycopg.conninfo import make_conninfo

    options = {name: str(value) for name, value in url.query.items()}
    try:
        make_conninfo(**options)
        int(options.get("connect_timeout", 0))
    except (DriverError, ValueError) as error:
        raise UsageError(f"the driver said: {_first_line(error)}", where=safe_url(url)) from None


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def sqlite_file(url: URL) -> Path | None:
    """The file of a SQLite URL; None for memory and for other databases."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def database_files(url: str) -> list[Kept]:
    """The file of a SQLite URL and all that belongs to it; nothing of another database.

    Raises:
        UsageError: it is no URL of a database that we know.
    """
    file = sqlite_file(parse_url(url))
    return [] if file is None else sqlite_files(file)


def make_engine(url: URL) -> Engine:
    """An engine whose connections begin transactions only when told to.

    The query of the URL may hold, beside what the driver understands, `pool_size` (connections),
    `pool_timeout` (seconds to wait for one) and, on PostgreSQL, `statement_timeout` (seconds).

    Raises:
        UsageError: one of these is no positive number, or `client_encoding` is not UTF-8.
        MissingExtraError: the PostgreSQL driver is not installed.
        GraphError: the driver cannot be used. Connecting raises one where the database is not
            UTF-8.
    """
    where = safe_url(url)
    url, pool, statement_timeout = _settings(url)
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, **pool)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "connect", partial(_remember_file, sqlite_file(url)))
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        # Whatever PGCLIENTENCODING says: COPY is given UTF-8.
        engine = create_engine(url, connect_args={"client_encoding": "utf8"}, **pool)
    except ImportError as error:
        unusable = GraphError(f"the driver cannot be used: {error}", where=where)
        raise missing_extra(error) or unusable from None
    _check_postgresql_options(url)

    # Before SQLAlchemy's own questions, which fail where texts come as bytes.
    @event.listens_for(engine, "connect", insert=True)
    def check(connection: Any, _record: Any) -> None:
        check_encoding(connection, where)

    if statement_timeout is not None:

        @event.listens_for(engine, "connect")
        def limit(connection: Any, _record: Any) -> None:
            connection.execute(f"SET statement_timeout = {math.ceil(statement_timeout * 1000)}")
            connection.commit()

    return engine


def check_encoding(connection: Any, where: str) -> None:
    """Accept only what keeps every text as it is: UTF-8 in the database, and on the way to it.

    Args:
        connection: of psycopg.

    Raises:
        GraphError: the database keeps texts in another encoding, or the URL asks for one.
    """
    for name, what in (("server_encoding", "keeps texts as"), ("client_encoding", "is sent")):
        found = connection.info.parameter_status(name)
        if found is None:  # a pooler that does not tell
            found = connection.execute(f"SHOW {name}").fetchone()[0]
            connection.rollback()
            found = found.decode() if isinstance(found, bytes) else found
        if found in ("UTF8", "UNICODE"):
            continue
        database = connection.info.dbname
        raise GraphError(
            f"the database {database!r} {what} {found}, and a graph holds texts of every script",
            where=where,
            hint="make one for it: createdb --template=template0 --encoding=UTF8 NAME"
            if name == "server_encoding"
            else "leave client_encoding out of the URL and its options",
        )


def _settings(url: URL) -> tuple[URL, dict[str, Any], float | None]:
    """The URL without our own settings, those of the pool, and the statement timeout in seconds."""
    if (encoding := url.query.get("client_encoding")) is not None:
        if str(encoding).lower().replace("-", "") not in ("utf8", "unicode", "auto"):
            raise UsageError(
                f"client_encoding={encoding}: a graph is read and written as UTF-8",
                where=safe_url(url),
                hint="leave it out",
            )
        url = url.difference_update_query(["client_encoding"])
    numbers: dict[str, float] = {}
    for name in _SETTINGS:
        if (text := url.query.get(name)) is not None:
            try:
                numbers[name] = float(str(text))
            except ValueError:
                numbers[name] = -1
            if not 0 < numbers[name] < 1e6:
                raise UsageError(f"{name}={text} is no positive number", where=safe_url(url))
    if "statement_timeout" in numbers and url.get_backend_name() == "sqlite":
        raise UsageError("SQLite has no statement_timeout", where=safe_url(url))
    pool: dict[str, Any] = {}
    if "pool_size" in numbers:
        pool |= {"pool_size": int(numbers["pool_size"]), "max_overflow": 0}
    if "pool_timeout" in numbers:
        pool["pool_timeout"] = numbers["pool_timeout"]
    return url.difference_update_query(_SETTINGS), pool, numbers.get("statement_timeout")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own implicit transactions begin too late (at the first write) and never for DDL.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")


def _remember_file(file: Path | None, _connection: Any, record: Any) -> None:
    record.info["file"] = None if file is None else (file, _identity(file))


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _still_there(connection: Connection) -> bool:
    """Whether a SQLite connection's file is still what its name leads to."""
    remembered = connection.info.get("file")
    return remembered is None or _identity(remembered[0]) == remembered[1]


def _begin_sqlite(connection: Connection) -> None:
    statement = connection.get_execution_options().get("k3m_kg_begin", "BEGIN")
    driver: Any = connection.connection.driver_connection
    driver.execute(statement)


def safe_url(url: URL) -> str:
    """The URL for messages: without its password."""
    return url.render_as_string(hide_password=True)


def writes_too_long(url: URL, patience: float) -> GraphError:
    """The error of who has waited for another writer so many seconds."""
    return GraphError(
        f"another process has been writing for more than {patience:.3g} s",
        where=safe_url(url),
        hint="wait for the other ingest, then run this one again",
    )


@contextmanager
def write_transaction(
    engine: Engine,
    dialect: Dialect,
    *,
    commit: bool = True,
    durable: bool = True,
    on_wait: Callable[[], None] | None = None,
    patience: float = WRITER_PATIENCE,
) -> Iterator[Connection]:
    """A connection that is the only writer; committed at the end, rolled back on any exception.

    Args:
        commit: False rolls back in the end too.
        durable: False does not wait for the disk when it commits.
        on_wait: called once if another writer has to be waited for.
        patience: seconds to wait for it.

    Raises:
        GraphError: another writer did not finish in time.
    """
    with engine.connect() as connection:
        deadline = time.monotonic() + patience
        while not dialect.take_write_lock(connection, durable=durable):
            if time.monotonic() >= deadline:
                raise writes_too_long(engine.url, patience)
            if on_wait is not None:
                on_wait()
                on_wait = None
            time.sleep(0.05)
        try:
            if not _still_there(connection):
                raise GraphError(
                    "the database was removed by another process meanwhile",
                    where=safe_url(engine.url),
                    hint="run this again",
                )
            yield connection
            dialect.settle()
        except BaseException:
            with suppress(Exception):  # the first error is the one to tell
                dialect.settle()
            connection.rollback()
            raise
        if commit:
            connection.commit()
        else:
            connection.rollback()


@contextmanager
def clear_errors(url: URL) -> Iterator[None]:
    """Turn what a database driver raises into a `GraphError`; bugs of ours stay as they are."""
    try:
        yield
    except (IntegrityError, ProgrammingError) as error:
        if getattr(error.orig, "sqlstate", None) not in _NO_BUG_OF_OURS:
            raise
        raise _explain(error.orig or error, url) from error
    except DBAPIError as error:
        raise _explain(error.orig or error, url) from error
    except Exception as error:
        if type(error).__module__.split(".")[0] in ("sqlite3", "psycopg"):
            raise _explain(error, url) from error
        raise


_SQLITE_REASONS: dict[str, tuple[str, str | None]] = {
    "SQLITE_NOTADB": ("this file is not a database", "check the path given with --db"),
    "SQLITE_CORRUPT": (
        "the database file is damaged",
        "restore it from a copy, or ingest again into a new one",
    ),
    "SQLITE_BUSY": ("the database is locked by another process", "try again when it is done"),
    "SQLITE_LOCKED": ("the database is locked by another process", "try again when it is done"),
    "SQLITE_READONLY": ("the database is read-only", "check the permissions of file and folder"),
    "SQLITE_PERM": ("the database may not be opened", "check the permissions of file and folder"),
    "SQLITE_FULL": ("the disk is full", "nothing was changed; free some space and run again"),
    "SQLITE_IOERR": (
        "the disk could not be read or written (it may be full)",
        "nothing was changed; check the disk and run again",
    ),
    "SQLITE_CANTOPEN": (
        "the database file cannot be opened",
        "check that its folder exists and may be written",
    ),
}
_NO_BUG_OF_OURS = ("42501", "3F000")
"""States that SQLAlchemy counts among programming errors, and that a server's owner can mend."""
_POSTGRESQL_REASONS: dict[str, tuple[str, str | None]] = {
    "53": ("the server is out of disk space, memory or connections", "nothing was changed"),
    "25006": ("the database is read-only", None),
    "42501": ("this user may not do that", "grant the user rights on the schema"),
    "3F000": ("there is no such schema", "create it, or mend search_path in the URL"),
    "57": ("the server stopped or cancelled the work", "nothing was changed; run again"),
    "40": ("another transaction got in the way", "nothing was changed; run again"),
}


def _explain(error: BaseException, url: URL) -> GraphError:
    where = str(sqlite_file(url) or safe_url(url))
    name = getattr(error, "sqlite_errorname", None) or ""
    state = getattr(error, "sqlstate", None) or ""
    if "file is not a database" in str(error):
        name = "SQLITE_NOTADB"
    for code, (message, hint) in _SQLITE_REASONS.items():
        if name.startswith(code):
            return GraphError(message, where=where, hint=hint)
    for code, (message, hint) in _POSTGRESQL_REASONS.items():
        if state.startswith(code):
            return GraphError(f"{message} ({_first_line(error)})", where=where, hint=hint)
    return GraphError(f"the database said: {_first_line(error)}", where=where)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
