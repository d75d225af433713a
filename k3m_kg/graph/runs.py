"""The runs: what was brought into the graph, when, and what each of them changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, select

from k3m_kg.errors import GraphError
from k3m_kg.graph.journal import (
    SUBJECT_COLUMNS,
    StoredSubject,
    Version,
    chunks,
    proposal_runs,
    stored_versions,
    version_of,
)
from k3m_kg.graph.stored import IngestCounts, Run, SubjectDiff
from k3m_kg.graph.tables import (
    CATEGORY,
    EntityKind,
    RunKind,
    entities,
    ingest_runs,
    journal,
    properties,
    proposals,
    sources,
    subjects,
)

_COUNTS = tuple(field.name for field in fields(IngestCounts))


def runs(connection: Connection, limit: int | None = None) -> list[Run]:
    """The runs, newest first."""
    query = (
        select(ingest_runs, sources.c.name.label("source_name"))
        .join(sources, sources.c.id == ingest_runs.c.source)
        .order_by(ingest_runs.c.id.desc())
        .limit(limit)
    )
    return [_run(row) for row in connection.execute(query)]


def find_run(connection: Connection, number: int) -> Run:
    """The run of that number.

    Raises:
        GraphError: there is none; the message names those that there are.
    """
    row = connection.execute(
        select(ingest_runs, sources.c.name.label("source_name"))
        .join(sources, sources.c.id == ingest_runs.c.source)
        .where(ingest_runs.c.id == number)
    ).one_or_none()
    if row is None:
        known = [str(run.id) for run in runs(connection, 5)]
        raise GraphError(
            f"there is no run {number} in this graph",
            hint=f"the newest: {', '.join(known)}" if known else "nothing was ingested yet",
        )
    return _run(row)


def _run(row: Any) -> Run:
    return Run(
        row.id,
        row.kind,
        row.source_name,
        row.format,
        row.started_at,
        row.finished_at,
        row.undone_at,
        IngestCounts(**{name: getattr(row, name) for name in _COUNTS}),
    )


def diff(connection: Connection, run: Run) -> Iterator[SubjectDiff]:
    """What a run changed, subject by subject in the order of their numbers.

    Exact also when later runs changed the same subjects again: the journal keeps what they
    replaced. Memory is bounded by some hundred subjects, and the numbers of all of them.

    Raises:
        GraphError: the run was undone, and so is nothing's difference any more.
    """
    if run.undone_at is not None:
        raise GraphError(f"run {run.id} was undone at {run.undone_at}: it changes nothing")
    names = dict(connection.execute(select(properties.c.id, properties.c.name)).all())
    if run.kind == RunKind.PROPOSAL:
        yield from _proposed(connection, run.id, names)
        return
    touched = sorted({*_made(connection, run.id), *_replaced(connection, run.id)})
    for chunk in chunks(touched):
        pairs = [
            (entity, before, after)
            for entity, (before, after) in _versions(connection, run.id, chunk).items()
            if before is not None or after is not None
        ]
        yield from _described(connection, pairs, names)


def _made(connection: Connection, run: int) -> Iterable[int]:
    """Subjects that have, or had until a later run, the content that `run` gave them."""
    yield from connection.execute(select(subjects.c.entity).where(subjects.c.run == run)).scalars()
    yield from connection.execute(
        select(journal.c.entity).where(
            journal.c.run > run, journal.c.before_run == run, journal.c.content.is_not(None)
        )
    ).scalars()


def _replaced(connection: Connection, run: int) -> Iterable[int]:
    """Subjects whose content `run` replaced or removed."""
    return connection.execute(
        select(journal.c.entity).where(journal.c.run == run, journal.c.content.is_not(None))
    ).scalars()


def _versions(
    connection: Connection, run: int, chunk: Sequence[int]
) -> dict[int, tuple[Version | None, Version | None]]:
    """The versions before and after `run`."""
    content = journal.c.content.is_not(None)
    before = {
        row.entity: version_of(row)
        for row in connection.execute(
            select(journal).where(journal.c.run == run, journal.c.entity.in_(chunk), content)
        )
    }
    after: dict[int, Version] = {}
    for row in connection.execute(
        select(journal)
        .where(journal.c.before_run == run, journal.c.entity.in_(chunk), content)
        .order_by(journal.c.run)
    ):
        after.setdefault(row.entity, version_of(row))
    current = {
        row[0]: StoredSubject(*row)
        for row in connection.execute(
            select(*(subjects.c[name] for name in SUBJECT_COLUMNS)).where(
                subjects.c.run == run, subjects.c.entity.in_(chunk)
            )
        )
    }
    after.update(stored_versions(connection, current))
    return {entity: (before.get(entity), after.get(entity)) for entity in chunk}


@dataclass(frozen=True, slots=True)
class _Content:
    """A version as texts, without what models proposed."""

    title: str | None = None
    category: str | None = None
    triples: tuple[tuple[str, str], ...] = ()
    images: tuple[str, ...] = ()


def _described(
    connection: Connection,
    pairs: Sequence[tuple[int, Version | None, Version | None]],
    names: Mapping[int, str],
) -> Iterator[SubjectDiff]:
    versions = [version for _, *both in pairs for version in both if version is not None]
    wanted = {row[1] for version in versions for row in version.triples}
    texts = _texts(connection, wanted | {entity for entity, _, _ in pairs})
    proposed = proposal_runs(connection)

    def content(version: Version | None) -> _Content:
        if version is None:
            return _Content()
        rows = sorted((row for row in version.triples if row[3] not in proposed), key=_position)
        return _Content(
            version.subject.title,
            version.subject.category,
            tuple((names[row[0]], texts[row[1]][1]) for row in rows),
            tuple(image[1] for image in version.images),
        )

    for entity, before, after in pairs:
        kind, name = texts[entity]
        old, new = content(before), content(after)
        yield SubjectDiff(
            kind=kind,
            name=name,
            change="added" if before is None else "removed" if after is None else "updated",
            title=None if old.title == new.title else (old.title, new.title),
            category=None if old.category == new.category else (old.category, new.category),
            triples_added=_missing_in(old.triples, new.triples),
            triples_removed=_missing_in(new.triples, old.triples),
            images=None if old.images == new.images else (old.images, new.images),
        )


def _position(row: Sequence[int]) -> int:
    return row[2]


def _missing_in(
    there: Sequence[tuple[str, str]], pairs: Sequence[tuple[str, str]]
) -> tuple[tuple[str, str], ...]:
    known = set(there)
    return tuple(pair for pair in pairs if pair not in known)


def _texts(connection: Connection, wanted: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Kind in words and text of entities."""
    found: dict[int, tuple[str, str]] = {}
    for chunk in chunks(wanted):
        for id_, kind, text in connection.execute(
            select(entities.c.id, entities.c.kind, entities.c.text).where(entities.c.id.in_(chunk))
        ):
            found[id_] = (EntityKind(kind).name.lower(), text)
    return found


def _proposed(connection: Connection, run: int, names: Mapping[int, str]) -> Iterator[SubjectDiff]:
    heads = sorted(
        set(connection.execute(select(proposals.c.head).where(proposals.c.run == run)).scalars())
    )
    for chunk in chunks(heads):
        rows = connection.execute(
            select(proposals.c.head, proposals.c.property, proposals.c.tail)
            .where(proposals.c.run == run, proposals.c.head.in_(chunk))
            .order_by(proposals.c.head, proposals.c.property, proposals.c.tail)
        ).all()
        texts = _texts(connection, {tail for _, _, tail in rows} | set(chunk))
        added: dict[int, list[tuple[str, str]]] = {}
        categories: dict[int, tuple[None, str]] = {}
        for head, property_, tail in rows:
            pairs = added.setdefault(head, [])
            if property_ == CATEGORY:
                categories[head] = None, texts[tail][1]
            else:
                pairs.append((names[property_], texts[tail][1]))
        for head, pairs in added.items():
            yield SubjectDiff(
                *texts[head],
                "proposed",
                category=categories.get(head),
                triples_added=tuple(pairs),
            )
