"""The union in the tables: what sources state is read, changed and written back.

`subjects`, `triples` and `images` show the union. Where one source alone states a subject, they are
its statement; where several do, `statements` has each of theirs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select

from k3m_kg.graph.database.dialect import Dialect
from k3m_kg.graph.fulltext.filling import note_retitled
from k3m_kg.graph.history.journal import (
    IMAGE_COLUMNS,
    PROPOSAL_RUNS,
    SUBJECT_COLUMNS,
    TRIPLE_COLUMNS,
    StoredSubject,
    Version,
    chunks,
    stored_subjects,
    stored_versions,
    with_content,
)
from k3m_kg.graph.tables import (
    CATEGORY,
    SEVERAL,
    Judgement,
    RunKind,
    images,
    ingest_runs,
    judgements,
    proposals,
    sources,
    statements,
    subjects,
    triples,
)
from k3m_kg.graph.writing.merging import NOTHING_JUDGED, Judged, Proposed, merged, same_content

Stated = Mapping[int, Version]
"""What is stated of one subject, by source."""
NO_SOURCES = (RunKind.PROPOSAL, RunKind.DECISION)
"""Runs of models and of people: no source states what they add."""


@dataclass(frozen=True, slots=True)
class KnownSubjects:
    """Some subjects as they are, by entity.

    Attributes:
        shown: the union, with what models proposed and people judged right; without subjects that
            no source states.
        stated: by source.
    """

    shown: Mapping[int, Version]
    stated: Mapping[int, Stated]

    def of(self, source: int) -> list[Version]:
        """What one source states of them."""
        return [by_source[source] for by_source in self.stated.values() if source in by_source]


class Outcome(Enum):
    """What became of a subject in the union."""

    ADDED = "added"
    CHANGED = "changed"
    SAME = "same"
    REMOVED = "removed"


@dataclass(slots=True)
class WrittenSubjects:
    """What a change of statements did to the union.

    Attributes:
        outcomes: by entity.
        triples_added, triples_removed: in the union, proposed ones included.
    """

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    triples_added: int = 0
    triples_removed: int = 0


class GraphUnion:
    """Reads and writes statements within one write transaction, or reads within one of reading.

    What it knows of the whole graph it asks when that is first needed, once.
    """

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect
        self._no_sources: dict[int, bool] = {}

    @cached_property
    def by_models(self) -> set[int]:
        """All runs that wrote proposals; no source states what they added."""
        return set(self._connection.execute(PROPOSAL_RUNS).scalars())

    @property
    def has_more(self) -> bool:
        """Whether there is anything that no source states."""
        return self._has_proposals or self._has_judgements

    @cached_property
    def _places(self) -> dict[int, int]:
        rows = self._connection.execute(_IN_ORDER)
        return {source: place for place, source in enumerate(rows.scalars())}

    @cached_property
    def _has_proposals(self) -> bool:
        return self._connection.execute(_A_PROPOSAL).first() is not None

    @cached_property
    def _has_judgements(self) -> bool:
        return self._connection.execute(_A_JUDGEMENT).first() is not None

    def known(self, entities: Iterable[int]) -> KnownSubjects:
        """What is stated of some entities, and shown."""
        stored = stored_subjects(self._connection, entities)
        shown = stored_versions(self._connection, stored)
        stated: dict[int, dict[int, Version]] = {entity: {} for entity in stored}
        several = []
        self._ask_kinds({row[3] for version in shown.values() for row in version.triples})
        for entity, version in shown.items():
            source = version.subject.source
            if source == SEVERAL:
                several.append(entity)
            else:
                stated[entity][source] = self._stated_only(version)
        for version in stated_by_several(self._connection, several):
            stated[version.subject.entity][version.subject.source] = version
        return KnownSubjects(shown, stated)

    def _stated_only(self, version: Version) -> Version:
        """Without what models and people added; runs of people are too many to know them all."""
        kept = [row for row in version.triples if not self._no_sources.get(row[3], False)]
        if len(kept) == len(version.triples):
            return version
        return Version(version.subject, kept, version.images)

    def _ask_kinds(self, runs: set[int]) -> None:
        for chunk in chunks(sorted(runs - self._no_sources.keys())):
            kinds = self._connection.execute(_KINDS, {"runs": chunk})
            self._no_sources.update((run, kind in NO_SOURCES) for run, kind in kinds)

    def merged(
        self,
        stated: Stated,
        proposed: Sequence[Proposed] = (),
        judged: Judged = NOTHING_JUDGED,
    ) -> Version | None:
        """The union of statements by the order of the sources; None where there is none."""
        if not stated:
            return None
        by_place = list(stated)
        if len(by_place) > 1:
            by_place.sort(key=self._places.__getitem__)
        return merged([stated[source] for source in by_place], proposed, judged)

    def write(self, known: KnownSubjects, stated: Mapping[int, Stated]) -> WrittenSubjects:
        """Make `stated` what is stated of the entities that it has, all of which `known` knows.

        Only rows that differ are written.
        """
        written = WrittenSubjects()
        proposed = self._proposed(stated) if self._has_proposals else {}
        judged = judged_triples(self._connection, stated) if self._has_judgements else {}
        rows = _Rows()
        for entity, by_source in stated.items():
            before = known.shown.get(entity)
            after = self.merged(
                by_source, proposed.get(entity, ()), judged.get(entity, NOTHING_JUDGED)
            )
            if before is None and after is None:
                continue
            rows.replace(entity, before, after)
            rows.replace_statements(
                entity,
                known.stated.get(entity, {}) if _in_statements(before) else {},
                by_source if _in_statements(after) else {},
            )
            written.outcomes[entity] = _outcome(before, after)
            old = set() if before is None else set(before.pairs)
            new = set() if after is None else set(after.pairs)
            written.triples_added += len(new - old)
            written.triples_removed += len(old - new)
        rows.write(self._connection, self._dialect)
        return written

    def refresh(self, entities: Iterable[int]) -> WrittenSubjects:
        """Write the union of what is stated already: proposals or the order have changed."""
        known = self.known(entities)
        return self.write(known, known.stated)

    def _proposed(self, entities: Iterable[int]) -> dict[int, list[Proposed]]:
        """What models propose of some entities, the first proposal of each triple, in order."""
        found: dict[int, list[Proposed]] = {}
        for chunk in chunks(entities):
            for head, *proposal in self._connection.execute(_PROPOSED, {"heads": chunk}):
                found.setdefault(head, []).append(tuple(proposal))
        return found


_IN_ORDER = select(sources.c.id).order_by(sources.c.place, sources.c.id)
_A_PROPOSAL = PROPOSAL_RUNS.where(ingest_runs.c.undone_at.is_(None)).limit(1)
_A_JUDGEMENT = select(judgements.c.run).limit(1)
_KINDS = select(ingest_runs.c.id, ingest_runs.c.kind).where(ingest_runs.c.id.in_(bindparam("runs")))
_FIRST_RUN = func.min(proposals.c.run)
_PROPOSED = (
    select(proposals.c.head, proposals.c.property, proposals.c.tail, _FIRST_RUN)
    .join(ingest_runs, ingest_runs.c.id == proposals.c.run)
    .where(
        proposals.c.head.in_(bindparam("heads")),
        proposals.c.property != CATEGORY,
        ingest_runs.c.undone_at.is_(None),
    )
    .group_by(proposals.c.head, proposals.c.property, proposals.c.tail)
    .order_by(_FIRST_RUN, proposals.c.property, proposals.c.tail)
)
_JUDGED = (
    select(*(judgements.c[name] for name in ("head", "property", "tail", "says", "run")))
    .join(ingest_runs, ingest_runs.c.id == judgements.c.run)
    .where(judgements.c.head.in_(bindparam("heads")), ingest_runs.c.undone_at.is_(None))
    .order_by(judgements.c.run)
)
_JUDGED_TRIPLES = _JUDGED.where(judgements.c.property != CATEGORY)
_ALL_STATED = select(*(statements.c[name] for name in (*SUBJECT_COLUMNS, "content"))).where(
    statements.c.entity.in_(bindparam("entities"))
)
_STATED_BY_ONE = _ALL_STATED.where(statements.c.source == bindparam("source"))


def stated_by_several(
    connection: Connection, entities: Iterable[int], source: int | None = None
) -> Iterable[Version]:
    """The rows of `statements` about some entities, of all sources or of one."""
    query, given = (_ALL_STATED, {}) if source is None else (_STATED_BY_ONE, {"source": source})
    for chunk in chunks(entities):
        for *subject, content in connection.execute(query, {"entities": chunk, **given}):
            yield with_content(StoredSubject(*subject), content)


def judged_triples(
    connection: Connection, heads: Iterable[int], *, categories: bool = False
) -> dict[int, Judged]:
    """What people say of the triples of some subjects, by subject: the newest judgement of each.

    With `categories` also of their categories, under the property `CATEGORY`.
    """
    found: dict[int, dict[tuple[int, int], tuple[Judgement, int]]] = {}
    query = _JUDGED if categories else _JUDGED_TRIPLES
    for chunk in chunks(heads):
        for head, property_, tail, says, run in connection.execute(query, {"heads": chunk}):
            found.setdefault(head, {})[property_, tail] = Judgement(says), run
    return dict(found)


def _in_statements(version: Version | None) -> bool:
    return version is not None and version.subject.source == SEVERAL


def _outcome(before: Version | None, after: Version | None) -> Outcome:
    if before is None:
        return Outcome.ADDED
    if after is None:
        return Outcome.REMOVED
    return Outcome.SAME if same_content(before, after) else Outcome.CHANGED


_DELETE = {
    key.table.name: delete(key.table).where(key.in_(bindparam("entities")))
    for key in (subjects.c.entity, triples.c.head, images.c.product)
}


class _Rows:
    """Rows to delete and to insert, collected so that each table is touched once."""

    def __init__(self) -> None:
        self._old: dict[str, list[int]] = {"subjects": [], "triples": [], "images": []}
        self._subjects: list[tuple[Any, ...]] = []
        self._triples: list[tuple[int, ...]] = []
        self._images: list[tuple[Any, ...]] = []
        self._retitled: list[int] = []
        self._old_statements: dict[int, list[int]] = defaultdict(list)
        self._statements: list[tuple[Any, ...]] = []

    def replace(self, entity: int, before: Version | None, after: Version | None) -> None:
        """The rows of the union."""
        if before is None or after is None or before.subject != after.subject:
            if before is not None:
                self._old["subjects"].append(entity)
            if after is not None:
                self._subjects.append(_subject_row(after))
            if _title(before) != _title(after):
                self._retitled.append(entity)
        for table, into, old, new in (
            ("triples", self._triples, _triples(before), _triples(after)),
            ("images", self._images, _images(before), _images(after)),
        ):
            if old != new:
                if old:
                    self._old[table].append(entity)
                into.extend((entity, *row) for row in new)

    def replace_statements(self, entity: int, before: Stated, after: Stated) -> None:
        """The rows of `statements`: none where the union's are the only source's statement."""
        for source, version in before.items():
            if after.get(source) is not version:
                self._old_statements[source].append(entity)
        for source, version in after.items():
            if before.get(source) is not version:
                self._statements.append((*_subject_row(version), version.content()))

    def write(self, connection: Connection, dialect: Dialect) -> None:
        """Delete, then insert."""
        note_retitled(connection, self._retitled)
        for name, entities in self._old.items():
            for chunk in chunks(entities):
                connection.execute(_DELETE[name], {"entities": chunk})
        for source, entities in self._old_statements.items():
            for chunk in chunks(entities):
                connection.execute(
                    delete(statements).where(
                        statements.c.entity.in_(chunk), statements.c.source == source
                    )
                )
        dialect.insert(connection, subjects, SUBJECT_COLUMNS, self._subjects)
        dialect.insert_numbers(connection, triples, TRIPLE_COLUMNS, self._triples)
        dialect.insert(connection, images, IMAGE_COLUMNS, self._images)
        dialect.insert(connection, statements, (*SUBJECT_COLUMNS, "content"), self._statements)


def _subject_row(version: Version) -> tuple[Any, ...]:
    return tuple(getattr(version.subject, name) for name in SUBJECT_COLUMNS)


def _title(version: Version | None) -> str | None:
    return None if version is None else version.subject.title


def _triples(version: Version | None) -> Sequence[tuple[int, ...]]:
    return [] if version is None else version.triples


def _images(version: Version | None) -> Sequence[tuple[Any, ...]]:
    return [] if version is None else version.images
