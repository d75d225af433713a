"""Reading the graph: products as a stream, and counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)

from k3m_kg.graph.database.dialect import Dialect
from k3m_kg.graph.history.journal import chunks
from k3m_kg.graph.reading.categories import category_of, category_of_one, has_proposed_categories
from k3m_kg.graph.stored import GraphStatus, Missing, StoredImage, StoredProduct
from k3m_kg.graph.tables import (
    SEVERAL,
    EntityKind,
    Judgement,
    entities,
    images,
    judgements,
    properties,
    statements,
    subjects,
    triples,
)
from k3m_kg.graph.writing.union import judged_triples
from k3m_kg.records import ValueRecord

_AT_ONCE = 500
_PRODUCT = int(EntityKind.PRODUCT)
_VALUE = int(EntityKind.VALUE)
_Pairs = dict[int, list[tuple[str, str]]]
"""By head: (property, value or product id)."""


def iter_products(
    connection: Connection, batch_size: int, *, rejected: bool = False
) -> Iterator[StoredProduct]:
    """Every product by id in byte order, `batch_size` in memory at a time.

    With `rejected` also what people said is wrong of it.
    """
    names = _names(connection)
    judged = rejected and connection.execute(select(judgements.c.run).limit(1)).first() is not None
    for batch in _subjects(connection, EntityKind.PRODUCT, batch_size):
        found = _products(connection, batch, names)
        if not judged:
            yield from found
            continue
        wrong = _rejected(connection, [row.entity for row in batch], names)
        for row, product in zip(batch, found, strict=True):
            pairs = wrong.get(row.entity)
            yield replace(product, rejected=pairs) if pairs else product


def _rejected(
    connection: Connection, heads: Sequence[int], names: dict[int, str]
) -> dict[int, tuple[tuple[str | None, str], ...]]:
    """By product: property (None of a category) and value of what people said is wrong."""
    found: dict[int, list[tuple[int, int]]] = {
        head: pairs
        for head, said in judged_triples(connection, heads, categories=True).items()
        if (pairs := [pair for pair, (says, _) in said.items() if says != Judgement.RIGHT])
    }
    wanted = sorted({tail for pairs in found.values() for _, tail in pairs})
    texts: dict[int, str] = {}
    for chunk in chunks(wanted):
        query = select(entities.c.id, entities.c.text).where(entities.c.id.in_(chunk))
        texts |= dict(connection.execute(query).all())
    return {
        head: tuple(
            sorted(
                ((names.get(name), texts[tail]) for name, tail in pairs),
                key=lambda pair: (pair[0] or "", pair[1]),
            )
        )
        for head, pairs in found.items()
    }


def find_products(
    connection: Connection, dialect: Dialect, ids: Iterable[str]
) -> Iterator[StoredProduct]:
    """Those of these products that are there, some hundred at a time."""
    names = _names(connection)
    category = category_of(has_proposed_categories(connection)).label("category")
    wanted = iter(ids)
    while some := list(islice(wanted, _AT_ONCE)):
        found = {
            entity: id_ for id_, entity in dialect.find_terms(connection, _PRODUCT, some).items()
        }
        rows = connection.execute(
            select(subjects.c.entity, subjects.c.title, category).where(
                subjects.c.entity.in_(sorted(found))
            )
        ).all()
        batch = [(entity, found[entity], title, kind) for entity, title, kind in rows]
        yield from _products(connection, batch, names)


def iter_values(connection: Connection, batch_size: int) -> Iterator[ValueRecord]:
    """Every value that something is stated of, in byte order."""
    names = _names(connection)
    for batch in _subjects(connection, EntityKind.VALUE, batch_size):
        pairs, _ = _triples_of(connection, [row.entity for row in batch], names)
        for row in batch:
            yield ValueRecord(row.text, tuple(pairs.get(row.entity, ())))


def number_of(connection: Connection, dialect: Dialect, id_: str) -> int | None:
    """The entity of a product's id; it may be one that no source states any more."""
    return dialect.find_terms(connection, _PRODUCT, [id_]).get(id_)


def find_product(connection: Connection, entity: int, id_: str) -> StoredProduct | None:
    """One product by its number, all of it in one statement: one state without a transaction."""
    subject = None
    pairs: list[tuple[str, str]] = []
    links: list[tuple[str, str]] = []
    pictures = []
    rows = connection.execute(_ALL_OF_ONE, {"entity": entity}).all()
    for part, _, *cells in sorted(rows, key=itemgetter(0, 1)):
        first, second, content_hash, error, number, height = cells
        if part == _SUBJECT:
            subject = first, second
        elif part == _TRIPLE:
            (links if number == _PRODUCT else pairs).append((first, second))
        else:
            pictures.append(StoredImage(first, second, content_hash, number, height, error))
    if subject is None:
        return None
    return StoredProduct(id_, *subject, tuple(pairs), tuple(pictures), tuple(links))


_SUBJECT, _TRIPLE, _IMAGE = range(3)


def _row(part: int, position: Any, *columns: Any) -> Select[Any]:
    """Part, position, four texts and two numbers: the same columns for every part."""
    empty = [cast(null(), kind) for kind in (Text, Text, Text, Text, Integer, Integer)]
    cells = [
        nothing if column is None else column
        for column, nothing in zip(columns, empty, strict=True)
    ]
    return select(literal(part), position, *cells)


_ENTITY = bindparam("entity", type_=Integer)
_ALL_OF_ONE = union_all(
    _row(
        _SUBJECT,
        literal(0),
        subjects.c.title,
        func.coalesce(subjects.c.category, category_of_one(subjects.c.entity).scalar_subquery()),
        *[None] * 4,
    ).where(subjects.c.entity == _ENTITY),
    _row(
        _TRIPLE,
        triples.c.position,
        properties.c.name,
        entities.c.text,
        *(None, None, entities.c.kind, None),
    )
    .join_from(triples, properties, properties.c.id == triples.c.property)
    .join(entities, entities.c.id == triples.c.tail)
    .where(triples.c.head == _ENTITY),
    _row(
        _IMAGE,
        images.c.position,
        images.c.source,
        images.c.path,
        images.c.content_hash,
        images.c.error,
        images.c.width,
        images.c.height,
    ).where(images.c.product == _ENTITY),
)


def _names(connection: Connection) -> dict[int, str]:
    return dict(connection.execute(select(properties.c.id, properties.c.name)).all())


def _subjects(connection: Connection, kind: EntityKind, batch_size: int) -> Iterator[Sequence[Any]]:
    rows = connection.execution_options(yield_per=batch_size).execute(
        select(
            subjects.c.entity,
            entities.c.text,
            subjects.c.title,
            category_of(has_proposed_categories(connection)).label("category"),
        )
        .join(entities, entities.c.id == subjects.c.entity)
        # The kind is known; naming it lets the database read in the order of its index.
        .where(entities.c.kind == int(kind))
        .order_by(entities.c.text)
    )
    yield from rows.partitions()


def _products(
    connection: Connection, batch: Sequence[Any], names: dict[int, str]
) -> Iterator[StoredProduct]:
    wanted = [row[0] for row in batch]
    if not wanted:
        return
    pairs, links = _triples_of(connection, wanted, names)
    pictures = _images_of(connection, wanted)
    for entity, text, title, category in batch:
        yield StoredProduct(
            id=text,
            title=title,
            category=category,
            triples=tuple(pairs.get(entity, ())),
            images=tuple(pictures.get(entity, ())),
            links=tuple(links.get(entity, ())),
        )


def _triples_of(
    connection: Connection, heads: Sequence[int], names: dict[int, str]
) -> tuple[_Pairs, _Pairs]:
    """The triples to values, and those to products."""
    rows: Sequence[Any] = connection.execute(
        select(
            triples.c.head,
            triples.c.position,
            triples.c.property,
            entities.c.kind,
            entities.c.text,
        )
        .join(entities, entities.c.id == triples.c.tail)
        .where(triples.c.head.in_(heads))
    ).all()
    pairs: _Pairs = {}
    links: _Pairs = {}
    for head, _, property_, kind, text in sorted(rows, key=itemgetter(0, 1)):
        found = links if kind == _PRODUCT else pairs
        found.setdefault(head, []).append((names[property_], text))
    return pairs, links


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

    def count(query: Select[Any] | CompoundSelect[Any]) -> int:
        result: int = connection.execute(
            select(func.count()).select_from(query.subquery())
        ).scalar_one()
        return result

    usable = images.c.content_hash.is_not(None)
    products = select(subjects.c.entity).where(subjects.c.kind == _PRODUCT)
    # Probes of an index, whichever way round. A join with the distinct tails takes minutes on
    # PostgreSQL where it is mistaken in their number.
    is_tail = select(triples.c.head).where(triples.c.tail == entities.c.id).exists()
    linked = select(entities.c.id).where(entities.c.kind == _PRODUCT, is_tail).subquery()
    of_values = select(subjects.c.entity).where(subjects.c.kind == _VALUE).subquery()
    category = category_of(has_proposed_categories(connection))
    return GraphStatus(
        products=count(products),
        properties=count(select(triples.c.property).distinct()),
        values=count(select(entities.c.id).where(entities.c.kind == _VALUE, is_tail)),
        triples=count(select(triples.c.head)),
        images=count(select(images.c.product).where(usable)),
        missing=Missing(
            image=count(
                products.where(
                    ~select(images.c.product)
                    .where(and_(images.c.product == subjects.c.entity, usable))
                    .exists()
                )
            ),
            title=count(products.where(subjects.c.title.is_(None))),
            category=count(products.where(category.is_(None))),
            triples=count(
                products.where(
                    ~select(triples.c.head).where(triples.c.head == subjects.c.entity).exists()
                )
            ),
        ),
        images_failed=count(select(images.c.product).where(images.c.error.is_not(None))),
        images_not_local=count(
            select(images.c.product).where(images.c.path.is_(None), images.c.error.is_(None))
        ),
        sources=count(
            select(subjects.c.source)
            .where(subjects.c.source != SEVERAL)
            .union(select(statements.c.source))
        ),
        links=count(select(triples.c.head).join(linked, linked.c.id == triples.c.tail)),
        facts=count(select(triples.c.head).join(of_values, of_values.c.entity == triples.c.head)),
    )
