"""A file that is there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from k3m_kg.errors import K3MError, UsageError
from k3m_kg.files.staging import staging_file
from k3m_kg.files.sync import sync
from k3m_kg.files.writing import write_errors


@contextmanager
def whole_file(
    path: Path, error: type[K3MError] = K3MError, *, hint: str | None = None
) -> Iterator[Path]:
    """A file to write to, which takes the place of `path` when the block ends.

    If the block raises, or is killed, `path` is as it was. Through a symbolic link the file that
    it leads to is replaced. A pipe or device is given as it is and written as it goes.

    Args:
        error: what is raised if it cannot be written.
        hint: what to do then.

    Raises:
        UsageError: `path` is a folder.
        K3MError (`error`): it cannot be written.
    """
    with write_errors(path, error, hint=hint):
        if path.is_dir():
            raise UsageError("is a folder, not a file", where=str(path), hint="name a file")
        if path.exists() and not path.is_file():
            yield path
            return
        target = path.resolve()
        with staging_file(target.parent) as staging:
            yield staging
            put_file(staging, target)


def write_text(path: Path, text: str, error: type[K3MError] = K3MError) -> None:
    """Write `text` in UTF-8, whole or not at all.

    Raises:
        K3MError (`error`): it cannot be written.
    """
    with whole_file(path, error) as staging:
        staging.write_text(text, encoding="utf-8", newline="")


def put_file(staging: Path, target: Path, *, synced: bool = True) -> None:
    """Give a written file its name, in place of what was there.

    Args:
        synced: False does not wait for the disk: someone else does, for many files at once.
    """
    if synced:
        sync(staging)
    staging.replace(target)
    if synced:
        sync(target.parent)
