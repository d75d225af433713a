"""Taking a run back: the graph is then as if the run had never been, or nothing is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import Connection, delete, select, update

from k3m_kg.errors import GraphError
from k3m_kg.graph.database.dialect import Dialect
from k3m_kg.graph.history.journal import Version, chunks, version_of
from k3m_kg.graph.history.runs import changed_nothing, find_run, made_and_noted
from k3m_kg.graph.reviewing.deciding import reopen_items
from k3m_kg.graph.stored import Undone
from k3m_kg.graph.tables import Change, EntityKind, RunKind, ingest_runs, journal, proposals
from k3m_kg.graph.writing.session import now
from k3m_kg.graph.writing.union import GraphUnion, KnownSubjects, Outcome, WrittenSubjects


def undo(connection: Connection, dialect: Dialect, number: int) -> Undone:
    """Take run `number` back, within the writer's transaction.

    What its source stated before comes back; what other sources state, and models propose, stays.
    Later runs that read the source again and found nothing new go with it.

    Raises:
        GraphError: there is no such run, it was undone before, or later runs of the same source
            hold. The message names them, for they have to be undone first.
    """
    run = find_run(connection, number)
    if run.undone_at is not None:
        raise GraphError(f"run {number} was undone before, at {run.undone_at}")
    of_source = run.kind not in (RunKind.PROPOSAL, RunKind.DECISION)
    idle = _idle_since(connection, number) if of_source else []
    connection.execute(
        update(ingest_runs).where(ingest_runs.c.id.in_([number, *idle])).values(undone_at=now())
    )
    union = GraphUnion(connection, dialect)
    if run.kind == RunKind.DECISION:
        heads, added, removed = reopen_items(connection, union, number)
        return Undone(number, 0, heads, added, removed)
    if run.kind == RunKind.PROPOSAL:
        return _undo_proposals(connection, union, number)
    return replace(_undo_ingest(connection, union, number), idle=tuple(idle))


def _idle_since(connection: Connection, number: int) -> list[int]:
    """The later runs of the source, all of which changed nothing.

    Raises:
        GraphError: one did.
    """
    own = select(ingest_runs.c.source).where(ingest_runs.c.id == number)
    # Up to schema 0002 a run replaced the statements of other sources too.
    replaced = select(journal.c.source).where(journal.c.run == number)
    read_again = select(ingest_runs.c.id).where(
        ingest_runs.c.id > number,
        ingest_runs.c.undone_at.is_(None),
        ingest_runs.c.source.in_(own) | ingest_runs.c.source.in_(replaced),
    )
    changed_again = select(journal.c.run).where(
        journal.c.run > number, journal.c.before_run == number
    )
    found = {
        run
        for query in (read_again, changed_again)
        for run in connection.execute(query.distinct()).scalars()
    }
    idle = {run for run in found if changed_nothing(connection, run)}
    later = sorted(found - idle)
    if later:
        names = ", ".join(map(str, later[:10])) + (", ..." if len(later) > 10 else "")
        raise GraphError(
            f"run {number} cannot be undone: later runs of its source build on it ({names})",
            hint=f"undo run {later[-1]} first",
        )
    return sorted(idle)


def _undo_ingest(connection: Connection, union: GraphUnion, number: int) -> Undone:
    (source,) = connection.execute(
        select(ingest_runs.c.source).where(ingest_runs.c.id == number)
    ).scalars()
    done = dict.fromkeys(Outcome, 0)
    added = removed = 0
    for chunk in chunks(sorted(made_and_noted(connection, number))):
        known = union.known(chunk)
        stated = {
            entity: {
                by: version
                for by, version in known.stated.get(entity, {}).items()
                if version.subject.run != number
            }
            for entity in chunk
        }
        for row in connection.execute(
            select(journal).where(journal.c.run == number, journal.c.entity.in_(chunk))
        ):
            if row.change == Change.ADOPTED:
                version = stated[row.entity].pop(source)
                subject = replace(version.subject, source=row.source)
                version = replace(version, subject=subject)
            else:
                version = version_of(row, union.by_models)
            stated[row.entity][row.source] = version
        written = union.write(known, stated)
        added, removed = added + written.triples_added, removed + written.triples_removed
        for entity in _products(known, stated):
            if entity in written.outcomes:
                done[written.outcomes[entity]] += 1
    connection.execute(delete(journal).where(journal.c.run == number))
    restored = done[Outcome.ADDED] + done[Outcome.CHANGED]
    return Undone(number, done[Outcome.REMOVED], restored, added, removed)


def _products(known: KnownSubjects, stated: Mapping[int, Mapping[int, Version]]) -> Iterable[int]:
    for entity, by_source in stated.items():
        versions = [*by_source.values(), *known.stated.get(entity, {}).values()]
        if versions and versions[0].subject.kind == EntityKind.PRODUCT:
            yield entity


def _undo_proposals(connection: Connection, union: GraphUnion, number: int) -> Undone:
    heads = sorted(
        connection.execute(
            select(proposals.c.head).where(proposals.c.run == number).distinct()
        ).scalars()
    )
    total = WrittenSubjects()
    for chunk in chunks(heads):
        written = union.refresh(chunk)
        total.triples_added += written.triples_added
        total.triples_removed += written.triples_removed
    return Undone(number, 0, len(heads), total.triples_added, total.triples_removed)
