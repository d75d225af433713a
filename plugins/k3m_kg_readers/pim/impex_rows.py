"""The rows of an ImpEx file with their headers: macros put in, scripts left out.

A header is `INSERT_UPDATE Product;code[unique=true];name[lang=en];supercategories(code)`, rows
below it begin with `;` or a type. A macro is `$name=text`. Lines `#%` are BeanShell or Groovy,
which is never run; other lines with `#` are comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from k3m_kg.api import CatalogError, RejectedRow, TableRow, delimited_rows, raw_text

HEADER = re.compile(
    r"(INSERT_UPDATE|INSERT|UPDATE|REMOVE)[ \t]+(\w+)[ \t]*(?:\[[^\]\r\n]{0,500}\][ \t]*){0,9}",
    re.IGNORECASE,
)
_NAME = re.compile(r"@?[^\s;,(\[@]+")
_MODIFIER = re.compile(r"(?<![\w-])([\w-]+)\s*=\s*('[^']*'|\"[^\"]*\"|[^,\]]*)")
_MACRO = re.compile(r"\$[\w.-]{1,200}")
_LONGEST_MACRO, _ALL_MACROS = 1 << 16, 1 << 24
_MOST_COLUMNS = 2_000
_MOST_CONTINUED, _LONGEST_CONTINUED = 1_000, 1 << 20
IGNORED = frozenset(("", "<ignore>", "<null>"))


class ImpExColumn(NamedTuple):
    """A column of a header.

    Attributes:
        name: of the attribute; of a feature of classification without its `@`.
        key: the name in small letters, as ImpEx compares them; a feature's with its `@`.
        is_reference: cells hold codes of other items.
        modifiers: in brackets, by their names in small letters.
    """

    name: str
    key: str
    is_reference: bool
    modifiers: dict[str, str]

    def values(self, cell: str) -> list[str]:
        """The values of a cell: codes without their catalogs, or the text."""
        if cell in IGNORED:
            cell = self.modifiers.get("default", "")
        if cell in IGNORED or self.modifiers.get("mode") == "remove" or cell.startswith("(-)"):
            return []
        if not self.is_reference:
            return [cell]
        parts = cell.removeprefix("(+)").split(self.modifiers.get("collection-delimiter") or ",")
        delimiter = self.modifiers.get("path-delimiter") or ":"
        codes = (part.strip().split(delimiter, 1)[0].strip() for part in parts)
        return [code for code in codes if code not in IGNORED]


@dataclass(frozen=True)
class Header:
    """What rows below it are.

    Attributes:
        mode: in capitals.
        kind: type of the items.
        columns: of the cells behind the first; None where a column has no name.
    """

    mode: str
    kind: str
    columns: Sequence[ImpExColumn | None]


class ItemRow(NamedTuple):
    """A row below a header.

    Attributes:
        kind: type of the item, where the row says another one than its header.
        cells: as many as the header has columns.
    """

    header: Header
    kind: str
    line: int
    cells: list[str]

    def rejected(self, reason: str, id_: str | None = None) -> RejectedRow:
        """The row as one that is no product, and why."""
        return RejectedRow(self.line, reason, raw_text(";".join(["", *self.cells])), id_)

    def values(self, *keys: str) -> list[str]:
        """The values of the first of these attributes that the row has any of."""
        for key in keys:
            for column, cell in zip(self.header.columns, self.cells, strict=True):
                if column is not None and column.key == key and (found := column.values(cell)):
                    return found
        return []


@dataclass
class ImpExFile:
    """A file, read once.

    Attributes:
        scripts: lines of code that were not run.
    """

    path: Path
    encoding: str | None = None
    scripts: int = 0
    _macros: dict[str, str] = field(default_factory=dict)
    _size: int = 0
    _header: Header | None = None

    def __iter__(self) -> Iterator[ItemRow | RejectedRow]:
        """Each row below a header, or why it is none.

        Raises:
            CatalogError: the file cannot be read, or macros or a header grow beyond all bounds.
        """
        for row in self._continued(delimited_rows(self.path, ";", encoding=self.encoding)):
            if isinstance(row, RejectedRow):
                yield row
                continue
            first = row.cells[0] if row.cells else ""
            if first.startswith("#"):
                self.scripts += first.startswith("#%") and 1 + first.count("\n")
            elif first.startswith("$") and "=" in first:
                self._learn(row)
            elif header := HEADER.fullmatch(self._expanded(first, row.line)):
                self._begin(header, row)
            elif any(row.cells):
                yield self._item(row)

    def _continued(
        self, rows: Iterable[TableRow | RejectedRow]
    ) -> Iterator[TableRow | RejectedRow]:
        """Rows that end with a backslash go on in the next line."""
        held: TableRow | None = None
        count = 0
        for row in rows:
            if isinstance(row, TableRow) and held is not None:
                joined = held.cells[-1][:-1] + "".join(row.cells[:1])
                begun = [*held.cells[:-1], joined.strip()]
                row = TableRow(held.line, begun + row.cells[1:])
                held = None
            if isinstance(row, TableRow) and row.cells and row.cells[-1].endswith("\\"):
                count += 1
                is_short = len(row.cells[-1]) < _LONGEST_CONTINUED
                if count < _MOST_CONTINUED and is_short and len(row.cells) < _MOST_COLUMNS:
                    held = row
                    continue
            count = 0
            yield row
        if held is not None:
            yield held

    def _learn(self, row: TableRow) -> None:
        name, _, said = ";".join(row.cells).rstrip(";").partition("=")
        text = self._expanded(said.strip(), row.line)
        self._macros[name.strip()] = text
        self._size += len(name) + len(text)
        if self._size > _ALL_MACROS:
            raise self._too_long(row.line)

    def _expanded(self, text: str, line: int) -> str:
        """A text in which names of macros are what they stand for, the longest name that fits.

        Raises:
            CatalogError: it is too long then.
        """
        if "$" not in text or not self._macros:
            return text
        size, parts, place = 0, [], 0
        for found in _MACRO.finditer(text):
            name = found[0]
            while name not in self._macros and len(name) > 1:
                name = name[:-1]
            if len(name) == 1:
                continue
            parts += [text[place : found.start()], self._macros[name]]
            place = found.start() + len(name)
            size += len(parts[-1])
            if size > _LONGEST_MACRO:
                raise self._too_long(line)
        return "".join([*parts, text[place:]])

    def _too_long(self, line: int) -> CatalogError:
        return CatalogError("its macros stand for too long a text", where=f"{self.path}:{line}")

    def _begin(self, header: re.Match[str], row: TableRow) -> None:
        text = self._expanded(";".join(row.cells[1:]), row.line)
        columns = [_column(part) for part in text.split(";")]
        if len(columns) > _MOST_COLUMNS:
            raise CatalogError(
                f"a header with more than {_MOST_COLUMNS:,} columns",
                where=f"{self.path}:{row.line}",
            )
        self._header = Header(header[1].upper(), header[2], columns)

    def _item(self, row: TableRow) -> ItemRow | RejectedRow:
        header = self._header
        if header is None:
            raw = raw_text(";".join(row.cells))
            return RejectedRow(row.line, "stands above every header", raw)
        width = len(header.columns)
        first, *cells = row.cells
        if any(cells[width:]):
            why = f"expected {width} cells as in the header, found {len(cells)}"
            return RejectedRow(row.line, why, raw_text(";".join(row.cells)))
        cells = cells[:width] + [""] * (width - len(cells))
        cells = [self._expanded(cell, row.line).strip() if "$" in cell else cell for cell in cells]
        return ItemRow(header, first or header.kind, row.line, cells)


def _column(text: str) -> ImpExColumn | None:
    """A column of a header; None where it has no name."""
    text = text.strip()
    found = _NAME.match(text)
    if found is None or found[0].startswith("&"):
        return None
    modifiers: dict[str, str] = {}
    depth, is_reference, begin = 0, False, found.end()
    for place in range(found.end(), len(text)):
        mark = text[place]
        if mark in "([":
            is_reference = is_reference or (mark == "(" and depth == 0)
            begin = place if depth == 0 else begin
            depth += 1
        elif mark in ")]":
            depth -= 1
            if depth == 0 and mark == "]":
                for name, value in _MODIFIER.findall(text[begin + 1 : place]):
                    modifiers[name.lower()] = value.strip().strip("'\"").strip()
    name = found[0].rpartition(".")[2] if found[0][0] != "@" else found[0]
    return ImpExColumn(name.lstrip("@"), name.lower(), is_reference, modifiers)
