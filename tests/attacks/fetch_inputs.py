"""URLs that catalogs should not hold, and answers that no server should give; by number."""

from __future__ import annotations

import random
import struct
import zlib

from tests.pictures.picture_server import png

from .mutations import change_bytes

LIMIT = 200_000
"""Bytes of a picture in these attacks."""
NAMES = {
    "public.example": ["93.184.216.34"],
    "six.example": ["2606:2800::1"],
    "pim.intern": ["10.9.1.1"],
    "other.intern": ["10.2.0.1"],
    "inside.intern": ["10.1.2.3"],
    "mixed.example": ["10.2.0.2", "93.184.216.35"],
    "loop.example": ["127.0.0.1"],
    "metadata.example": ["169.254.169.254"],
    "mapped.example": ["::ffff:169.254.169.254", "::ffff:10.2.0.3"],
    "nat.example": ["64:ff9b::a9fe:a9fe"],
    "local.example": ["fe80::1%eth0", "fec0::1", "fd00:ec2::254"],
    "alibaba.example": ["100.100.100.200"],
    "xn--strae-oqa.intern": ["10.2.0.4"],
    "strasse.intern": ["10.2.0.5"],
}
ALLOWED_HOSTS, ALLOWED_NETWORKS = ["pim.intern", "straße.intern"], ["10.1.0.0/16", "fd12::/32"]
_LITERALS = (
    "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "0.0.0.0", "[::]",
    "10.1.9.9",
    "169.254.169.254", "[fe80::1]", "[fe80::1%25eth0]", "[::ffff:127.0.0.1]", "[fd12::5]",
    "10.2.0.9",
    "[64:ff9b::7f00:1]", "93.184.216.34", "192.0.0.8", "192.88.99.1", "[3fff::1]",
    "[2002:a9fe:a9fe::]",
    "①②⑦.⓪.⓪.①", "127。0。0。1", "localhost", "public.example.", "PUBLIC.example", "straße.intern",
    "a" * 300, "xn--a", "-", "%31%32%37.0.0.1", "public.example\x00", "pim.intern@public.example",
    "public.example\\@pim.intern", "user:secret@public.example", "[::1", "1.2.3.4.5", "300.1.1.1",
    "",
)  # fmt: skip
_PORTS = ("", "", "", "", ":80", ":0", ":65536", ":-1", ":x", ":22", ":8080")
_PATHS = ("", "?a=b&c", "#fragment", "?" + "q" * 3_000, "/../../x", "%2e%2e/%00", "/é日", " b",
          "\t", "/" * 500, "\r\nX-Injected: 1", "?u=\r\n\r\nGET / HTTP/1.1")  # fmt: skip
_SCHEMES = ("http://", "http://", "http://", "http://", "https://", "//", "HTTP://", "http:/")


def url(number: int) -> str:
    """A URL, most of them of a host that answers."""
    rng = random.Random(number)
    host = rng.choice(list(NAMES)) if rng.random() < 0.7 else rng.choice(_LITERALS)
    if rng.random() < 0.3:
        host = "public.example"
    return f"{rng.choice(_SCHEMES)}{host}{rng.choice(_PORTS)}/{number}{rng.choice(_PATHS)}"


def _bomb(width: int, height: int, size: int) -> bytes:
    """A PNG that says it is as large as that."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(size))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*part) for part in ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    )


def _body(rng: random.Random) -> bytes:
    kind = rng.randrange(8)
    if kind < 2:
        return png(rng.randrange(99))
    if kind == 2:
        return change_bytes(png(rng.randrange(99)), rng)
    if kind == 3:
        sides = rng.choice(((7_999, 8_000), (100_000, 100_000), (1, 1), (2**31 - 1, 8), (0, 0)))
        return _bomb(*sides, 1 << 20)
    if kind == 4:
        return rng.choice((b"", b"<html>", b"GIF89a", b"BM", b"II*\0" + bytes(40), b"\xff\xd8\xff"))
    if kind == 5:
        return png() + bytes(LIMIT + rng.choice((-100, 0, 1, 400_000)))
    if kind == 6:
        heads = (b"GIF89a", b"\xff\xd8\xff\xe0", b"RIFF\0\0\0\0WEBP", b"MM\0*", b"\0\0\0 ftypavif")
        return rng.choice(heads) + rng.randbytes(rng.randrange(4_000))
    return rng.randbytes(rng.randrange(4_000))


_LOCATIONS = ("/{n}", "/", "", "//", "http://", "file:///etc/passwd", "ftp://public.example/1",
              "data:,x",
              "javascript:1", "http://[", "http://\x00", "?", "#", "\\\\pim.intern\\x",
              "x" * 60_000,
              "http://public.example:99999/", "gopher://x", "http:public.example", "é", "%",
              "http://user:secret@other.intern/")  # fmt: skip
_VALUES = (b"", b"\x00", b"x" * 50_000, b"\xff\xfe", b"a: b", b"nan", b"-1", b"9" * 400, b"1e9",
           b"0",
           b"W/\"x\"", b"\"" + b"e" * 5_000 + b"\"", b"Wed, 21 Oct 2015 07:28:00 GMT", b"Thu 99",
           b"image/png", b"text/html", b"image/" + b"x" * 9_000, b"gzip", b"chunked", b"br",
           b"99999999999", b"a=b; Domain=.example; Path=/")  # fmt: skip
_FIELDS = (b"ETag", b"Last-Modified", b"Retry-After", b"Content-Type", b"Content-Encoding",
           b"Set-Cookie",
           b"Transfer-Encoding", b"Content-Length", b"Connection", b"Location", b"X", b"",
           b"Upgrade")  # fmt: skip
_STATUSES = (b"200 OK", b"200 OK", b"200 OK", b"200", b"404 Gone", b"404 " + b"g" * 50_000,
             b"304 No",
             b"503 Busy", b"429 Wait", b"206 Part", b"204 No", b"999 Odd", b"099 Low", b"-1 x",
             b"101 Up",
             b"100 Go on", b"407 Proxy", b"401 Who", b"\xff", b"20 0")  # fmt: skip


def answer(number: int) -> bytes:
    """All that the server says to the request for a number, before it closes the connection."""
    rng = random.Random(number)
    kind = rng.randrange(10)
    body = _body(rng)
    if kind == 0:
        return rng.choice((b"", b"SSH-2.0-x\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                           b"HTTP/0.9", body,
                           b"\x16\x03\x01", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
                           b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000,
                           b"HTTP/1.1 100 Continue\r\n\r\n" * 2_000))  # fmt: skip
    fields = [(b"Content-Type", b"image/png"), (b"Content-Length", b"%d" % len(body))]
    status = rng.choice(_STATUSES) if kind > 5 else b"200 OK"
    if kind in (1, 2):
        status = rng.choice((b"301 a", b"302 b", b"303 c", b"307 d", b"308 e"))
        to = rng.choice(_LOCATIONS).replace("{n}", str(number))
        if rng.random() < 0.7:
            to = url(number + rng.randrange(1, 50))
        fields.append((b"Location", to.encode("utf-8", "surrogateescape").replace(b"\r\n", b"")))
    elif kind == 3:
        fields = [(b"Content-Type", b"image/png"), (b"Transfer-Encoding", b"chunked")]
        sizes = (b"%x" % len(body), b"-1", b"f" * 20, b"0", b"", b"g", b"5;" + b"x" * 9_000)
        body = (
            rng.choice(sizes)
            + b"\r\n"
            + body
            + rng.choice((b"\r\n0\r\n\r\n", b"", b"\r\n0\r\nT: x"))
        )
    for _ in range(rng.choice((0, 0, 1, 3)) if kind != 4 else 400):
        fields.append((rng.choice(_FIELDS), rng.choice(_VALUES)))
    if rng.random() < 0.2:
        fields = [field for field in fields if field[0] != b"Content-Length"]
    head = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
    said = b"HTTP/1.1 " + status + b"\r\n" + head + b"\r\n" + body
    if rng.random() < 0.1:
        said = change_bytes(said, rng)
    return said[: rng.choice((len(said), len(said), len(said), 100, len(said) - 1))]
