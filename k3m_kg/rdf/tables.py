"""The graph as three tables: products, triples and images, in Parquet or CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from k3m_kg.files import inert
from k3m_kg.graph.tables import EntityKind
from k3m_kg.rdf.subjects import Subject

COLUMNS = {
    "products": ("id", "title", "category"),
    "triples": ("head", "head_kind", "property", "tail", "tail_kind"),
    "images": (
        "product", "position", "source", "path", "content_hash", "width", "height", "error",
    ),
}  # fmt: skip
"""The tables and their columns; a kind is `product` or `value`.

The triples hold the whole graph, so that `k3m-kg ingest` reads them back: the title, category and
pictures of a product are rows too, whose `tail_kind` is `title`, `category` or `image`.
"""
_NUMBERS = ("position", "width", "height")
_KINDS = {int(kind): kind.name.lower() for kind in EntityKind}
_ROWS = 50_000
Row = Sequence[Any]
Write = Callable[[list[Row]], object]


def write_tables(
    folder: Path, suffix: str, subjects: Iterable[Subject], *, spreadsheet: bool = False
) -> int:
    """Write `products`, `triples` and `images` with `suffix` (`.parquet` or `.csv`) into `folder`.

    Rows are in the order of the catalog. Memory is bounded.

    Returns:
        How many triples were written.
    """
    opener = _parquet if suffix == ".parquet" else partial(_csv, spreadsheet=spreadsheet)
    written = 0
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(opener(folder / f"{name}{suffix}", columns))
            for name, columns in COLUMNS.items()
        }
        rows: dict[str, list[Row]] = {name: [] for name in writers}
        for subject in subjects:
            _add_rows(subject, rows)
            written += len(subject.triples)
            if len(rows["triples"]) + len(rows["products"]) > _ROWS:
                _flush(writers, rows)
        _flush(writers, rows)
    return written


def _add_rows(subject: Subject, rows: dict[str, list[Row]]) -> None:
    text, kind = subject.text, _KINDS[subject.kind]
    if subject.is_product:
        rows["products"].append((text, subject.title, subject.category))
    parts = [("title", subject.title), ("category", subject.category)]
    parts += [("image", image) for image in subject.images]
    rows["triples"] += [(text, kind, part, tail, part) for part, tail in parts if tail is not None]
    rows["triples"] += [
        (text, kind, name, tail, _KINDS[tail_kind]) for name, tail_kind, tail, _ in subject.triples
    ]
    rows["images"] += [
        (text, position, *picture[:6]) for position, picture in enumerate(subject.pictures)
    ]


def _flush(writers: dict[str, Write], rows: dict[str, list[Row]]) -> None:
    for name, write in writers.items():
        if rows[name]:
            write(rows[name])
            rows[name].clear()


@contextmanager
def _csv(path: Path, columns: Sequence[str], *, spreadsheet: bool) -> Iterator[Write]:
    # A missing title is an empty cell: the graph holds no empty texts.
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        if spreadsheet:
            yield lambda rows: writer.writerows([inert(cell) for cell in row] for row in rows)
        else:
            yield writer.writerows


@contextmanager
def _parquet(path: Path, columns: Sequence[str]) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [(name, pa.int32() if name in _NUMBERS else pa.string()) for name in columns]
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:

        def write(rows: list[Row]) -> None:
            arrays = zip(*rows, strict=True)
            writer.write_table(
                pa.table(
                    [pa.array(a, field.type) for a, field in zip(arrays, schema, strict=True)],
                    schema=schema,
                )
            )

        yield write
