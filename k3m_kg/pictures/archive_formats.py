"""Zip and tar archives as named streams of bytes. Nothing is ever written under a member's name.

An archive is data from outside. Only regular files are seen: links, devices, sparse files, absolute
names and names with `..` do not exist here. What an archive unpacks to is bounded.
"""

from __future__ import annotations

import gzip
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol, cast

from k3m_kg.errors import CatalogError, UsageError

CHUNK = 1 << 18
MAX_MEMBERS = 5_000_000
MAX_LIST_BYTES = 64 << 20
"""The list of a zip is read at once: some 400,000 members, a gigabyte of memory at the worst."""
MAX_NAME = 4096
MAX_HEADER_BYTES = 1 << 16
"""Of one header of a tar, and of all of them between two members."""
_RECORD, _BEGUN = re.compile(rb"([0-9]{1,20}) [^=]{1,512}="), re.compile(rb"[0-9]+ [^=]")
_DIGITS = bytes(ord("0") if chr(byte).isdecimal() and byte < 128 else 1 for byte in range(256))
_MOST_DIGITS = 256
"""No name of a file has as many characters."""
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Pictures do not shrink; other methods ask for the memory that a member names."""
MAX_RATIO = 100
SMALL_ARCHIVE_BYTES = 1 << 30
"""An archive may unpack to this, however small it is."""

_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    NotImplementedError,
    RecursionError,
)
"""What the standard library raises where it meets bytes that are no archive."""


class MemberError(Exception):
    """Why one member cannot be read, in words for its product."""


class Archive(Protocol):
    """An archive whose members can be read in any order."""

    def names(self) -> list[str]:
        """The regular files in it, as paths with `/`."""
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """The content of a member.

        Raises:
            MemberError: it is encrypted or damaged.
            CatalogError: the archive unpacks to more than it may.
        """
        ...


class Budget:
    """Bytes that an archive may unpack to: a hundred times its size, and never under 1 GiB."""

    def __init__(self, path: Path) -> None:
        self._where = str(path)
        self._limit = max(SMALL_ARCHIVE_BYTES, MAX_RATIO * path.stat().st_size)
        self._left = self._limit

    def spend(self, count: int) -> None:
        """Count unpacked bytes.

        Raises:
            CatalogError: there are too many.
        """
        self._left -= count
        if self._left < 0:
            raise CatalogError(
                f"the archive unpacks to more than {self._limit >> 20:,} MiB, which no collection "
                "of pictures does",
                where=self._where,
                hint="unpack it yourself and give the folder, if you trust it",
            )


def format_of(path: Path) -> str:
    """`zip`, `tar`, `tar.gz` or `tar.zst`, by its first bytes.

    Raises:
        UsageError: it is none of them.
        CatalogError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise CatalogError(f"cannot be read: {error.strerror or error}", where=str(path)) from None
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    if head[:2] == b"\x1f\x8b":
        return "tar.gz"
    if head[:4] == b"\x28\xb5\x2f\xfd":
        return "tar.zst"
    if head[257:262] == b"ustar":
        return "tar"
    raise UsageError(
        f"{path} is neither a folder nor an archive",
        where="--images",
        hint="archives may be .zip, .tar, .tar.gz or .tar.zst",
    )


def safe_name(name: str) -> str | None:
    """A member's name as a plain relative path; None for one that points elsewhere."""
    path = name.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    # macOS puts a hidden companion beside every file.
    hidden = any(part == "__MACOSX" or part.startswith("._") for part in parts)
    if not parts or path.startswith("/") or ".." in parts or "\0" in path or hidden:
        return None
    if len(path) > MAX_NAME or not _is_text(path):
        return None
    return "/".join(parts)


def _is_text(name: str) -> bool:
    """Whether a name is UTF-8 in the archive: no catalog can write another one."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


class ZipArchive:
    """A zip file."""

    def __init__(self, path: Path) -> None:
        self._budget = Budget(path)
        with _damage(path):
            self._zip = zipfile.ZipFile(cast(IO[bytes], _ShortReads(path.open("rb"))))
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            unix_kind = info.external_attr >> 28
            # Else a link, a device, or a folder; `is_dir` takes it that there is a name.
            regular = unix_kind in (0, 8) and not info.filename.endswith("/")
            if regular and (name := safe_name(info.filename)) is not None:
                self._members[name] = info

    def names(self) -> list[str]:
        """The regular files in it."""
        return list(self._members)

    def read(self, name: str) -> Iterator[bytes]:
        """The content of a member."""
        if self._members[name].compress_type not in _ZIP_METHODS:
            raise MemberError("is packed by a method that is not read")
        try:
            with self._zip.open(self._members[name]) as file:
                while chunk := file.read(CHUNK):
                    self._budget.spend(len(chunk))
                    yield chunk
        except NotImplementedError:
            raise MemberError("is packed by a method that is not read") from None
        except _DAMAGE:
            raise MemberError("is damaged in the archive") from None
        except RuntimeError:
            raise MemberError("is encrypted in the archive") from None


class _ShortReads:
    """A file for `zipfile`, which reads a list of any length at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, count: int = -1) -> bytes:
        if count > MAX_LIST_BYTES:
            raise zipfile.BadZipFile(f"a list of members of {count >> 20:,} MiB")
        return self._file.read(count)


class TarArchive:
    """A tar file without compression: read at the places that its headers name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int]] = {}
        with path.open("rb") as file, _damage(path):
            for name, info in _tar_headers(file, path):
                self._places[name] = info.offset_data, info.size
        self._file = path.open("rb")

    def names(self) -> list[str]:
        """The regular files in it."""
        return list(self._places)

    def read(self, name: str) -> Iterator[bytes]:
        """The content of a member."""
        offset, left = self._places[name]
        self._file.seek(offset)
        while left:
            chunk = self._file.read(min(left, CHUNK))
            if not chunk:
                raise MemberError("is cut off in the archive")
            left -= len(chunk)
            yield chunk


def stream_tar(path: Path, kind: str) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The regular files of a compressed tar archive, in order; each is read before the next.

    Raises:
        CatalogError: it is damaged, incomplete, or unpacks to more than it may.
    """
    with _damage(path), _decompressed(path, kind) as packed:
        stream = _Forward(packed, Budget(path))
        for name, info in _tar_headers(cast(IO[bytes], stream), path):
            yield name, _guarded(path, stream.content(info.offset_data, info.size))


def _guarded(path: Path, chunks: Iterator[bytes]) -> Iterator[bytes]:
    # The reader of a member is another frame than the loop over members.
    with _damage(path):
        yield from chunks


def _tar_headers(file: IO[bytes], path: Path) -> Iterator[tuple[str, tarfile.TarInfo]]:
    bounded = _Bounded(file)
    with tarfile.open(  # type: ignore[call-overload]
        fileobj=bounded, mode="r:", errorlevel=2, tarinfo=_Header
    ) as tar:
        for count, info in enumerate(tar):
            if count >= MAX_MEMBERS:
                raise CatalogError(f"has more than {MAX_MEMBERS:,} members", where=str(path))
            bounded.left = MAX_HEADER_BYTES
            tar.members = []
            tar.pax_headers = {}  # what is said of all members that follow grows, and says nothing
            if info.size < 0:
                raise tarfile.ReadError("a member of less than nothing")
            if not info.isreg() or info.issparse():
                continue
            if (name := safe_name(info.name)) is not None:
                yield name, info


class _Bounded:
    """A file for `tarfile`, which reads headers of any length and number: a bomb of its own.

    Attributes:
        left: bytes that it may read until its user sets this anew, at each member.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell
        self.left = MAX_HEADER_BYTES
        self._looked_at = b""

    def look(self, count: int) -> bytes:
        """What the next `read` of so many bytes gives."""
        self._looked_at = self.read(count)
        return self._looked_at

    def read(self, count: int) -> bytes:
        if self._looked_at:
            found, self._looked_at = self._looked_at, b""
            return found
        self.left -= count
        if self.left < 0:
            raise tarfile.ReadError(f"headers of more than {MAX_HEADER_BYTES:,} bytes")
        return self._file.read(count)


class _Header(tarfile.TarInfo):
    """A header that says nothing over which `tarfile` thinks for minutes.

    Its expressions go over a text once from every digit and every record.
    """

    def _proc_pax(self, tar: Any) -> Any:
        if wrong := _wrong_records(tar.fileobj.look(self._block(self.size))):  # type: ignore[attr-defined]
            raise tarfile.ReadError(wrong)
        return super()._proc_pax(tar)  # type: ignore[misc]


def _wrong_records(header: bytes) -> str | None:
    """Why the records of an extended header are not read; None where they are."""
    if b"0" * _MOST_DIGITS in header.translate(_DIGITS):
        return f"a header with a number of {_MOST_DIGITS} digits"
    place = 0
    while found := _RECORD.match(header, place):
        length = int(found[1])
        if length < found.end() - place:
            return "a header with a record that is shorter than its name"
        place += length
    return "a header with a record of a very long name" if _BEGUN.match(header, place) else None


class _Forward:
    """A decompressed stream that `tarfile` may skip through, forward only."""

    def __init__(self, stream: Any, budget: Budget) -> None:
        self._stream = stream
        self._budget = budget
        self._place = 0

    def tell(self) -> int:
        return self._place

    def seek(self, place: int) -> int:
        if place < self._place:
            raise tarfile.ReadError("the headers contradict each other")
        while self._place < place:
            if not self.read(min(place - self._place, CHUNK)):
                raise tarfile.ReadError("unexpected end of data")
        return place

    def read(self, count: int) -> bytes:
        parts = []
        while count:
            part = self._stream.read(min(count, CHUNK))
            if not part:
                break
            self._budget.spend(len(part))
            self._place += len(part)
            count -= len(part)
            parts.append(part)
        return b"".join(parts)

    def content(self, start: int, size: int) -> Iterator[bytes]:
        self.seek(start)
        while size:
            chunk = self.read(min(size, CHUNK))
            if not chunk:
                raise tarfile.ReadError("unexpected end of data")
            size -= len(chunk)
            yield chunk


@contextmanager
def _decompressed(path: Path, kind: str) -> Iterator[Any]:
    if kind == "tar.gz":
        with gzip.open(path, "rb") as stream:
            yield stream
        return
    import pyarrow as pa

    with pa.input_stream(str(path), compression="zstd") as stream:
        yield stream


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as bad:
        raise CatalogError(
            f"the archive is damaged or incomplete ({str(bad) or type(bad).__name__})",
            where=str(path),
            hint="fetch it again",
        ) from None
