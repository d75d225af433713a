"""A batch is bounded by records, by cells and by characters."""

from __future__ import annotations

import pytest

from k3m_kg.ingest.batching import Room
from k3m_kg.records import CatalogRecord, ProductRecord, RejectedRow, ValueRecord

PLAIN = ProductRecord("P", "t")
WIDE = ProductRecord("P", properties=tuple((f"p{n}", "v") for n in range(10)))
LONG = ValueRecord("v", (("p", "x" * 1000),))


@pytest.mark.parametrize(
    ("record", "batches"),
    [(PLAIN, 5), (RejectedRow(1, "why", "raw"), 5), (WIDE, 2), (LONG, 3)],
)
def test_whichever_is_reached_first_ends_it(record: CatalogRecord, batches: int) -> None:
    room = Room(5, 20, 2500)
    for _ in range(3):  # each batch has all of it again
        found = [room.is_full_with(record) for _ in range(batches)]
        assert found == [False] * (batches - 1) + [True]
