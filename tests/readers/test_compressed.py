"""gzip and zstd, read as if they were not there."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tracemalloc
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from k3m_kg.errors import CatalogError
from k3m_kg.readers.choosing import choose_reader
from k3m_kg.readers.compressed import open_bytes, pictures_beside, read_head, unpacked_suffix
from k3m_kg.readers.csv.delimited import DelimitedReader
from k3m_kg.readers.k3m_tsv import K3MTSVReader
from k3m_kg.readers.lines import MAX_LINE
from k3m_kg.records import ProductRecord, RejectedRow

LINE = "{}\tred mug\t\tcolour#:#red\tmugs\n"


def zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


def zipped(content: bytes, *names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names or ("folder/a.tsv",):
            file.writestr(name, content)
        file.writestr("__MACOSX/folder/._a.tsv", b"junk")
    return packed.getvalue()


PACKERS = {
    "gzip": gzip.compress,
    "zstd": zstd,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
}


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
    if pack is zipped:
        return  # a zip has its list at the end
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
    window = 8 if pack is lzma.compress else 0  # MiB that a stream of xz looks back
    assert peak < (12 + window) * MAX_LINE


def test_a_zip_of_several_files_names_them(tmp_path: Path) -> None:
    packed = tmp_path / "a.zip"
    packed.write_bytes(zipped(catalog(1), "a.tsv", "b.tsv"))
    with pytest.raises(CatalogError, match=r"2 files in it: a\.tsv, b\.tsv"):
        choose_reader(packed)
    packed.write_bytes(zipped(catalog(1), ".hidden"))
    with pytest.raises(CatalogError, match="0 files in it"):
        choose_reader(packed)


def test_a_catalog_in_a_zip_with_its_pictures(tmp_path: Path) -> None:
    packed = tmp_path / "a.zip"
    packed.write_bytes(zipped(catalog(1), "x/a.tsv", "x/p/1.jpg", "x/p/2.PNG", "__MACOSX/x/1.jpg"))
    (product,) = choose_reader(packed).reader.read(packed, None)
    assert isinstance(product, ProductRecord)
    assert pictures_beside(packed) == 2
    packed.write_bytes(zipped(catalog(1), "1.jpg", "2.jpg"))
    with pytest.raises(CatalogError, match="2 files in it"):
        choose_reader(packed)


def test_a_zip_that_is_one_document_is_not_unpacked(tmp_path: Path) -> None:
    packed = tmp_path / "a"
    packed.write_bytes(zipped(b"x", "[Content_Types].xml", "xl/workbook.xml"))
    assert read_head(packed, 4) == b"PK\x03\x04"
    assert choose_reader(packed).name == "workbook"


def test_a_zip_in_another_way_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as file:
        file.writestr("a.tsv", catalog(1))
    with pytest.raises(CatalogError, match="packed by a method that is not read"):
        read_head(packed, 10)
    encrypted = bytearray(zipped(catalog(1)))
    encrypted[6] |= 1
    place = encrypted.index(b"PK\x01\x02")
    encrypted[place + 8] |= 1
    packed.write_bytes(encrypted)
    with pytest.raises(CatalogError, match="it is encrypted"):
        read_head(packed, 10)


def test_xz_that_asks_for_much_memory_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "a.xz"
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 20}]
    content = bytearray(lzma.compress(catalog(100), filters=filters))
    greedy = lzma.compress(catalog(100), filters=[{**filters[0], "dict_size": 1 << 29}])
    packed.write_bytes(content)
    assert read_head(packed, 2) == b"1\t"
    packed.write_bytes(greedy)
    with pytest.raises(CatalogError, match=r"(?i)memory"):
        read_head(packed, 2)


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
