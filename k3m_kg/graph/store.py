"""The graph store: opening it, reading it, and the transactions in which it changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from sqlalchemy import URL, Connection, Engine

from k3m_kg.errors import GraphError
from k3m_kg.files import Kept
from k3m_kg.files.guard import sqlite_files
from k3m_kg.graph import order
from k3m_kg.graph.database import schema
from k3m_kg.graph.database.dialect import dialect_of
from k3m_kg.graph.database.engine import (
    WRITER_PATIENCE,
    clear_errors,
    make_engine,
    parse_url,
    safe_url,
    sqlite_file,
    write_transaction,
    writes_too_long,
)
from k3m_kg.graph.database.turns import Turns
from k3m_kg.graph.database.unused import remove_unused
from k3m_kg.graph.fulltext.filling import words_behind
from k3m_kg.graph.history import runs
from k3m_kg.graph.reading import products as reading
from k3m_kg.graph.reading.bulk import GraphReader
from k3m_kg.graph.reading.origins import ProductOrigins, product_origins
from k3m_kg.graph.stored import (
    GraphStatus,
    LastIngest,
    Run,
    StatingSource,
    StoredProduct,
    SubjectDiff,
)
from k3m_kg.graph.writing.writer import GraphWriter
from k3m_kg.records import ValueRecord


class GraphStore:
    """A product knowledge graph in SQLite or PostgreSQL.

    Transaction promises, the same on both databases:

    - **All or nothing.** What happens within one `writing()` block is committed when the block
      ends and rolled back when it raises. A process killed at any moment, or a disk that fills
      up, leaves the last committed state.
    - **One writer.** A second `writing()` waits for the first; it gives up with a `GraphError`
      after a minute, having changed nothing. Threads get in in the order in which they came.
    - **Readers see one state.** `iter_products` and `status` show the graph as it was committed
      when they began reading, whatever is committed meanwhile, and never wait for a writer.

    A store belongs to one process; threads may share it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._dialect = dialect_of(engine)
        self._turns = Turns()

    @classmethod
    def open(cls, url: str) -> GraphStore:
        """Open the graph at a database URL.

        Raises:
            UsageError: it is no URL of a database that we know.
            GraphError: there is no graph, it is of another version, or it cannot be read.
        """
        engine = _existing(url)
        try:
            with clear_errors(engine.url), engine.connect() as connection:
                schema.check_revision(schema.revision_of(connection), _where(engine.url))
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    @classmethod
    def create(cls, url: str) -> tuple[GraphStore, bool]:
        """Open the graph at a database URL, making it first where there is none.

        All or nothing, and safe to call from several processes at once.

        Returns:
            The store, and whether it was made just now.

        Raises:
            UsageError: it is no URL of a database that we know.
            GraphError: it holds another application's tables, is of another version, or cannot
                be written.
        """
        engine = make_engine(parse_url(url))
        try:
            with clear_errors(engine.url), engine.connect() as connection:
                revision = schema.revision_of(connection)
            if revision is None:
                schema.upgrade(engine, create=True)
            else:
                schema.check_revision(revision, _where(engine.url))
        except BaseException:
            engine.dispose()
            raise
        return cls(engine), revision is None

    @staticmethod
    def exists(url: str) -> bool:
        """Whether there is anything at a database URL; looking makes no file.

        Raises:
            UsageError: it is no URL of a database that we know.
            GraphError: it cannot be read.
        """
        parsed = parse_url(url)
        file = sqlite_file(parsed)
        with _looking(file):
            if file is not None and (not file.exists() or file.stat().st_size == 0):
                return False
        engine = make_engine(parsed)
        try:
            with clear_errors(parsed), engine.connect() as connection:
                return schema.revision_of(connection) is not None
        finally:
            engine.dispose()

    @classmethod
    def migrate(cls, url: str) -> tuple[str, str]:
        """Upgrade an older graph in place, in one transaction, keeping its content.

        Returns:
            The schema revision before and after; equal if there was nothing to do.

        Raises:
            UsageError: it is no URL of a database that we know.
            GraphError: there is no graph, it is newer than this k3m-kg, or cannot be written.
        """
        engine = _existing(url)
        try:
            before, after = schema.upgrade(engine, create=False)
        finally:
            engine.dispose()
        assert before is not None
        return before, after

    @property
    def url(self) -> str:
        """The database URL, without a password."""
        return safe_url(self._engine.url)

    @property
    def private_url(self) -> str:
        """The database URL with its password: for a process of ours, never for a message."""
        return self._engine.url.render_as_string(hide_password=False)

    @property
    def files(self) -> list[Kept]:
        """The files of this database, which no output may overwrite."""
        file = sqlite_file(self._engine.url)
        return [] if file is None else sqlite_files(file)

    def remove_unused(self) -> bool:
        """Remove the database if it is a file, nothing was ever brought in, and nobody else has it.

        Returns:
            Whether it is gone.

        Raises:
            GraphError: it cannot be looked at.
        """
        return remove_unused(self._engine)

    @contextmanager
    def writing(
        self,
        *,
        commit: bool = True,
        durable: bool = True,
        on_wait: Callable[[], None] | None = None,
        patience: float = WRITER_PATIENCE,
    ) -> Iterator[GraphWriter]:
        """One transaction in which the graph may change; this process is the only writer.

        Args:
            commit: False makes it a rehearsal: everything is rolled back in the end.
            durable: False is for what may be forgotten: a machine that loses power soon after may
                forget it. A process that is killed does not.
            on_wait: called once if another writer has to be waited for.
            patience: seconds to wait for it.

        Raises:
            GraphError: another writer did not finish in time, the disk is full, the database is
                read-only or damaged. Nothing was changed.
        """
        began = time.monotonic()
        if not self._turns.take_now():
            if on_wait is not None:
                on_wait()
                on_wait = None
            if not self._turns.take(patience):
                raise writes_too_long(self._engine.url, patience)
        left = patience - (time.monotonic() - began)
        try:
            with (
                clear_errors(self._engine.url),
                write_transaction(
                    self._engine,
                    self._dialect,
                    commit=commit,
                    durable=durable,
                    on_wait=on_wait,
                    patience=left,
                ) as connection,
            ):
                yield GraphWriter(connection, self._dialect)
        finally:
            self._turns.give()

    def fill_words(self, patience: float = WRITER_PATIENCE) -> None:
        """Bring full text up to date with what was committed: in steps, a transaction each.

        Ingests leave that to whoever searches (`k3m_kg.graph.fulltext`). Nothing is written, and
        nobody waited for, where there is nothing to do.

        Args:
            patience: seconds to wait for another writer, in each step.

        Raises:
            GraphError: the database is read-only, or another writer did not finish in time.
        """
        with self._reading() as connection:
            more = words_behind(connection)
        while more:
            with self.writing(patience=patience) as writer:
                more = writer.fill_words()

    def iter_products(self, *, batch_size: int = 1000) -> Iterator[StoredProduct]:
        """Every product, by id in byte order, as one state of the graph.

        Streams: memory is bounded by `batch_size` products. The read transaction stays open
        until the iterator is exhausted or closed.

        Raises:
            GraphError: the database cannot be read.
        """
        with self._reading() as connection:
            yield from reading.iter_products(connection, batch_size)

    def iter_values(self, *, batch_size: int = 1000) -> Iterator[ValueRecord]:
        """Every value that a source states something of, in byte order, as one state of the graph.

        Streams, as `iter_products` does.

        Raises:
            GraphError: the database cannot be read.
        """
        with self._reading() as connection:
            yield from reading.iter_values(connection, batch_size)

    def iter_subjects(self, *, batch_size: int = 1000) -> Iterator[StoredProduct | ValueRecord]:
        """All of `iter_products`, with what people rejected, then all of `iter_values`.

        As one state of the graph.

        Raises:
            GraphError: the database cannot be read.
        """
        with self._reading() as connection:
            yield from reading.iter_products(connection, batch_size, rejected=True)
            yield from reading.iter_values(connection, batch_size)

    def product(self, id: str) -> StoredProduct | None:
        """The product of that id, or None.

        Raises:
            GraphError: the database cannot be read.
        """
        with clear_errors(self._engine.url), self._engine.connect() as connection:
            single = self._dialect.without_transaction(connection)
            entity = reading.number_of(single, self._dialect, id)
            return None if entity is None else reading.find_product(single, entity, id)

    def origins(self, id: str) -> ProductOrigins | None:
        """What is shown of a product, and by whom each triple is said; None where there is none.

        Raises:
            GraphError: the database cannot be read.
        """
        with self._reading() as connection:
            entity = reading.number_of(connection, self._dialect, id)
            return None if entity is None else product_origins(connection, entity)

    def products(self, ids: Iterable[str]) -> Iterator[StoredProduct]:
        """Those of these products that are there, as one state of the graph, in no order.

        Raises:
            GraphError: the database cannot be read.
        """
        with self._reading() as connection:
            yield from reading.find_products(connection, self._dialect, ids)

    def runs(self, limit: int | None = None) -> list[Run]:
        """What was brought in, newest first; at most `limit`.

        Raises:
            GraphError: the database cannot be read.
        """
        with self._reading() as connection:
            return runs.runs(connection, limit)

    def sources(self) -> list[StatingSource]:
        """The sources, in the order in which they are believed.

        Raises:
            GraphError: the database cannot be read.
        """
        with self._reading() as connection:
            return order.stating_sources(connection)

    def last_ingest(self, source: str) -> LastIngest | None:
        """The last ingest of a source; None where there is none that holds, or the source ended.

        Raises:
            GraphError: the database cannot be read.
        """
        with self._reading() as connection:
            return runs.last_ingest(connection, source)

    def file_called_by_content(self) -> str | None:
        """The file of a picture that is called by the hash of its content, as in an image store.

        Raises:
            GraphError: the database cannot be read.
        """
        with self._reading() as connection:
            return runs.file_called_by_content(connection)

    def run(self, number: int) -> Run:
        """The run of that number.

        Raises:
            GraphError: there is none, or the database cannot be read.
        """
        with self._reading() as connection:
            return runs.find_run(connection, number)

    def diff(self, run: int) -> Iterator[SubjectDiff]:
        """What a run changed in the union, subject by subject; exact whatever later runs did.

        Streams, as `iter_products` does.

        Raises:
            GraphError: there is no such run, or it was undone.
        """
        with self._reading() as connection:
            yield from runs.diff(connection, runs.find_run(connection, run))

    def status(self) -> GraphStatus:
        """Counts over the whole graph, as one state of it.

        Raises:
            GraphError: the database cannot be read.
        """
        with self._reading() as connection:
            return reading.status(connection)

    @contextmanager
    def reading(self) -> Iterator[GraphReader]:
        """One read transaction for bulk reading; one state of the graph, whatever is committed.

        Raises:
            GraphError: the database cannot be read.
        """
        with self._reading() as connection:
            yield GraphReader(connection)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with clear_errors(self._engine.url), self._engine.connect() as connection:
            self._dialect.begin_read(connection)
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def __enter__(self) -> GraphStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _where(url: URL) -> str:
    return str(sqlite_file(url) or safe_url(url))


@contextmanager
def _looking(file: Path | None) -> Iterator[None]:
    """Says clearly what keeps anybody from looking whether a file is there: a name too long."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise GraphError(f"cannot be opened: {reason}", where=str(file)) from None


def _existing(url: str) -> Engine:
    """An engine for a database that is there: opening must never make a file."""
    parsed = parse_url(url)
    file = sqlite_file(parsed)
    if file is None:
        return make_engine(parsed)
    with _looking(file):
        if not file.is_file():
            what = "is a folder, not a database" if file.is_dir() else "no such database"
            raise GraphError(what, where=str(file), hint="`k3m-kg init` makes one")
        if file.stat().st_size == 0:
            raise GraphError("the file is empty", where=str(file), hint="`k3m-kg init` fills it")
    return make_engine(parsed)
