"""The journal: what a run replaced or removed, so that it can be shown and undone.

A version of a subject is known by the run that made it. The version that run R made is in the
tables as long as `subjects.run` is R, and afterwards in the journal row whose `before_run` is R;
the version that R replaced is the journal row of R itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select

from k3m_kg.graph.dialect import Dialect
from k3m_kg.graph.tables import (
    Change,
    RunKind,
    images,
    ingest_runs,
    journal,
    subjects,
    triples,
)

CHUNK = 500
"""Entities in one query: SQLite takes no more parameters than some thousands."""
SUBJECT_COLUMNS = ("entity", "kind", "title", "category", "record_hash", "source", "run")
TRIPLE_COLUMNS = ("head", "property", "tail", "position", "run")
IMAGE_COLUMNS = (
    "product",
    "position",
    "source",
    "path",
    "size",
    "mtime_ns",
    "content_hash",
    "width",
    "height",
    "error",
    "run",
)
_JOURNAL_COLUMNS = (
    "run",
    "entity",
    "change",
    "kind",
    "title",
    "category",
    "record_hash",
    "source",
    "before_run",
    "content",
)


@dataclass(frozen=True, slots=True)
class StoredSubject:
    """A row of `subjects`."""

    entity: int
    kind: int
    title: str | None
    category: str | None
    record_hash: str
    source: int
    run: int


@dataclass(frozen=True, slots=True)
class Version:
    """A subject with its rows.

    Attributes:
        triples: (property, tail, position, run) rows.
        images: rows of `images` without the product.
    """

    subject: StoredSubject
    triples: Sequence[Sequence[int]]
    images: Sequence[Sequence[Any]]


def chunks(entities: Iterable[int]) -> Iterator[list[int]]:
    """Pieces of at most `CHUNK`."""
    wanted = list(entities)
    for start in range(0, len(wanted), CHUNK):
        yield wanted[start : start + CHUNK]


def stored_subjects(connection: Connection, entities: Iterable[int]) -> dict[int, StoredSubject]:
    """Those of `entities` that are subjects."""
    found: dict[int, StoredSubject] = {}
    for chunk in chunks(entities):
        rows = connection.execute(
            select(*(subjects.c[name] for name in SUBJECT_COLUMNS)).where(
                subjects.c.entity.in_(chunk)
            )
        )
        found.update((row[0], StoredSubject(*row)) for row in rows)
    return found


def stored_versions(
    connection: Connection, stored: Mapping[int, StoredSubject]
) -> dict[int, Version]:
    """The subjects with their triples and images."""
    triple_rows: dict[int, list[Sequence[int]]] = {entity: [] for entity in stored}
    image_rows: dict[int, list[Sequence[Any]]] = {entity: [] for entity in stored}
    for chunk in chunks(stored):
        for head, *row in connection.execute(
            select(*(triples.c[name] for name in TRIPLE_COLUMNS)).where(triples.c.head.in_(chunk))
        ):
            triple_rows[head].append(row)
        for product, *image in connection.execute(
            select(*(images.c[name] for name in IMAGE_COLUMNS))
            .where(images.c.product.in_(chunk))
            .order_by(images.c.product, images.c.position)
        ):
            image_rows[product].append(image)
    return {
        entity: Version(subject, triple_rows[entity], image_rows[entity])
        for entity, subject in stored.items()
    }


def proposal_runs(connection: Connection, *, undone: bool = False) -> set[int]:
    """The runs that wrote proposals; with `undone` only those that were taken back."""
    query = select(ingest_runs.c.id).where(ingest_runs.c.kind == RunKind.PROPOSAL.value)
    if undone:
        query = query.where(ingest_runs.c.undone_at.is_not(None))
    return set(connection.execute(query).scalars())


def delete_subjects(connection: Connection, entities: Iterable[int]) -> None:
    """Delete subjects with their triples and images."""
    for chunk in chunks(entities):
        connection.execute(delete(triples).where(triples.c.head.in_(chunk)))
        connection.execute(delete(images).where(images.c.product.in_(chunk)))
        connection.execute(delete(subjects).where(subjects.c.entity.in_(chunk)))


class Journal:
    """Writes the journal rows of one run."""

    def __init__(self, connection: Connection, dialect: Dialect, run: int) -> None:
        self._connection = connection
        self._dialect = dialect
        self._run = run

    def take_away(
        self, stored: Mapping[int, StoredSubject], change: Change
    ) -> dict[int, dict[tuple[int, int], Sequence[int]]]:
        """Note the subjects' versions and delete their rows.

        Returns:
            Their triples: by head, by (property, tail), the rows (property, tail, position, run).
        """
        if not stored:
            return {}
        versions = stored_versions(self._connection, stored)
        self._write(
            (version.subject, change, json.dumps([version.triples, version.images]))
            for version in versions.values()
        )
        delete_subjects(self._connection, stored)
        return {
            entity: {(row[0], row[1]): row for row in version.triples}
            for entity, version in versions.items()
        }

    def adopt(self, stored: Iterable[StoredSubject]) -> None:
        """Note the source that these subjects had so far."""
        self._write((subject, Change.ADOPTED, None) for subject in stored)

    def _write(self, rows: Iterable[tuple[StoredSubject, Change, str | None]]) -> None:
        self._dialect.insert(
            self._connection,
            journal,
            _JOURNAL_COLUMNS,
            [
                (
                    self._run,
                    old.entity,
                    int(change),
                    old.kind,
                    old.title,
                    old.category,
                    old.record_hash,
                    old.source,
                    old.run,
                    content,
                )
                for old, change, content in rows
            ],
        )


def version_of(row: Any) -> Version:
    """The version that a journal row with content keeps."""
    subject = StoredSubject(
        row.entity, row.kind, row.title, row.category, row.record_hash, row.source, row.before_run
    )
    content = json.loads(row.content)
    return Version(subject, *content)
