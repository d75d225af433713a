"""Some products as lists show them, and the texts of entities."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from k3m_kg.graph.database.dialect import dialect_of
from k3m_kg.graph.reading.bulk import GraphReader
from k3m_kg.graph.reading.categories import category_of, has_proposed_categories
from k3m_kg.graph.tables import EntityKind, entities, images, properties, subjects, triples

_SHOWN_TRIPLES = 5
_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class ListedProduct:
    """A product in a list.

    Attributes:
        picture: the position of its first usable picture.
        triples: the first of them.
    """

    entity: int
    id: str
    title: str | None
    category: str | None
    picture: int | None
    triples: list[tuple[str, str]]


def list_products(reader: GraphReader, wanted: Sequence[int]) -> list[ListedProduct]:
    """Products by their numbers, in that order; some hundred at most."""
    connection = reader.connection
    of = subjects.c
    category = category_of(has_proposed_categories(connection))
    found = {
        entity: (text, title, class_)
        for entity, text, title, class_ in connection.execute(
            select(
                of.entity,
                entities.c.text,
                of.title,
                category,
            )
            .join(entities, entities.c.id == of.entity)
            .where(of.entity.in_(wanted))
        )
    }
    pictures = dict(
        connection.execute(
            select(images.c.product, func.min(images.c.position))
            .where(images.c.product.in_(wanted), images.c.content_hash.is_not(None))
            .group_by(images.c.product)
        ).all()
    )
    pairs: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for head, name, value in connection.execute(
        select(
            triples.c.head,
            properties.c.name,
            func.substr(entities.c.text, 1, _SHOWN_CHARACTERS),
        )
        .join(entities, entities.c.id == triples.c.tail)
        .join(properties, properties.c.id == triples.c.property)
        .where(triples.c.head.in_(wanted))
        .order_by(triples.c.head, triples.c.position)
    ):
        if len(pairs[head]) < _SHOWN_TRIPLES:
            pairs[head].append((name, value))
    return [
        ListedProduct(entity, *found[entity], pictures.get(entity), pairs[entity])
        for entity in wanted
        if entity in found
    ]


def texts_of(reader: GraphReader, wanted: Iterable[int]) -> dict[int, str]:
    """The texts of some entities, by their numbers."""
    query = select(entities.c.id, entities.c.text).where(entities.c.id.in_(list(wanted)))
    return dict(reader.connection.execute(query).all())


def numbers_of(reader: GraphReader, texts: Iterable[str]) -> dict[str, list[int]]:
    """The numbers of values, and products, by their texts."""
    dialect = dialect_of(reader.connection.engine)
    wanted = list(texts)
    found: dict[str, list[int]] = defaultdict(list)
    for kind in EntityKind:
        for text, number in dialect.find_terms(reader.connection, int(kind), wanted).items():
            found[text].append(number)
    return found
