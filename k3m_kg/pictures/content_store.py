"""A folder of picture files under the hash of their content: each picture once, never changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from k3m_kg.errors import CatalogError
from k3m_kg.files import put_file, staging_file, sweep, write_errors
from k3m_kg.files import sync as sync_file

_INCOMING = "incoming"
_SYNC_THREADS = 8


class TooLargeError(Exception):
    """The content is longer than it may be; nothing of it was kept."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of the store.

    Attributes:
        digest: SHA-256 of its content, in hex.
        path: absolute.
        size: in bytes.
        mtime_ns: when it was stored; it stays while the file stays.
    """

    digest: str
    path: str
    size: int
    mtime_ns: int


class ContentStore:
    """Picture files by SHA-256: `<root>/ab/cdef...`, without an ending.

    Promises:

    - A file appears whole or not at all, whatever is killed when: it is written beside, brought
      to the disk, and renamed. (Those of `sync` are brought to the disk afterwards; until then a
      power failure may cut them off, which their size shows.)
    - Storing the same content again changes nothing, so a path always holds the same bytes.
    - Several processes and threads may store at once.
    """

    def __init__(self, root: Path, scratch: Path | None = None) -> None:
        """Prepare; nothing is made before something is stored.

        Args:
            root: the folder of the store.
            scratch: a folder that takes new files in place of `root`: for a dry run, which sees
                what the store has and leaves it alone.
        """
        self.root = Path(os.path.abspath(root))  # noqa: PTH100  (a link to it stays as given)
        self.writable = self.root if scratch is None else scratch.resolve()

    def find(self, digest: str) -> StoredFile | None:
        """The file with that content, or None."""
        for folder in dict.fromkeys((self.root, self.writable)):
            if (found := _stat(folder, digest)) is not None:
                return found
        return None

    def add(self, chunks: Iterable[bytes], max_bytes: int, *, synced: bool = True) -> StoredFile:
        """Store content that comes in pieces.

        An exception of `chunks` goes through and nothing is kept.

        Args:
            chunks: the content.
            max_bytes: how long it may be.
            synced: False leaves it to `sync`, many at once, to bring the file to the disk.

        Raises:
            TooLargeError: it is longer than `max_bytes`.
            CatalogError: the store cannot be written.
        """
        with self._incoming() as temporary:
            digest, size = hashlib.sha256(), 0
            with self._clear_errors():
                file = temporary.open("wb")
            with file:
                for chunk in chunks:
                    size += len(chunk)
                    if size > max_bytes:
                        raise TooLargeError
                    digest.update(chunk)
                    with self._clear_errors():
                        file.write(chunk)
                name = digest.hexdigest()
                known = self.find(name)
                if known is not None and known.size == size:
                    return known
                with self._clear_errors():
                    file.flush()
            with self._clear_errors():
                target = _path(self.writable, name)
                target.parent.mkdir(exist_ok=True)
                put_file(temporary, target, synced=synced)
        stored = _stat(self.writable, name)
        if stored is None:
            raise CatalogError("a picture vanished while it was stored", where=str(self.root))
        return stored

    def sync(self, paths: Iterable[str]) -> None:
        """Bring files to the disk: side by side that is ten times as fast as one by one.

        Raises:
            CatalogError: the store cannot be written.
        """
        with self._clear_errors(), ThreadPoolExecutor(_SYNC_THREADS) as pool:
            for _ in pool.map(_sync, paths):
                pass

    @contextlib.contextmanager
    def _incoming(self) -> Iterator[Path]:
        folder = self.writable / _INCOMING
        with contextlib.ExitStack() as stack:
            with self._clear_errors():
                if not folder.is_dir():
                    folder.mkdir(parents=True, exist_ok=True)
                path = stack.enter_context(staging_file(folder, sweeping=False))
            yield path

    def _clear_errors(self) -> contextlib.AbstractContextManager[None]:
        return write_errors(
            self.writable,
            CatalogError,
            hint="free some space or name another folder with --image-store, then run again",
        )

    def sweep(self) -> None:
        """Remove unfinished files that killed processes left behind."""
        sweep(self.writable / _INCOMING)


def _sync(path: str) -> None:
    # Someone may have cleared the store: the file will be missed when it is needed.
    with contextlib.suppress(FileNotFoundError):
        sync_file(Path(path))


def _path(root: Path, digest: str) -> Path:
    return root / digest[:2] / digest[2:]


def _stat(root: Path, digest: str) -> StoredFile | None:
    # Once per picture of a catalog: text is cheaper than Path objects.
    path = f"{root}/{digest[:2]}/{digest[2:]}"
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return StoredFile(digest, path, found.st_size, found.st_mtime_ns)
