"""What the worker does that reads one source for the process that writes, see `reading_ahead`.

It answers with ("records", (records, their hashes or None)), and in the end with ("found", what it
found of numbers that lost their digits in the records that it hashed).
"""

from __future__ import annotations

import gc
import importlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from k3m_kg.errors import PluginError
from k3m_kg.ingest.batching import Room
from k3m_kg.ingest.checked import Checker
from k3m_kg.ingest.whole_ids import with_whole_ids
from k3m_kg.plugin.catalog_reader import CatalogReader
from k3m_kg.records import CatalogRecord, Note, ProductRecord, RejectedRow, ValueRecord
from k3m_kg.workers.inside import Answer, packed

RECORDS = 500
CELLS = 10_000
"""In one message at most, but for the last record."""
WAITS = 0.1
"""Of the time for a message: who waits longer than that to send it has time to hash."""


class Sender:
    """Sends messages. Whichever of the two processes has less to do hashes the records."""

    def __init__(self, answer: Answer, clock: Callable[[], float] = time.perf_counter) -> None:
        self._answer = answer
        self._clock = clock
        self._waits = False
        self._since = clock()
        self._checker = Checker()

    def records(self, records: Iterable[CatalogRecord]) -> None:
        """Send all of them, also those before an error."""
        batch: list[CatalogRecord] = []
        room = Room(RECORDS, CELLS)
        try:
            for record in records:
                batch.append(record)
                if room.is_full_with(record):
                    self._records(batch)
                    batch = []
        finally:
            self._records(batch)
        if any(self._checker.found):
            self._answer.send_packed(packed("found", self._checker.found))

    def _records(self, batch: list[CatalogRecord]) -> None:
        digests = None
        if self._waits:
            batch, digests = self._hashed(batch)
        self._send(([_item(record) for record in batch], digests))

    def _send(self, content: Any) -> None:
        """Send one message, and note whether that took longer than it should."""
        message = packed("records", content)
        ready = self._clock()
        self._answer.send_packed(message)
        sent = self._clock()
        self._waits = sent - ready > WAITS * (ready - self._since)
        self._since = sent

    def _hashed(self, batch: list[CatalogRecord]) -> tuple[list[CatalogRecord], list[str]]:
        """The records with their hashes; '' for rejected rows and notes."""
        found = [
            (item, "") if isinstance(item, RejectedRow | Note) else item
            for item in self._checker.of(batch)
        ]
        return [record for record, _ in found], [digest for _, digest in found]


def _item(record: CatalogRecord) -> tuple[Any, ...]:
    if isinstance(record, ProductRecord):
        return (
            "product",
            record.id,
            record.title,
            record.category,
            record.images,
            record.properties,
            record.line,
            record.links,
        )
    if isinstance(record, ValueRecord):
        return "value", record.value, record.properties, record.line
    if isinstance(record, Note):
        return "note", record.text
    return "rejected", record.line, record.reason, record.raw, record.id


def read_source(
    answer: Answer,
    *,
    reader: str,
    maker: str,
    settings: dict[str, Any],
    source: str,
    mapping: str | None,
) -> None:
    """Read the one source that is asked for.

    Args:
        reader: its name, for messages.
        maker: `module:name` of what makes it, called with the settings.

    Raises:
        PluginError: it cannot be made.
    """
    gc.set_threshold(200_000, 10, 10)
    made = _made(reader, maker, settings)
    sender = Sender(answer)
    records = made.read(Path(source), Path(mapping) if mapping else None)
    sender.records(with_whole_ids(records))


def _made(reader: str, maker: str, settings: dict[str, Any]) -> CatalogReader:
    module, _, name = maker.partition(":")
    try:
        made: CatalogReader = getattr(importlib.import_module(module), name)(**settings)
    except Exception as error:  # importing a package may raise anything
        raise PluginError(
            f"the reader {reader!r} cannot be made in another process: "
            f"{type(error).__name__}: {error}",
            where=f"worker {maker!r}",
            hint="`worker` in its ReaderPlugin is `module:name`, called with the settings by name; "
            "without it the reader reads in the process of the ingest",
        ) from None
    return made
