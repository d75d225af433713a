"""The one writer: what may be done within a write transaction."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, Row, func, insert, select

from k3m_kg.graph.dialect import Dialect
from k3m_kg.graph.session import IngestSession
from k3m_kg.graph.stored import ImageCheck, IngestCounts, LocatedImage, SourceVersion
from k3m_kg.graph.tables import entities, images, ingest_runs, products, sources
from k3m_kg.graph.terms import TermDictionary

Locate = Callable[[str, tuple[str, ...]], tuple[LocatedImage, ...]]
"""From a product's id and its pictures as written to where they are."""


class GraphWriter:
    """Given by `GraphStore.writing()`; dies with that transaction."""

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect

    def session(self, version: SourceVersion, check_images: ImageCheck) -> IngestSession:
        """Begin to ingest one source.

        Args:
            version: what is ingested.
            check_images: looks into picture files; called at most once per batch, with those
                that the graph does not know or whose file changed.
        """
        source = self._source(version.name)
        if source is None:
            source = self._connection.execute(
                insert(sources).values(name=version.name).returning(sources.c.id)
            ).scalar_one()
        terms = TermDictionary(self._connection, self._dialect)
        return IngestSession(self._connection, self._dialect, terms, version, source, check_images)

    def unchanged(self, version: SourceVersion, locate: Locate) -> IngestCounts | None:
        """What an ingest of `version` would count, if it is certain that it would change nothing.

        That is so when the last ingest of the source had the same version and rejected no row,
        no other source has restated its products since, and its pictures are the same files.
        """
        source = self._source(version.name)
        run = None if source is None else self._last_run(source)
        if source is None or run is None or not _same_version(run, version):
            return None
        stated = select(func.count()).where(products.c.source == source)
        if (
            run.rows_quarantined
            or self._connection.execute(stated).scalar_one() != run.products_read
            or not self._same_images(source, locate)
        ):
            return None
        return IngestCounts(
            products_read=run.products_read,
            products_unchanged=run.products_read,
            rows_repeated=run.rows_repeated,
            images_found=run.images_found,
            images_failed=run.images_failed,
            images_not_local=run.images_not_local,
        )

    def _source(self, name: str) -> int | None:
        return self._connection.execute(
            select(sources.c.id).where(sources.c.name == name)
        ).scalar_one_or_none()

    def _last_run(self, source: int) -> Row[tuple[object, ...]] | None:
        return self._connection.execute(
            select(ingest_runs)
            .where(ingest_runs.c.source == source)
            .order_by(ingest_runs.c.id.desc())
            .limit(1)
        ).one_or_none()

    def _same_images(self, source: int, locate: Locate) -> bool:
        rows = self._connection.execute(
            select(
                entities.c.text,
                images.c.source,
                images.c.path,
                images.c.size,
                images.c.mtime_ns,
                images.c.error,
            )
            .select_from(products)
            .join(entities, entities.c.id == products.c.entity)
            .outerjoin(images, images.c.product == products.c.entity)
            .where(products.c.source == source)
            .order_by(products.c.entity, images.c.position)
        )
        product: str | None = None
        stored: list[LocatedImage] = []
        for text, written, path, size, mtime_ns, error in rows:
            if text != product:
                if product is not None and not _as_located(product, stored, locate):
                    return False
                product, stored = text, []
            if written is not None:
                stored.append(LocatedImage(written, path, size, mtime_ns, None if path else error))
        return product is None or _as_located(product, stored, locate)


def _as_located(product: str, stored: list[LocatedImage], locate: Locate) -> bool:
    return locate(product, tuple(image.source for image in stored)) == tuple(stored)


def _same_version(run: Row[tuple[object, ...]], version: SourceVersion) -> bool:
    return (run.format, run.content_hash, run.mapping_hash, run.images_folder) == (
        version.format,
        version.content_hash,
        version.mapping_hash,
        version.images_folder,
    )
