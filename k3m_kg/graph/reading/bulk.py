"""Reading in bulk: whole tables and patterns as plain tuples, one state of the graph, flat memory.

What `iter_products` is for people, this is for machines: RDF export, SPARQL, validation.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Select, distinct, exists, func, select

from k3m_kg.graph.database.dialect import dialect_of
from k3m_kg.graph.reading.categories import category_of, has_proposed_categories
from k3m_kg.graph.tables import (
    EntityKind,
    entities,
    images,
    ingest_runs,
    properties,
    sources,
    subjects,
    triples,
)

Batches = Iterator[Sequence[Any]]
"""Batches of rows; each row is a plain sequence of columns."""
_ROWS = 10_000
_numbers = itertools.count()


def stream(connection: Connection, query: Select[Any], batch_size: int = _ROWS) -> Batches:
    """The rows of a query as the driver's own tuples, `batch_size` in memory at a time.

    Several streams may be open at once.
    """
    # Past SQLAlchemy, whose row objects take as long as the database itself.
    compiled = query.compile(connection, compile_kwargs={"render_postcompile": True})
    given: Any = compiled.params
    if compiled.positional:
        given = [compiled.params[name] for name in compiled.positiontup or ()]
    driver: Any = connection.connection.driver_connection
    # A PostgreSQL cursor without a name fetches everything at once.
    named = connection.dialect.name == "postgresql"
    cursor = driver.cursor(f"k3m_kg_{next(_numbers)}") if named else driver.cursor()
    try:
        cursor.execute(str(compiled), given)
        while rows := cursor.fetchmany(batch_size):
            yield rows
    finally:
        with suppress(Exception):  # a stream that is dropped late: its connection may be closed
            cursor.close()


class GraphReader:
    """One read transaction; given by `GraphStore.reading()`, dies with it.

    Every method may be called any number of times and shows the same state. `only` leaves the
    entities of these numbers (a few hundred at most). Memory is bounded by 10,000 rows per stream.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def state(self) -> str:
        """A hash that changes with every run that is committed or undone, and with the order."""
        digest = hashlib.sha256()
        for query in (
            select(ingest_runs).order_by(ingest_runs.c.id),
            select(sources.c.id, sources.c.place).order_by(sources.c.id),
        ):
            for row in self.connection.execute(query):
                digest.update(repr(tuple(row)).encode())
        return digest.hexdigest()

    def find(self, kind: EntityKind, text: str) -> int | None:
        """The number of a product by its id, or of a value by its text."""
        dialect = dialect_of(self.connection.engine)
        return dialect.find_terms(self.connection, int(kind), [text]).get(text)

    def find_property(self, name: str) -> int | None:
        """The number of a property that triples use."""
        query = select(properties.c.id).where(properties.c.name == name, _IN_USE)
        return self.connection.execute(query).scalar_one_or_none()

    def properties_in_use(self) -> list[str]:
        """The names of the properties that triples use."""
        return list(self.connection.execute(select(properties.c.name).where(_IN_USE)).scalars())

    def subjects(
        self,
        only: Sequence[int] | None = None,
        *,
        kind: EntityKind | None = None,
        title: str | None = None,
        category: str | None = None,
    ) -> Batches:
        """(entity, kind, text, title, category) of what sources state something of.

        Ascending by entity. `kind`, `title` and `category` leave those that are so.
        """
        of = subjects.c
        its_category = category_of(has_proposed_categories(self.connection))
        query = (
            select(of.entity, of.kind, entities.c.text, of.title, its_category)
            .join(entities, entities.c.id == of.entity)
            .order_by(of.entity)
        )
        if only is not None:
            query = query.where(of.entity.in_(only))
        for column, wanted in ((of.kind, kind), (of.title, title), (its_category, category)):
            if wanted is not None:
                query = query.where(column == wanted)
        return stream(self.connection, query)

    def knowledge(self, only: Sequence[int] | None = None) -> Batches:
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
        return stream(self.connection, query)

    def matching(self, *, property: int | None = None, tail: int | None = None) -> Batches:
        """(kind and text of the head, property, kind and text of the tail) of some triples."""
        head, end = entities.alias("head"), entities.alias("tail")
        query = (
            select(head.c.kind, head.c.text, properties.c.name, end.c.kind, end.c.text)
            .select_from(triples)
            .join(head, head.c.id == triples.c.head)
            .join(end, end.c.id == triples.c.tail)
            .join(properties, properties.c.id == triples.c.property)
        )
        if property is not None:
            query = query.where(triples.c.property == property)
        if tail is not None:
            query = query.where(triples.c.tail == tail)
        return stream(self.connection, query)

    def pictures(self, only: Sequence[int] | None = None) -> Batches:
        """(source, path, content hash, width, height, error, product), by product and position."""
        columns = ("source", "path", "content_hash", "width", "height", "error", "product")
        query = select(*(images.c[name] for name in columns)).order_by(
            images.c.product, images.c.position
        )
        if only is not None:
            query = query.where(images.c.product.in_(only))
        return stream(self.connection, query)

    def picture_owners(self, source: str | None = None) -> Batches:
        """(product's id, picture as written), each pair once."""
        query = (
            select(entities.c.text, images.c.source)
            .join(entities, entities.c.id == images.c.product)
            .distinct()
        )
        if source is not None:
            query = query.where(images.c.source == source)
        return stream(self.connection, query)

    def counts(self) -> dict[str, int]:
        """How many there are of what `k3m_kg.rdf` makes statements of.

        `products` and `values` are what sources state something of, `properties` those in use,
        `pictures` count once per product; `series` are products with several pictures, and
        `in_series` counts these.
        """
        of = subjects.c
        product = of.kind == int(EntityKind.PRODUCT)
        pictures = (
            select(
                func.count(distinct(images.c.source)).label("different"),
                func.count().label("all"),
            )
            .group_by(images.c.product)
            .subquery()
        )
        several = pictures.c.all > 1
        total = {
            "products": select(func.count()).select_from(subjects).where(product),
            "titles": select(func.count(of.title)),
            "categories": select(
                func.count(category_of(has_proposed_categories(self.connection)))
            ).select_from(subjects),
            "values": select(func.count()).select_from(subjects).where(~product),
            "triples": select(func.count()).select_from(triples),
            "properties": select(func.count(distinct(triples.c.property))),
            "pictures": select(func.sum(pictures.c.different)),
            "series": select(func.count()).select_from(pictures).where(several),
            "in_series": select(func.sum(pictures.c.all)).where(several),
        }
        return {
            name: int(self.connection.execute(query).scalar_one() or 0)
            for name, query in total.items()
        }


_IN_USE = exists().where(triples.c.property == properties.c.id)
