"""Where a product's triples come from: sources, models that propose, people who decide."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Float, bindparam, cast, literal, null, select, union_all

from k3m_kg.graph.history.journal import stored_subjects
from k3m_kg.graph.tables import (
    CATEGORY,
    SEVERAL,
    EntityKind,
    Judgement,
    entities,
    ingest_runs,
    judgements,
    properties,
    proposals,
    sources,
    triples,
)
from k3m_kg.graph.writing.union import NO_SOURCES, stated_by_several


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


_SHOWN = (
    select(
        triples.c.property,
        triples.c.tail,
        triples.c.run,
        properties.c.name,
        entities.c.kind,
        entities.c.text,
    )
    .join(properties, properties.c.id == triples.c.property)
    .join(entities, entities.c.id == triples.c.tail)
    .where(triples.c.head == bindparam("entity"))
    .order_by(triples.c.position)
)
_SAID = union_all(
    select(
        literal(0).label("part"),
        proposals.c.run.label("run"),
        proposals.c.property,
        proposals.c.tail,
        proposals.c.probability,
    )
    .join(ingest_runs, ingest_runs.c.id == proposals.c.run)
    .where(proposals.c.head == bindparam("entity"), ingest_runs.c.undone_at.is_(None)),
    select(
        literal(1), judgements.c.run, judgements.c.property, judgements.c.tail, cast(null(), Float)
    )
    .join(ingest_runs, ingest_runs.c.id == judgements.c.run)
    .where(
        judgements.c.head == bindparam("entity"),
        judgements.c.says == int(Judgement.RIGHT),
        ingest_runs.c.undone_at.is_(None),
    ),
).order_by("part", "run")
"""What models propose and people say is right; of a category too."""
_RUNS = (
    select(ingest_runs.c.id, sources.c.name, ingest_runs.c.kind, ingest_runs.c.finished_at)
    .join(sources, sources.c.id == ingest_runs.c.source)
    .where(ingest_runs.c.id.in_(bindparam("runs")))
)


def product_origins(connection: Connection, entity: int) -> ProductOrigins | None:
    """The triples of a product with their origins; None where no source states it."""
    subject = stored_subjects(connection, [entity]).get(entity)
    if subject is None:
        return None
    shown = connection.execute(_SHOWN, {"entity": entity}).all()
    stated = [row[:3] for row in shown]
    if subject.source == SEVERAL:
        stated = [
            (property_, tail, run)
            for version in stated_by_several(connection, [entity])
            for property_, tail, _, run in version.triples
        ]
    further = connection.execute(_SAID, {"entity": entity}).all()
    runs = {run for _, _, run in stated} | {row.run for row in further}
    origin = {row[0]: row for row in connection.execute(_RUNS, {"runs": sorted(runs)})}
    category = []
    said: dict[tuple[int, int], list[TripleOrigin]] = defaultdict(list)
    for property_, tail, run in stated:
        if run in origin and origin[run].kind not in NO_SOURCES:
            said[property_, tail].append(_origin(origin[run]))
    for part, run, property_, tail, probability in further:
        one = _origin(origin[run], probability)
        if property_ != CATEGORY:
            said[property_, tail].append(one)
        elif part == 0:
            category.append(one)
    return ProductOrigins(
        tuple(
            TripleWithOrigins(name, text, kind == EntityKind.PRODUCT, tuple(said[property_, tail]))
            for property_, tail, _, name, kind, text in shown
        ),
        tuple(category),
    )


def _origin(run: Any, probability: float | None = None) -> TripleOrigin:
    return TripleOrigin(run.name, run.id, run.kind, run.finished_at, probability)
