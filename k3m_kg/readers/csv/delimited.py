"""CSV and TSV with a header, as a mapping file or `k3m-kg export` lays them out."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from k3m_kg.errors import MappingNeeded
from k3m_kg.plugin.catalog_reader import Confidence
from k3m_kg.readers.cells import raw_text, unstorable
from k3m_kg.readers.columns import Columns
from k3m_kg.readers.compressed import unpacked_suffix, unreadable
from k3m_kg.readers.csv.blocks import RowBlock, read_blocks
from k3m_kg.readers.csv.encodings import sniffed_text, told_encoding
from k3m_kg.readers.csv.header import find_header, guess_header, label_rows
from k3m_kg.readers.csv.plain_rows import PlainRows, plain_record
from k3m_kg.readers.csv.rows import (
    DELIMITERS,
    open_text,
    read_rows,
    undecodable,
)
from k3m_kg.readers.graph_table import GRAPH_COLUMNS, GraphRow, graph_records, is_graph_table
from k3m_kg.readers.lines import TextLines
from k3m_kg.readers.mapped.guessing.suggesting import suggested_mapping
from k3m_kg.readers.mapped.named import ByName
from k3m_kg.readers.mapped.products import Products
from k3m_kg.readers.mapping import (
    OF_TEXT,
    Mapping,
    load_mapping,
    refuse_settings_of_others,
)
from k3m_kg.records import CatalogRecord, Note, RejectedRow

_NOT_DECODED = "bytes that are not valid in the file's encoding (`encoding` in the mapping says it)"
_SUFFIXES = {".csv", ".tsv", ".tab"}
_LOOKED_AT = 20
_LITERAL = re.compile(r"\{\s*[\"'].*:.*\}|\[\s*[\"'{].*\]", re.DOTALL)
_SUGGESTED_FROM = 20_000
"""Rows that a mapping is suggested from."""
Blocks = Callable[[TextLines, dict[str, Any], Path], Iterator[RowBlock | RejectedRow]]
"""Reads the rows below a header: lines, what `csv.reader` is made with, what errors name."""


class DelimitedReader:
    """Reads delimited text; surrounding blanks of a cell do not count."""

    def sniff(self, path: Path, head: bytes) -> float:
        """Likely if the name says so, possible if the first line looks like a header.

        Never more: many formats are delimited text and know their files better.
        """
        text = sniffed_text(head)
        if unpacked_suffix(path) in _SUFFIXES:
            return Confidence.LIKELY
        first = text.lstrip().split("\n", 1)[0]
        fits = not first.startswith(("{", "[", "<", "@")) and any(
            mark in first for mark in DELIMITERS
        )
        return Confidence.POSSIBLE if fits else Confidence.NONE

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; a row that does not fit the header is rejected alone.

        Raises:
            CatalogError: the file cannot be read or has no header.
            MappingNeeded: there is no mapping; it holds one to start from.
            ConfigError: the mapping names columns that the file does not have.
        """
        settings = load_mapping(mapping) if mapping is not None else None
        if settings is not None:
            refuse_settings_of_others(settings, "csv", str(mapping), OF_TEXT)
        encoding = settings.encoding if settings is not None else None
        try:
            if encoding is None:
                encoding, note = told_encoding(path)
                if note:
                    yield Note(note)
            with open_text(path, encoding) as file:
                yield from table_records(TextLines(file), settings, path, mapping)
        except OSError as error:
            raise unreadable(path, error) from None
        except UnicodeError as error:
            raise undecodable(path, error, "set `encoding` in the mapping file") from None


def table_records(
    lines: TextLines,
    settings: Mapping | None,
    path: Path,
    mapping: Path | None,
    blocks: Blocks = read_blocks,
) -> Iterator[CatalogRecord]:
    """The products of a table.

    Args:
        lines: of its text; the header is the next to be read.
        path: what errors name.
        blocks: reads the rows below the header.

    Raises:
        CatalogError: there is no header.
        MappingNeeded: there is no mapping; it holds one to start from.
        ConfigError: the mapping names columns that the table does not have.
    """
    if settings is None:
        header, dialect, number = guess_header(lines, path)
        if is_graph_table(header):
            yield from graph_records(_graph_rows(header, dialect, lines, path))
            return
        raise _needed(header, Rows(blocks(lines, dialect, path), header), path, number)
    header, dialect, note = find_header(lines, settings, path)
    rows = Rows(blocks(lines, dialect, path), header)
    if note:
        yield Note(note)
    if settings.delimiter is None and dialect["delimiter"] != _usual_delimiter(path):
        yield Note(f"cells are separated by {dialect['delimiter']!r}, as in the header")
    rows.find_ids([header.index(name) for name in settings.ids if name in header])
    rows.skip(settings.skip_after_header)
    rows.keep_back(settings.skip_at_end)
    columns = Columns(settings, header, str(mapping), doubled=True) if settings.is_plain else None
    roles = (columns.id, columns.title, columns.category) if columns is not None else ()
    if columns is not None and all(map(columns.is_plain, roles)):
        plan = PlainRows(columns)
        for part in rows.parts():
            if isinstance(part, CleanRows):
                yield from plan.records(part)
            else:
                yield part if isinstance(part, RejectedRow) else plain_record(columns, part)
    else:
        assert mapping is not None
        yield from _applied(settings, header, rows, mapping)
    if rows.short:
        yield Note(
            f"{rows.short:,} rows, the first on line {rows.first_short:,}, have fewer cells than "
            "the header: what lacks was taken as empty"
        )
    if rows.repeats:
        yield Note(f"{rows.repeats:,} rows are the header once more, and were left out")
    if note := _about_literals(settings, header, rows.literals):
        yield Note(note)


def _about_literals(
    settings: Mapping, header: Sequence[str], places: Collection[int]
) -> str | None:
    """What to say of cells that look like lists or objects and were read as texts."""
    read = ByName(settings.cells)
    used = ByName(dict.fromkeys(settings.leave_out, True))
    names = [
        repr(name)
        for place in sorted(places)
        if (name := header[place]) and read.get(name) is None and not used.get(name)
    ]
    if not names:
        return None
    listed = ", ".join(names[:5])
    return f"cells of {listed} look like JSON, and were read as texts: `cells` in a mapping says so"


def _usual_delimiter(path: Path) -> str:
    """What the name of a file says of its cells."""
    return "\t" if unpacked_suffix(path) in (".tsv", ".tab") else ","


def _applied(
    settings: Mapping, header: Sequence[str], rows: Rows, mapping: Path
) -> Iterator[CatalogRecord]:
    """The products of rows by a mapping of any kind."""
    products = Products(settings, str(mapping), mapping.parent)
    products.see(*filter(None, header))
    if not (settings.pairs or settings.cells or settings.languages):
        products.check()  # no cell brings a name of its own
    names = list(header)
    for row in rows:
        if isinstance(row, RejectedRow):
            yield from products.rejected(row)
            continue
        tree: dict[str, Any] = {}
        for name, cell in zip(names, row.cells, strict=True):
            if name and cell:
                # Columns of one name are several values.
                tree[name] = cell if name not in tree else [*_listed(tree[name]), cell]
        yield from products.of(tree, row.line, row.raw)
    yield from products.rest()


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _needed(header: Sequence[str], rows: Rows, path: Path, number: int | None) -> MappingNeeded:
    """What is said where there is no mapping: one that works, as far as can be told.

    Args:
        number: of the row that was taken for the header, if it is not the first.
    """
    found = [row.cells for row in islice(rows, _SUGGESTED_FROM) if not isinstance(row, RejectedRow)]
    skip = label_rows(found)
    trees = [dict(zip(header, cells, strict=True)) for cells in found[skip:]]
    return MappingNeeded(
        "a table needs a mapping file that says what its columns mean",
        where=str(path),
        mapping=suggested_mapping(
            [name for name in header if name], trees, header=number, skip_after_header=skip
        ),
    )


class Row(NamedTuple):
    """A row with as many cells as the header has.

    Attributes:
        line: where it begins, from 1.
        cells: without surrounding blanks.
        raw: the row as it is reported if it is rejected.
    """

    line: int
    cells: list[str]
    raw: Callable[[], str]


class Rows:
    """The rows of data below a header, each once.

    Attributes:
        short: rows with fewer cells than the header, and the line of the first.
        repeats: rows that are the header once more, as where files were put together.
        literals: places of cells that look like a list or an object, in the first rows.
    """

    def __init__(self, blocks: Iterable[RowBlock | RejectedRow], header: Sequence[str]) -> None:
        self._blocks = iter(blocks)
        self._header = list(header)
        self._width = len(header)
        self._skip = 0
        self._back = 0
        self._blank = 0  # rows since the last one that is not
        self._ids: Sequence[int] = ()
        self.short = 0
        self.first_short = 0
        self.repeats = 0
        self.literals: set[int] = set()
        self._looked_at = 0

    def skip(self, count: int) -> None:
        """Leave out rows, as a spreadsheet shows them: blank ones count."""
        self._skip = count

    def find_ids(self, places: Sequence[int]) -> None:
        """Look in these cells for the product that a rejected row is about."""
        self._ids = places

    def keep_back(self, count: int) -> None:
        """Never give the last rows, as a spreadsheet shows them.

        Blank ones count, but for those behind the last that is not.
        """
        self._back = count

    def __iter__(self) -> Iterator[Row | RejectedRow]:
        """The rows that are not blank, or why one is none."""
        for part in self.parts():
            if isinstance(part, CleanRows):
                yield from part
            else:
                yield part

    def parts(self) -> Iterator[CleanRows | Row | RejectedRow]:
        """The same, in parts: rows that follow each other and are as they should be are one."""
        if not self._back:
            yield from self._read()
            return
        waiting: deque[Row | RejectedRow | None] = deque()
        for part in self._read():
            for row in part if isinstance(part, CleanRows) else (part,):
                waiting += (*[None] * min(self._blank, self._back), row)
                self._blank = 0
                while len(waiting) > self._back:
                    if (first := waiting.popleft()) is not None:
                        yield first

    def _read(self) -> Iterator[CleanRows | Row | RejectedRow]:
        for block in self._blocks:
            if isinstance(block, RejectedRow):
                if self._skip:
                    self._skip -= 1
                else:
                    yield block
                continue
            if not self._skip and (clean := self._clean(block)) is not None:
                yield clean
            else:
                yield from self._single(block)

    def _clean(self, block: RowBlock) -> CleanRows | None:
        """A block of rows that all are as they should be."""
        if not block.is_simple or block.has_formulas or set(map(len, block.rows)) != {self._width}:
            return None
        rows = [list(map(str.strip, row)) for row in block.rows]
        if not all(map(any, rows)) or self._header in rows:
            return None
        for cells in rows[: max(_LOOKED_AT - self._looked_at, 0)]:
            self._look(cells)
        return CleanRows(rows, block)

    def _single(self, block: RowBlock) -> Iterator[Row | RejectedRow]:
        """Row by row."""
        width = self._width
        for place, (start, row) in enumerate(zip(block.numbers, block.rows, strict=True)):
            if self._skip:
                self._skip -= 1
                continue
            if not any(row):
                self._blank += 1
                continue
            cells = list(map(str.strip, row))
            if len(cells) != width:
                if why := self._misfit(cells, start, block.last_line(place)):
                    yield RejectedRow(start, why, block.raw(place), self._id_in(cells))
                    continue
                cells = cells[:width] + [""] * (width - len(cells))
            if why_not := block.unstorable(place, cells, _NOT_DECODED):
                yield RejectedRow(start, why_not, block.raw(place), self._id_in(cells))
                continue
            cells = block.shown(cells)
            if cells == self._header:
                self.repeats += 1
                continue
            if self._looked_at < _LOOKED_AT:
                self._look(cells)
            yield Row(start, cells, partial(block.raw, place))

    def _look(self, cells: Sequence[str]) -> None:
        self._looked_at += 1
        self.literals.update(i for i, cell in enumerate(cells) if _LITERAL.fullmatch(cell))

    def _id_in(self, cells: Sequence[str]) -> str | None:
        found = (cells[place] for place in self._ids if place < len(cells))
        return next(filter(None, found), None)

    def _misfit(self, cells: Sequence[str], line: int, last: int) -> str | None:
        """Why a row does not fit the header; empty cells that are too many or lack do not count."""
        width = self._width
        is_one_line = last <= line
        if len(cells) < width and is_one_line and (len(cells) > 1 or width == 2):
            self.first_short = self.first_short or line
            self.short += 1
            return None
        if len(cells) > width and not any(cells[width:]):
            return None
        reason = f"expected {width} columns as in the header, found {len(cells)}"
        if not is_one_line:
            reason += f" (the row runs to line {last}: a quote may close too late)"
        return reason


class CleanRows:
    """Rows that follow each other, each with as many cells as the header has."""

    __slots__ = ("_block", "cells")

    def __init__(self, cells: list[list[str]], block: RowBlock) -> None:
        self.cells = cells
        self._block = block

    @property
    def lines(self) -> Sequence[int]:
        """Where each begins."""
        return self._block.numbers

    def __iter__(self) -> Iterator[Row]:
        """One by one."""
        raw = self._block.raw
        for place, (line, cells) in enumerate(zip(self.lines, self.cells, strict=True)):
            yield Row(line, cells, partial(raw, place))


def _graph_rows(
    header: list[str], dialect: dict[str, Any], lines: TextLines, path: Path
) -> Iterator[GraphRow]:
    places = [header.index(name) for name in GRAPH_COLUMNS]
    subject: tuple[str | None, ...] = (None, None)
    for start, row in read_rows(lines, dialect, path):
        if isinstance(row, str):
            why: str | None = row
        elif not any(row):
            continue
        elif len(row) != len(places):
            why = f"expected {len(places)} columns as in the header, found {len(row)}"
        else:
            why = unstorable(row, _NOT_DECODED)
        if why:  # it does not end the subject that it stands in
            yield start, (*subject, raw_text(lines.row_text()), None, None), why
        else:
            cells = tuple(row[place].strip() or None for place in places)
            subject = cells[:2]
            yield start, cells, None
