"""CSV and TSV with a header, as a mapping file or `k3m-kg export` lays them out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from k3m_kg.errors import ConfigError
from k3m_kg.plugin.catalog_reader import Confidence
from k3m_kg.readers.cells import raw_text, unstorable
from k3m_kg.readers.compressed import unpacked_suffix, unreadable
from k3m_kg.readers.csv.rows import DELIMITERS, open_text, read_header, read_rows, undecodable
from k3m_kg.readers.graph_table import GRAPH_COLUMNS, GraphRow, graph_records, is_graph_table
from k3m_kg.readers.lines import TextLines
from k3m_kg.readers.mapping import Columns, Template, guess_mapping, load_mapping
from k3m_kg.records import CatalogRecord, ProductRecord, RejectedRow

_NOT_DECODED = "bytes that are not valid in the file's encoding"
_SUFFIXES = {".csv", ".tsv", ".tab"}


class DelimitedReader:
    """Reads delimited text; surrounding blanks of a cell do not count."""

    def sniff(self, path: Path, head: bytes) -> float:
        """Likely if the name says so, possible if the first line looks like a header.

        Never more: many formats are delimited text and know their files better.
        """
        if unpacked_suffix(path) in _SUFFIXES:
            return Confidence.LIKELY
        first = head.lstrip().split(b"\n", 1)[0]
        fits = (
            b"\0" not in head
            and not first.startswith((b"{", b"[", b"<", b"@"))
            and any(mark.encode() in first for mark in DELIMITERS)
        )
        return Confidence.POSSIBLE if fits else Confidence.NONE

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; a row that does not fit the header is rejected alone.

        Raises:
            CatalogError: the file cannot be read or has no header.
            ConfigError: there is no mapping (the message holds one to start from), or it names
                columns that the file does not have.
        """
        settings = load_mapping(mapping) if mapping is not None else None
        try:
            with open_text(path, settings.encoding if settings else "utf-8") as file:
                lines = TextLines(file)
                header, dialect = read_header(lines, settings, path)
                if settings is None and is_graph_table(header):
                    yield from graph_records(_graph_rows(header, dialect, lines, path))
                    return
                if settings is None:
                    raise ConfigError(
                        "a CSV needs a mapping file that says what its columns mean",
                        where=str(path),
                        hint="save this as mapping.yaml, edit it, and pass --mapping mapping.yaml"
                        f"\n\n{guess_mapping(header)}",
                    )
                columns = Columns(settings, header, str(mapping))
                for start, row in read_rows(lines, dialect, path):
                    if isinstance(row, str):
                        yield RejectedRow(start, row, raw_text(lines.row_text()))
                    elif any(row):
                        yield _record(columns, row, start, lines)
        except OSError as error:
            raise unreadable(path, error) from None
        except UnicodeError as error:
            raise undecodable(path, error, "set `encoding` in the mapping file") from None


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


def _record(
    columns: Columns, row: Sequence[str], line: int, lines: TextLines
) -> ProductRecord | RejectedRow:
    cells = [cell.strip() for cell in row]
    if len(cells) != columns.width:
        reason = f"expected {columns.width} columns as in the header, found {len(cells)}"
        if lines.line > line:
            reason += f" (the row runs to line {lines.line}: a quote may close too late)"
        return RejectedRow(line, reason, raw_text(lines.row_text()))
    if why := unstorable(cells, _NOT_DECODED):
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
