"""Writing: one session brings one source's statements into the graph, batch by batch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, update

from k3m_kg.graph.dialect import Dialect
from k3m_kg.graph.journal import (
    IMAGE_COLUMNS,
    SUBJECT_COLUMNS,
    TRIPLE_COLUMNS,
    Journal,
    StoredSubject,
    chunks,
    proposal_runs,
    stored_subjects,
)
from k3m_kg.graph.seen import SeenSubjects
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
    Change,
    EntityKind,
    images,
    ingest_runs,
    subjects,
    triples,
)
from k3m_kg.graph.term_ids import TermDictionary
from k3m_kg.records import ProductRecord, RejectedRow, Subject

ImageRow = tuple[
    str, str | None, int | None, int | None, str | None, int | None, int | None, str | None
]
"""source, path, size, mtime_ns, content_hash, width, height, error"""
TripleRow = tuple[int, int, int, int, int]
"""head, property, tail, position, run"""
MANY = 10_000
"""Triples after which the planner of queries is told."""
Accepted = list[tuple[int, Statement]]
"""Entity and statement."""


class IngestSession:
    """Brings the statements of one source into the graph.

    Made by `GraphWriter.session`; all of it happens in the writer's transaction, so nothing is
    seen by anyone before the writer commits, and an exception leaves the graph as it was.

    - A product or value that the graph has with the same content and the same pictures is left
      alone.
    - One with other content, from whichever source, takes the content of this statement: the
      newest statement wins, and from then on this source is the one that stated it last.
    - What a model proposed for a product stays, unless the statement has that property itself.
    - `finish` removes the products and values that this source stated last and states no more.

    Attributes:
        run: the number of this ingest.
        counts: what was done so far.
    """

    def __init__(
        self,
        connection: Connection,
        dialect: Dialect,
        version: SourceVersion,
        source: int,
        check_images: ImageCheck,
    ) -> None:
        self.counts = IngestCounts()
        self._connection = connection
        self._dialect = dialect
        self._terms = TermDictionary(connection, dialect)
        self._source = source
        self._check_images = check_images
        self._seen = SeenSubjects(self._terms.first_new)
        self._triple_batch: list[TripleRow] = []
        self.run: int = connection.execute(
            insert(ingest_runs)
            .values(
                source=source,
                format=version.format,
                content_hash=version.content_hash,
                mapping_hash=version.mapping_hash,
                images_folder=version.images_folder,
                started_at=now(),
            )
            .returning(ingest_runs.c.id)
        ).scalar_one()
        self._journal = Journal(connection, dialect, self.run)
        self._proposal_runs = proposal_runs(connection)

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

    def finish(self, rows_quarantined: int) -> IngestCounts:
        """Remove what the source states no more and close the run. The writer still commits."""
        counts = self.counts
        self._dialect.settle()
        self._terms.finish()
        for chunk in chunks(self._gone()):
            gone = stored_subjects(self._connection, chunk)
            counts.products_removed += _products(gone.values())
            taken = self._journal.take_away(gone, Change.REMOVED)
            counts.triples_removed += sum(map(len, taken.values()))
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

    def _gone(self) -> list[int]:
        if self._terms.fresh:
            return []
        stated = self._connection.execute(
            select(subjects.c.entity).where(subjects.c.source == self._source)
        ).scalars()
        return [entity for entity in stated if self._seen.line(entity) is None]

    def _write(self, kind: EntityKind, batch: Sequence[Statement], result: WriteResult) -> None:
        if not batch:
            return
        ids = self._terms.ids(kind, [statement.name for statement in batch])
        old = {ids[statement.name] for statement in batch}
        first_new = self._terms.first_new
        if not self._terms.fresh:
            self._dialect.settle()
        stored = stored_subjects(self._connection, [e for e in old if e < first_new])
        accepted = self._without_repeats(batch, ids, stored, result)
        old_images = self._stored_images(entity for entity, _ in accepted if entity in stored)

        checked = self._checked(accepted, old_images)
        changed: Accepted = []
        unchanged: list[StoredSubject] = []
        for entity, statement in accepted:
            before = stored.get(entity)
            pictures = old_images.get(entity, [])
            if (
                before is not None
                and before.record_hash == statement.digest
                and _same_pictures(pictures, statement.images, checked)
            ):
                unchanged.append(before)
                self._touch(entity, pictures, statement.images)
            else:
                changed.append((entity, statement))
        self._replace(kind, changed, stored, checked)
        self._adopt([before for before in unchanged if before.source != self._source])
        self._count_images(accepted, checked, result)
        if kind == EntityKind.PRODUCT:
            updated = sum(entity in stored for entity, _ in changed)
            self.counts.products_added += len(changed) - updated
            self.counts.products_updated += updated
            self.counts.products_unchanged += len(unchanged)
        else:
            self.counts.values_read += len(accepted)

    def _without_repeats(
        self,
        batch: Sequence[Statement],
        ids: Mapping[str, int],
        stored: Mapping[int, StoredSubject],
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
            written = stored_subjects(
                self._connection, {entity for entity, _, _ in repeats if entity not in here}
            )
            first = here | {entity: row.record_hash for entity, row in written.items()}
            for entity, statement, line in repeats:
                if first[entity] == statement.digest:
                    self.counts.rows_repeated += 1
                else:
                    reason = (
                        f"id {statement.name!r} was given on line {line} "
                        "with other content; the first row was kept"
                    )
                    record = statement.record
                    result.rejected.append(RejectedRow(record.line, reason, _raw(record)))
        return accepted

    def _stored_images(self, entities: Iterable[int]) -> dict[int, list[ImageRow]]:
        columns = [images.c[name] for name in IMAGE_COLUMNS if name not in ("position", "run")]
        found: dict[int, list[ImageRow]] = {}
        for chunk in chunks(entities):
            for product, *rest in self._connection.execute(
                select(*columns)
                .where(images.c.product.in_(chunk))
                .order_by(images.c.product, images.c.position)
            ):
                found.setdefault(product, []).append(tuple(rest))
        return found

    def _checked(
        self, accepted: Accepted, old_images: Mapping[int, Sequence[ImageRow]]
    ) -> dict[LocatedImage, CheckedImage]:
        """Every picture of the batch, looked into unless the graph has looked before."""
        checked = {image: _UNCHECKED for _, s in accepted if s.images for image in s.images}
        if not checked:
            return checked
        for rows in old_images.values():
            for row in rows:
                if (image := _located(row)) in checked:
                    checked[image] = CheckedImage(*row[4:])
        pending = [i for i, c in checked.items() if c is _UNCHECKED and i.path is not None]
        checked.update(zip(pending, self._check_images(pending), strict=True))
        return checked

    def _replace(
        self,
        kind: EntityKind,
        changed: Accepted,
        stored: Mapping[int, StoredSubject],
        checked: Mapping[LocatedImage, CheckedImage],
    ) -> None:
        """Write new subjects, and updated ones after taking their old rows away."""
        old = {entity: stored[entity] for entity, _ in changed if entity in stored}
        before = self._journal.take_away(old, Change.REPLACED)
        run, source, kind_number = self.run, self._source, int(kind)
        subject_rows = []
        image_rows = []
        for entity, statement in changed:
            record = statement.record
            title = category = None
            if isinstance(record, ProductRecord):
                title, category = record.title, record.category
            subject_rows.append(
                (entity, kind_number, title, category, statement.digest, source, run)
            )
            for position, image in enumerate(statement.images):
                image_rows.append(_image_row(entity, position, image, checked[image], run))
        write = self._dialect.insert_behind
        write(self._connection, subjects, SUBJECT_COLUMNS, subject_rows)
        write(self._connection, images, IMAGE_COLUMNS, image_rows)
        self._triple_batch += self._triple_rows(changed, before)

    def _triple_rows(
        self,
        changed: Accepted,
        before: Mapping[int, Mapping[tuple[int, int], Sequence[int]]],
    ) -> list[TripleRow]:
        # The inner loops of every ingest: one pass each, no call per triple.
        stated = [statement.record.properties for _, statement in changed]
        names = self._terms.property_ids([name for pairs in stated for name, _ in pairs])
        values = self._terms.ids(
            EntityKind.VALUE, [value for pairs in stated for _, value in pairs]
        )
        links = self._links(changed)
        run = self.run
        rows: list[TripleRow] = []
        for (entity, _), properties in zip(changed, stated, strict=True):
            pairs = [(names[name], values[value]) for name, value in properties]
            if links:
                pairs += links.get(entity, ())
            taken = before.get(entity)
            if taken:
                rows += self._updated(entity, dict.fromkeys(pairs), taken)
            else:
                start = len(rows)
                rows += [
                    (entity, name, value, position, run)
                    for position, (name, value) in enumerate(dict.fromkeys(pairs))
                ]
                self.counts.triples_added += len(rows) - start
        return rows

    def _links(self, changed: Accepted) -> dict[int, list[tuple[int, int]]]:
        """The triples between products, by head, as (property, tail)."""
        stated = {
            entity: statement.record.links
            for entity, statement in changed
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

    def _updated(
        self,
        entity: int,
        pairs: Iterable[tuple[int, int]],
        taken: Mapping[tuple[int, int], Sequence[int]],
    ) -> list[TripleRow]:
        """The triples of an updated subject: kept ones keep the run that added them."""
        rows: list[TripleRow] = []
        names = set()
        for position, pair in enumerate(pairs):
            names.add(pair[0])
            added = taken[pair][3] if pair in taken else self.run
            rows.append((entity, *pair, position, self.run if self._proposed(added) else added))
        kept = {row[1:3] for row in rows} & taken.keys()
        self.counts.triples_added += len(rows) - len(kept)
        self.counts.triples_removed += len(taken) - len(kept)
        for property_, tail, _, added in sorted(taken.values(), key=lambda row: row[2]):
            if self._proposed(added) and property_ not in names:
                rows.append((entity, property_, tail, len(rows), added))
                self.counts.triples_removed -= 1
        return rows

    def _proposed(self, run: int) -> bool:
        return run in self._proposal_runs

    def _touch(
        self, entity: int, rows: Sequence[ImageRow], located: Sequence[LocatedImage]
    ) -> None:
        """Note new sizes and times of files that hold the same pictures: it is not a change."""
        for position, (row, image) in enumerate(zip(rows, located, strict=True)):
            if _located(row) != image:
                self._connection.execute(
                    update(images)
                    .where(images.c.product == entity, images.c.position == position)
                    .values(size=image.size, mtime_ns=image.mtime_ns)
                )

    def _adopt(self, adopted: Sequence[StoredSubject]) -> None:
        """Note that this source is now the one that stated these subjects last."""
        self._journal.adopt(adopted)
        for chunk in chunks(subject.entity for subject in adopted):
            self._connection.execute(
                update(subjects).where(subjects.c.entity.in_(chunk)).values(source=self._source)
            )

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


_UNCHECKED = CheckedImage()


def _image_row(
    entity: int, position: int, image: LocatedImage, check: CheckedImage, run: int
) -> tuple[object, ...]:
    return (
        entity,
        position,
        image.source,
        image.path,
        image.size,
        image.mtime_ns,
        check.content_hash,
        check.width,
        check.height,
        image.error or check.error,
        run,
    )


def _same_pictures(
    rows: Sequence[ImageRow],
    located: Sequence[LocatedImage],
    checked: Mapping[LocatedImage, CheckedImage],
) -> bool:
    """Whether the pictures are the same, whenever their files were written."""
    return len(rows) == len(located) and all(
        _located(row) == image
        or (row[0], row[1], *row[4:])
        == (
            image.source,
            image.path,
            checked[image].content_hash,
            checked[image].width,
            checked[image].height,
            image.error or checked[image].error,
        )
        for row, image in zip(rows, located, strict=True)
    )


def _located(row: ImageRow) -> LocatedImage:
    source, path, size, mtime_ns, _, _, _, error = row
    return LocatedImage(source, path, size, mtime_ns, None if path is not None else error)


def _products(found: Iterable[StoredSubject]) -> int:
    return sum(subject.kind == EntityKind.PRODUCT for subject in found)


def _raw(record: Subject) -> str:
    return json.dumps(asdict(record), ensure_ascii=False)[:2000]


def now() -> str:
    """The time as the graph keeps it: ISO 8601, UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
