"""Archives of pictures that are made to break what opens them; by number."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import zipfile
from functools import cache

import pyarrow as pa

from tests.pictures.picture_server import png

from .mutations import change_bytes, change_words

_ODD = ("../x.png", "/etc/passwd", "a/../../x.png", "..\\x.png", "C:\\x.png", "\udcff.png", "con",
        "",
        ".", "a" * 300 + ".png", "a/" * 2_000 + "x.png", "long.png", "é.png", "7.png",
        "__MACOSX/1.png",
        "1.png/", "1.png\0.png", "x\n.png")  # fmt: skip


def _content(rng: random.Random) -> bytes:
    return rng.choice(
        (png(rng.randrange(9)), png() + bytes(150_000), b"", b"\x89PNG", b"MZ", rng.randbytes(90))
    )


def _zip(rng: random.Random) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", strict_timestamps=False) as packed:
        names = ["1.png", "a/2.png", "3.png", *rng.choices(_ODD, k=rng.randrange(4))]
        for name in names:
            info = zipfile.ZipInfo(name.encode(errors="replace").decode())
            info.compress_type = rng.choice((0, 0, 8, 8, 12, 14))
            if rng.random() < 0.2:
                info.external_attr = rng.choice((0o120777, 0o020666, 0o010644, 0o040755)) << 16
            if rng.random() < 0.1:
                info.extra = rng.randbytes(4) * rng.randrange(1, 30)
            packed.writestr(info, bytes(1 << 22) if rng.random() < 0.02 else _content(rng))
        packed.comment = rng.randbytes(rng.choice((0, 0, 30, 9_000)))
    data = bytearray(file.getvalue())
    if rng.random() < 0.2:  # encrypted, or said to be
        for place in (6, data.find(b"PK\x01\x02") + 8):
            data[place] |= rng.choice((1, 0x40, 0x08))
    return bytes(data)


def _pax(records: bytes, kind: bytes) -> bytes:
    info = tarfile.TarInfo("pax")
    info.type, info.size = kind, len(records)
    return info.tobuf(tarfile.USTAR_FORMAT) + records + bytes(-len(records) % 512)


def _odd_headers(rng: random.Random) -> bytes:
    """Headers before a member: of any number, nested in each other, with odd words."""
    many = int(10 ** rng.uniform(0, 3.2))
    kind = rng.choice((tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE))
    records = rng.choice((
        b"19 path=../../x.png\n", b"20 size=99999999999\n", b"30 GNU.sparse.major=1\n",
        b"9" * 30_000,
        b"12 size=-1\n\n\n", b"22 GNU.sparse.size=x\n\n", b"25 GNU.sparse.map=0,1,2,\n",
        b"".join(b"%d %d=b\n" % (len(b"%d" % n) + 6, n) for n in range(1_000, 3_000)),
        b"30 hdrcharset=BINARY\n\n\n\n\n\n\n\n\n\n", b"0 a=b\n", b"-5 a=b\n",
        b"17 path=\xff\xfe.png\n\n", b"2 " * 14_000 + b"=", b"1" * 255 + b" ", b"3 =" * 9_000,
    ))  # fmt: skip
    if rng.random() < 0.3:
        info = tarfile.TarInfo("././@LongLink")
        info.type = rng.choice((tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK))
        info.size = rng.choice((0, 10, 512, 40_000))
        one = info.tobuf(tarfile.USTAR_FORMAT) + b"x" * (info.size + -info.size % 512)
    else:
        one = _pax(records, kind)
    return one * min(many, (400_000 // len(one)) + 1)


def _tar(rng: random.Random) -> bytes:
    out = b""
    for name in ("1.png", "a/2.png", *rng.choices(_ODD, k=rng.randrange(4)), "3.png"):
        if rng.random() < 0.3:
            out += _odd_headers(rng)
        data = _content(rng)
        info = tarfile.TarInfo(name)
        info.size = len(data)
        kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE,
                 tarfile.DIRTYPE,
                 tarfile.GNUTYPE_SPARSE, tarfile.CONTTYPE, b"Z", b"\0")  # fmt: skip
        if rng.random() < 0.3:
            info.type, info.linkname = (
                rng.choice(kinds),
                rng.choice(("/etc/passwd", "1.png", "../x")),
            )
        if rng.random() < 0.1:
            info.size = rng.choice((2**33, 2**60, len(data) + 1, 0))
        head = info.tobuf(tarfile.GNU_FORMAT, errors="surrogateescape")
        if rng.random() < 0.1:
            head = change_words(head, rng)
        out += head + data + bytes(-len(data) % 512)
    return out + bytes(rng.choice((0, 512, 1024)))


@cache
def _zeros(kind: str) -> bytes:
    """32 MiB of them, packed."""
    if kind == "gzip":
        return gzip.compress(bytes(1 << 25), 1, mtime=0)
    with pa.CompressedOutputStream(packed := pa.BufferOutputStream(), kind) as stream:
        stream.write(bytes(1 << 25))
    return packed.getvalue().to_pybytes()


def archive(number: int) -> bytes:
    """An archive of less than a mebibyte."""
    rng = random.Random(number)
    kind = number % 4
    data = _zip(rng) if kind == 0 else _tar(rng)
    times = 24 if kind > 1 and rng.random() < 0.004 else 0  # and unpacks to much more
    if rng.random() < 0.3 and len(data) < 1 << 20:
        data = rng.choice((change_bytes, change_words))(data, rng)
    if kind == 2:
        data = gzip.compress(data, 1, mtime=0) + _zeros("gzip") * times
    elif kind == 3:
        with pa.CompressedOutputStream(packed := pa.BufferOutputStream(), "zstd") as stream:
            stream.write(data)
        data = packed.getvalue().to_pybytes() + _zeros("zstd") * times
    if rng.random() < 0.2:
        data = change_bytes(data, rng)
    return data[: 1 << 20]
