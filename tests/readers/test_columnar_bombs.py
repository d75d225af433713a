"""Small Parquet and Arrow files that claim or unpack to gigabytes, or to rows without end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from k3m_kg.errors import CatalogError
from k3m_kg.ingest.reading_ahead import read_apart
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.readers.columnar import arrow_batches
from k3m_kg.workers.limits import Limits

LIMITS = Limits(60.0, 300 << 20)
SWOLLEN = 260 << 20
"""With the interpreter and its libraries more than the limit."""
CLAIMED = 130 << 20

enforced = pytest.mark.skipif(
    sys.platform != "linux", reason="the kernel enforces no limit of memory here"
)


def table(size: int) -> pa.Table:
    return pa.table({"id": ["1"], "name": pa.array([bytes(size)], pa.large_binary())})


def write(path: Path, data: pa.Table | pa.RecordBatch, codec: str | None = "zstd") -> None:
    if path.suffix == ".parquet":
        pq.write_table(data, path, compression=codec or "none", use_dictionary=False)
        return
    new = pa.ipc.new_stream if path.suffix == ".arrows" else pa.ipc.new_file
    options = pa.ipc.IpcWriteOptions(compression=codec, allow_64bit=True)
    with new(str(path), data.schema, options=options) as writer:
        writer.write(data)


def read(path: Path) -> list[Any]:
    with read_apart(choose_reader(path), path, None, LIMITS) as records:
        return list(records)


@enforced
@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.arrows"])
def test_a_cell_that_unpacks_to_more_than_the_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write(path, table(SWOLLEN))
    assert path.stat().st_size < 20_000
    with pytest.raises(CatalogError, match=r"needs more memory than .*\n  hint: raise"):
        read(path)


def zigzag(number: int) -> bytes:
    """An integer as the headers of Parquet's pages have it."""
    number *= 2
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


@enforced
@pytest.mark.parametrize(
    ("name", "written", "claimed"),
    [
        ("a.parquet", zigzag(CLAIMED + 10), zigzag((1 << 31) - 1)),
        ("a.arrow", CLAIMED.to_bytes(8, "little"), (1 << 45).to_bytes(8, "little")),
    ],
)
def test_a_page_or_buffer_that_claims_to_be_huge(
    tmp_path: Path, name: str, written: bytes, claimed: bytes
) -> None:
    path = tmp_path / name
    write(path, pa.table({"id": ["1"], "name": pa.array([bytes(CLAIMED)], pa.binary())}))
    content = path.read_bytes()
    assert written in content
    path.write_bytes(content.replace(written, claimed))
    with pytest.raises(CatalogError, match="needs more memory than"):
        read(path)


ENDLESS = pa.Array.from_buffers(pa.null(), 1 << 40, [None])
SAME = pa.RunEndEncodedArray.from_arrays(pa.array([1 << 40], pa.int64()), pa.array(["a"]))


@pytest.mark.parametrize("name", ["a.arrow", "a.arrows"])
@pytest.mark.parametrize("ids", [ENDLESS, SAME], ids=["nulls", "one value"])
def test_rows_without_bytes_do_not_go_on_for_ever(tmp_path: Path, name: str, ids: Any) -> None:
    path = tmp_path / name
    write(path, pa.record_batch([ids, ENDLESS], ["id", "name"]), None)
    with pytest.raises(CatalogError, match=r"it claims more than 1,\d{3},000 rows"):
        read(path)


def test_rows_that_parquet_repeats_do_not_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrow_batches, "FREE_ROWS", 1000)
    monkeypatch.setattr(arrow_batches, "ROWS_OF_A_BYTE", 1)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": ["1"] * 40_000, "name": ["x"] * 40_000}), path)
    with pytest.raises(CatalogError, match="it claims more than"):
        list(choose_reader(path).reader.read(path, None))


def test_few_bytes_for_many_rows_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": ["1"] * 100_000, "name": ["x"] * 100_000}), path)
    assert path.stat().st_size < 2000
    assert len(list(choose_reader(path).reader.read(path, None))) == 100_000


@pytest.mark.parametrize("depth", [120, 3000])
def test_columns_within_columns_without_end(tmp_path: Path, depth: int) -> None:
    kind = pa.int32()
    for _ in range(depth):
        kind = pa.struct([("a", kind)])
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": ["1"], "x": pa.nulls(1, kind)}), path)
    with pytest.raises(CatalogError, match="too deeply nested"):
        read(path)
