"""Third step of an ingest, locate: each record with where its pictures are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from k3m_kg.graph.stored import LocatedImage, Statement
from k3m_kg.graph.writing.session import raw_of
from k3m_kg.graph.writing.writer import Locate
from k3m_kg.ingest.checked import Read
from k3m_kg.records import Note, ProductRecord, RejectedRow


def located(
    records: Iterable[Read], locate: Locate, *, by_id: bool
) -> Iterator[Statement | RejectedRow | Note]:
    """What is to be written for each record; a product of which nothing is known is rejected.

    Args:
        records: as they were read.
        locate: finds the pictures of a product.
        by_id: a product may have a picture without naming one: one that is called after its id.
    """
    for item in records:
        if isinstance(item, RejectedRow | Note):
            yield item
            continue
        record, digest = item
        images: tuple[LocatedImage, ...] = ()
        if isinstance(record, ProductRecord):
            if record.images or by_id:
                images = locate(record.id, record.images)
            said = record.title, record.category, record.properties, record.links, images
            if not any(said):
                reason = "nothing is said of it: no title, no category, no image, no property"
                yield RejectedRow(record.line, reason, raw_of(record), record.id)
                continue
        yield Statement(record, images, digest)
