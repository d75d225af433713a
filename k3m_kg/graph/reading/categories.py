"""The category of a product: what a source states, else what a person or a model proposed.

Sources state categories in `subjects`, the others are in `proposals`, and nothing is copied from
one to the other: a statement overrules a proposal by being there, and a run that is undone has
proposed nothing.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, exists, func, select

from k3m_kg.graph.tables import (
    CATEGORY,
    Judgement,
    RunKind,
    entities,
    ingest_runs,
    judgements,
    proposals,
    subjects,
)


def has_proposed_categories(connection: Connection) -> bool:
    """Whether any was ever proposed."""
    some = select(proposals.c.run).where(proposals.c.property == CATEGORY).limit(1)
    return connection.execute(some).first() is not None


def category_of(proposed: bool) -> ColumnElement[str]:
    """The category of a row of `subjects`.

    Args:
        proposed: as `has_proposed_categories` says; without any, none is looked for.
    """
    if not proposed:
        return subjects.c.category
    return func.coalesce(subjects.c.category, category_of_one(subjects.c.entity).scalar_subquery())


def category_of_one(entity: ColumnElement[Any]) -> Select[Any]:
    """What is proposed for one entity, all in one statement: no row where nothing is.

    The last one that a person decided; else the first one of a model that nobody rejected since.
    """
    later = judgements.alias("later")
    of_later = ingest_runs.alias("of_later")
    rejected = (
        exists()
        .where(
            later.c.head == proposals.c.head,
            later.c.property == CATEGORY,
            later.c.tail == proposals.c.tail,
            later.c.says == int(Judgement.WRONG),
            later.c.run > proposals.c.run,
            of_later.c.id == later.c.run,
            of_later.c.undone_at.is_(None),
        )
        .correlate(proposals)
    )
    people_first = case(
        (ingest_runs.c.kind == RunKind.DECISION.value, -proposals.c.run), else_=proposals.c.run
    )
    return (
        select(entities.c.text)
        .select_from(proposals)
        .join(entities, entities.c.id == proposals.c.tail)
        .join(ingest_runs, ingest_runs.c.id == proposals.c.run)
        .where(
            proposals.c.property == CATEGORY,
            proposals.c.head == entity,
            ingest_runs.c.undone_at.is_(None),
            ~rejected,
        )
        .order_by(people_first)
        .limit(1)
    )
