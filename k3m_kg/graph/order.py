"""The sources and their order: which of them is believed first where there is one answer."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table, func, select, update

from k3m_kg.errors import GraphError, unknown_name
from k3m_kg.graph.database.dialect import Dialect
from k3m_kg.graph.history.journal import chunks
from k3m_kg.graph.stored import StatingSource
from k3m_kg.graph.tables import EntityKind, RunKind, ingest_runs, sources, statements, subjects
from k3m_kg.graph.writing.union import GraphUnion, Outcome


def stating_sources(connection: Connection) -> list[StatingSource]:
    """The catalogs that were brought in and hold, the one that is believed first first."""
    alone = _products(connection, subjects)
    with_others = _products(connection, statements)
    newest = (
        select(ingest_runs.c.source, func.max(ingest_runs.c.id).label("run"))
        .where(
            ingest_runs.c.kind.not_in([RunKind.PROPOSAL.value, RunKind.DECISION.value]),
            ingest_runs.c.undone_at.is_(None),
        )
        .group_by(ingest_runs.c.source)
        .subquery()
    )
    rows = connection.execute(
        select(sources.c.id, sources.c.name, newest.c.run)
        .join(newest, newest.c.source == sources.c.id)
        .order_by(sources.c.place, sources.c.id)
    )
    return [
        StatingSource(
            name, run, alone.get(id_, 0) + with_others.get(id_, 0), with_others.get(id_, 0)
        )
        for id_, name, run in rows
    ]


def _products(connection: Connection, table: Table) -> dict[int, int]:
    rows = connection.execute(
        select(table.c.source, func.count())
        .where(table.c.kind == int(EntityKind.PRODUCT))
        .group_by(table.c.source)
    )
    return dict(rows.all())


def set_order(connection: Connection, dialect: Dialect, first: Sequence[str]) -> int:
    """Believe these sources first, in this order, then the others in the order that they have.

    Returns:
        How many products are shown otherwise now.

    Raises:
        GraphError: there is no source of that name.
    """
    names = [source.name for source in stating_sources(connection)]
    for name in first:
        if name not in names:
            raise GraphError(unknown_name("source", name, names))
    order = list(dict.fromkeys([*first, *names]))
    for place, name in enumerate(order, 1):
        connection.execute(update(sources).where(sources.c.name == name).values(place=place))
    others = sources.c.name.not_in(order)
    connection.execute(update(sources).where(others).values(place=len(order) + sources.c.id))
    union = GraphUnion(connection, dialect)
    several = sorted(connection.execute(select(statements.c.entity).distinct()).scalars())
    changed = 0
    for chunk in chunks(several):
        known = union.known(chunk)
        written = union.write(known, known.stated)
        changed += sum(
            outcome == Outcome.CHANGED and known.shown[entity].subject.kind == EntityKind.PRODUCT
            for entity, outcome in written.outcomes.items()
        )
    return changed
