"""Archives: found like in a folder, extracted once, and never trusted."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from k3m_kg.errors import CatalogError, UsageError
from k3m_kg.graph.stored import LocatedImage
from k3m_kg.pictures import archive_formats
from k3m_kg.pictures.archives import ArchiveLocator
from k3m_kg.pictures.checker import looks_like_picture
from k3m_kg.pictures.content_store import ContentStore
from k3m_kg.pictures.index import PictureIndex

FORMATS = ("zip", "tar", "tar.gz", "tar.zst")
Open = Callable[[Path], ArchiveLocator]


def picture(text: str) -> bytes:
    return b"\xff\xd8\xff" + text.encode()


PICTURES = ("1.jpg", "m/x/2.jpg", "m/a b.png", "m/p7.JPEG", "m/same.jpg", "n/same.jpg")


def add_tar(tar: tarfile.TarFile, name: str, data: bytes, **changes: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in changes.items():
        setattr(info, key, value)
    tar.addfile(info, io.BytesIO(data))


def compress(data: bytes, kind: str) -> bytes:
    if kind == "tar.gz":
        return gzip.compress(data)
    return pa.compress(data, codec="zstd", asbytes=True) if kind == "tar.zst" else data


def tar_bytes(files: dict[str, bytes], kind: str = "tar") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            add_tar(tar, name, data)
    return compress(buffer.getvalue(), kind)


def write(path: Path, kind: str, files: dict[str, bytes]) -> Path:
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        path.write_bytes(tar_bytes(files, kind))
    return path


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "store")


@pytest.fixture
def open_archive(store: ContentStore) -> Iterator[Open]:
    with PictureIndex(store) as index, ExitStack() as stack:

        def opened(path: Path) -> ArchiveLocator:
            stack.close()  # an ingest has one archive at a time
            return stack.enter_context(ArchiveLocator(path, store, index))

        yield opened


@pytest.fixture(params=FORMATS)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write(tmp_path / "pics", request.param, {name: picture(name) for name in PICTURES})


def content(found: tuple[LocatedImage, ...]) -> list[str | None]:
    return [image.path and Path(image.path).read_bytes()[3:].decode() for image in found]


def test_a_picture_is_found_by_path_by_name_and_by_id(archive: Path, open_archive: Open) -> None:
    locate = open_archive(archive)
    written = ("m/x/2.jpg", "/m/x/2.jpg", "some/where/1.jpg", "https://x.org/a/2.jpg?w=3")
    assert content(locate("id", written)) == ["m/x/2.jpg", "m/x/2.jpg", "1.jpg", "m/x/2.jpg"]
    assert content(locate("id", ("https://x.org/a%20b.png", "C:\\p\\1.jpg"))) == [
        "m/a b.png",
        "1.jpg",
    ]
    assert content(locate("p7", ())) == ["m/p7.JPEG"]
    assert content(locate("p7", ("https://x.org/other.jpg",))) == ["m/p7.JPEG"]
    assert content(locate("n/same", ("n/same.jpg",))) == ["n/same.jpg"]


def test_what_is_not_found_or_ambiguous_says_so(archive: Path, open_archive: Open) -> None:
    found = open_archive(archive)("id", ("gone.jpg", "same.jpg", "https://x.org/gone.jpg"))
    assert found == (
        LocatedImage("gone.jpg", error="no such file in the archive"),
        LocatedImage("same.jpg", error="several files of that name in the archive"),
        LocatedImage("https://x.org/gone.jpg"),
    )


def test_a_name_may_differ_in_letter_case_and_unicode_form(
    tmp_path: Path, open_archive: Open
) -> None:
    mac = unicodedata.normalize("NFD", "m/grün.JPG")
    path = write(tmp_path / "pics", "zip", {mac: picture("green")})
    for written in ("m/grün.jpg", "grün.jpg", "https://x.org/Gr%C3%BCn.jpg"):
        (found,) = open_archive(path)("id", (written,))
        assert (content((found,)), found.near) == (["green"], True)


def test_locating_again_gives_the_same_without_reading_the_archive(
    archive: Path, open_archive: Open
) -> None:
    cases = [("p7", ()), ("id", ("1.jpg", "gone.jpg")), ("id", ("m/same.jpg",))]
    first = [open_archive(archive)(*case) for case in cases]
    found = archive.stat()
    if archive.read_bytes()[:2] in (b"\x1f\x8b", b"\x28\xb5"):
        # Same size and time, other content: only one who reads it again would notice.
        archive.write_bytes(archive.read_bytes()[:4] + bytes(found.st_size - 4))
        os.utime(archive, ns=(found.st_atime_ns, found.st_mtime_ns))
    again = open_archive(archive)
    for (product, _), images in zip(cases, first, strict=True):
        assert again(product, tuple(image.source for image in images)) == images


def test_a_changed_archive_is_read_again(tmp_path: Path, open_archive: Open) -> None:
    path = tmp_path / "pics"
    for kind in FORMATS:
        write(path, kind, {"1.jpg": picture("old")})
        assert content(open_archive(path)("1", ())) == ["old"]
        write(path, kind, {"1.jpg": picture("newer")})
        assert content(open_archive(path)("1", ())) == ["newer"]


def test_a_cleared_store_is_filled_again(
    archive: Path, open_archive: Open, store: ContentStore
) -> None:
    before = open_archive(archive)("p7", ("1.jpg",))
    Path(str(before[0].path)).unlink()
    assert content(open_archive(archive)("p7", ("1.jpg",))) == ["1.jpg"]


@pytest.mark.parametrize("kind", FORMATS)
def test_members_that_point_elsewhere_do_not_exist(
    tmp_path: Path, open_archive: Open, kind: str, store: ContentStore
) -> None:
    names = ("../1.jpg", "/etc/2.jpg", "a/../../3.jpg", "..\\4.jpg", "__MACOSX/._5.jpg")
    path = write(tmp_path / "pics", kind, {name: picture(name) for name in (*names, "6.jpg")})
    locate = open_archive(path)
    for name in (*names, "1.jpg", "2.jpg", "3.jpg", "4.jpg", "._5.jpg"):
        assert locate("id", (name,))[0].error == "no such file in the archive"
    assert content(locate("6", ())) == ["6.jpg"]
    written = [p for p in store.root.rglob("*") if p.is_file() and "index.db" not in p.name]
    assert len(written) == 1


@pytest.mark.parametrize("kind", FORMATS[1:])
def test_links_and_devices_do_not_exist(tmp_path: Path, open_archive: Open, kind: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        add_tar(tar, "1.jpg", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")
        add_tar(tar, "2.jpg", b"", type=tarfile.LNKTYPE, linkname="good.jpg")
        add_tar(tar, "3.jpg", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=5)
        add_tar(tar, "4.jpg", b"", type=tarfile.FIFOTYPE)
        add_tar(tar, "good.jpg", picture("good"))
    path = tmp_path / "pics"
    path.write_bytes(compress(buffer.getvalue(), kind))
    locate = open_archive(path)
    for name in ("1.jpg", "2.jpg", "3.jpg", "4.jpg"):
        assert locate("id", (name,))[0].error == "no such file in the archive"
    assert content(locate("good", ())) == ["good"]


def test_a_link_in_a_zip_does_not_exist(tmp_path: Path, open_archive: Open) -> None:
    with zipfile.ZipFile(tmp_path / "pics", "w") as archive:
        link = zipfile.ZipInfo("1.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert open_archive(tmp_path / "pics")("1", ("1.jpg",))[0].error == (
        "no such file in the archive"
    )


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_that_unpacks_to_too_much_is_its_own_error(
    tmp_path: Path, open_archive: Open, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("k3m_kg.pictures.archives.MAX_FILE_BYTES", 2 << 20)
    files = {"big.jpg": picture("0" * (3 << 20)), "1.jpg": picture("good")}
    locate = open_archive(write(tmp_path / "pics", kind, files))
    assert locate("id", ("big.jpg",))[0].error == "file larger than 2 MiB"
    assert content(locate("1", ())) == ["good"]


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.zst"])
def test_a_bomb_is_refused(
    tmp_path: Path, open_archive: Open, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_formats, "SMALL_ARCHIVE_BYTES", 1 << 20)
    files = {f"{number}.jpg": picture("0" * (2 << 20)) for number in range(8)}
    path = write(tmp_path / "pics", kind, files)
    with pytest.raises(CatalogError, match="unpacks to more than"):
        open_archive(path)("0", ())


@pytest.mark.parametrize("kind", FORMATS[1:])
def test_a_header_bomb_is_refused(tmp_path: Path, open_archive: Open, kind: str) -> None:
    header = tarfile.TarInfo("./PaxHeaders/x")
    header.type = tarfile.XHDTYPE
    header.size = 1 << 33
    data = header.tobuf(tarfile.GNU_FORMAT) + bytes(4 << 20)
    (tmp_path / "pics").write_bytes(compress(data, kind))
    with pytest.raises(CatalogError, match="damaged or incomplete"):
        open_archive(tmp_path / "pics")


@pytest.mark.parametrize("records", [b"9" * 60_000, b"2 " * 30_000 + b"="], ids=["digits", "names"])
def test_headers_that_are_read_for_minutes_are_refused(
    tmp_path: Path, open_archive: Open, records: bytes
) -> None:
    """Each of them again and again from every byte, and from every record to the end."""
    header = tarfile.TarInfo("./PaxHeaders/x")
    header.type, header.size = tarfile.XHDTYPE, len(records)
    data = header.tobuf(tarfile.USTAR_FORMAT) + records + bytes(-len(records) % 512)
    (tmp_path / "pics").write_bytes(data + tarfile.TarInfo("1.jpg").tobuf() + bytes(1024))
    with pytest.raises(CatalogError, match="a header with"):
        open_archive(tmp_path / "pics")


def test_extended_headers_as_programs_write_them_are_read(
    tmp_path: Path, open_archive: Open
) -> None:
    said = {
        "comment": "9" * 250 + "x=" * 900,
        f"SCHILY.xattr.user.{'n' * 255}": "a\n1 b=c",
        "é": "",
    }
    with tarfile.open(tmp_path / "pics", "w", format=tarfile.PAX_FORMAT, pax_headers=said) as tar:
        add_tar(tar, f"{'d' * 150}/é.jpg", picture("good"), pax_headers=said)
    assert content(open_archive(tmp_path / "pics")("id", ("é.jpg",))) == ["good"]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_truncated_archive_is_one_clear_error(
    tmp_path: Path, open_archive: Open, kind: str
) -> None:
    files = {f"{number}.jpg": picture("") + os.urandom(20_000) for number in range(5)}
    whole = write(tmp_path / "whole", kind, files).read_bytes()
    for keep in (len(whole) // 2, len(whole) - 30_000):
        path = tmp_path / f"pics{keep}"
        path.write_bytes(whole[:keep])
        with pytest.raises(CatalogError, match="damaged or incomplete"):
            open_archive(path)


def test_a_damaged_member_of_a_zip_is_its_own_error(tmp_path: Path, open_archive: Open) -> None:
    files = {"1.jpg": picture("") + os.urandom(500), "2.jpg": picture("good")}
    path = write(tmp_path / "pics", "zip", files)
    data = bytearray(path.read_bytes())
    data[300] ^= 0xFF
    path.write_bytes(data)
    assert open_archive(path)("1", ())[0].error == "is damaged in the archive"
    assert content(open_archive(path)("2", ())) == ["good"]


def test_an_encrypted_member_is_its_own_error(tmp_path: Path, open_archive: Open) -> None:
    path = write(tmp_path / "pics", "zip", {"1.jpg": picture("x")})
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(mark) + offset
        data[place : place + 2] = struct.pack("<H", 1)
    path.write_bytes(data)
    assert open_archive(path)("1", ())[0].error == "is encrypted in the archive"


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_no_picture_is_not_extracted(
    tmp_path: Path, open_archive: Open, kind: str, store: ContentStore
) -> None:
    path = write(tmp_path / "pics", kind, {"1.jpg": b"<html>", "2.jpg": b""})
    for product in ("1", "2"):
        assert open_archive(path)(product, ())[0].error == "not a picture in a format that is read"


def test_a_file_that_is_no_archive_is_wrong_use(tmp_path: Path, open_archive: Open) -> None:
    (tmp_path / "pics").write_text("hello")
    with pytest.raises(UsageError, match="neither a folder nor an archive"):
        open_archive(tmp_path / "pics")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_every_format_that_is_read_is_known_by_its_first_bytes(kind: str) -> None:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, kind)
    assert looks_like_picture(buffer.getvalue()[:16])
    Image.new("RGB", (16, 16)).save(buffer, kind)
    assert looks_like_picture(buffer.getvalue()[:16])


@pytest.mark.parametrize("kind", FORMATS)
def test_a_mutated_archive_gives_pictures_or_clear_errors(
    tmp_path: Path, open_archive: Open, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ContentStore, "sync", lambda self, paths: None)
    files = {name: picture(name) + bytes(range(256)) for name in PICTURES}
    whole = write(tmp_path / "whole", kind, files).read_bytes()
    random = Random(kind)
    for number in range(150):
        data = bytearray(whole)
        for _ in range(random.choice((1, 3, 30))):
            data[random.randrange(len(data))] = random.randrange(256)
        if random.random() < 0.3:
            del data[random.randrange(len(data)) :]
        path = tmp_path / str(number)
        path.write_bytes(data)
        with suppress(CatalogError, UsageError):
            locate = open_archive(path)
            for name in PICTURES:
                for image in locate(name, (name,)):
                    assert (image.path is None) != (image.error is None)
