"""gzip and zstd, read as if they were not there."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pytest

from k3m_kg.errors import CatalogError
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.readers.compressed import open_bytes, read_head, unpacked_suffix
from k3m_kg.readers.csv.delimited import DelimitedReader
from k3m_kg.readers.k3m_tsv import K3MTSVReader
from k3m_kg.readers.lines import MAX_LINE
from k3m_kg.records import ProductRecord, RejectedRow

LINE = "{}\tred mug\t\tcolour#:#red\tmugs\n"


def zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


PACKERS = {"gzip": gzip.compress, "zstd": zstd}


@pytest.fixture(params=PACKERS)
def pack(request: pytest.FixtureRequest):
    return PACKERS[request.param]


def catalog(products: int) -> bytes:
    return "".join(LINE.format(number) for number in range(1, products + 1)).encode()


def test_packed_is_read_as_plain_with_the_same_lines(tmp_path: Path, pack) -> None:
    content = catalog(5000).replace(b"77\tred", b"77 red")
    plain, packed = tmp_path / "a.tsv", tmp_path / "b.tsv"
    plain.write_bytes(content)
    packed.write_bytes(pack(content))
    found = list(K3MTSVReader().read(packed, None))
    assert found == list(K3MTSVReader().read(plain, None))
    assert [record.line for record in found if isinstance(record, RejectedRow)][:2] == [77, 177]


def test_streams_that_follow_each_other_are_one(tmp_path: Path, pack) -> None:
    packed = tmp_path / "a.tsv"
    packed.write_bytes(pack(catalog(3)) + pack(catalog(3)))
    assert len(list(K3MTSVReader().read(packed, None))) == 6


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zst", "a.csv", "a"])
def test_the_first_bytes_decide_and_the_name_without_the_packing(
    tmp_path: Path, pack, name: str
) -> None:
    file, mapping = tmp_path / name, tmp_path / "mapping.yaml"
    file.write_bytes(pack(b"id,name\n1,mug\n2,lamp\n"))
    mapping.write_text("id: id\ntitle: name\n")
    assert choose_reader(file).name == "csv"
    assert [record.line for record in DelimitedReader().read(file, mapping)] == [2, 3]


@pytest.mark.parametrize("cut", [5, 20, 2000])
def test_a_stream_that_ends_early_is_one_error(tmp_path: Path, pack, cut: int) -> None:
    packed = tmp_path / "a.tsv"
    packed.write_bytes(pack(catalog(50_000))[:-cut])
    with pytest.raises(CatalogError, match="damaged or incomplete") as raised:
        list(K3MTSVReader().read(packed, None))
    assert str(packed) in str(raised.value)


def test_a_damaged_stream_is_one_error(tmp_path: Path, pack) -> None:
    content = bytearray(pack(catalog(50_000)))
    middle = len(content) // 2
    content[middle : middle + 40] = bytes(40)
    packed = tmp_path / "a.tsv"
    packed.write_bytes(content)
    with pytest.raises(CatalogError, match="damaged or incomplete"):
        list(K3MTSVReader().read(packed, None))


@pytest.mark.parametrize("head", [b"\x1f\x8b", b"\x1f\x8b\x08no", b"\x28\xb5\x2f\xfd"])
def test_magic_bytes_alone_are_no_traceback(tmp_path: Path, head: bytes) -> None:
    packed = tmp_path / "a.tsv"
    packed.write_bytes(head)
    with pytest.raises(CatalogError, match="damaged or incomplete"):
        read_head(packed, 100)


def test_a_bomb_takes_no_memory(tmp_path: Path, pack) -> None:
    packed = tmp_path / "a.tsv"
    packed.write_bytes(pack(bytes(100 * MAX_LINE)))
    tracemalloc.start()
    (row,) = K3MTSVReader().read(packed, None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(row, RejectedRow)
    assert "longer than" in row.reason
    assert peak < 12 * MAX_LINE


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be read: No such file"):
        read_head(tmp_path / "nothing", 10)


def test_a_closed_stream_closes_the_file(tmp_path: Path, pack) -> None:
    packed = tmp_path / "a.tsv"
    packed.write_bytes(pack(catalog(1)))
    with open_bytes(packed) as stream:
        assert isinstance(next(K3MTSVReader().read(packed, None)), ProductRecord)
    assert stream.closed


def test_the_suffix_ignores_the_packing() -> None:
    names = ("a.csv", "a.csv.gz", "A.CSV.ZST", "a.gz", "a", "b.tsv.zstd")
    assert [unpacked_suffix(Path(name)) for name in names] == [
        ".csv", ".csv", ".csv", "", "", ".tsv",
    ]  # fmt: skip
