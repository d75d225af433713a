"""Changes as one delimited file: only changed products, only changed columns."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from k3m_kg.errors import CatalogError, K3MError, UsageError, listed
from k3m_kg.files import inert
from k3m_kg.graph.store import GraphStore
from k3m_kg.graph.tables import RunKind
from k3m_kg.plugin.hookspecs import ReaderPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.plugin.written_back import (
    ChangedRow,
    ChangeWriter,
    ProductChange,
    Unwritten,
    WrittenForm,
)
from k3m_kg.rdf.output import output_file

_UNWRITTEN_KEPT = 1000
_SOURCES_TOLD = 5
_OTHERWISE = (
    "what a run changed is there as JSON, too: `k3m-kg diff RUN --limit 0 --json`, and the whole "
    "graph as tables: `k3m-kg export FOLDER --format csv`"
)


@dataclass(slots=True)
class WrittenChanges:
    """What was written.

    Attributes:
        path: of the file.
        products: rows in which something changed.
        rows: of it; a product may have several, and some say only what another belongs to.
        columns: that changed.
        unwritten: what cannot be said in this format, at most `_UNWRITTEN_KEPT`.
    """

    path: str
    format: str
    source: str
    products: int = 0
    rows: int = 0
    columns: list[str] = field(default_factory=list)
    unwritten: list[Unwritten] = field(default_factory=list)


def formats_written() -> list[str]:
    """The formats that changes can be written in."""
    return [
        item.record.name
        for item in registry().installed(ReaderPlugin.kind)
        if isinstance(item.record, ReaderPlugin) and item.record.changes is not None
    ]


def sources_told(store: GraphStore) -> str:
    """Which sources a graph has, what each came as, and how its changes go back."""
    written = formats_written()
    known = sorted(_sources(store).items())
    told = [
        f"{Path(name).name} came as {format}"
        + (f": --as {format}" if format in written else ", which is not written")
        for name, format in known[:_SOURCES_TOLD]
    ]
    if len(known) > _SOURCES_TOLD:
        told.append(f"and {len(known) - _SOURCES_TOLD:,} more sources")
    if not all(format in written for _, format in known):
        told.append(_OTHERWISE)
    return "; ".join(told) or "the graph has no source"


def _sources(store: GraphStore) -> dict[str, str]:
    """What each source came as the last time."""
    found: dict[str, str] = {}
    for run in store.runs():  # the newest first
        if run.kind == RunKind.INGEST.value and run.undone_at is None:
            found.setdefault(run.source, run.format)
    return found


def _came_as(store: GraphStore, path: Path) -> str | None:
    """The format of a source, by its path or, as it may lie elsewhere now, by its name."""
    known = _sources(store)
    alike = {format for name, format in known.items() if Path(name).name == path.name}
    return known.get(str(path.resolve())) or (alike.pop() if len(alike) == 1 else None)


def source_of(store: GraphStore, format: str, wanted: Path | None) -> Path:
    """The file that products of a format came from: `wanted`, or the only one of the graph.

    Raises:
        UsageError: there is none, or there are several, or `wanted` came as something else.
        CatalogError: it is not there any more.
    """
    if wanted is None:
        names = {
            run.source
            for run in store.runs()
            if run.kind == RunKind.INGEST.value and run.format == format and run.undone_at is None
        }
        if len(names) != 1:
            several = f"name the file with --source: {listed(sorted(names))}"
            raise UsageError(
                f"{'several sources' if names else 'no source'} of this graph came as {format}",
                where=f"--as {format}",
                hint=several if names else sources_told(store),
            )
        wanted = Path(names.pop())
    elif (came_as := _came_as(store, wanted) or format) != format:
        raise UsageError(
            f"{wanted} came as {came_as}, not as {format}",
            where="--source",
            hint=sources_told(store),
        )
    if not wanted.is_file():
        raise CatalogError(
            "no such file: what is written back goes by the source that it came from",
            where=str(wanted),
            hint="--source says where it lies now",
        )
    return wanted


def write_changes(
    out: Path,
    format: str,
    writer: ChangeWriter,
    source: Path,
    mapping: Path | None,
    changes: Mapping[str, ProductChange],
    *,
    spreadsheet: bool = False,
) -> WrittenChanges:
    """Write the changes of the products that a source states, whole or not at all.

    Args:
        out: compressed if its name ends in `.gz` or `.zst`; `-` is standard output.
        spreadsheet: texts that a spreadsheet would run are made inert; reading them back gives
            other texts then.

    Raises:
        CatalogError: the source cannot be read.
        K3MError: `out` cannot be written, or not in the encoding of the source.
    """
    report = WrittenChanges(str(out), format, str(source))
    form, columns = WrittenForm(), _Columns()
    for item in writer.rows(source, mapping, changes):
        if isinstance(item, WrittenForm):
            form = item
        elif isinstance(item, Unwritten):
            if len(report.unwritten) < _UNWRITTEN_KEPT:
                report.unwritten.append(item)
        else:
            columns.add(item)
            report.rows += 1
            report.products += bool(item.changed)
    report.columns = list(columns.changed)
    rows = (item for item in writer.rows(source, mapping, changes) if isinstance(item, ChangedRow))
    with output_file(out) as file:
        try:
            _write(file, columns.all or form.keys, rows, form, spreadsheet=spreadsheet)
        except UnicodeEncodeError as error:
            what = error.object[error.start]
            raise K3MError(
                f"the encoding of the source, {form.encoding}, has no {what!r}",
                where=str(out),
                hint="write the source anew in UTF-8, and ingest that",
            ) from None
    return report


class _Columns:
    """The columns of the file: what names a product, then what changed."""

    def __init__(self) -> None:
        self.keys: dict[str, None] = {}
        self.changed: dict[str, None] = {}

    def add(self, row: ChangedRow) -> None:
        self.keys |= dict.fromkeys(row.keys)
        self.changed |= dict.fromkeys(row.changed)

    @property
    def all(self) -> list[str]:
        """Each once."""
        return list(self.keys | self.changed)


def _write(
    file: IO[bytes],
    columns: Sequence[str],
    rows: Iterable[ChangedRow],
    form: WrittenForm,
    *,
    spreadsheet: bool,
) -> None:
    shown = inert if spreadsheet else str
    encoder = codecs.getincrementalencoder(form.encoding)()  # a mark of order comes once
    for cells in _with_header(columns, rows):
        text = io.StringIO()
        # Python's writer quotes only such ends of lines as its own rows have: "\r\n"
        csv.writer(text, delimiter=form.delimiter).writerow(map(shown, cells))
        line = text.getvalue().removesuffix("\r\n")
        file.write(encoder.encode(f"{line}\n"))
    file.write(encoder.encode("", final=True))


def _with_header(columns: Sequence[str], rows: Iterable[ChangedRow]) -> Iterator[Sequence[str]]:
    if columns:
        yield columns
    for row in rows:
        yield [row.cells.get(column, "") for column in columns]
