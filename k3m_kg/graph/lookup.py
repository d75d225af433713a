"""The graph as texts: subjects with what is said of them, whole or one by one, and patterns."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select

from k3m_kg.graph.tables import (
    EntityKind,
    entities,
    images,
    ingest_runs,
    products,
    properties,
    triples,
)

Batches = Iterator[Sequence[Any]]
"""Batches of rows; each row is a plain sequence of columns."""
_numbers = itertools.count()


def stream(connection: Connection, query: Select[Any], batch_size: int) -> Batches:
    """The rows of a query as the driver's own tuples, `batch_size` in memory at a time.

    Several streams may be open at once.
    """
    # Past SQLAlchemy, whose row objects take as long as the database itself.
    sql = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
    driver: Any = connection.connection.driver_connection
    # A PostgreSQL cursor without a name fetches everything at once.
    named = connection.dialect.name == "postgresql"
    with closing(driver.cursor(f"k3m_kg_{next(_numbers)}") if named else driver.cursor()) as cursor:
        cursor.execute(sql)
        while rows := cursor.fetchmany(batch_size):
            yield rows


class GraphLookup:
    """The texts behind the numbers; given by `GraphReader.lookup`, dies with its transaction.

    `only` limits a method to the entities of these numbers (a few hundred at most).
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def state(self) -> str:
        """A hash that changes with every committed ingest: equal states, equal graphs."""
        digest = hashlib.sha256()
        for row in self._connection.execute(select(ingest_runs).order_by(ingest_runs.c.id)):
            digest.update(repr(tuple(row)).encode())
        return digest.hexdigest()

    def subjects(self, only: Sequence[int] | None = None, *, batch_size: int = 10_000) -> Batches:
        """(entity, kind, text, title, category) of products and of values that have triples.

        Ascending by entity. Products that are only linked to are none.
        """
        heads = select(triples.c.head).where(triples.c.head == entities.c.id)
        query = (
            select(
                entities.c.id,
                entities.c.kind,
                entities.c.text,
                products.c.title,
                products.c.category,
            )
            .outerjoin(products, products.c.entity == entities.c.id)
            .where(
                or_(
                    products.c.entity.is_not(None),
                    and_(entities.c.kind == int(EntityKind.VALUE), heads.exists()),
                )
            )
            .order_by(entities.c.id)
        )
        if only is not None:
            query = query.where(entities.c.id.in_(only))
        return stream(self._connection, query, batch_size)

    def knowledge(self, only: Sequence[int] | None = None, *, batch_size: int = 10_000) -> Batches:
        """(property, kind of the tail, text of the tail, head) of every triple, head by head.

        Ascending by head, and in the order of the catalog within a head.
        """
        query = (
            select(properties.c.name, entities.c.kind, entities.c.text, triples.c.head)
            .select_from(triples)
            .join(entities, entities.c.id == triples.c.tail)
            .join(properties, properties.c.id == triples.c.property)
            .order_by(triples.c.head, triples.c.position)
        )
        if only is not None:
            query = query.where(triples.c.head.in_(only))
        return stream(self._connection, query, batch_size)

    def pictures(self, only: Sequence[int] | None = None, *, batch_size: int = 10_000) -> Batches:
        """(source, path, content hash, width, height, error, product), by product and position."""
        columns = ("source", "path", "content_hash", "width", "height", "error", "product")
        query = select(*(images.c[name] for name in columns)).order_by(
            images.c.product, images.c.position
        )
        if only is not None:
            query = query.where(images.c.product.in_(only))
        return stream(self._connection, query, batch_size)
