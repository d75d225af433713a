"""Sources as a stream of bytes, unpacked on the way if they are gzip, zstd, bzip2, xz or zip.

The first bytes decide, not the name. Nothing is ever unpacked as a whole: a reader holds one
buffer and one line, however much a small file unpacks to. A zip is read if one file is in it, or
one beside pictures; workbooks, which are zip files too, are not unpacked.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from k3m_kg.errors import CatalogError

BUFFER = 1 << 18
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
BZIP2 = b"BZh"
XZ = b"\xfd7zXZ\0"
ZIP = b"PK\x03\x04"
_SUFFIXES = {".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz", ".zip"}
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif")
_XZ_MEMORY = 256 << 20
"""What a stream of xz may ask for; 65 MiB are the most that `xz -9` needs."""
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others ask for the memory that a member names."""
_ZIP_LIST = 8 << 20
"""Bytes of a zip's list of members, which is read at once."""
_OF_DOCUMENTS = frozenset(("[Content_Types].xml", "mimetype", "META-INF/manifest.xml"))
"""Members of zip files that are one document: Office Open XML, OpenDocument."""


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
        try:
            unpacked = unpack(file)
        except _SeveralError as error:
            raise CatalogError(
                str(error), where=str(path), hint="unpack it, and name the catalog in it"
            ) from None
        except ValueError as error:
            raise _damaged(name, path, error) from None
        return cast(BinaryIO, io.BufferedReader(_Unpacked(file, unpacked, name, path), BUFFER))
    except BaseException:
        file.close()
        raise


def is_packed(path: Path) -> bool:
    """Whether the file is packed.

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


def _damaged(name: str, path: Path, error: Exception) -> CatalogError:
    return CatalogError(
        f"the {name} stream is damaged or incomplete: {error}",
        where=str(path),
        hint="fetch or pack the file again",
    )


def _packing(file: BinaryIO) -> tuple[str, Callable[[BinaryIO], Any]] | None:
    """Name and unpacker, by the first bytes of the file, which is left at its start."""
    first = file.read(6)
    file.seek(0)
    if first.startswith(GZIP):
        return "gzip", lambda packed: gzip.GzipFile(fileobj=packed, mode="rb")
    if first.startswith(ZSTD):
        return "zstd", _zstd
    if first.startswith(BZIP2) and first[3:4].isdigit():
        return "bzip2", lambda packed: bz2.BZ2File(packed, mode="rb")
    if first == XZ:
        return "xz", _Xz
    if first.startswith(ZIP) and not _is_document(file):
        return "zip", _only_member
    return None


def _zstd(file: BinaryIO) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")


class _Xz:
    """The content of streams of xz, one after the other, in bounded memory.

    The library's own file takes as much memory as a stream asks for.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._ended = False
        self._inside = False
        self._begin()

    def _begin(self) -> None:
        self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end."""
        while not self._ended:
            rest = b""
            if self._stream.eof:
                rest = self._stream.unused_data.lstrip(b"\0")  # padding
                self._begin()
                self._inside = False
            if not rest and self._stream.needs_input:
                rest = self._file.read(BUFFER)
                if not rest:
                    if self._inside:
                        raise EOFError("it ends within a stream")
                    self._ended = True
                    return b""
                if not self._inside:
                    rest = rest.lstrip(b"\0")
            self._inside = self._inside or bool(rest)
            if not self._inside:
                continue
            if content := self._stream.decompress(rest, size):
                return content
        return b""


def _members(file: BinaryIO) -> zipfile.ZipFile:
    return zipfile.ZipFile(cast(BinaryIO, _ShortReads(file)))


def _is_document(file: BinaryIO) -> bool:
    """Whether a zip is one document, or none that can be looked into; left at its start."""
    try:
        with _members(file) as found:
            return bool(_OF_DOCUMENTS.intersection(found.namelist()))
    except _ZIP_DAMAGE:
        file.seek(0)
        head = file.read(1 << 12)
        return any(name.encode() in head for name in _OF_DOCUMENTS)
    finally:
        file.seek(0)


def _only_member(file: BinaryIO) -> Any:
    """The one file in a zip that is no picture, or the one that there is.

    Raises:
        ValueError: there is none, or several, or it is encrypted or packed in another way.
    """
    try:
        found = _members(file)
        kept = _files(found)
        catalogs = [info for info in kept if not _is_picture(info.filename)]
        kept = catalogs if len(catalogs) == 1 else kept
        if len(kept) != 1:
            names = ", ".join(ascii(info.filename)[1:-1][:80] for info in kept[:5])
            more = ", ..." if len(kept) > 5 else ""
            raise _SeveralError(f"there are {len(kept):,} files in it: {names}{more}")
        if kept[0].compress_type not in _ZIP_METHODS:
            raise ValueError("it is packed by a method that is not read")
        return found.open(kept[0])
    except _ZIP_DAMAGE as error:
        raise ValueError(str(error) or type(error).__name__) from None
    except RuntimeError:
        raise ValueError("it is encrypted") from None


def pictures_beside(path: Path) -> int:
    """How many pictures are in a zip with the catalog that is read from it; 0 of other files."""
    try:
        with path.open("rb") as file:
            packing = _packing(file)
            if packing is None or packing[0] != "zip":
                return 0
            with _members(file) as found:
                return sum(_is_picture(info.filename) for info in _files(found))
    except (OSError, *_ZIP_DAMAGE):  # as whoever reads it will say
        return 0


def _files(found: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    return [
        info
        for info in found.infolist()
        if not info.is_dir()
        and not _is_hidden(info.filename)
        and info.external_attr >> 28 in (0, 8)
    ]


def _is_picture(name: str) -> bool:
    return name.lower().endswith(_PICTURES)


def _is_hidden(name: str) -> bool:
    """What macOS puts beside files."""
    return any(part == "__MACOSX" or part.startswith(".") for part in name.split("/"))


class _SeveralError(Exception):
    """A zip does not hold one file."""


_ZIP_DAMAGE = (
    zipfile.BadZipFile, struct.error, NotImplementedError, OverflowError, EOFError, IndexError,
    UnicodeDecodeError,
)  # fmt: skip
"""What the standard library raises where it meets bytes that are no zip."""


class _ShortReads:
    """A file for `zipfile`, which reads a list of members of any length at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, count: int = -1) -> bytes:
        if count > _ZIP_LIST:
            raise zipfile.BadZipFile(f"a list of members of {count >> 20:,} MiB")
        return self._file.read(count)

    def close(self) -> None:
        """It is closed by whoever opened it."""


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
        except (
            OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, ValueError,
            NotImplementedError,
        ) as error:  # fmt: skip
            # What the system says of the file itself has a number, what the unpacker says has not.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise _damaged(self._name, self._path, error) from None
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """Close the file under it too."""
        if not self.closed:
            self._file.close()
        super().close()
