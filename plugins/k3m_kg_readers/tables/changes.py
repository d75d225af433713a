"""What the change writers of delimited text have in common: which rows go back, and how they open.

A row goes back if the product that it stated when the source was read is the one that changed: what
was rejected then, such as a second row of one id, does not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from k3m_kg.api import (
    ChangedRow,
    DelimitedTable,
    ProductChange,
    ProductRecord,
    Unwritten,
    WrittenForm,
)
from k3m_kg_readers.tables.dialect import TableDialect, refuse_mapping

R = TypeVar("R", bound=TableDialect)


class SourceChanges(ABC, Generic[R]):
    """Writes changes of the products of a source that its reader reads without a mapping."""

    def __init__(self, reader: R) -> None:
        self._reader = reader

    def rows(
        self, path: Path, mapping: Path | None, changes: Mapping[str, ProductChange]
    ) -> Iterator[WrittenForm | ChangedRow | Unwritten]:
        """The rows of the changed products.

        Raises:
            CatalogError: the source cannot be read.
            ConfigError: a mapping was given, which this format has no use for.
        """
        refuse_mapping(self._reader.name, mapping)
        yield from self.written(path, changes)

    @abstractmethod
    def written(
        self, path: Path, changes: Mapping[str, ProductChange]
    ) -> Iterator[WrittenForm | ChangedRow | Unwritten]:
        """First the form, then the rows."""

    def stated(
        self, path: Path, changes: Mapping[str, ProductChange]
    ) -> Iterator[tuple[ProductRecord, ProductChange]]:
        """The records of changed products that were taken when the source was read."""
        seen = set()
        for record in self._reader.read(path, None):
            if isinstance(record, ProductRecord) and record.id not in seen:
                change = changes.get(record.id)
                if change is not None:
                    seen.add(record.id)
                    yield record, change


class TableChanges(SourceChanges[R]):
    """Writes them as rows of the table that the source is."""

    def written(
        self, path: Path, changes: Mapping[str, ProductChange]
    ) -> Iterator[WrittenForm | ChangedRow | Unwritten]:
        """First the form, then the rows."""
        by_line: dict[int, list[ProductChange]] = {}
        for record, change in self.stated(path, changes):
            by_line.setdefault(record.line, []).append(change)
        with self._reader.opened(path) as table:
            keys = tuple(self.keys(table.header))
            yield WrittenForm(table.delimiter, keys=keys)
            yield from self.edited(table, by_line)

    @abstractmethod
    def keys(self, header: Sequence[str]) -> Sequence[str]:
        """The columns that always say which product a row is about."""

    @abstractmethod
    def edited(
        self, table: DelimitedTable, changes: Mapping[int, Sequence[ProductChange]]
    ) -> Iterator[ChangedRow | Unwritten]:
        """The rows of a table as they will be.

        Args:
            changes: by the line of the row that states the product; a row may state a product and
                a variant of it.
        """
