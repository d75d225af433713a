"""Reading the graph: products as a stream, and counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select

from k3m_kg.graph.stored import GraphStatus, Missing, StoredImage, StoredProduct
from k3m_kg.graph.tables import EntityKind, entities, images, products, properties, triples


def iter_products(connection: Connection, batch_size: int) -> Iterator[StoredProduct]:
    """Every product by id in byte order, `batch_size` in memory at a time."""
    names = dict(connection.execute(select(properties.c.id, properties.c.name)).all())
    heads = connection.execution_options(yield_per=batch_size).execute(
        select(products.c.entity, entities.c.text, products.c.title, products.c.category)
        .join(entities, entities.c.id == products.c.entity)
        # The kind is known; naming it lets the database read in the order of its index.
        .where(entities.c.kind == int(EntityKind.PRODUCT))
        .order_by(entities.c.text)
    )
    for batch in heads.partitions():
        wanted = [row.entity for row in batch]
        knowledge = _triples_of(connection, wanted, names)
        pictures = _images_of(connection, wanted)
        for entity, text, title, category in batch:
            yield StoredProduct(
                id=text,
                title=title,
                category=category,
                triples=tuple(knowledge.get(entity, ())),
                images=tuple(pictures.get(entity, ())),
            )


def _triples_of(
    connection: Connection, heads: Sequence[int], names: dict[int, str]
) -> dict[int, list[tuple[str, str]]]:
    rows = connection.execute(
        select(triples.c.head, triples.c.position, triples.c.property, entities.c.text)
        .join(entities, entities.c.id == triples.c.tail)
        .where(triples.c.head.in_(heads))
    )
    found: dict[int, list[tuple[str, str]]] = {}
    for head, _, property_, value in sorted(rows, key=lambda row: row[:2]):
        found.setdefault(head, []).append((names[property_], value))
    return found


def _images_of(connection: Connection, owners: Sequence[int]) -> dict[int, list[StoredImage]]:
    rows: Sequence[Any] = connection.execute(
        select(
            images.c.product,
            images.c.source,
            images.c.path,
            images.c.content_hash,
            images.c.width,
            images.c.height,
            images.c.error,
        )
        .where(images.c.product.in_(owners))
        .order_by(images.c.product, images.c.position)
    ).all()
    found: dict[int, list[StoredImage]] = {}
    for product, *image in rows:
        found.setdefault(product, []).append(StoredImage(*image))
    return found


def status(connection: Connection) -> GraphStatus:
    """Counts over the whole graph."""

    def count(query: Select[Any]) -> int:
        result: int = connection.execute(
            select(func.count()).select_from(query.subquery())
        ).scalar_one()
        return result

    usable = images.c.content_hash.is_not(None)
    tails = select(triples.c.tail).distinct().subquery()
    return GraphStatus(
        products=count(select(products.c.entity)),
        properties=count(select(triples.c.property).distinct()),
        values=count(
            select(entities.c.id)
            .join(tails, tails.c.tail == entities.c.id)
            .where(entities.c.kind == int(EntityKind.VALUE))
        ),
        triples=count(select(triples.c.head)),
        images=count(select(images.c.product).where(usable)),
        missing=Missing(
            image=count(
                select(products.c.entity).where(
                    ~select(images.c.product)
                    .where(and_(images.c.product == products.c.entity, usable))
                    .exists()
                )
            ),
            title=count(select(products.c.entity).where(products.c.title.is_(None))),
            triples=count(
                select(products.c.entity).where(
                    ~select(triples.c.head).where(triples.c.head == products.c.entity).exists()
                )
            ),
        ),
        images_failed=count(select(images.c.product).where(images.c.error.is_not(None))),
        images_not_local=count(
            select(images.c.product).where(images.c.path.is_(None), images.c.error.is_(None))
        ),
        sources=count(select(products.c.source).distinct()),
    )
