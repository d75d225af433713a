"""The one writer: what may be done within a write transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select

from k3m_kg.errors import GraphError, unknown_name
from k3m_kg.graph.database.dialect import Dialect
from k3m_kg.graph.fulltext.filling import fill_words
from k3m_kg.graph.history.journal import images_of
from k3m_kg.graph.history.runs import diff, find_run
from k3m_kg.graph.history.undo import undo
from k3m_kg.graph.order import set_order, stating_sources
from k3m_kg.graph.reviewing.deciding import Decided, decide_items
from k3m_kg.graph.reviewing.items import DecidedAs, ReviewOffer
from k3m_kg.graph.reviewing.queue import (
    QueuedItems,
    add_items,
    hold_items,
    release_items,
    take_items,
)
from k3m_kg.graph.stored import (
    ImageCheck,
    IngestCounts,
    LocatedImage,
    SourceVersion,
    SubjectDiff,
    Undone,
)
from k3m_kg.graph.tables import (
    EntityKind,
    RunKind,
    decisions,
    entities,
    images,
    ingest_runs,
    journal,
    sources,
    statements,
    subjects,
)
from k3m_kg.graph.writing.looked_into import located, picture_of
from k3m_kg.graph.writing.proposing import Proposed, propose
from k3m_kg.graph.writing.session import IngestSession

Locate = Callable[[str, tuple[str, ...]], tuple[LocatedImage, ...]]
"""From a product's id and its pictures as written to where they are."""

_SOURCE = select(sources.c.id).where(sources.c.name == bindparam("name"))
_LAST_DECISION = select(func.max(ingest_runs.c.id)).where(
    ingest_runs.c.source == bindparam("reviewer"),
    ingest_runs.c.kind == RunKind.DECISION.value,
    ingest_runs.c.undone_at.is_(None),
)


class GraphWriter:
    """Given by `GraphStore.writing()`; dies with that transaction."""

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self.connection = self._connection = connection
        self._dialect = dialect

    def session(self, version: SourceVersion, check_images: ImageCheck) -> IngestSession:
        """Begin to ingest one source.

        Args:
            version: what is ingested.
            check_images: looks into picture files; called at most once per batch, with those
                that the graph does not know or whose file changed.
        """
        source = self._source_for(version.name)
        return IngestSession(self._connection, self._dialect, version, source, check_images)

    def end(self, name: str) -> tuple[int, IngestCounts]:
        """Take back everything that a source states, as one run.

        Returns:
            The run's number, and what it did.

        Raises:
            GraphError: there is no source of that name, or it states nothing.
        """
        stating = {one.name for one in stating_sources(self._connection)}
        source = self._source(name) if name in stating else None
        if source is None:
            raise GraphError(unknown_name("source", name, sorted(stating)))
        nothing = SourceVersion(name, RunKind.END.value, "")
        session = IngestSession(
            self._connection, self._dialect, nothing, source, lambda images: [], RunKind.END
        )
        counts = session.finish(0)
        if not self._connection.execute(
            select(journal.c.entity).where(journal.c.run == session.run).limit(1)
        ).all():
            raise GraphError("the source states nothing", where=name)
        return session.run, counts

    def order(self, first: Sequence[str]) -> int:
        """Believe these sources first, then the others in the order that they have.

        Returns:
            How many products are shown otherwise now.

        Raises:
            GraphError: there is no source of that name.
        """
        return set_order(self._connection, self._dialect, first)

    def propose(
        self, name: str, proposals: Iterable[Proposed], left: Counter[str] | None = None
    ) -> int:
        """Add triples and categories that a model proposes, as one run.

        They show while no source states that property of the product (or a category), until `undo`
        of the run takes them back. For a property that a source states nothing is proposed.

        Args:
            name: says where they come from, such as the artifact's folder.
            proposals: for products of the graph.
            left: counts triples that add nothing, by why; see `writing.proposing.propose`.

        Returns:
            The run's number.

        Raises:
            GraphError: a product is not in the graph, a text is empty, a probability is none.
        """
        source = self._source_for(f"{RunKind.PROPOSAL}:{name}")
        return propose(self._connection, self._dialect, source, proposals, left)

    def add_items(self, model: str, offers: Iterable[ReviewOffer], now: float) -> QueuedItems:
        """Put proposals and findings into the queue; see `ReviewDesk.add`."""
        source = self._source_for(f"{RunKind.PROPOSAL}:{model}")
        return add_items(self._connection, self._dialect, source, offers, now)

    def take_items(self, reviewer: str, count: int, **asked: Any) -> list[int]:
        """Lend items to a reviewer, by the name of his source; see `reviewing.queue.take_items`."""
        return take_items(self._connection, self._source_for(reviewer), count, **asked)

    def hold_items(
        self, reviewer: str, items: Sequence[int], *, now: float, until: float
    ) -> tuple[int, ...]:
        """Lend a reviewer those of these open items that nobody else has; their numbers."""
        return hold_items(self._connection, self._source_for(reviewer), items, now=now, until=until)

    def release_items(self, reviewer: str, items: Sequence[int]) -> None:
        """Give back items that a reviewer has."""
        release_items(self._connection, self._source_for(reviewer), items)

    def decide(
        self,
        reviewer: str,
        items: Sequence[int],
        answer: DecidedAs,
        value: str | None,
        *,
        blind: bool,
        now: float,
    ) -> Decided:
        """Decide items as one run; see `ReviewDesk.decide`."""
        return decide_items(
            self._connection,
            self._dialect,
            self._source_for(reviewer),
            items,
            answer,
            value,
            blind=blind,
            now=now,
        )

    def last_decision(self, reviewer: str) -> int | None:
        """The newest decision of a reviewer that holds."""
        run: int | None = self._connection.execute(
            _LAST_DECISION, {"reviewer": self._source(reviewer)}
        ).scalar_one()
        return run

    def items_decided(self, run: int) -> tuple[int, ...]:
        """The items that a run decided."""
        query = select(decisions.c.item).where(decisions.c.run == run).order_by(decisions.c.item)
        return tuple(self._connection.execute(query).scalars())

    def fill_words(self) -> bool:
        """Bring some entities' words up to date, which takes less than a second.

        Returns:
            Whether more is to be done; see `GraphStore.fill_words`.
        """
        return fill_words(self._connection)

    def undo(self, run: int) -> Undone:
        """Take a run back: the graph is then as if it had never been.

        Raises:
            GraphError: no such run, undone before, or later runs of the same source hold.
        """
        return undo(self._connection, self._dialect, run)

    def diff(self, run: int) -> Iterator[SubjectDiff]:
        """What a run changed, also one of this transaction; see `GraphStore.diff`."""
        return diff(self._connection, find_run(self._connection, run))

    def unchanged(self, version: SourceVersion, locate: Locate) -> IngestCounts | None:
        """What an ingest of `version` would count, if it is certain that it would change nothing.

        That is so when the last ingest of the source had the same version, the source still states
        as much, and its pictures are the same files. Rows that were rejected then are again.
        """
        source = self._source(version.name)
        run = None if source is None else self._last_run(source)
        if source is None or run is None or not _same_version(run, version):
            return None
        stated = sum(
            self._connection.execute(
                select(func.count()).where(table.c.source == source)
            ).scalar_one()
            for table in (subjects, statements)
        )
        if (
            stated != run.products_read + run.products_kept + run.values_read
            or not self._same_images(source, locate, by_id=version.images_folder is not None)
        ):
            return None
        return IngestCounts(
            products_read=run.products_read,
            products_unchanged=run.products_read,
            products_kept=run.products_kept,
            values_read=run.values_read,
            rows_repeated=run.rows_repeated,
            rows_quarantined=run.rows_quarantined,
            images_found=run.images_found,
            images_failed=run.images_failed,
            images_not_local=run.images_not_local,
        )

    def _source_for(self, name: str) -> int:
        source = self._source(name)
        if source is None:
            last = select(func.coalesce(func.max(sources.c.place), 0)).scalar_subquery()
            source = self._connection.execute(
                insert(sources).values(name=name, place=last + 1).returning(sources.c.id)
            ).scalar_one()
        return source

    def _source(self, name: str) -> int | None:
        return self._connection.execute(_SOURCE, {"name": name}).scalar_one_or_none()

    def _last_run(self, source: int) -> Row[tuple[object, ...]] | None:
        return self._connection.execute(
            select(ingest_runs)
            .where(ingest_runs.c.source == source, ingest_runs.c.undone_at.is_(None))
            .order_by(ingest_runs.c.id.desc())
            .limit(1)
        ).one_or_none()

    def _same_images(self, source: int, locate: Locate, *, by_id: bool) -> bool:
        """Whether the pictures are the same files; `by_id`: also for products that name none."""
        rows = self._connection.execute(
            select(
                entities.c.text,
                images.c.source,
                images.c.path,
                images.c.size,
                images.c.mtime_ns,
                images.c.error,
            )
            .select_from(subjects)
            .join(entities, entities.c.id == subjects.c.entity)
            .join(images, images.c.product == subjects.c.entity, isouter=by_id)
            .where(subjects.c.source == source, subjects.c.kind == int(EntityKind.PRODUCT))
            .order_by(subjects.c.entity, images.c.position)
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
        if product is not None and not _as_located(product, stored, locate):
            return False
        return all(
            _as_located(text, [located(picture_of(row)) for row in images_of(content)], locate)
            for text, content in self._connection.execute(
                select(entities.c.text, statements.c.content)
                .join(entities, entities.c.id == statements.c.entity)
                .where(statements.c.source == source, statements.c.kind == int(EntityKind.PRODUCT))
            )
        )


def _as_located(product: str, stored: list[LocatedImage], locate: Locate) -> bool:
    return locate(product, tuple(image.source for image in stored)) == tuple(stored)


def _same_version(run: Row[tuple[object, ...]], version: SourceVersion) -> bool:
    return (run.format, run.content_hash, run.mapping_hash, run.images_folder) == (
        version.format,
        version.content_hash,
        version.mapping_hash,
        version.images_folder,
    )
