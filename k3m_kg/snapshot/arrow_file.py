"""The Arrow files of a snapshot, and what is asked of one before its batches are read.

Mapped batches take no memory, unless they are compressed: then reading unpacks them, to whatever
size they claim. A snapshot is never compressed, so that is refused. pyarrow does not say whether
a batch is; the metadata of each does (flatbuffers, see Message.fbs and File.fbs of Apache Arrow).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path

import pyarrow as pa

from k3m_kg.snapshot.layout import ROWS_PER_BATCH, TABLES, THUMBNAILS_PER_BATCH, damaged

_MAGIC = b"ARROW1"
_BLOCK = 24  # offset int64, length of the metadata int32, padding, length of the body int64
_FOOTER_DICTIONARIES, _FOOTER_BATCHES = 2, 3
_MESSAGE_HEADER = 2
_BATCH_COMPRESSION = 3


def refuse_unpacking(folder: Path, name: str) -> None:
    """Make sure that reading the batches of a table maps them and unpacks nothing.

    Raises:
        SnapshotError: compressed batches, dictionaries, or no Arrow file at all.
    """
    path = folder / f"{name}.arrow"
    try:
        with path.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as data:
            for offset in _batches(data):
                prefix = 8 if _int32(data, offset) == -1 else 4
                root = _follow(data, offset + prefix)
                header = _field(data, root, _MESSAGE_HEADER)
                if header is None:
                    raise ValueError("a batch without a header")
                if _field(data, _follow(data, header), _BATCH_COMPRESSION) is not None:
                    raise ValueError("compressed, as no snapshot is")
    except (struct.error, IndexError):
        raise damaged(folder, path.name, "metadata that leads out of the file") from None
    except (OSError, ValueError) as error:
        raise damaged(folder, path.name, str(error)) from None


def _batches(data: mmap) -> Iterator[int]:
    """The places of the record batches' messages."""
    if len(data) < 20 or data[-6:] != _MAGIC:
        raise ValueError("not an Arrow file")
    start = len(data) - 10 - _int32(data, len(data) - 10)
    root = _follow(data, start)
    dictionaries = _field(data, root, _FOOTER_DICTIONARIES)
    if dictionaries is not None and _int32(data, _follow(data, dictionaries)):
        raise ValueError("dictionaries, as no snapshot has")
    blocks = _field(data, root, _FOOTER_BATCHES)
    if blocks is None:
        return
    first = _follow(data, blocks)
    count = _int32(data, first)
    if not 0 <= count <= len(data) // _BLOCK:
        raise ValueError("a footer with more batches than fit")
    for number in range(count):
        yield int(_unpacked("<q", data, first + 4 + number * _BLOCK))


def _unpacked(kind: str, data: mmap, place: int) -> int:
    if place < 0:  # which struct would count from the end
        raise IndexError(place)
    found: int = struct.unpack_from(kind, data, place)[0]
    return found


def _int32(data: mmap, place: int) -> int:
    return _unpacked("<i", data, place)


def _follow(data: mmap, place: int) -> int:
    return place + _unpacked("<I", data, place)


def _field(data: mmap, table: int, number: int) -> int | None:
    """Where a flatbuffers table has its field of that number; None where it has not."""
    fields = table - _int32(data, table)
    if 4 + 2 * number >= _unpacked("<H", data, fields):
        return None
    offset = _unpacked("<H", data, fields + 4 + 2 * number)
    return table + offset if offset else None


def read_table(folder: Path, name: str) -> pa.Table:
    """A table of a snapshot as it is in its file, mapped and unchecked.

    Raises:
        OSError, pa.ArrowException: it cannot be read.
    """
    with pa.memory_map(str(folder / f"{name}.arrow")) as source:
        return pa.ipc.open_file(source).read_all()


def map_table(folder: Path, name: str) -> pa.Table:
    """A table of a snapshot, mapped, with the columns and the batches that it must have.

    Raises:
        SnapshotError: it has not, or cannot be read.
    """
    file = f"{name}.arrow"
    try:
        table = read_table(folder, name)
    except (pa.ArrowException, OSError) as error:
        raise damaged(folder, file, str(error)) from None
    if table.schema != TABLES[name]:
        raise damaged(folder, file, "unexpected columns")
    rows = THUMBNAILS_PER_BATCH if name == "thumbnails" else ROWS_PER_BATCH
    sizes = [len(chunk) for chunk in table.column(0).chunks]
    if any(size != rows for size in sizes[:-1]) or any(size > rows for size in sizes):
        raise damaged(folder, file, "unexpected batches")
    return table
