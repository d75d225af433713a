"""Export: the graph as RDF in every usual form, and as tables in Parquet and CSV."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from k3m_kg.errors import UsageError, unknown_name
from k3m_kg.graph.store import GraphStore
from k3m_kg.rdf.ntriples import document
from k3m_kg.rdf.output import COMPRESSED, STDOUT, output_file, output_folder
from k3m_kg.rdf.subjects import Subject, iter_subjects
from k3m_kg.rdf.tables import COLUMNS, write_tables
from k3m_kg.vocabulary import PREFIXES

if TYPE_CHECKING:
    import pyoxigraph as ox

_SUFFIXES = {
    ".nt": "nt",
    ".nq": "nq",
    ".ttl": "ttl",
    ".trig": "trig",
    ".rdf": "rdfxml",
    ".xml": "rdfxml",
    ".jsonld": "jsonld",
    ".parquet": "parquet",
    ".csv": "csv",
}
FORMATS = tuple(dict.fromkeys(_SUFFIXES.values()))
TABLES = ("parquet", "csv")
"""The formats that are a folder of files."""
_BATCH = 2_000
"""Subjects whose lines are encoded and written together."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote: `triples` of RDF, or rows of the table of triples."""

    path: str
    format: str
    products: int
    triples: int
    bytes: int | None
    seconds: float


def format_of(out: Path, name: str | None) -> str:
    """The format called `name`, else the one that the name of `out` ends in.

    Raises:
        UsageError: there is no such format, or none can be guessed.
    """
    if name is not None:
        if name not in FORMATS:
            raise UsageError(unknown_name("format", name, FORMATS), where="--format")
        found = name
    else:
        plain = out.with_suffix("") if out.suffix in COMPRESSED else out
        guess = _SUFFIXES.get(plain.suffix.lower())
        if guess is None:
            raise UsageError(
                "the name does not say which format is meant",
                where=str(out),
                hint=f"--format {'|'.join(FORMATS)}, or one of {' '.join(_SUFFIXES)}",
            )
        found = guess
    if found in TABLES and (out == STDOUT or out.suffix in COMPRESSED):
        raise UsageError(
            f"{found} is a folder of three files, which has no such form",
            where=str(out),
            hint="name a folder",
        )
    return found


def files_of(format: str) -> list[str]:
    """The files of a format that is a folder of them; none for the others."""
    return [f"{name}.{format}" for name in COLUMNS] if format in TABLES else []


def export(
    store: GraphStore,
    out: Path,
    format: str,
    on_progress: Callable[[int], None] = lambda subjects: None,
    *,
    spreadsheet: bool = False,
) -> ExportReport:
    """Write the graph, as one state of it, to a file (or for `TABLES`, a folder).

    All or nothing: what was at `out` stays until the export is complete. Memory is bounded.

    Args:
        out: compressed if its name ends in `.gz` or `.zst`; `-` is standard output.
        on_progress: called from time to time with the number of subjects done.
        spreadsheet: in CSV, texts that a spreadsheet would run are made inert; reading them back
            gives other texts then.

    Raises:
        UsageError: `out` is something else already.
        K3MError: `out` cannot be written, or the format cannot hold a value.
        GraphError: the database cannot be read.
    """
    start = time.monotonic()
    with store.reading() as reader:
        subjects = _Counted(iter_subjects(reader), on_progress)
        if format in TABLES:
            with output_folder(out, files_of(format)) as folder:
                triples = write_tables(folder, f".{format}", subjects, spreadsheet=spreadsheet)
            files = list(out.iterdir())
        else:
            with output_file(out) as stream:
                triples = _WRITERS[format](subjects, stream)
            files = [out] if out.is_file() else []
    size = sum(file.stat().st_size for file in files) if files else None
    return ExportReport(
        str(out), format, subjects.products, triples, size, round(time.monotonic() - start, 3)
    )


class _Counted:
    """The subjects, counted as they pass."""

    def __init__(self, subjects: Iterable[Subject], on_progress: Callable[[int], None]) -> None:
        self._subjects = subjects
        self._on_progress = on_progress
        self.products = 0

    def __iter__(self) -> Iterator[Subject]:
        for number, subject in enumerate(self._subjects):
            self.products += subject.is_product
            if number % _BATCH == 0:
                self._on_progress(number)
            yield subject


def _batches(subjects: Iterable[Subject]) -> Iterator[list[str]]:
    """The lines of many subjects at a time."""
    lines: list[str] = []
    for number, some in enumerate(document(subjects), 1):
        lines += some
        if number % _BATCH == 0:
            yield lines
            lines = []
    yield lines


def ntriples_chunks(subjects: Iterable[Subject]) -> Iterator[tuple[int, bytes]]:
    """The graph as N-Triples in pieces: the number of lines, and the lines."""
    for lines in _batches(subjects):
        yield len(lines), "".join(lines).encode()


def _write_lines(subjects: Iterable[Subject], stream: IO[bytes]) -> int:
    # Everything is in the default graph, and there N-Quads are N-Triples.
    written = 0
    for count, chunk in ntriples_chunks(subjects):
        written += count
        stream.write(chunk)
    return written


class _Parsed:
    """The triples of N-Triples as oxigraph's objects, counted as they pass."""

    def __init__(self, subjects: Iterable[Subject]) -> None:
        self._subjects = subjects
        self.count = 0

    def __iter__(self) -> Iterator[ox.Triple]:
        import pyoxigraph as ox

        for count, chunk in ntriples_chunks(self._subjects):
            self.count += count
            for quad in ox.parse(chunk, ox.RdfFormat.N_TRIPLES):
                yield quad.triple


def _write_rdfxml(subjects: Iterable[Subject], stream: IO[bytes]) -> int:
    from k3m_kg.rdf.rdfxml import rdfxml

    triples = _Parsed(subjects)
    for part in rdfxml(triples):
        stream.write(part.encode())
    return triples.count


def _write_with_oxigraph(name: str) -> Callable[[Iterable[Subject], IO[bytes]], int]:
    def write(subjects: Iterable[Subject], stream: IO[bytes]) -> int:
        import pyoxigraph as ox

        triples = _Parsed(subjects)
        ox.serialize(triples, stream, getattr(ox.RdfFormat, name), prefixes=PREFIXES)
        return triples.count

    return write


_WRITERS: dict[str, Callable[[Iterable[Subject], IO[bytes]], int]] = {
    "nt": _write_lines,
    "nq": _write_lines,
    "ttl": _write_with_oxigraph("TURTLE"),
    "trig": _write_with_oxigraph("TRIG"),
    "jsonld": _write_with_oxigraph("JSON_LD"),
    "rdfxml": _write_rdfxml,
}
