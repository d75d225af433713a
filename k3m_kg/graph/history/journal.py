"""The journal: what a run replaced or removed, so that it can be shown and undone.

A version is what one source states of a subject, known by the run that made it. The version that
run R made is among the statements as long as its `run` is R, and afterwards in the journal row
whose `before_run` is R; the version that R replaced is the journal row of R itself.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, bindparam, select

from k3m_kg.graph.database.dialect import Dialect
from k3m_kg.graph.tables import (
    Change,
    RunKind,
    images,
    ingest_runs,
    journal,
    sources,
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
    """A row of `subjects`, or of `statements`."""

    entity: int
    kind: int
    title: str | None
    category: str | None
    record_hash: str
    source: int
    run: int


@dataclass(frozen=True, slots=True)
class Version:
    """A subject with its rows: what one source states of it, or the union of several.

    Attributes:
        triples: (property, tail, position, run) rows, by position.
        images: rows of `images` without the product, by position.
    """

    subject: StoredSubject
    triples: Sequence[tuple[int, int, int, int]]
    images: Sequence[tuple[Any, ...]]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """(property, tail) of the triples, in order."""
        return [row[:2] for row in self.triples]

    def content(self) -> str:
        """Triples and images as one text, for `with_content`."""
        return json.dumps([self.triples, self.images])


def with_content(subject: StoredSubject, content: str, without: Collection[int] = ()) -> Version:
    """A version from its text, less the triples that the runs `without` added."""
    triple_rows, image_rows = json.loads(content)
    rows = [tuple(row) for row in triple_rows if row[3] not in without]
    rows.sort(key=itemgetter(2))  # schema 0002 kept them in the order of the table
    return Version(subject, rows, [tuple(row) for row in image_rows])


def images_of(content: str) -> list[tuple[Any, ...]]:
    """The images of a version's text."""
    return [tuple(row) for row in json.loads(content)[1]]


def chunks(entities: Iterable[int]) -> Iterator[list[int]]:
    """Pieces of at most `CHUNK`."""
    wanted = list(entities)
    for start in range(0, len(wanted), CHUNK):
        yield wanted[start : start + CHUNK]


# Statements that every request runs are built once: to build one takes longer than to run it.
_SUBJECTS = select(*(subjects.c[name] for name in SUBJECT_COLUMNS)).where(
    subjects.c.entity.in_(bindparam("entities"))
)
_TRIPLES = select(*(triples.c[name] for name in TRIPLE_COLUMNS)).where(
    triples.c.head.in_(bindparam("entities"))
)
_IMAGES = (
    select(*(images.c[name] for name in IMAGE_COLUMNS))
    .where(images.c.product.in_(bindparam("entities")))
    .order_by(images.c.product, images.c.position)
)


def stored_subjects(connection: Connection, entities: Iterable[int]) -> dict[int, StoredSubject]:
    """Those of `entities` that are subjects."""
    found: dict[int, StoredSubject] = {}
    for chunk in chunks(entities):
        rows = connection.execute(_SUBJECTS, {"entities": chunk})
        found.update((row[0], StoredSubject(*row)) for row in rows)
    return found


def stored_versions(
    connection: Connection, stored: Mapping[int, StoredSubject]
) -> dict[int, Version]:
    """The subjects with the triples and images that the tables show."""
    triple_rows: dict[int, list[tuple[int, int, int, int]]] = {entity: [] for entity in stored}
    image_rows: dict[int, list[tuple[Any, ...]]] = {entity: [] for entity in stored}
    for chunk in chunks(stored):
        for head, *row in connection.execute(_TRIPLES, {"entities": chunk}):
            triple_rows[head].append(tuple(row))
        for product, *image in connection.execute(_IMAGES, {"entities": chunk}):
            image_rows[product].append(tuple(image))
    for rows in triple_rows.values():
        rows.sort(key=itemgetter(2))
    return {
        entity: Version(subject, triple_rows[entity], image_rows[entity])
        for entity, subject in stored.items()
    }


# Through the sources that models are: each decision is a run, and there are 100,000 of them.
PROPOSAL_RUNS = select(ingest_runs.c.id).where(
    ingest_runs.c.source.in_(
        select(sources.c.id).where(sources.c.name.startswith(f"{RunKind.PROPOSAL}:"))
    ),
    ingest_runs.c.kind == RunKind.PROPOSAL.value,
)
"""The runs that wrote proposals, undone ones included."""


class Journal:
    """Writes the journal rows of one run."""

    def __init__(self, connection: Connection, dialect: Dialect, run: int) -> None:
        self._connection = connection
        self._dialect = dialect
        self._run = run

    def note(self, versions: Iterable[Version], change: Change) -> None:
        """Keep the versions that the run replaces or removes."""
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
                    version.content(),
                )
                for version in versions
                if (old := version.subject)
            ],
        )


def version_of(row: Any, without: Collection[int] = ()) -> Version:
    """The version that a journal row with content keeps, less the triples of runs `without`."""
    subject = StoredSubject(
        row.entity, row.kind, row.title, row.category, row.record_hash, row.source, row.before_run
    )
    return with_content(subject, row.content, without)
