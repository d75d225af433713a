"""What the image store knows of where its files came from: URLs, and members of archives."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from k3m_kg.errors import CatalogError
from k3m_kg.pictures.content_store import ContentStore

_NAME = "index.db"
_TABLES = """
CREATE TABLE IF NOT EXISTS urls (
    url TEXT PRIMARY KEY, digest TEXT, error TEXT, temporary INTEGER NOT NULL,
    etag TEXT, last_modified TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS archives (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    complete INTEGER NOT NULL DEFAULT 0, UNIQUE (path, size, mtime_ns)
);
CREATE TABLE IF NOT EXISTS members (
    archive INTEGER NOT NULL, name TEXT NOT NULL, digest TEXT, error TEXT,
    PRIMARY KEY (archive, name)
) WITHOUT ROWID;
"""
_NAMES = {"urls", "archives", "members"}


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of a URL or a member of an archive: the content's hash, or an error.

    Attributes:
        temporary: the error may be gone next time.
        etag, last_modified: of the server's answer, to ask whether the content has changed.
    """

    digest: str | None = None
    error: str | None = None
    temporary: bool = False
    etag: str | None = None
    last_modified: str | None = None


class PictureIndex:
    """The index of a `ContentStore`, in `<root>/index.db`; a context manager.

    Every entry is committed at once: what a killed process has fetched stays fetched. Threads
    and processes may share it. The index of a dry run is a copy that goes away.
    """

    def __init__(self, store: ContentStore) -> None:
        """Open the index, making it where there is none.

        Raises:
            CatalogError: it cannot be opened, or the file is no index.
        """
        self._file = store.writable / _NAME
        self._lock = threading.Lock()
        with self._clear_errors():
            store.writable.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                self._file, timeout=60, isolation_level=None, check_same_thread=False
            )
            if store.writable != store.root and (store.root / _NAME).is_file():
                with contextlib.closing(sqlite3.connect(_read_only(store.root), uri=True)) as real:
                    real.backup(self._connection)
            self._check_ours()
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_TABLES)

    def _check_ours(self) -> None:
        """Refuse to put tables into a database that is something else."""
        rows = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not {name for (name,) in rows if not name.startswith("sqlite_")} <= _NAMES:
            self._connection.close()
            raise CatalogError(
                "is another database, and the image store needs this name",
                where=str(self._file),
                hint="name another folder with --image-store",
            )

    @staticmethod
    def exists(store: ContentStore) -> bool:
        """Whether the store has an index."""
        return (store.root / _NAME).is_file()

    def url(self, url: str) -> Origin | None:
        """What is known of a URL."""
        row = self._row(
            "SELECT digest, error, temporary, etag, last_modified FROM urls WHERE url = ?", url
        )
        return None if row is None else Origin(row[0], row[1], bool(row[2]), row[3], row[4])

    def set_url(self, url: str, origin: Origin) -> None:
        """Note what became of a URL."""
        self._execute(
            "INSERT OR REPLACE INTO urls VALUES (?, ?, ?, ?, ?, ?)",
            url,
            origin.digest,
            origin.error,
            int(origin.temporary),
            origin.etag,
            origin.last_modified,
        )

    def archive(self, path: str, size: int, mtime_ns: int) -> int:
        """The number under which the members of one state of an archive are kept."""
        key = (path, size, mtime_ns)
        self._execute(
            "INSERT OR IGNORE INTO archives (path, size, mtime_ns) VALUES (?, ?, ?)", *key
        )
        row = self._row(
            "SELECT id FROM archives WHERE path = ? AND size = ? AND mtime_ns = ?", *key
        )
        assert row is not None
        return int(row[0])

    def is_complete(self, archive: int) -> bool:
        """Whether every picture of the archive has been extracted."""
        row = self._row("SELECT complete FROM archives WHERE id = ?", archive)
        return row is not None and bool(row[0])

    def set_complete(self, archive: int) -> None:
        """Note that every picture of the archive has been extracted."""
        self._execute("UPDATE archives SET complete = 1 WHERE id = ?", archive)

    def members(self, archive: int) -> list[str]:
        """The names of those members that have been extracted."""
        with self._lock, self._clear_errors():
            rows = self._connection.execute("SELECT name FROM members WHERE archive = ?", [archive])
            return [name for (name,) in rows]

    def member(self, archive: int, name: str) -> Origin | None:
        """What is known of a member."""
        row = self._row(
            "SELECT digest, error FROM members WHERE archive = ? AND name = ?", archive, name
        )
        return None if row is None else Origin(*row)

    def members_of(self, path: str) -> dict[str, Origin]:
        """What is known of the members of any state of an archive, the newest of each name."""
        with self._lock, self._clear_errors():
            rows = self._connection.execute(
                "SELECT name, digest, error FROM members JOIN archives ON id = archive "
                "WHERE path = ? ORDER BY id",
                [path],
            )
            return {name: Origin(digest, error) for name, digest, error in rows}

    def set_members(self, archive: int, found: Mapping[str, Origin]) -> None:
        """Note what became of members, all at once."""
        rows = [(archive, name, one.digest, one.error) for name, one in found.items()]
        with self._lock, self._clear_errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(
                    "INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?)", rows
                )
            finally:
                self._connection.execute("COMMIT")

    def _row(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        with self._lock, self._clear_errors():
            row: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
            return row

    def _execute(self, statement: str, *values: Any) -> None:
        with self._lock, self._clear_errors():
            self._connection.execute(statement, values)

    @contextlib.contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise CatalogError(
                f"the index of the image store cannot be used: {error}",
                where=str(self._file),
                hint="it may be deleted: what it names is then fetched or extracted again",
            ) from None

    def __enter__(self) -> PictureIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _read_only(root: Path) -> str:
    return f"{(root / _NAME).as_uri()}?mode=ro"
