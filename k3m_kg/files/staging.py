"""Work in progress: private names beside the target, locked while their process lives.

A name is `.k3m-kg-<random>.part`. The lock (flock) belongs to the open file, so the system drops
it with the process, however that ends: an unlocked one is dead. No clock and no process number
are asked. Where a file system knows no locks, nothing is ever taken for dead.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX, SUFFIX = ".k3m-kg-", ".part"
NEW, OLD, TARGET = "new", "old", "target"
"""In a staging folder that replaces another one: the new content, the old, and its name."""


@contextmanager
def staging_file(folder: Path, *, sweeping: bool = True) -> Iterator[Path]:
    """An empty file in `folder` to write to; removed at the end, unless it was renamed.

    Args:
        sweeping: False leaves out the look for dead ones, for many small files in a row.
    """
    if sweeping:
        sweep(folder)
    path, lock = _locked(folder, is_folder=False)
    try:
        yield path
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(lock)


@contextmanager
def staging_folder(parent: Path) -> Iterator[Path]:
    """An empty folder in `parent` to fill; removed at the end with what is left in it."""
    sweep(parent)
    path, lock = _locked(parent, is_folder=True)
    try:
        yield path
    finally:
        _remove_folder(path)
        os.close(lock)


def sweep(folder: Path) -> None:
    """Remove what killed processes left in `folder`, and finish what they were replacing."""
    with suppress(OSError):
        for path in folder.glob(f"{PREFIX}*{SUFFIX}"):
            with suppress(OSError):
                _remove_dead(path)


def _locked(folder: Path, *, is_folder: bool) -> tuple[Path, int]:
    """A new staging file or folder, and the descriptor that keeps it locked."""
    while True:
        path = folder / f"{PREFIX}{secrets.token_hex(6)}{SUFFIX}"
        # Made by the system under the umask; temporary files of `tempfile` are for the owner only.
        if is_folder:
            path.mkdir()
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        else:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return path, lock
        os.close(lock)  # another process took it for a dead one before it was locked


def _remove_dead(path: Path) -> None:
    is_folder = stat.S_ISDIR(path.lstat().st_mode)
    flags = os.O_RDONLY | os.O_DIRECTORY if is_folder else os.O_RDWR | os.O_NONBLOCK
    lock = os.open(path, flags | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_folder:
            _remove_folder(path)
        else:
            path.unlink()
    finally:
        os.close(lock)


def _remove_folder(path: Path) -> None:
    """Remove a staging folder, once the folder that it was replacing is back under its name."""
    if (path / OLD).exists():
        name = (path / TARGET).read_text(encoding="utf-8", errors="surrogateescape")
        target = path.parent / Path(name).name
        if target.name == name and not target.exists():
            (path / OLD).rename(target)
    shutil.rmtree(path, ignore_errors=True)
