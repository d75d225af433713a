"""The category of a product: what a source states, else what a model proposed.

Sources state categories in `subjects`, models propose them in `proposals`, and nothing is copied
from one to the other: a statement overrules a proposal by being there, and a run that is undone
has proposed nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, select

from k3m_kg.graph.tables import CATEGORY, RunKind, entities, ingest_runs, proposals, subjects

_HOLDS = (
    ingest_runs.c.kind == RunKind.PROPOSAL.value,
    ingest_runs.c.undone_at.is_(None),
)


def category_runs(connection: Connection) -> list[int]:
    """The runs that proposed categories and hold, ascending."""
    some = exists().where(proposals.c.run == ingest_runs.c.id, proposals.c.property == CATEGORY)
    query = select(ingest_runs.c.id).where(*_HOLDS, some).order_by(ingest_runs.c.id)
    return list(connection.execute(query).scalars())


def category_of(runs: Sequence[int]) -> ColumnElement[str]:
    """The category of a row of `subjects`.

    Args:
        runs: those of `category_runs`; of several the first one that proposed one counts.
    """
    if not runs:
        return subjects.c.category
    proposed = _proposed().where(proposals.c.run.in_(runs), proposals.c.head == subjects.c.entity)
    return func.coalesce(subjects.c.category, proposed.scalar_subquery())


def category_of_one(entity: ColumnElement[Any]) -> Select[Any]:
    """What is proposed for one entity, all in one statement: no row where nothing is."""
    return (
        _proposed()
        .join(ingest_runs, ingest_runs.c.id == proposals.c.run)
        .where(*_HOLDS, proposals.c.head == entity)
    )


def _proposed() -> Select[Any]:
    """The text of the category that the first run proposed, of whatever heads are asked."""
    return (
        select(entities.c.text)
        .select_from(proposals)
        .join(entities, entities.c.id == proposals.c.tail)
        .where(proposals.c.property == CATEGORY)
        .order_by(proposals.c.run)
        .limit(1)
    )
