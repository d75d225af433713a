"""Fourth step of an ingest, write: statements in bounded batches, what became of each one told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from k3m_kg.graph.stored import ImageFailure, Statement
from k3m_kg.graph.writing.session import IngestSession
from k3m_kg.ingest.batching import Room
from k3m_kg.records import RejectedRow

BATCH_PRODUCTS = 2000
BATCH_CELLS = 50_000


@dataclass(frozen=True, slots=True)
class WrittenBatch:
    """What became of one batch.

    Attributes:
        subjects: how many it had.
        line: that of the last one.
        rejected: rows that contradict an earlier row of the source.
        failures: pictures that cannot be used.
        near: pictures whose file is not called quite as written, see `LocatedImage.near`.
    """

    subjects: int
    line: int
    rejected: list[RejectedRow]
    failures: list[ImageFailure]
    near: int


def written(session: IngestSession, statements: Iterable[Statement]) -> Iterator[WrittenBatch]:
    """Write all statements, batch by batch."""
    for batch in _batches(statements):
        result = session.write(batch)
        line = batch[-1].record.line
        near = sum(image.near for statement in batch for image in statement.images)
        yield WrittenBatch(len(batch), line, result.rejected, result.failures, near)


def _batches(statements: Iterable[Statement]) -> Iterator[list[Statement]]:
    batch: list[Statement] = []
    room = Room(BATCH_PRODUCTS, BATCH_CELLS)
    for statement in statements:
        batch.append(statement)
        if room.is_full_with(statement.record):
            yield batch
            batch = []
    if batch:
        yield batch
