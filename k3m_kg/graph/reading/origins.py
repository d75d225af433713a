"""Where a product's triples come from: sources, models that propose, people who decide."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import Connection, select

from k3m_kg.graph.database.dialect import Dialect
from k3m_kg.graph.tables import (
    CATEGORY,
    EntityKind,
    Judgement,
    entities,
    ingest_runs,
    judgements,
    properties,
    proposals,
    sources,
)
from k3m_kg.graph.writing.union import GraphUnion


@dataclass(frozen=True, slots=True)
class TripleOrigin:
    """Who says a triple.

    Attributes:
        source: its name, mostly an absolute path; of proposals `proposal:` and the artifact's.
        run: that brought the triple.
        kind: of the run.
        at: when that ended, ISO 8601, UTC.
        probability: of a proposal.
    """

    source: str
    run: int
    kind: str
    at: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class TripleWithOrigins:
    """A triple of a product as the graph shows it.

    Attributes:
        link: whether the value is the id of another product.
        origins: sources in their order, then proposals, then decisions that it is right.
    """

    property: str
    value: str
    link: bool
    origins: tuple[TripleOrigin, ...]


@dataclass(frozen=True, slots=True)
class ProductOrigins:
    """What is shown of a product, and by whom it is said.

    Attributes:
        triples: in the order of the catalog.
        category: origins of the category, where models proposed it.
    """

    triples: tuple[TripleWithOrigins, ...]
    category: tuple[TripleOrigin, ...]


def product_origins(connection: Connection, dialect: Dialect, id_: str) -> ProductOrigins | None:
    """The triples of a product with their origins; None where there is no such product."""
    entity = dialect.find_terms(connection, int(EntityKind.PRODUCT), [id_]).get(id_)
    if entity is None:
        return None
    known = GraphUnion(connection, dialect).known([entity])
    if entity not in known.shown:
        return None
    said: dict[tuple[int, int], list[tuple[int, float | None]]] = defaultdict(list)
    for version in known.stated[entity].values():
        for property_, tail, _, run in version.triples:
            said[property_, tail].append((run, None))
    proposed = (
        select(proposals.c.property, proposals.c.tail, proposals.c.run, proposals.c.probability)
        .join(ingest_runs, ingest_runs.c.id == proposals.c.run)
        .where(proposals.c.head == entity, ingest_runs.c.undone_at.is_(None))
        .order_by(proposals.c.run)
    )
    category = []
    for property_, tail, run, probability in connection.execute(proposed):
        if property_ == CATEGORY:
            category.append((run, probability))
        else:
            said[property_, tail].append((run, probability))
    right = (
        select(judgements.c.property, judgements.c.tail, judgements.c.run)
        .join(ingest_runs, ingest_runs.c.id == judgements.c.run)
        .where(
            judgements.c.head == entity,
            judgements.c.says == int(Judgement.RIGHT),
            ingest_runs.c.undone_at.is_(None),
        )
        .order_by(judgements.c.run)
    )
    for property_, tail, run in connection.execute(right):
        said[property_, tail].append((run, None))
    shown = known.shown[entity].pairs
    runs = {run for pair in shown for run, _ in said[pair]} | {run for run, _ in category}
    origin = {
        id_: (name, id_, kind, at)
        for id_, name, kind, at in connection.execute(
            select(ingest_runs.c.id, sources.c.name, ingest_runs.c.kind, ingest_runs.c.finished_at)
            .join(sources, sources.c.id == ingest_runs.c.source)
            .where(ingest_runs.c.id.in_(runs))
        )
    }
    names = dict(
        connection.execute(
            select(properties.c.id, properties.c.name).where(
                properties.c.id.in_({property_ for property_, _ in shown})
            )
        ).all()
    )
    tails = {
        id_: (kind, text)
        for id_, kind, text in connection.execute(
            select(entities.c.id, entities.c.kind, entities.c.text).where(
                entities.c.id.in_({tail for _, tail in shown})
            )
        )
    }

    def origins(of: list[tuple[int, float | None]]) -> tuple[TripleOrigin, ...]:
        return tuple(
            TripleOrigin(*origin[run], probability) for run, probability in of if run in origin
        )

    return ProductOrigins(
        tuple(
            TripleWithOrigins(
                names[property_],
                tails[tail][1],
                tails[tail][0] == EntityKind.PRODUCT,
                origins(said[property_, tail]),
            )
            for property_, tail in shown
        ),
        origins(category),
    )
