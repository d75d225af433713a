"""Output that is there whole or not at all: files, compressed by their suffix, and folders."""

from __future__ import annotations

import gzip
import os
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, cast

from k3m_kg.errors import K3MError, UsageError

COMPRESSED = (".gz", ".zst")
STDOUT = Path("-")
_BUFFER = 1 << 20


@contextmanager
def output_file(path: Path) -> Iterator[IO[bytes]]:
    """A binary file to write, compressed if its name ends in `.gz` or `.zst`; `-`: standard output.

    What is written appears under its name when the block ends, in place of what was there; if it
    raises, nothing changes. A pipe or device is written as it goes.

    Raises:
        K3MError: it cannot be written.
    """
    if path == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with _clear_errors(path), ExitStack() as stack:
        if path.exists() and not path.is_file():
            if path.is_dir():
                raise UsageError("is a folder, not a file", where=str(path))
            yield stack.enter_context(path.open("wb"))
            return
        target = path.resolve()
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{path.name}.")
        stack.callback(_remove, Path(name))
        try:
            with _compressed(Path(name), path.suffix) as stream:
                yield stream
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _open_to_others(Path(name), 0o666)
        Path(name).replace(target)


@contextmanager
def output_folder(path: Path, names: Collection[str]) -> Iterator[Path]:
    """A folder to fill with the files `names`; it appears under its name when the block ends.

    It may take the place of an empty folder, or of one that holds only such files.

    Raises:
        UsageError: something else is there.
        K3MError: it cannot be written.
    """
    with _clear_errors(path), ExitStack() as stack:
        _check_free(path, names)
        target = path.resolve()
        work = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        new, old = work / "new", work / "old"
        new.mkdir()
        yield new
        if target.exists():
            target.rename(old)
        new.rename(target)


def _check_free(path: Path, names: Collection[str]) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        raise UsageError("is a file, and a folder is to be written", where=str(path))
    foreign = sorted({item.name for item in path.iterdir()} - set(names))
    if foreign:
        raise UsageError(
            f"the folder holds other things ({', '.join(foreign[:3])})",
            where=str(path),
            hint="name a new folder",
        )


@contextmanager
def _compressed(file: Path, suffix: str) -> Iterator[IO[bytes]]:
    if suffix == ".zst":
        import pyarrow as pa

        with pa.CompressedOutputStream(str(file), "zstd") as stream:
            yield stream
        return
    with file.open("wb", buffering=_BUFFER) as plain:
        if suffix == ".gz":
            # No name and no time: equal graphs give equal files.
            with gzip.GzipFile("", "wb", 6, plain, mtime=0) as zipped:
                yield cast("IO[bytes]", zipped)
        else:
            yield plain


def _open_to_others(path: Path, mode: int) -> None:
    """The permissions that any new file would have: temporary ones are for their owner only."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(mode & ~mask)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise K3MError(
            f"cannot be written: {error.strerror or error}",
            where=str(path),
            hint="check that its folder exists, may be written and has space; nothing was changed",
        ) from None
