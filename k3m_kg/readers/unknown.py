"""What to do with a file that no reader knows, told from its first bytes."""

from __future__ import annotations

_AS_CSV = "save it as CSV (UTF-8), and say what its columns mean with --mapping"
_SIGNED = (
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Office document, and no workbook that can be read: open it and save it anew",
    ),
    (b"%PDF", "a PDF, which holds no table: ask for the catalog as CSV, JSON or XML"),
    (b"SQLite format 3", "an SQLite database: export the table as CSV (`sqlite3 -csv -header`)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it, and name the catalog in it"),
    (b"Rar!", "a RAR archive: unpack it, and name the catalog in it"),
    (b"\x80\x02", f"a Python pickle, which is code and never opened: {_AS_CSV}"),
    (b"\x80\x03", f"a Python pickle, which is code and never opened: {_AS_CSV}"),
    (b"\x80\x04", f"a Python pickle, which is code and never opened: {_AS_CSV}"),
    (b"\x80\x05", f"a Python pickle, which is code and never opened: {_AS_CSV}"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x89HDF", f"an HDF5 file: {_AS_CSV}"),
)
_ZIPPED = (
    (b"xl/", "an Excel workbook that is damaged: open it and save it anew"),
    (b"oasis.opendocument.spreadsheet", "a spreadsheet that is damaged: open it and save it anew"),
    (b"word/", "a Word document, which holds no table"),
)


def advice(head: bytes) -> str | None:
    """What a file seems to be and what to do with it, or None.

    Args:
        head: its first bytes, unpacked where it is packed with something that readers know.
    """
    for signature, what in _SIGNED:
        if head.startswith(signature):
            return f"it looks like {what}"
    if head.startswith(b"PK\x03\x04"):
        for mark, what in _ZIPPED:
            if mark in head:
                return f"it looks like {what}"
        return "it looks like a zip file that is no catalog: unpack it, and name the catalog in it"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"[":
        return "it looks like one JSON array, but not of objects: there is no product in it"
    if text[:1] == b"{":
        return (
            "it looks like one JSON document: --format json reads it, and "
            "--set items=data.products says where its list of products is"
        )
    if text[:14].lower().startswith((b"<!doctype html", b"<html")):
        return "it looks like a web page: save the catalog itself, not the page that shows it"
    if text[:1] == b"<":
        return (
            "it looks like XML that is no catalog: --format xml reads any, by a mapping whose "
            "`element` names a product"
        )
    if head and b"\0" not in head and b"\n" in head:
        return (
            "if it is a table, name it with --format csv, and set `delimiter` in the mapping "
            "file where it is none of comma, tab, semicolon and bar"
        )
    return None
