"""Files of product pairs with the truth about them.

Two forms: two ids and a label (with a comma, a semicolon or a tab between), or the form in which
the Magellan data sets go round, two records and a label: `COL title VAL cup COL price VAL 3`, tab,
the other record, tab, 1. A record has no id: its text makes one.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from k3m_kg.errors import CatalogError, UsageError
from k3m_kg.readers.cells import unstorable
from k3m_kg.readers.compressed import open_bytes
from k3m_kg.records import ProductRecord

_COLUMN = re.compile(r"COL (\S+) VAL ?")
_TITLES = ("title", "name", "product", "product_title")
_YES, _NO = {"1", "true", "yes"}, {"0", "false", "no"}
_SPLITS = {
    "train": "train",
    "training": "train",
    "valid": "validation",
    "validation": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}
_LONGEST = 1 << 20
_MOST, _MOST_TEXT = 5_000_000, 1 << 28
"""Pairs that are in memory together, and characters of their ids."""
_BOM = b"\xef\xbb\xbf"
_ENDINGS = (".txt", ".csv", ".tsv")


class FilePair(NamedTuple):
    """A line of such a file.

    Attributes:
        left, right: ids of products.
        same: whether they are one; None where the file does not say, and each is.
        split: where the file says it, or is named by it; else None.
    """

    left: str
    right: str
    same: bool | None
    split: str | None


def is_record_pair(line: str) -> bool:
    """Whether a line is of two records."""
    return line.startswith("COL ") and " VAL" in line and "\t" in line


def record_id(side: str, text: str) -> str:
    """The id of a record of the left (`a`) or the right (`b`) table."""
    digest = hashlib.sha256(" ".join(text.split()).encode("utf-8", "replace")).hexdigest()
    return f"{side}-{digest[:16]}"


def paired_product(side: str, text: str, line: int) -> ProductRecord | str:
    """The product that a record describes, or why it is none.

    Its title is the column of that name, or else the first one; what else is filled in becomes
    properties.
    """
    parts = _COLUMN.split(text)
    if len(parts) < 3 or parts[0].strip():
        return "no record: COL name VAL value is expected"
    cells = {
        name: " ".join(value.split()) for name, value in zip(parts[1::2], parts[2::2], strict=True)
    }
    wrong = unstorable([*cells, *cells.values()])
    if wrong:
        return wrong
    name = next((name for name in _TITLES if name in cells), next(iter(cells)))
    rest = tuple((key, value) for key, value in cells.items() if key != name and value)
    return ProductRecord(record_id(side, text), cells[name] or None, properties=rest, line=line)


def pair_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, with their numbers.

    Raises:
        CatalogError: it cannot be read, or a line is longer than 1 MiB.
    """
    try:
        with open_bytes(path) as file:
            number = 0
            while line := file.readline(_LONGEST + 1):
                number += 1
                if len(line) > _LONGEST:
                    raise CatalogError("a line of more than 1 MiB", where=f"{path}:{number}")
                line = line.removeprefix(_BOM) if number == 1 else line
                if line.strip():
                    yield number, line.rstrip(b"\r\n")
    except OSError as error:
        raise CatalogError(f"cannot be read: {error.strerror}", where=str(path)) from None


def read_pairs(path: Path) -> list[FilePair]:
    """The pairs of a file, or of the `train`, `valid` and `test` files of a folder.

    Raises:
        CatalogError: a file cannot be read, a line is no pair, or there are too many.
        UsageError: no such file, or a folder without them.
    """
    if not path.exists():
        raise UsageError("no such file or folder", where=f"--set pairs={path}")
    files: dict[str | None, Path] = _files_of(path) if path.is_dir() else {None: path}
    found: list[FilePair] = []
    size = 0
    for split, file in files.items():
        for pair in _pairs_of(file, split):
            found.append(pair)
            size += len(pair.left) + len(pair.right)
            if len(found) > _MOST or size > _MOST_TEXT:
                what = f"more than {_MOST:,} pairs, or {_MOST_TEXT:,} characters of ids"
                raise CatalogError(what, where=str(path), hint="a part of them teaches as much")
    return found


def _files_of(folder: Path) -> dict[str | None, Path]:
    """The file of each split.

    Raises:
        UsageError: one is missing, or there are two.
    """
    found: dict[str | None, Path] = {}
    for file in sorted(folder.iterdir()):
        split = _SPLITS.get(file.stem.lower())
        if file.suffix.lower() in _ENDINGS and split is not None:
            if split in found:
                raise UsageError(f"two files of {split}", where=str(folder))
            found[split] = file
    if "train" not in found or "test" not in found:
        raise UsageError(
            "no files of pairs: train and test are needed, valid is welcome",
            where=str(folder),
            hint="train.txt, valid.txt, test.txt, or .csv or .tsv",
        )
    return found


def _pairs_of(path: Path, split: str | None) -> Iterator[FilePair]:
    lines = _texts(path)
    for number, line in lines:
        if is_record_pair(line):
            yield _record_pair(line, split, f"{path}:{number}")
            yield from (_record_pair(text, split, f"{path}:{at}") for at, text in lines)
        else:
            yield from _id_pairs(line, chain([(number, line)], lines), split, path)


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in pair_lines(path):
        try:
            yield number, line.decode()
        except UnicodeDecodeError:
            raise CatalogError("not UTF-8 text", where=f"{path}:{number}") from None


def _record_pair(line: str, split: str | None, where: str) -> FilePair:
    cells = line.split("\t")
    if len(cells) != 3:
        raise CatalogError(f"{len(cells)} cells: two records and a label", where=where)
    left, right, label = cells
    return FilePair(record_id("a", left), record_id("b", right), _label(label, where), split)


def _id_pairs(
    first: str, lines: Iterable[tuple[int, str]], split: str | None, path: Path
) -> Iterator[FilePair]:
    delimiter = max(",;\t", key=first.count)
    for place, (number, line) in enumerate(lines):
        where = f"{path}:{number}"
        try:
            row = next(csv.reader(io.StringIO(line), delimiter=delimiter))
        except csv.Error as error:
            raise CatalogError(f"no pair: {error}", where=where) from None
        cells = [cell.strip() for cell in row]
        if not 2 <= len(cells) <= 4 or not all(cells[:2]):
            raise CatalogError("no pair: two ids, and perhaps a label and a split", where=where)
        if place == 0 and _is_header(cells):
            continue
        same = _label(cells[2], where) if len(cells) > 2 else None
        mine = split
        if len(cells) == 4:
            mine = _SPLITS.get(cells[3].lower())
            if mine is None:
                raise CatalogError(f"no split: {cells[3][:80]!r}", where=where)
        yield FilePair(cells[0], cells[1], same, mine)


def _is_header(cells: list[str]) -> bool:
    if len(cells) > 2:
        return cells[2].lower() not in _YES | _NO
    return all("id" in cell.lower() or cell.lower() in ("left", "right") for cell in cells)


def _label(text: str, where: str) -> bool:
    label = text.strip().lower()
    if label not in _YES | _NO:
        said = text.strip()[:80]
        raise CatalogError(f"no label: {said!r}", where=where, hint="1 or 0 is expected")
    return label in _YES
