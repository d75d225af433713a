"""A file that is there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from k3m_kg.errors import K3MError, UsageError
from k3m_kg.files.staging import staging_file
from k3m_kg.files.sync import sync
from k3m_kg.files.target import target_of
from k3m_kg.files.writing import write_errors


@contextmanager
def whole_file(
    path: Path,
    error: type[K3MError] = K3MError,
    *,
    hint: str | None = None,
    named: bool = True,
) -> Iterator[Path]:
    """A file to write to, which takes the place of `path` when the block ends.

    If the block raises, or is killed, `path` is as it was. Through a symbolic link the file that
    it leads to is replaced. A pipe or device is given as it is and written as it goes.

    Args:
        error: what is raised if it cannot be written.
        hint: what to do then.
        named: whether the user named this very path. A file whose name we chose, in a folder that
            may come from others, takes the place of a link or pipe that is there: nobody chose
            where that leads.

    Raises:
        UsageError: `path` is a folder.
        K3MError (`error`): it cannot be written.
    """
    with write_errors(path, error, hint=hint):
        if path.is_dir() and (named or not path.is_symlink()):
            raise UsageError("is a folder, not a file", where=str(path), hint="name a file")
        if named and path.exists() and not path.is_file():
            yield path
            return
        target = target_of(path) if named else path.parent.resolve() / path.name
        with staging_file(target.parent) as staging:
            yield staging
            put_file(staging, target)


def write_text(
    path: Path, text: str, error: type[K3MError] = K3MError, *, named: bool = True
) -> None:
    """Write `text` in UTF-8, whole or not at all; the arguments are those of `whole_file`.

    Raises:
        K3MError (`error`): it cannot be written.
    """
    with whole_file(path, error, named=named) as staging:
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
