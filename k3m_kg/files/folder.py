"""A folder that is there whole or not at all."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from k3m_kg.errors import K3MError
from k3m_kg.files.staging import NEW, OLD, TARGET, staging_folder
from k3m_kg.files.sync import sync, sync_tree
from k3m_kg.files.target import target_of
from k3m_kg.files.writing import write_errors

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_CANNOT_SWAP = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)


@contextmanager
def whole_folder(
    target: Path,
    error: type[K3MError] = K3MError,
    *,
    replace: bool = True,
    hint: str | None = None,
) -> Iterator[Path]:
    """A folder to fill, which takes the place of `target` when the block ends.

    If the block raises, or is killed, `target` is as it was. The swap is one step of the file
    system where that knows how (Linux: ext4, xfs, btrfs, tmpfs, overlayfs); elsewhere (NFS) it is
    two, and a process that is killed between them leaves no `target` until something is
    written in its folder, or `sweep` called, which brings the old one back.

    Args:
        error: what is raised if it cannot be written.
        replace: False refuses to take the place of anything but an empty folder.
        hint: what to do then.

    Raises:
        K3MError (`error`): it cannot be written, or something is there that is not to be replaced.
    """
    with write_errors(target, error, hint=hint):
        target = target_of(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        with staging_folder(target.parent) as staging:
            new = staging / NEW
            new.mkdir()
            yield new
            put_folder(new, target, replace=replace)


def put_folder(new: Path, target: Path, *, replace: bool = True) -> None:
    """Give a filled folder of a staging folder its name, once it is on the disk.

    Args:
        new: a folder directly in a staging folder, which takes what was there before.
        replace: False: only an empty folder may be there.

    Raises:
        OSError: it cannot be done; `target` is as it was.
    """
    sync_tree(new)
    try:
        new.rename(target)
    except OSError as failure:
        if failure.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not replace:
            raise
        if not _swapped(new, target):
            _replace_in_two_steps(new, target)
    sync(target.parent)


def _replace_in_two_steps(new: Path, target: Path) -> None:
    staging = new.parent
    name = target.name.encode(errors="surrogateescape")
    (staging / TARGET).write_bytes(name)
    sync(staging / TARGET)
    target.rename(staging / OLD)
    new.rename(target)


def _swapped(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system cannot."""
    rename = _renameat2()
    if rename is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    if rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT_SWAP:
        return False
    raise OSError(number, os.strerror(number), str(other))


@functools.cache
def _renameat2() -> Callable[..., int] | None:
    """The system call, or None where the C library has none."""
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
