"""Pairs of records with truth, as Ditto and as Magellan publish them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from k3m_kg.errors import CatalogError
from k3m_kg.readers.lines import LineTooLong, short_lines

_SPLITS = ("train", "valid", "test")
_TITLES = ("title", "name", "beer_name", "song_name")
_NOTHING = {"", "nan", "none", "null"}
_COLUMN = re.compile(r"\bCOL (.+?) VAL ")
_LONGEST_CELL = 1 << 20

Record = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Pairs:
    """Records, and which of them were compared.

    Attributes:
        records: (name, value) of each, without empty values.
        left, right: by split, places among the records.
        same: by split, bool.
    """

    records: list[Record]
    left: dict[str, np.ndarray]
    right: dict[str, np.ndarray]
    same: dict[str, np.ndarray]

    def title(self, place: int) -> str | None:
        """A record's title."""
        for name, value in self.records[place]:
            if name.lower() in _TITLES:
                return value
        return None

    def shared(self) -> dict[str, int]:
        """How much of test stands in train: pairs as they are, and records."""
        pairs = {
            split: set(zip(self.left[split].tolist(), self.right[split].tolist(), strict=True))
            for split in _SPLITS
        }
        seen = {place for pair in pairs["train"] for place in pair}
        asked = {place for pair in pairs["test"] for place in pair}
        return {
            "pairs_in_train": len(pairs["test"] & pairs["train"]),
            "records": len(asked),
            "records_in_train": len(asked & seen),
        }


def read_pairs(folder: Path) -> Pairs:
    """The pairs in a folder.

    Raises:
        CatalogError: files are missing, or something else than pairs.
    """
    if (folder / "tableA.csv").is_file():
        return _magellan(folder)
    if (folder / "train.txt").is_file():
        return _ditto(folder)
    raise CatalogError(
        "holds neither train.txt (Ditto) nor tableA.csv (Magellan)",
        where=str(folder),
        hint="--data names the folder with the files",
    )


class _Places:
    def __init__(self) -> None:
        self.records: list[Record] = []
        self._place: dict[Record, int] = {}

    def of(self, record: Record) -> int:
        if record not in self._place:
            self._place[record] = len(self.records)
            self.records.append(record)
        return self._place[record]


def _ditto(folder: Path) -> Pairs:
    places, found = _Places(), {}
    for split in _SPLITS:
        rows = []
        path = folder / f"{split}.txt"
        for number, line in _lines(path):
            cells = line.split("\t")
            if len(cells) != 3 or cells[2].strip() not in ("0", "1"):
                raise CatalogError(f"line {number} is no pair with 0 or 1", where=str(path))
            left, right = (places.of(_record(cell, path, number)) for cell in cells[:2])
            rows.append((left, right, int(cells[2])))
        found[split] = rows
    return _of(places.records, found, folder)


def _record(text: str, path: Path, line: int) -> Record:
    marks = list(_COLUMN.finditer(text))
    if not marks:
        raise CatalogError(f"line {line} has no `COL name VAL value`", where=str(path))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    cells = [
        (mark[1].strip(), text[mark.end() : end].strip())
        for mark, end in zip(marks, ends, strict=True)
    ]
    return tuple((name, value) for name, value in cells if value.lower() not in _NOTHING)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(short_lines(lines), start=1):
                if text := line.rstrip("\r\n"):
                    yield number, text
    except (OSError, UnicodeDecodeError, LineTooLong) as error:
        raise CatalogError(f"cannot be read: {error}", where=str(path)) from None


def _magellan(folder: Path) -> Pairs:
    records: list[Record] = []
    place: dict[tuple[str, str], int] = {}
    for side in ("A", "B"):
        for row in _table(folder / f"table{side}.csv", "id"):
            place[side, row["id"]] = len(records)
            records.append(
                tuple(
                    (name, value.strip())
                    for name, value in row.items()
                    if name != "id" and value.strip().lower() not in _NOTHING
                )
            )
    found = {}
    for split in _SPLITS:
        path, rows = folder / f"{split}.csv", []
        for row in _table(path, "ltable_id", "rtable_id", "label"):
            try:
                left, right = place["A", row["ltable_id"]], place["B", row["rtable_id"]]
                rows.append((left, right, int(row["label"] == "1")))
            except KeyError as error:
                raise CatalogError(
                    f"names a record that is in no table: {error}", where=str(path)
                ) from None
        found[split] = rows
    return _of(records, found, folder)


def _table(path: Path, *needed: str) -> Iterator[dict[str, str]]:
    try:
        csv.field_size_limit(_LONGEST_CELL)
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(short_lines(lines)):
                if any(row.get(name) is None for name in needed):
                    raise CatalogError(f"needs the columns {', '.join(needed)}", where=str(path))
                yield {name: value or "" for name, value in row.items() if name is not None}
    except (OSError, UnicodeDecodeError, csv.Error, LineTooLong) as error:
        raise CatalogError(f"cannot be read: {error}", where=str(path)) from None


def _of(records: list[Record], rows: dict[str, list[tuple[int, int, int]]], folder: Path) -> Pairs:
    tables = {}
    for split, some in rows.items():
        labels = {same for _, _, same in some}
        if len(labels) != 2:
            raise CatalogError(
                f"{split} needs pairs that are the same and others", where=str(folder)
            )
        tables[split] = np.array(some, np.int64)
    return Pairs(
        records,
        {split: table[:, 0] for split, table in tables.items()},
        {split: table[:, 1] for split, table in tables.items()},
        {split: table[:, 2].astype(bool) for split, table in tables.items()},
    )
