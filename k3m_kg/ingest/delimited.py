"""CSV and TSV with a header, as a mapping file describes them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from k3m_kg.errors import CatalogError, ConfigError
from k3m_kg.ingest.cells import raw_text, unstorable
from k3m_kg.ingest.compressed import open_bytes, unpacked_suffix, unreadable
from k3m_kg.ingest.k3m_tsv import K3MTSVReader
from k3m_kg.ingest.lines import MAX_LINE, LineTooLong, RowTooLong, TextLines
from k3m_kg.ingest.mapping import Columns, Mapping, Template, guess_mapping, load_mapping
from k3m_kg.records import CatalogRecord, ProductRecord, RejectedRow

_DELIMITERS = ",\t;|"
_SUFFIXES = {".csv", ".tsv", ".tab"}


class DelimitedReader:
    """Reads delimited text; surrounding blanks of a cell do not count."""

    def sniff(self, path: Path, head: bytes) -> bool:
        """Whether the name says so, or the first line looks like a header."""
        if K3MTSVReader().sniff(path, head):
            return False
        if unpacked_suffix(path) in _SUFFIXES:
            return True
        first = head.lstrip().split(b"\n", 1)[0]
        return (
            b"\0" not in head
            and not first.startswith((b"{", b"[", b"<", b"@"))
            and any(mark.encode() in first for mark in _DELIMITERS)
        )

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; a row that does not fit the header is rejected alone.

        Raises:
            CatalogError: the file cannot be read or has no header.
            ConfigError: there is no mapping (the message holds one to start from), or it names
                columns that the file does not have.
        """
        settings = load_mapping(mapping) if mapping is not None else None
        try:
            with _open(path, settings) as file:
                lines = TextLines(file)
                header, dialect = _header(lines, settings, path)
                if settings is None:
                    raise ConfigError(
                        "a CSV needs a mapping file that says what its columns mean",
                        where=str(path),
                        hint="save this as mapping.yaml, edit it, and pass --mapping mapping.yaml"
                        f"\n\n{guess_mapping(header)}",
                    )
                columns = Columns(settings, header, str(mapping))
                for start, row in _rows(lines, dialect, path):
                    if isinstance(row, str):
                        yield RejectedRow(start, row, raw_text(lines.row_text()))
                    elif any(row):
                        yield _record(columns, row, start, lines)
        except OSError as error:
            raise unreadable(path, error) from None
        except UnicodeError as error:
            raise CatalogError(
                f"is not text in this encoding: {error}",
                where=str(path),
                hint="set `encoding` in the mapping file",
            ) from None


def _open(path: Path, settings: Mapping | None) -> TextIO:
    encoding = settings.encoding if settings else "utf-8"
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    try:
        # Bytes that do not decode become surrogates, which _record finds: they cost their row only.
        return TextIOWrapper(
            open_bytes(path), encoding=encoding, errors="surrogateescape", newline=""
        )
    except LookupError:
        raise ConfigError(f"unknown encoding {encoding!r}", where=str(path)) from None


def _header(
    lines: TextLines, settings: Mapping | None, path: Path
) -> tuple[list[str], dict[str, Any]]:
    """Names of the columns, and the arguments that make a `csv.reader` for this file."""
    delimiter = settings.delimiter if settings else None
    quote = settings.quote if settings else '"'
    try:
        first = next((line for line in lines if line.strip()), None)
    except LineTooLong:
        raise CatalogError(
            f"the header is longer than {MAX_LINE:,} characters", where=str(path)
        ) from None
    if first is None:
        raise CatalogError("there is no header in this file", where=str(path))
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=first.count)
    dialect: dict[str, Any] = {"delimiter": delimiter, "strict": True}
    dialect |= {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    csv.field_size_limit(MAX_LINE)
    lines.give_back(first)
    lines.mark()
    try:
        header = next(csv.reader(lines, **dialect))
    except (csv.Error, LineTooLong, TypeError, ValueError) as error:
        raise CatalogError(f"the header cannot be read: {error}", where=str(path)) from None
    return [name.strip() for name in header], dialect


def _rows(
    lines: TextLines, dialect: dict[str, Any], path: Path
) -> Iterator[tuple[int, list[str] | str]]:
    """Each row with the line where it begins, or the reason why it is none."""
    reader = csv.reader(lines, **dialect)
    reread = 0
    while True:
        lines.mark()
        start = lines.line + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except LineTooLong:
            yield start, f"line longer than {MAX_LINE:,} characters"
            reader = csv.reader(lines, **dialect)
        except (csv.Error, RowTooLong) as error:
            reread += lines.rewind()
            # A quote that stays open costs one more reading of what it swallowed. A file made of
            # nothing else would be read once per line.
            if reread > 8 * MAX_LINE and reread > 0.8 * lines.read:
                raise CatalogError(
                    "the quotes of this file do not balance",
                    where=f"{path}:{start}",
                    hint="set `quote: null` in the mapping file if its cells are not quoted",
                ) from None
            yield start, f"quotes do not balance ({error or 'a quote that never closes'})"
            reader = csv.reader(lines, **dialect)
        else:
            yield start, row


def _record(
    columns: Columns, row: Sequence[str], line: int, lines: TextLines
) -> ProductRecord | RejectedRow:
    cells = [cell.strip() for cell in row]
    if len(cells) != columns.width:
        reason = f"expected {columns.width} columns as in the header, found {len(cells)}"
        if lines.line > line:
            reason += f" (the row runs to line {lines.line}: a quote may close too late)"
        return RejectedRow(line, reason, raw_text(lines.row_text()))
    if why := unstorable(cells, "bytes that are not valid in the file's encoding"):
        return RejectedRow(line, why, raw_text(lines.row_text()))
    missing = columns.missing

    def cell(number: int | None) -> str | None:
        return None if number is None or cells[number] in missing[number] else cells[number]

    id_ = cell(columns.id)
    if id_ is None:
        return RejectedRow(line, "no id", raw_text(lines.row_text()))
    return ProductRecord(
        id=id_,
        title=cell(columns.title),
        category=cell(columns.category),
        images=tuple(dict.fromkeys(_images(columns, cells))),
        properties=tuple(
            dict.fromkeys(
                (name, value)
                for number, name in columns.properties
                for value in _values(columns, number, cells[number])
            )
        ),
        line=line,
        links=tuple(
            dict.fromkeys(
                (name, value)
                for number, name in columns.links
                for value in _values(columns, number, cells[number])
            )
        ),
    )


def _images(columns: Columns, cells: Sequence[str]) -> Iterator[str]:
    for image in columns.images:
        if not isinstance(image, Template):
            yield from _values(columns, image, cells[image])
        elif not any(cells[column] in columns.missing[column] for column in image.columns):
            yield image.fill(cells)


def _values(columns: Columns, number: int, cell: str) -> Sequence[str]:
    missing = columns.missing[number]
    if cell in missing:
        return ()
    separator = columns.separators.get(number)
    if separator is None:
        return (cell,)
    parts = (part.strip() for part in cell.split(separator))
    return [part for part in parts if part not in missing]
