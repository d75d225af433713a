"""Output that is there whole or not at all: files, compressed by their suffix, and folders."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from k3m_kg.errors import UsageError
from k3m_kg.files import target_of, whole_file, whole_folder, write_errors

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
        with write_errors(Path("standard output")):
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        return
    with whole_file(path) as staging, _compressed(staging, path.suffix) as stream:
        yield stream


@contextmanager
def output_folder(path: Path, names: Collection[str]) -> Iterator[Path]:
    """A folder to fill with the files `names`; it appears under its name when the block ends.

    It may take the place of an empty folder, or of one that holds only such files.

    Raises:
        UsageError: something else is there.
        K3MError: it cannot be written.
    """
    with write_errors(path):
        target = target_of(path)
        target.parent.stat()  # a misspelt folder is not made, as for a file
        _check_free(target, path, names)
    with whole_folder(target) as folder:
        yield folder
        # Hours may have passed since.
        _check_free(target, path, names)


def _check_free(target: Path, path: Path, names: Collection[str]) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise UsageError("is a file, and a folder is to be written", where=str(path))
    foreign = sorted({item.name for item in target.iterdir()} - set(names))
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
