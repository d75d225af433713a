"""Taking a run back: the graph is then as if the run had never been, or nothing is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, update

from k3m_kg.errors import GraphError
from k3m_kg.graph.dialect import Dialect
from k3m_kg.graph.journal import (
    IMAGE_COLUMNS,
    SUBJECT_COLUMNS,
    TRIPLE_COLUMNS,
    Version,
    chunks,
    delete_subjects,
    proposal_runs,
    version_of,
)
from k3m_kg.graph.runs import find_run
from k3m_kg.graph.session import now
from k3m_kg.graph.stored import Undone
from k3m_kg.graph.tables import (
    Change,
    EntityKind,
    RunKind,
    images,
    ingest_runs,
    journal,
    proposals,
    subjects,
    triples,
)


def undo(connection: Connection, dialect: Dialect, number: int) -> Undone:
    """Take run `number` back, within the writer's transaction.

    Triples that an undone run proposed do not come back with the versions that held them.

    Raises:
        GraphError: there is no such run, it was undone before, or later runs build on it: those of
            the same source, and those that changed the same products. The message names them,
            for they have to be undone first.
    """
    run = find_run(connection, number)
    if run.undone_at is not None:
        raise GraphError(f"run {number} was undone before, at {run.undone_at}")
    if run.kind == RunKind.PROPOSAL:
        undone = _undo_proposals(connection, dialect, number)
    else:
        _refuse_conflicts(connection, number)
        undone = _undo_ingest(connection, dialect, number)
    connection.execute(
        update(ingest_runs).where(ingest_runs.c.id == number).values(undone_at=now())
    )
    return undone


def _refuse_conflicts(connection: Connection, number: int) -> None:
    touched = select(journal.c.entity).where(journal.c.run == number)
    made = select(subjects.c.entity).where(subjects.c.run == number)
    changed_again = select(journal.c.run).where(
        journal.c.run > number,
        (journal.c.before_run == number) | journal.c.entity.in_(touched),
    )
    stated_again = select(subjects.c.run).where(
        subjects.c.run > number, subjects.c.entity.in_(touched)
    )
    # A source that was read again has stated, or taken away, what leaves no trace in the journal:
    # a product that it states as it is, one that another source had taken over.
    own = select(ingest_runs.c.source).where(ingest_runs.c.id == number)
    taken_over = select(journal.c.source).where(journal.c.run == number)
    read_again = select(ingest_runs.c.id).where(
        ingest_runs.c.id > number,
        ingest_runs.c.undone_at.is_(None),
        ingest_runs.c.source.in_(own) | ingest_runs.c.source.in_(taken_over),
    )
    proposed = (
        select(proposals.c.run)
        .join(ingest_runs, ingest_runs.c.id == proposals.c.run)
        .where(
            proposals.c.run > number,
            ingest_runs.c.undone_at.is_(None),
            proposals.c.head.in_(touched) | proposals.c.head.in_(made),
        )
    )
    later = sorted(
        {
            found
            for query in (changed_again, stated_again, read_again, proposed)
            for found in connection.execute(query.distinct()).scalars()
        }
    )
    if later:
        names = ", ".join(map(str, later[:10])) + (", ..." if len(later) > 10 else "")
        raise GraphError(
            f"run {number} cannot be undone: later runs build on it ({names})",
            hint=f"undo run {later[-1]} first",
        )


def _undo_ingest(connection: Connection, dialect: Dialect, number: int) -> Undone:
    no_proposals = proposal_runs(connection, undone=True)
    made = connection.execute(
        select(subjects.c.entity, subjects.c.kind).where(subjects.c.run == number)
    ).all()
    noted = connection.execute(
        select(journal.c.entity, journal.c.change, journal.c.kind).where(journal.c.run == number)
    ).all()
    restored = {row.entity for row in noted if row.change != Change.ADOPTED}
    counted = {
        "products_removed": sum(
            kind == EntityKind.PRODUCT and entity not in restored for entity, kind in made
        ),
        "products_restored": sum(
            row.kind == EntityKind.PRODUCT and row.change != Change.ADOPTED for row in noted
        ),
    }
    triples_removed = _count(connection, [entity for entity, _ in made])
    delete_subjects(connection, (entity for entity, _ in made))
    triples_added = 0
    for chunk in chunks(row.entity for row in noted):
        rows = connection.execute(
            select(journal).where(journal.c.run == number, journal.c.entity.in_(chunk))
        ).all()
        back = [version_of(row) for row in rows if row.change != Change.ADOPTED]
        triples_added += _restore(connection, dialect, back, no_proposals)
        adopted: dict[int, list[int]] = {}
        for row in rows:
            if row.change == Change.ADOPTED:
                adopted.setdefault(row.source, []).append(row.entity)
        for source, owned in adopted.items():
            connection.execute(
                update(subjects).where(subjects.c.entity.in_(owned)).values(source=source)
            )
    connection.execute(delete(journal).where(journal.c.run == number))
    return Undone(number, triples_added=triples_added, triples_removed=triples_removed, **counted)


def _count(connection: Connection, heads: Sequence[int]) -> int:
    return sum(
        len(connection.execute(select(triples.c.head).where(triples.c.head.in_(chunk))).all())
        for chunk in chunks(heads)
    )


def _restore(
    connection: Connection, dialect: Dialect, versions: Sequence[Version], undone: set[int]
) -> int:
    """Write versions back; the number of their triples."""
    heirs = _heirs(connection, [version.subject.entity for version in versions])
    subject_rows: list[tuple[Any, ...]] = []
    triple_rows: list[tuple[Any, ...]] = []
    image_rows: list[tuple[Any, ...]] = []
    for version in versions:
        subject = version.subject
        subject_rows.append(tuple(getattr(subject, name) for name in SUBJECT_COLUMNS))
        for property_, tail, position, run in version.triples:
            if run in undone:  # it was proposed; perhaps by another run too, which holds
                run = _heir(heirs, (subject.entity, property_, tail), run) or run
            if run not in undone:
                triple_rows.append((subject.entity, property_, tail, position, run))
        image_rows += [(subject.entity, *row) for row in version.images]
    dialect.insert(connection, subjects, SUBJECT_COLUMNS, subject_rows)
    dialect.insert_numbers(connection, triples, TRIPLE_COLUMNS, triple_rows)
    dialect.insert(connection, images, IMAGE_COLUMNS, image_rows)
    return len(triple_rows)


_Key = tuple[int, int, int]
"""head, property, tail"""


def _heirs(connection: Connection, heads: Sequence[int]) -> dict[_Key, list[int]]:
    """The runs that proposed each triple of `heads` and hold, ascending."""
    rows = connection.execute(
        select(proposals.c.head, proposals.c.property, proposals.c.tail, proposals.c.run)
        .join(ingest_runs, ingest_runs.c.id == proposals.c.run)
        .where(proposals.c.head.in_(heads), ingest_runs.c.undone_at.is_(None))
        .order_by(proposals.c.run)
    )
    found: dict[_Key, list[int]] = {}
    for head, property_, tail, run in rows:
        found.setdefault((head, property_, tail), []).append(run)
    return found


def _heir(heirs: Mapping[_Key, Sequence[int]], triple: _Key, run: int) -> int | None:
    """Who else proposed a triple that `run` added: a later run, which found it there.

    What an earlier run had proposed was gone by then, or `run` would not have added it.
    """
    return next((other for other in heirs.get(triple, ()) if other > run), None)


def _undo_proposals(connection: Connection, dialect: Dialect, number: int) -> Undone:
    heads = sorted(
        connection.execute(
            select(proposals.c.head).where(proposals.c.run == number).distinct()
        ).scalars()
    )
    removed = 0
    for chunk in chunks(heads):
        of_run = (triples.c.head.in_(chunk), triples.c.run == number)
        rows = connection.execute(
            select(triples.c.head, triples.c.property, triples.c.tail, triples.c.position).where(
                *of_run
            )
        ).all()
        connection.execute(delete(triples).where(*of_run))
        heirs = _heirs(connection, chunk)
        handed_over = [
            (head, property_, tail, position, heir)
            for head, property_, tail, position in rows
            if (heir := _heir(heirs, (head, property_, tail), number)) is not None
        ]
        dialect.insert_numbers(connection, triples, TRIPLE_COLUMNS, handed_over)
        removed += len(rows) - len(handed_over)
    return Undone(number, 0, len(heads), 0, removed)
