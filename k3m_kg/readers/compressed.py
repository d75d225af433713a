"""Sources as a stream of bytes, unpacked on the way if they are gzip or zstd.

The first bytes decide, not the name. Nothing is ever unpacked as a whole: a reader holds one
buffer and one line, however much a small file unpacks to.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from k3m_kg.errors import CatalogError

BUFFER = 1 << 18
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
_SUFFIXES = {".gz", ".gzip", ".zst", ".zstd"}


def open_bytes(path: Path) -> BinaryIO:
    """The content of `path`, unpacked, as a buffered stream without seeking.

    Reading from it raises `CatalogError` where a packed stream is damaged or ends early.

    Raises:
        OSError: the file cannot be opened or read.
    """
    file = path.open("rb", buffering=BUFFER)
    try:
        packing = _packing(file)
        if packing is None:
            return file
        name, unpack = packing
        return cast(BinaryIO, io.BufferedReader(_Unpacked(file, unpack(file), name, path), BUFFER))
    except BaseException:
        file.close()
        raise


def is_packed(path: Path) -> bool:
    """Whether the file is gzip or zstd.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return _packing(file) is not None


def read_head(path: Path, size: int) -> bytes:
    """The first `size` bytes of the content.

    Raises:
        CatalogError: the file cannot be read, or is damaged that early.
    """
    try:
        with open_bytes(path) as file:
            return file.read(size)
    except OSError as error:
        raise unreadable(path, error) from None


def unpacked_suffix(path: Path) -> str:
    """The ending of the name in lower case, without that of the packing: `a.csv.gz` is `.csv`."""
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix in _SUFFIXES else suffix


def unreadable(path: Path, error: OSError) -> CatalogError:
    """The error for a file that the system does not let us read."""
    return CatalogError(f"cannot be read: {error.strerror or error}", where=str(path))


def _packing(file: BinaryIO) -> tuple[str, Callable[[BinaryIO], Any]] | None:
    """Name and unpacker, by the first bytes of the file, which is left at its start."""
    first = file.read(4)
    file.seek(0)
    if first.startswith(GZIP):
        return "gzip", lambda packed: gzip.GzipFile(fileobj=packed, mode="rb")
    if first == ZSTD:
        return "zstd", _zstd
    return None


def _zstd(file: BinaryIO) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")


class _Unpacked(io.RawIOBase):
    """A packed file as its content; damage is one `CatalogError`."""

    def __init__(self, file: BinaryIO, unpacked: Any, name: str, path: Path) -> None:
        super().__init__()
        self._file = file
        self._unpacked = unpacked
        self._name = name
        self._path = path

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer`; 0 at the end.

        Raises:
            CatalogError: the packed stream is damaged or ends early.
        """
        try:
            content = self._unpacked.read(len(buffer))
        except (OSError, EOFError, zlib.error, ValueError) as error:
            # What the system says of the file itself has a number, what the unpacker says has not.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise CatalogError(
                f"the {self._name} stream is damaged or incomplete: {error}",
                where=str(self._path),
                hint="fetch or pack the file again",
            ) from None
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """Close the file under it too."""
        if not self.closed:
            self._file.close()
        super().close()
