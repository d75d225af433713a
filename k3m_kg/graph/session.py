"""Writing: one session brings one source's statements into the graph, batch by batch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from k3m_kg.graph.dialect import Dialect
from k3m_kg.graph.seen import SeenProducts
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
from k3m_kg.graph.tables import EntityKind, images, ingest_runs, products, triples
from k3m_kg.graph.terms import TermDictionary
from k3m_kg.records import ProductRecord, RejectedRow

ImageRow = tuple[
    str, str | None, int | None, int | None, str | None, int | None, int | None, str | None
]
"""source, path, size, mtime_ns, content_hash, width, height, error"""
_PRODUCT_COLUMNS = ("entity", "title", "category", "record_hash", "source", "run")
_TRIPLE_COLUMNS = ("head", "property", "tail", "position", "run")
_IMAGE_COLUMNS = (
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


class IngestSession:
    """Brings the statements of one source into the graph.

    Made by `GraphWriter.session`; all of it happens in the writer's transaction, so nothing is
    seen by anyone before the writer commits, and an exception leaves the graph as it was.

    - A product that the graph has with the same content and the same pictures is left alone.
    - One with other content, from whichever source, takes the content of this statement: the
      newest statement wins, and from then on this source is the one that stated it last.
    - `finish` removes the products that this source stated last and states no more.
    """

    def __init__(
        self,
        connection: Connection,
        dialect: Dialect,
        terms: TermDictionary,
        version: SourceVersion,
        source: int,
        check_images: ImageCheck,
    ) -> None:
        self.counts = IngestCounts()
        self._connection = connection
        self._dialect = dialect
        self._terms = terms
        self._source = source
        self._check_images = check_images
        self._seen = SeenProducts(connection, dialect)
        started = connection.execute(
            insert(ingest_runs)
            .values(
                source=source,
                format=version.format,
                content_hash=version.content_hash,
                mapping_hash=version.mapping_hash,
                images_folder=version.images_folder,
                started_at=_now(),
            )
            .returning(ingest_runs.c.id)
        )
        self._run: int = started.scalar_one()

    def write(self, batch: Sequence[Statement]) -> WriteResult:
        """Write a batch; memory is bounded by the batch and the term dictionary.

        Returns:
            The rows that contradict an earlier row of this source, and the unusable pictures.
        """
        result = WriteResult()
        known = self._terms.find(EntityKind.PRODUCT, [s.record.id for s in batch])
        stored = self._stored(known.values())
        accepted = self._without_repeats(batch, known, stored, result)
        owned = {known[s.record.id]: s for s, _ in accepted if known.get(s.record.id, -1) in stored}
        old_images = self._stored_images(owned)

        changed: list[tuple[int, Statement, str]] = []
        unchanged: list[int] = []
        to_check: dict[LocatedImage, CheckedImage] = {}
        for statement, digest in accepted:
            entity = known.get(statement.record.id)
            if entity is None:
                entity = known[statement.record.id] = self._terms.add(
                    EntityKind.PRODUCT, statement.record.id
                )
            reusable = old_images.get(entity, {})
            same_images = len(reusable) == len(statement.images) and all(
                _located(row) == image
                for row, image in zip(reusable.values(), statement.images, strict=True)
            )
            if entity in stored and stored[entity][0] == digest and same_images:
                unchanged.append(entity)
            else:
                changed.append((entity, statement, digest))
            for image in statement.images:
                to_check[image] = _UNCHECKED
            for row in reusable.values():
                if (image := _located(row)) in to_check:
                    to_check[image] = CheckedImage(*row[4:])

        pending = [i for i, c in to_check.items() if c is _UNCHECKED and i.path is not None]
        to_check.update(zip(pending, self._check_images(pending), strict=True))
        self._terms.flush()  # products first: rows below refer to them
        self._replace(changed, stored, to_check)
        self._adopt([entity for entity in unchanged if stored[entity][1] != self._source])
        self._seen.add([(known[s.record.id], s.record.line) for s, _ in accepted])
        self.counts.products_unchanged += len(unchanged)
        self._count_images(accepted, to_check, result)
        return result

    def finish(self, rows_quarantined: int) -> IngestCounts:
        """Remove what the source states no more and close the run. The writer still commits."""
        counts = self.counts
        gone = select(products.c.entity).where(
            products.c.source == self._source, ~self._seen.holds(products.c.entity)
        )
        counts.products_removed = self._count(select(func.count()).select_from(gone.subquery()))
        if counts.products_removed:
            self._connection.execute(delete(images).where(images.c.product.in_(gone)))
            removed = self._connection.execute(delete(triples).where(triples.c.head.in_(gone)))
            counts.triples_removed += removed.rowcount
            self._connection.execute(delete(products).where(products.c.entity.in_(gone)))
        counts.rows_quarantined = rows_quarantined
        counts.products_read = (
            counts.products_added + counts.products_updated + counts.products_unchanged
        )
        self._connection.execute(
            update(ingest_runs)
            .where(ingest_runs.c.id == self._run)
            .values(**asdict(counts), finished_at=_now())
        )
        self._seen.drop()
        return counts

    def _count(self, query: Select[Any]) -> int:
        number: int = self._connection.execute(query).scalar_one()
        return number

    def _stored(self, entities: Iterable[int]) -> dict[int, tuple[str, int]]:
        """Content hash and source of those entities that are products."""
        wanted = list(entities)
        if not wanted:
            return {}
        rows = self._connection.execute(
            select(products.c.entity, products.c.record_hash, products.c.source).where(
                products.c.entity.in_(wanted)
            )
        )
        return {entity: (digest, source) for entity, digest, source in rows}

    def _without_repeats(
        self,
        batch: Sequence[Statement],
        known: dict[str, int],
        stored: dict[int, tuple[str, int]],
        result: WriteResult,
    ) -> list[tuple[Statement, str]]:
        """Statements with content hash, less those whose id the source has given before."""
        earlier = self._seen.lines(known.values())
        first: dict[str, tuple[int, str]] = {
            id_: (earlier[entity], stored[entity][0])
            for id_, entity in known.items()
            if entity in earlier
        }
        accepted = []
        for statement in batch:
            record = statement.record
            digest = record.content_hash()
            if record.id not in first:
                first[record.id] = (record.line, digest)
                accepted.append((statement, digest))
            elif first[record.id][1] == digest:
                self.counts.rows_repeated += 1
            else:
                reason = (
                    f"id {record.id!r} was given on line {first[record.id][0]} "
                    "with other content; the first row was kept"
                )
                result.rejected.append(RejectedRow(record.line, reason, _raw(record)))
        return accepted

    def _stored_images(self, entities: Iterable[int]) -> dict[int, dict[int, ImageRow]]:
        wanted = list(entities)
        if not wanted:
            return {}
        columns = [images.c[name] for name in _IMAGE_COLUMNS[:-1]]
        rows = self._connection.execute(
            select(*columns)
            .where(images.c.product.in_(wanted))
            .order_by(images.c.product, images.c.position)
        )
        found: dict[int, dict[int, ImageRow]] = {}
        for product, position, *rest in rows:
            found.setdefault(product, {})[position] = tuple(rest)
        return found

    def _replace(
        self,
        changed: Sequence[tuple[int, Statement, str]],
        stored: dict[int, tuple[str, int]],
        checked: dict[LocatedImage, CheckedImage],
    ) -> None:
        """Write new products, and updated ones after taking their old rows away."""
        old = [entity for entity, _, _ in changed if entity in stored]
        old_triples = self._take_away(old)
        knowledge = self._terms.encode([s.record.properties for _, s, _ in changed])
        run, source = self._run, self._source
        product_rows = []
        triple_rows: list[tuple[int, int, int, int, int]] = []
        image_rows = []
        for (entity, statement, digest), pairs in zip(changed, knowledge, strict=True):
            record = statement.record
            product_rows.append((entity, record.title, record.category, digest, source, run))
            before = old_triples.get(entity)
            if before:
                added_by = [before.pop(pair, run) for pair in pairs]
                self.counts.triples_added += added_by.count(run)
                self.counts.triples_removed += len(before)
                triple_rows += [
                    (entity, *pair, position, added)
                    for position, (pair, added) in enumerate(zip(pairs, added_by, strict=True))
                ]
            else:
                self.counts.triples_added += len(pairs)
                triple_rows += [
                    (entity, name, value, position, run)
                    for position, (name, value) in enumerate(pairs)
                ]
            for position, image in enumerate(statement.images):
                check = checked[image]
                image_rows.append(
                    (
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
                )
        self.counts.products_added += len(changed) - len(old)
        self.counts.products_updated += len(old)
        self._terms.flush()
        write = self._dialect.insert
        write(self._connection, products, _PRODUCT_COLUMNS, product_rows)
        write(self._connection, triples, _TRIPLE_COLUMNS, triple_rows)
        write(self._connection, images, _IMAGE_COLUMNS, image_rows)

    def _take_away(self, entities: Sequence[int]) -> dict[int, dict[tuple[int, int], int]]:
        """Delete the products' rows; their triples by head, with the run that added each."""
        if not entities:
            return {}
        taken: dict[int, dict[tuple[int, int], int]] = {}
        rows = self._connection.execute(
            select(triples.c.head, triples.c.property, triples.c.tail, triples.c.run).where(
                triples.c.head.in_(entities)
            )
        )
        for head, property_, tail, run in rows:
            taken.setdefault(head, {})[property_, tail] = run
        self._connection.execute(delete(triples).where(triples.c.head.in_(entities)))
        self._connection.execute(delete(images).where(images.c.product.in_(entities)))
        self._connection.execute(delete(products).where(products.c.entity.in_(entities)))
        return taken

    def _adopt(self, entities: Sequence[int]) -> None:
        """Note that this source is now the one that stated these products last."""
        if entities:
            self._connection.execute(
                update(products).where(products.c.entity.in_(entities)).values(source=self._source)
            )

    def _count_images(
        self,
        accepted: Sequence[tuple[Statement, str]],
        checked: dict[LocatedImage, CheckedImage],
        result: WriteResult,
    ) -> None:
        for statement, _ in accepted:
            for image in statement.images:
                error = image.error or checked[image].error
                if error is not None:
                    self.counts.images_failed += 1
                    result.failures.append(ImageFailure(statement.record.id, image.source, error))
                elif image.path is None:
                    self.counts.images_not_local += 1
                else:
                    self.counts.images_found += 1


_UNCHECKED = CheckedImage()


def _located(row: ImageRow) -> LocatedImage:
    source, path, size, mtime_ns, _, _, _, error = row
    return LocatedImage(source, path, size, mtime_ns, None if path is not None else error)


def _raw(record: ProductRecord) -> str:
    return json.dumps(asdict(record), ensure_ascii=False)[:2000]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
