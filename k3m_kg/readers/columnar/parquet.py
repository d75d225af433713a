"""Parquet, Arrow IPC (file and stream) and Feather: a row a product, or a row a triple.

A wide table has a row for each product and is described by a mapping file as a CSV is; without
one the usual names of id, title, category and image count. List columns give several values,
structs and maps are read as `k3m_kg.readers.mapped.nested` reads objects. A table of head (or
subject), property (or predicate, relation) and value (or object, tail) has a row for each triple,
see `k3m_kg.readers.columnar.long_table`; the one that `k3m-kg export` writes says the kind of each
head and tail, see `k3m_kg.readers.graph_table`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from k3m_kg.plugin.catalog_reader import Confidence
from k3m_kg.readers.columnar.signatures import ARROW_FILE, ARROW_STREAM, PARQUET
from k3m_kg.records import CatalogRecord


class ParquetReader:
    """Reads columnar tables, batch by batch."""

    def sniff(self, path: Path, head: bytes) -> float:
        """Certain if the file begins as Parquet or Arrow does."""
        signed = head.startswith((PARQUET, ARROW_FILE, ARROW_STREAM))
        return Confidence.CERTAIN if signed else Confidence.NONE

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        """Stream the products; the line of each is the number of its row.

        Raises:
            CatalogError: the file cannot be read or is damaged.
            ConfigError: the mapping does not fit the columns, or there is none and no column is
                named as an id is.
        """
        # Arrow is heavy, and every ingest asks every reader what it knows.
        from k3m_kg.readers.columnar.tables import table_records

        yield from table_records(path, mapping)
