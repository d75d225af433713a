"""Which encoding delimited text is in, told from its first bytes."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from k3m_kg.readers.compressed import read_head

_SAMPLE = 4 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")
_LETTER = rb"[\x8a\x8c\x8e\x9a\x9c\x9e\x9f\xc0-\xd6\xd8-\xf6\xf8-\xff]"
_IN_WORDS = re.compile(rb"(?<=[A-Za-z])" + _LETTER + rb"|" + _LETTER + rb"(?=[a-z])")
_MANY = 0.25
"""Western languages have fewer letters beyond ASCII; a text with more is in another script."""


def told_encoding(path: Path) -> tuple[str, str | None]:
    """The encoding of a file, and what is to be said of it if it was guessed.

    UTF-8 unless the first bytes say otherwise. Bytes that are no UTF-8 and stand within words of
    Western letters are taken for Windows-1252; any others are left to be rejected row by row.

    Raises:
        CatalogError: the packed stream is damaged.
    """
    head = read_head(path, _SAMPLE)
    if (marked := _marked(head)) is not None:
        return marked, None if marked == "utf-8" else f"read as {marked}, as its first bytes say"
    if (wide := _wide(head)) is not None:
        return wide, f"read as {wide}: every other byte is 0; `encoding` in a mapping overrules it"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        if _looks_western(head):
            return "cp1252", (
                "read as Windows-1252, because it is no UTF-8; `encoding` in a mapping says which "
                "encoding it is (such as cp1250, shift_jis, gb18030)"
            )
    return "utf-8", None


def sniffed_text(head: bytes) -> str:
    """The beginning of a file as text, for a first look; "" for what is none."""
    encoding = _marked(head) or _wide(head)
    if encoding is None:
        return "" if b"\0" in head else head.decode("utf-8", "replace")
    even = head if encoding == "utf-8" else head[: len(head) // 2 * 2]
    text = even.decode(encoding, "replace").removeprefix("\ufeff")
    return "" if "\0" in text else text


def _marked(head: bytes) -> str | None:
    return next((name for mark, name in _BOMS if head.startswith(mark)), None)


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: in Western text every other byte is 0."""
    part = head[:4096]
    half = len(part) // 2
    if half < 8:
        return None
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = part[first::2].count(0)
        if zeros > 0.6 * half and part[1 - first :: 2].count(0) == 0:
            return name
    return None


def _looks_western(head: bytes) -> bool:
    whole = len(_UTF8.findall(head))
    rest = _UTF8.sub(b"", head) if whole else head
    odd = len(_HIGH.findall(rest))
    if whole >= odd:
        return False
    letters = sum(map(rest.count, b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    return len(_IN_WORDS.findall(rest)) * 2 >= odd and odd < _MANY * letters
