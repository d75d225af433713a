"""A working folder beside the result, so that what is visible is always whole."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from k3m_kg.errors import SnapshotError

_PREFIX = ".tmp-"

_ADVICE = {
    errno.ENOSPC: "free some space, or choose a folder on another disk",
    errno.EDQUOT: "free some space, or choose a folder on another disk",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that you may write to",
    errno.ENOTDIR: "choose a folder, not a file",
    errno.EEXIST: "choose a folder, not a file",
}


@contextmanager
def write_errors(out: Path) -> Iterator[None]:
    """Turn a failed write below `out` into one message; nothing half-written stays visible."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        hint = _ADVICE.get(error.errno or 0)
        message = f"the snapshot cannot be written: {reason}"
        raise SnapshotError(message, where=str(out), hint=hint) from error


@contextmanager
def staging(out: Path) -> Iterator[Path]:
    """A private folder inside `out`, removed at the end, whatever happens.

    The folder is locked as long as this process lives. What a killed process left behind is
    unlocked, and removed by the next one that comes here.
    """
    out.mkdir(parents=True, exist_ok=True)
    _remove_dead(out)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=out))
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            break
        os.close(lock)  # another run took it for a dead one before it was locked
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sync(path: Path) -> None:
    """Wait until a file, or the list of names in a folder, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Wait until the files directly in `folder` and their names are on the disk."""
    for path in folder.iterdir():
        sync(path)
    sync(folder)


def replace_text(stage: Path, target: Path, text: str) -> None:
    """Put a small text file at `target`, old or new content but never anything between."""
    part = stage / target.name
    part.write_text(text, encoding="ascii")
    sync(part)
    part.replace(target)
    sync(target.parent)


def _remove_dead(out: Path) -> None:
    for folder in out.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
