"""Writing: one session brings one source's statements into the graph, batch by batch."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, update

from k3m_kg.graph.database.dialect import Dialect
from k3m_kg.graph.fulltext.filling import note_retitled
from k3m_kg.graph.history.journal import (
    IMAGE_COLUMNS,
    SUBJECT_COLUMNS,
    TRIPLE_COLUMNS,
    Journal,
    StoredSubject,
    Version,
    chunks,
    stored_subjects,
)
from k3m_kg.graph.stored import (
    CheckedImage,
    ImageCheck,
    ImageFailure,
    IngestCounts,
    LocatedImage,
    SourceVersion,
    Statement,
    WriteResult,
)
from k3m_kg.graph.tables import (
    SEVERAL,
    Change,
    EntityKind,
    RunKind,
    images,
    ingest_runs,
    statements,
    subjects,
    triples,
)
from k3m_kg.graph.writing.looked_into import (
    Pictures,
    checked_pictures,
    picture_of,
    picture_rows,
    same_pictures,
    stored_pictures,
    touched_since,
)
from k3m_kg.graph.writing.overlaps import Overlaps
from k3m_kg.graph.writing.seen import SeenSubjects
from k3m_kg.graph.writing.term_ids import TermDictionary
from k3m_kg.graph.writing.union import GraphUnion, Outcome, WrittenSubjects, stated_by_several
from k3m_kg.records import ProductRecord, RejectedRow, Subject

TripleRow = tuple[int, int, int, int, int]
"""head, property, tail, position, run"""
AGAIN = "was given on line"
"""In the reason of a row whose id another one had."""
_SURROGATE = re.compile("[\ud800-\udfff]")
MANY = 10_000
"""Triples after which the planner of queries is told."""
Accepted = list[tuple[int, Statement]]
"""Entity and statement."""


class IngestSession:
    """Brings the statements of one source into the graph.

    Made by `GraphWriter.session`; all of it happens in the writer's transaction, so nothing is
    seen by anyone before the writer commits, and an exception leaves the graph as it was.

    - A product or value of which this source states what it stated before, with the same pictures,
      is left alone.
    - Of one that it states otherwise, this source's statement is replaced and the union of all
      sources written where it differs.
    - What a model proposed for a product shows where no source states that property.
    - `finish` takes back what this source stated before and states no more.

    Attributes:
        run: the number of this ingest.
        counts: what was done so far.
        overlaps: with other sources.
    """

    def __init__(
        self,
        connection: Connection,
        dialect: Dialect,
        version: SourceVersion,
        source: int,
        check_images: ImageCheck,
        kind: RunKind = RunKind.INGEST,
    ) -> None:
        self.counts = IngestCounts()
        self.overlaps = Overlaps(connection, source)
        self._connection = connection
        self._dialect = dialect
        self._terms = TermDictionary(connection, dialect)
        self._source = source
        self._check_images = check_images
        self._seen = SeenSubjects(self._terms.first_new)
        self._rejected: set[str] = set()
        self._triple_batch: list[TripleRow] = []
        self.run: int = connection.execute(
            insert(ingest_runs)
            .values(
                source=source,
                kind=kind.value,
                format=version.format,
                content_hash=version.content_hash,
                mapping_hash=version.mapping_hash,
                images_folder=version.images_folder,
                started_at=now(),
            )
            .returning(ingest_runs.c.id)
        ).scalar_one()
        self._journal = Journal(connection, dialect, self.run)
        self._union = GraphUnion(connection, dialect)

    def write(self, batch: Sequence[Statement]) -> WriteResult:
        """Write a batch; memory is bounded by the batch and the term dictionary.

        Returns:
            The rows that contradict an earlier row of this source, and the unusable pictures.
        """
        result = WriteResult()
        products = [s for s in batch if isinstance(s.record, ProductRecord)]
        self._write(EntityKind.PRODUCT, products, result)
        if len(products) < len(batch):
            values = [s for s in batch if not isinstance(s.record, ProductRecord)]
            self._write(EntityKind.VALUE, values, result)
        self._terms.flush()
        rows, self._triple_batch = self._triple_batch, []
        self._dialect.insert_numbers_behind(self._connection, triples, TRIPLE_COLUMNS, rows)
        return result

    def keep(self, product: str) -> None:
        """A row about `product` was rejected: what the source stated of it before stays."""
        if "\0" not in product and not _SURROGATE.search(product):  # else nobody can state it
            self._rejected.add(product)

    def finish(self, rows_quarantined: int) -> IngestCounts:
        """Take back what the source states no more and close the run. The writer still commits."""
        counts = self.counts
        self._dialect.settle()
        self._terms.finish()
        if not self._terms.fresh:
            self._keep_rejected()
            self._take_back()
        if counts.triples_added > MANY:
            self._dialect.analyse(self._connection)
        counts.rows_quarantined = rows_quarantined
        counts.products_read = (
            counts.products_added + counts.products_updated + counts.products_unchanged
        )
        self._connection.execute(
            update(ingest_runs)
            .where(ingest_runs.c.id == self.run)
            .values(**asdict(counts), finished_at=now())
        )
        return counts

    def _keep_rejected(self) -> None:
        found = self._dialect.find_terms(
            self._connection, int(EntityKind.PRODUCT), sorted(self._rejected)
        )
        not_stated = [entity for entity in found.values() if self._seen.line(entity) is None]
        for entity in self._own(stored_subjects(self._connection, not_stated)):
            self._seen.add(entity, 0)
            self.counts.products_kept += 1

    def _take_back(self) -> None:
        stated = (
            entity
            for table in (subjects, statements)
            for entity in self._connection.execute(
                select(table.c.entity).where(table.c.source == self._source)
            ).scalars()
        )
        gone = [entity for entity in stated if self._seen.line(entity) is None]
        for chunk in chunks(gone):
            known = self._union.known(chunk)
            self._journal.note(known.of(self._source), Change.REMOVED)
            written = self._union.write(
                known,
                {
                    entity: {s: v for s, v in by_source.items() if s != self._source}
                    for entity, by_source in known.stated.items()
                },
            )
            for entity, outcome in written.outcomes.items():
                if known.shown[entity].subject.kind == EntityKind.PRODUCT:
                    removed = outcome == Outcome.REMOVED
                    self.counts.products_removed += removed
                    self.counts.products_left += not removed
            self._count_triples(written)

    def _count_triples(self, written: WrittenSubjects) -> None:
        self.counts.triples_added += written.triples_added
        self.counts.triples_removed += written.triples_removed

    def _own(self, stored: Mapping[int, StoredSubject]) -> dict[int, tuple[str, Pictures | None]]:
        """Hash and pictures of what this source stated; no pictures: they are the union's."""
        several = [entity for entity, row in stored.items() if row.source == SEVERAL]
        return {
            entity: (row.record_hash, None)
            for entity, row in stored.items()
            if row.source == self._source
        } | {
            version.subject.entity: (
                version.subject.record_hash,
                [picture_of(row) for row in version.images],
            )
            for version in stated_by_several(self._connection, several, self._source)
        }

    def _write(self, kind: EntityKind, batch: Sequence[Statement], result: WriteResult) -> None:
        if not batch:
            return
        ids = self._terms.ids(kind, [statement.name for statement in batch])
        old = {ids[statement.name] for statement in batch}
        first_new = self._terms.first_new
        if not self._terms.fresh:
            self._dialect.settle()
        stored = stored_subjects(self._connection, [e for e in old if e < first_new])
        accepted = self._without_repeats(batch, ids, result)
        own = self._own({entity: stored[entity] for entity, _ in accepted if entity in stored})
        shown = stored_pictures(self._connection, (e for e, _ in accepted if e in stored))
        looked_at = [*shown.values(), *(pictures for _, pictures in own.values() if pictures)]
        checked = checked_pictures([s for _, s in accepted], looked_at, self._check_images)

        new: Accepted = []
        joined: Accepted = []
        touched: Accepted = []
        unchanged = 0
        for entity, statement in accepted:
            if entity in own:
                digest, pictures = own[entity]
                if pictures is None:
                    pictures = shown.get(entity, [])
                if digest == statement.digest and same_pictures(
                    pictures, statement.images, checked
                ):
                    unchanged += 1
                    if any(map(touched_since, pictures, statement.images)):
                        touched.append((entity, statement))
                    continue
            elif entity not in stored and not (self._union.has_more and entity < first_new):
                new.append((entity, statement))
                continue
            joined.append((entity, statement))
        outcomes = Counter(self._join(kind, joined, checked).values())
        self._touch(touched, checked)
        self._add(kind, new, checked)
        self._count_images(accepted, checked, result)
        if kind == EntityKind.PRODUCT:
            self.counts.products_added += len(new) + outcomes[Outcome.ADDED]
            self.counts.products_updated += outcomes[Outcome.CHANGED]
            self.counts.products_unchanged += unchanged + outcomes[Outcome.SAME]
        else:
            self.counts.values_read += len(accepted)

    def _without_repeats(
        self,
        batch: Sequence[Statement],
        ids: Mapping[str, int],
        result: WriteResult,
    ) -> Accepted:
        """The statements less those whose id the source has given before."""
        seen = self._seen
        accepted: Accepted = []
        repeats: list[tuple[int, Statement, int]] = []
        for statement in batch:
            entity = ids[statement.name]
            line = seen.line(entity)
            if line is None:
                seen.add(entity, statement.record.line)
                accepted.append((entity, statement))
            else:
                repeats.append((entity, statement, line))
        if repeats:
            self._dialect.settle()
            here = {entity: statement.digest for entity, statement in accepted}
            before = stored_subjects(
                self._connection, {entity for entity, _, _ in repeats if entity not in here}
            )
            first = here | {entity: digest for entity, (digest, _) in self._own(before).items()}
            for entity, statement, line in repeats:
                if first[entity] == statement.digest:
                    self.counts.rows_repeated += 1
                else:
                    reason = (
                        f"id {statement.name!r} {AGAIN} {line} "
                        "with other content; the first row was kept"
                    )
                    record = statement.record
                    result.rejected.append(RejectedRow(record.line, reason, raw_of(record)))
        return accepted

    def _add(
        self, kind: EntityKind, new: Accepted, checked: Mapping[LocatedImage, CheckedImage]
    ) -> None:
        """Write subjects that nobody states so far: all there is to do in a first ingest."""
        run, source, kind_number = self.run, self._source, int(kind)
        first_new = self._terms.first_new
        if kind == EntityKind.PRODUCT and not self._terms.fresh:
            # Products that were there before, or were linked to, may have words.
            note_retitled(self._connection, (entity for entity, _ in new if entity < first_new))
        subject_rows = []
        image_rows: list[tuple[object, ...]] = []
        for entity, statement in new:
            record = statement.record
            title = category = None
            if isinstance(record, ProductRecord):
                title, category = record.title, record.category
            subject_rows.append(
                (entity, kind_number, title, category, statement.digest, source, run)
            )
            for row in picture_rows(statement, checked, run):
                image_rows.append((entity, *row))
        write = self._dialect.insert_behind
        write(self._connection, subjects, SUBJECT_COLUMNS, subject_rows)
        write(self._connection, images, IMAGE_COLUMNS, image_rows)
        before = len(self._triple_batch)
        for (entity, _), pairs in zip(new, self._pairs(new), strict=True):
            self._triple_batch += [
                (entity, name, value, position, run)
                for position, (name, value) in enumerate(dict.fromkeys(pairs))
            ]
        self.counts.triples_added += len(self._triple_batch) - before

    def _join(
        self, kind: EntityKind, joined: Accepted, checked: Mapping[LocatedImage, CheckedImage]
    ) -> Mapping[int, Outcome]:
        """Replace or add this source's statements of subjects that the graph has."""
        if not joined:
            return {}
        known = self._union.known(entity for entity, _ in joined)
        self._journal.note(known.of(self._source), Change.REPLACED)
        stated = {}
        for (entity, statement), pairs in zip(joined, self._pairs(joined), strict=True):
            by_source = dict(known.stated.get(entity, {}))
            before = by_source.get(self._source)
            since = {row[:2]: row[3] for row in before.triples} if before else {}
            record = statement.record
            title = category = None
            if isinstance(record, ProductRecord):
                title, category = record.title, record.category
            by_source[self._source] = Version(
                StoredSubject(
                    entity, int(kind), title, category, statement.digest, self._source, self.run
                ),
                [
                    (*pair, position, since.get(pair, self.run))
                    for position, pair in enumerate(dict.fromkeys(pairs))
                ],
                picture_rows(statement, checked, self.run),
            )
            stated[entity] = by_source
            if before is None and kind == EntityKind.PRODUCT:
                self.overlaps.note(title, category, by_source)
        written = self._union.write(known, stated)
        self._count_triples(written)
        return written.outcomes

    def _pairs(self, some: Accepted) -> Iterator[list[tuple[int, int]]]:
        """(property, tail) of each statement's triples, with repeats."""
        # The inner loops of every ingest: one pass each, no call per triple.
        stated = [statement.record.properties for _, statement in some]
        names = self._terms.property_ids([name for pairs in stated for name, _ in pairs])
        values = self._terms.ids(
            EntityKind.VALUE, [value for pairs in stated for _, value in pairs]
        )
        links = self._links(some)
        for (entity, _), properties in zip(some, stated, strict=True):
            pairs = [(names[name], values[value]) for name, value in properties]
            if links:
                pairs += links.get(entity, ())
            yield pairs

    def _links(self, some: Accepted) -> dict[int, list[tuple[int, int]]]:
        """The triples between products, by head, as (property, tail)."""
        stated = {
            entity: statement.record.links
            for entity, statement in some
            if isinstance(statement.record, ProductRecord) and statement.record.links
        }
        if not stated:
            return {}
        pairs = [pair for links in stated.values() for pair in links]
        names = self._terms.property_ids([name for name, _ in pairs])
        targets = self._terms.ids(EntityKind.PRODUCT, [target for _, target in pairs])
        return {
            entity: [(names[name], targets[target]) for name, target in links]
            for entity, links in stated.items()
        }

    def _touch(self, touched: Accepted, checked: Mapping[LocatedImage, CheckedImage]) -> None:
        """Note new sizes and times of files that hold the same pictures: it is not a change."""
        if not touched:
            return
        known = self._union.known(entity for entity, _ in touched)
        stated = {}
        for entity, statement in touched:
            by_source = dict(known.stated[entity])
            before = by_source[self._source]
            rows = [
                (*row[:-1], old[-1])
                for row, old in zip(
                    picture_rows(statement, checked, self.run), before.images, strict=True
                )
            ]
            by_source[self._source] = replace(before, images=rows)
            stated[entity] = by_source
        self._union.write(known, stated)

    def _count_images(
        self,
        accepted: Accepted,
        checked: Mapping[LocatedImage, CheckedImage],
        result: WriteResult,
    ) -> None:
        for _, statement in accepted if checked else ():
            for image in statement.images:
                error = image.error or checked[image].error
                if error is not None:
                    self.counts.images_failed += 1
                    result.failures.append(ImageFailure(statement.name, image.source, error))
                elif image.path is None:
                    self.counts.images_not_local += 1
                else:
                    self.counts.images_found += 1


def raw_of(record: Subject) -> str:
    """A rejected record as the quarantine has it."""
    return json.dumps(asdict(record), ensure_ascii=False)[:2000]


def now() -> str:
    """The time as the graph keeps it: ISO 8601, UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
