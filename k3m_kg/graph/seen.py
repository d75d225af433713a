"""Which products a source has stated so far: in the database, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Exists,
    Integer,
    MetaData,
    Table,
    select,
)

from k3m_kg.graph.dialect import Dialect

_seen = Table(
    "k3m_kg_seen",
    MetaData(),
    Column("entity", Integer, primary_key=True, autoincrement=False),
    Column("line", Integer, nullable=False),
    prefixes=["TEMPORARY"],
)


class SeenProducts:
    """A temporary table that lives as long as one ingest session."""

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect
        _seen.create(connection)

    def add(self, rows: Sequence[tuple[int, int]]) -> None:
        """Note products with the line that stated each."""
        self._dialect.insert(self._connection, _seen, ("entity", "line"), rows)

    def lines(self, entities: Iterable[int]) -> dict[int, int]:
        """The line that stated each of `entities` that was noted."""
        wanted = list(entities)
        if not wanted:
            return {}
        rows = self._connection.execute(select(_seen).where(_seen.c.entity.in_(wanted)))
        return dict(rows.all())

    def holds(self, column: ColumnElement[int]) -> Exists:
        """The condition that `column` is a noted product."""
        return select(_seen.c.entity).where(_seen.c.entity == column).exists()

    def drop(self) -> None:
        """Forget all; a rolled-back transaction does so too."""
        _seen.drop(self._connection)
