"""The runs: what was brought into the graph, when, and what each of them changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, func, select

from k3m_kg.errors import GraphError
from k3m_kg.graph.database.dialect import dialect_of
from k3m_kg.graph.history.journal import Version, chunks, version_of
from k3m_kg.graph.stored import IngestCounts, LastIngest, Run, SubjectDiff
from k3m_kg.graph.tables import (
    CATEGORY,
    SEVERAL,
    EntityKind,
    Judgement,
    RunKind,
    entities,
    images,
    ingest_runs,
    journal,
    judgements,
    properties,
    proposals,
    sources,
    statements,
    subjects,
)
from k3m_kg.graph.writing.merging import same_content
from k3m_kg.graph.writing.union import GraphUnion

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


def last_ingest(connection: Connection, source: str) -> LastIngest | None:
    """The last run of a source that holds, unless it ended the source."""
    of = ingest_runs.c
    row = connection.execute(
        select(of.kind, of.images_folder, of.images_found)
        .join(sources, sources.c.id == of.source)
        .where(sources.c.name == source, of.undone_at.is_(None))
        .order_by(of.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None or row.kind != RunKind.INGEST:
        return None
    return LastIngest(row.images_folder, row.images_found)


def file_called_by_content(connection: Connection) -> str | None:
    """The file of a picture that is called by the hash of its content, as in an image store."""
    digest = images.c.content_hash
    name = func.substr(digest, 1, 2) + "/" + func.substr(digest, 3)
    query = select(images.c.path).where(images.c.path.endswith("/" + name)).limit(1)
    return connection.execute(query).scalar_one_or_none()


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
            hint=f"the newest: {', '.join(known)}; `k3m-kg diff --runs` lists them"
            if known
            else "nothing was ingested yet",
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
    replaced. The order of the sources is the present one. Memory is bounded by some hundred
    subjects, and the numbers of all of them.

    Raises:
        GraphError: the run was undone, and so is nothing's difference any more.
    """
    if run.undone_at is not None:
        raise GraphError(f"run {run.id} was undone at {run.undone_at}: it changes nothing")
    names = dict(connection.execute(select(properties.c.id, properties.c.name)).all())
    if run.kind == RunKind.PROPOSAL:
        yield from _proposed(connection, run.id, names)
        return
    union = GraphUnion(connection, dialect_of(connection.engine))
    if run.kind == RunKind.DECISION:
        yield from _decided(connection, union, run.id, names)
        return
    touched = sorted({*made_and_noted(connection, run.id), *_made_until_later(connection, run.id)})
    for chunk in chunks(touched):
        pairs = [
            (entity, before, after)
            for entity, (before, after) in _around(connection, union, run.id, chunk).items()
            if not same_content(before, after)
        ]
        yield from _described(connection, pairs, names)


def made_and_noted(connection: Connection, run: int) -> set[int]:
    """Subjects of which a statement is as `run` made it, or of which `run` replaced one."""
    queries = (
        select(subjects.c.entity).where(subjects.c.run == run, subjects.c.source != SEVERAL),
        select(statements.c.entity).where(statements.c.run == run),
        select(journal.c.entity).where(journal.c.run == run),
    )
    return {entity for query in queries for entity in connection.execute(query).scalars()}


def changed_nothing(connection: Connection, run: int) -> bool:
    """Whether a run of a source found it to state what it had stated before."""
    return not made_and_noted(connection, run) and not any(
        True for _ in _made_until_later(connection, run)
    )


def _made_until_later(connection: Connection, run: int) -> Iterable[int]:
    """Subjects of which a statement was as `run` made it, until a later run replaced it."""
    return connection.execute(
        select(journal.c.entity).where(journal.c.run > run, journal.c.before_run == run)
    ).scalars()


def _around(
    connection: Connection, union: GraphUnion, run: int, chunk: Sequence[int]
) -> dict[int, tuple[Version | None, Version | None]]:
    """The union just before and just after `run`, less what models proposed.

    A statement lived from the run that made it to the run that replaced it.
    """
    before: dict[int, dict[int, Version]] = {entity: {} for entity in chunk}
    after: dict[int, dict[int, Version]] = {entity: {} for entity in chunk}

    def lived(version: Version, until: float) -> None:
        of = version.subject
        if of.run < run <= until:
            before[of.entity][of.source] = version
        if of.run <= run < until:
            after[of.entity][of.source] = version

    for by_source in union.known(chunk).stated.values():
        for version in by_source.values():
            lived(version, math.inf)
    for row in connection.execute(
        select(journal).where(
            journal.c.entity.in_(chunk),
            journal.c.before_run <= run,
            journal.c.run >= run,
            journal.c.content.is_not(None),
        )
    ):
        lived(version_of(row, union.by_models), row.run)
    return {entity: (union.merged(before[entity]), union.merged(after[entity])) for entity in chunk}


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

    def content(version: Version | None) -> _Content:
        if version is None:
            return _Content()
        return _Content(
            version.subject.title,
            version.subject.category,
            tuple((names[property_], texts[tail][1]) for property_, tail in version.pairs),
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


def _decided(
    connection: Connection, union: GraphUnion, run: int, names: Mapping[int, str]
) -> Iterator[SubjectDiff]:
    """What follows from a decision; a right value that a source states too is confirmed."""
    of = judgements.c
    about = select(of.head).where(of.run == run).distinct()
    for chunk in chunks(sorted(connection.execute(about).scalars())):
        rows = connection.execute(
            select(of.head, of.property, of.tail, of.says)
            .where(of.run == run, of.head.in_(chunk))
            .order_by(of.head, of.property, of.tail)
        ).all()
        stated = {
            head: {pair for version in by_source.values() for pair in version.pairs}
            for head, by_source in union.known(chunk).stated.items()
        }
        texts = _texts(connection, {tail for _, _, tail, _ in rows} | set(chunk))
        for head in chunk:
            said: dict[str, list[tuple[str, str]]] = {}
            category = None
            for _, property_, tail, says in (row for row in rows if row[0] == head):
                value = texts[tail][1]
                if property_ == CATEGORY and says == Judgement.RIGHT:
                    category = None, value
                    continue
                there = (property_, tail) in stated.get(head, ())
                part = {
                    Judgement.RIGHT: "triples_confirmed" if there else "triples_added",
                    Judgement.WRONG: "triples_rejected",
                    Judgement.MISSTATED: "triples_removed",
                }[Judgement(says)]
                said.setdefault(part, []).append((names.get(property_, "category"), value))
            yield SubjectDiff(
                *texts[head],
                "decided",
                category=category,
                **{part: tuple(pairs) for part, pairs in said.items()},  # type: ignore[arg-type]
            )
