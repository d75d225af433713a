"""Reading whole tables in bulk: plain tuples of numbers, one state of the graph, flat memory.

What `iter_products` is for people, this is for machines: the snapshot, RDF export and SPARQL.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, select

from k3m_kg.graph.lookup import Batches, GraphLookup, stream
from k3m_kg.graph.tables import EntityKind, entities, images, properties, subjects, triples


class GraphReader:
    """The tables of one read transaction; given by `GraphStore.reading()`, dies with it.

    Every method may be called any number of times and shows the same state. Memory is bounded by
    `batch_size` rows.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def properties(self) -> dict[int, str]:
        """Id and name of every property, also of those that no triple uses now."""
        return dict(self._connection.execute(select(properties.c.id, properties.c.name)).all())

    def terms(self, *, batch_size: int = 50_000) -> Batches:
        """(id, kind, text) of every entity, ascending by id; `kind` is an `EntityKind`.

        Also those that nothing uses any more: values and products that were taken away.
        """
        return self._stream(
            select(entities.c.id, entities.c.kind, entities.c.text).order_by(entities.c.id),
            batch_size,
        )

    def products(self, *, batch_size: int = 50_000) -> Batches:
        """(entity, title, category) of every product, ascending by entity."""
        return self._stream(
            select(subjects.c.entity, subjects.c.title, subjects.c.category)
            .where(subjects.c.kind == int(EntityKind.PRODUCT))
            .order_by(subjects.c.entity),
            batch_size,
        )

    def triples(self, *, batch_size: int = 50_000) -> Batches:
        """(head, property, tail, position), ascending by head; `position` orders a head's triples.

        A head is a product or a value, and so is a tail.
        """
        return self._stream(
            select(triples.c.head, triples.c.property, triples.c.tail, triples.c.position).order_by(
                triples.c.head
            ),
            batch_size,
        )

    def images(self, *, batch_size: int = 50_000) -> Batches:
        """(product, position, source, path, content_hash, width, height, error), by product."""
        columns = (
            "product", "position", "source", "path", "content_hash", "width", "height", "error",
        )  # fmt: skip
        return self._stream(
            select(*(images.c[name] for name in columns)).order_by(
                images.c.product, images.c.position
            ),
            batch_size,
        )

    @property
    def lookup(self) -> GraphLookup:
        """Subjects with their texts, and single terms, in the same read transaction."""
        return GraphLookup(self._connection)

    def _stream(self, query: Select[Any], batch_size: int) -> Batches:
        yield from stream(self._connection, query, batch_size)
