"""The one place where SQLite and PostgreSQL differ."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import chain
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Table

Row = Sequence[Any]

_WRITER_LOCK = 0x6B336D5F6B67  # "k3m_kg"
_INDEXES = {
    "ix_triples_tail_property": "INDEX {} ON triples (tail, property)",
    "ix_subjects_source": "INDEX {} ON subjects (source)",
    "uq_entities_kind_text": "UNIQUE INDEX {} ON entities (kind, text)",
}
TERM_INDEX = "uq_entities_kind_text"
"""Finds entities by their text."""


class Dialect(Protocol):
    """What a database must be able to do beyond standard SQL."""

    def take_write_lock(self, connection: Connection, *, durable: bool = True) -> bool:
        """Begin a transaction and become the only writer until it ends; False: another one is.

        Args:
            durable: False: its commit does not wait for the disk. A machine that loses power may
                forget it, whole; what was committed before it, and the file, stay as they are.
        """
        ...

    def begin_read(self, connection: Connection) -> None:
        """Begin a transaction that sees one state of the graph, whatever is committed meanwhile."""
        ...

    def without_transaction(self, connection: Connection) -> Connection:
        """For single reads: each statement sees one state, and costs one round trip."""
        ...

    def insert(
        self, connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """Insert plain tuples at the driver's own speed."""
        ...

    def insert_numbers(
        self, connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """`insert` for rows of 32-bit numbers, none of them missing."""
        ...

    def insert_behind(
        self, connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """`insert`, which may go on after this returns, until `settle`.

        Nothing but another `insert_behind` may use the connection before `settle` was called.
        """
        ...

    def insert_numbers_behind(
        self, connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """`insert_numbers`, in the same way."""
        ...

    def settle(self) -> None:
        """Wait for what goes on behind, and raise what it raised."""
        ...

    def find_terms(self, connection: Connection, kind: int, texts: Iterable[str]) -> dict[str, int]:
        """The ids of those of `texts` that are entities of `kind`."""
        ...

    def analyse(self, connection: Connection) -> None:
        """Tell the planner of queries that much has been added."""
        ...

    def drop_indexes(self, connection: Connection) -> list[str]:
        """Drop the secondary indexes of an empty graph, if readers do not wait for that.

        To sort the keys once at the end costs a fraction of keeping them in order row by row.

        Returns:
            The names of those that were dropped, for `create_index`.
        """
        ...

    def create_index(self, connection: Connection, name: str) -> None:
        """Build a secondary index that `drop_indexes` dropped: sorts its keys, once."""
        ...


class SQLiteDialect:
    """SQLite in WAL mode: readers never wait; one writer at a time."""

    _CHUNK = 500
    _SORT_KIB = 4096
    _PARAMETERS = 900  # in one statement: every SQLite takes 999

    def take_write_lock(self, connection: Connection, *, durable: bool = True) -> bool:
        """`BEGIN IMMEDIATE`, once. In WAL mode a durable commit syncs those before it, too."""
        connection = connection.execution_options(k3m_kg_begin="BEGIN IMMEDIATE")
        driver: Any = connection.connection.driver_connection
        driver.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        patience = driver.execute("PRAGMA busy_timeout").fetchone()[0]
        driver.execute("PRAGMA busy_timeout = 0")  # the caller does the waiting
        try:
            connection.begin()
        except Exception as error:
            if getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
                return False
            raise
        finally:
            driver.execute(f"PRAGMA busy_timeout = {patience}")
        return True

    def begin_read(self, connection: Connection) -> None:
        """A deferred transaction: fixed at its first read."""
        connection.begin()

    def without_transaction(self, connection: Connection) -> Connection:
        """As it is: to begin a transaction costs nothing here."""
        return connection

    def insert(
        self, connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """Statements of many rows each: the driver takes longer for a statement than for a row."""
        driver: Any = connection.connection.driver_connection
        width = len(columns)
        marks = f"({','.join('?' * width)})"
        head = f"INSERT INTO {table.name} ({','.join(columns)}) VALUES "  # noqa: S608
        size = self._PARAMETERS // width
        whole = len(rows) - len(rows) % size
        values = list(chain.from_iterable(rows[:whole]))
        many = head + ",".join([marks] * size)
        for start in range(0, whole * width, size * width):
            driver.execute(many, values[start : start + size * width])
        driver.executemany(head + marks, rows[whole:])

    insert_numbers = insert
    insert_behind = insert
    insert_numbers_behind = insert

    def settle(self) -> None:
        """Nothing goes on: the driver holds the interpreter's lock between rows."""

    def analyse(self, connection: Connection) -> None:
        """Not needed: every query follows an index that leaves it no choice."""

    def find_terms(self, connection: Connection, kind: int, texts: Iterable[str]) -> dict[str, int]:
        """Index look-ups, 500 at a time."""
        wanted = list(texts)
        found: dict[str, int] = {}
        for start in range(0, len(wanted), self._CHUNK):
            chunk = wanted[start : start + self._CHUNK]
            marks = ",".join("?" * len(chunk))
            sql = f"SELECT text, id FROM entities WHERE kind = ? AND text IN ({marks})"  # noqa: S608
            rows = connection.exec_driver_sql(sql, (kind, *chunk))
            found.update(rows.all())
        return found

    def drop_indexes(self, connection: Connection) -> list[str]:
        """All of them: readers see the old state, indexes included."""
        for name in _INDEXES:
            connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")
        return list(_INDEXES)

    def create_index(self, connection: Connection, name: str) -> None:
        """In runs that the processor's cache holds: half the time of runs as large as ours."""
        size = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
        connection.exec_driver_sql(f"PRAGMA cache_size = -{self._SORT_KIB}")
        connection.exec_driver_sql(f"CREATE {_INDEXES[name].format(name)}")
        connection.exec_driver_sql(f"PRAGMA cache_size = {size}")


class PostgreSQLDialect:
    """PostgreSQL through psycopg 3: COPY in, arrays as parameters."""

    _PENDING = 8

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._behind: deque[Future[None]] = deque()

    def take_write_lock(self, connection: Connection, *, durable: bool = True) -> bool:
        """An advisory lock that the end of the transaction frees."""
        connection.begin()
        if not durable:
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        got = connection.exec_driver_sql(
            "SELECT pg_try_advisory_xact_lock(%s)", (_WRITER_LOCK,)
        ).scalar_one()
        if not got:
            connection.rollback()
        return bool(got)

    def begin_read(self, connection: Connection) -> None:
        """REPEATABLE READ."""
        connection.begin()
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    def without_transaction(self, connection: Connection) -> Connection:
        """Autocommit."""
        return connection.execution_options(isolation_level="AUTOCOMMIT")

    def insert(
        self, connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """`insert_behind`, and wait for it."""
        self.insert_behind(connection, table, columns, rows)
        self.settle()

    def insert_numbers(
        self, connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """`insert_numbers_behind`, and wait for it."""
        self.insert_numbers_behind(connection, table, columns, rows)
        self.settle()

    def insert_behind(
        self, connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """`COPY ... FROM STDIN` in its text form."""
        if rows:
            self._submit(connection, table, columns, "", copy_text(rows))

    def insert_numbers_behind(
        self, connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]
    ) -> None:
        """`COPY ... FROM STDIN (FORMAT binary)`, laid out by numpy."""
        import numpy as np  # only here: other graph commands start faster without

        if rows:
            data = np.empty((len(rows), len(columns), 2), ">i4")
            data[:, :, 0] = 4  # bytes that follow
            data[:, :, 1] = np.array(rows, np.int32)
            framed = np.empty((len(rows), 2 + 8 * len(columns)), np.uint8)
            framed[:, :2] = (0, len(columns))
            framed[:, 2:] = data.reshape(len(rows), -1).view(np.uint8)
            content = b"PGCOPY\n\xff\r\n\0" + bytes(8) + framed.tobytes() + b"\xff\xff"
            self._submit(connection, table, columns, " (FORMAT binary)", content)

    def _submit(
        self, connection: Connection, table: Table, columns: Sequence[str], form: str, data: bytes
    ) -> None:
        """One COPY after the other, while the next rows are made."""
        self._pool = self._pool or ThreadPoolExecutor(1, "k3m-kg-copy")
        while len(self._behind) >= self._PENDING:
            self._behind.popleft().result()
        self._behind.append(self._pool.submit(self._copy, connection, table, columns, form, data))

    def settle(self) -> None:
        """Wait for the COPYs that go on; the first error is the one to tell."""
        behind, self._behind = self._behind, deque()
        wait(behind)
        for copied in behind:
            copied.result()

    def analyse(self, connection: Connection) -> None:
        """ANALYZE: it samples, and takes a second or two of any graph."""
        connection.exec_driver_sql("ANALYZE entities, subjects, triples, images")

    @staticmethod
    def _copy(
        connection: Connection, table: Table, columns: Sequence[str], form: str, data: bytes
    ) -> None:
        driver: Any = connection.connection.driver_connection
        sql = f"COPY {table.name} ({','.join(columns)}) FROM STDIN{form}"
        with driver.cursor() as cursor, cursor.copy(sql) as copy:
            copy.write(data)

    def find_terms(self, connection: Connection, kind: int, texts: Iterable[str]) -> dict[str, int]:
        """Through the index on the hash of the text: B-trees refuse text beyond 2.7 kB."""
        self.settle()
        wanted = set(texts)
        if not wanted:
            return {}
        hashes = [hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() for text in wanted]
        rows = connection.exec_driver_sql(
            "SELECT text, id FROM entities WHERE kind = %s AND md5(text) = ANY(%s)", (kind, hashes)
        )
        return {text: entity for text, entity in rows if text in wanted}

    def drop_indexes(self, connection: Connection) -> list[str]:
        """None: it would lock the table, and readers would wait until the end of the ingest."""
        return []

    def create_index(self, connection: Connection, name: str) -> None:
        """None is dropped."""


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_text(rows: Sequence[Row]) -> bytes:
    """Rows as COPY reads them in its text form."""
    return "".join(["\t".join(map(_copy_cell, row)) + "\n" for row in rows]).encode()


def _copy_cell(value: Any) -> str:
    if value is None:
        return "\\N"
    return value.translate(_ESCAPES) if isinstance(value, str) else str(value)


def dialect_of(engine: Engine) -> Dialect:
    """The dialect of an engine that `k3m_kg.graph.database.engine` made."""
    return SQLiteDialect() if engine.dialect.name == "sqlite" else PostgreSQLDialect()
