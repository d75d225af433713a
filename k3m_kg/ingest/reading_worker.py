"""What the process does that reads one source ahead of the one that writes.

It answers on standard output with messages, each with its length in eight bytes before it, as
`marshal` writes plain data: ("records", (records, their hashes or None)), and last ("end", None),
("error", its parts) or ("bug", the traceback). It ends when its standard input does: that is when
the other process is gone.
"""

from __future__ import annotations

import gc
import importlib
import marshal
import os
import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from k3m_kg.errors import K3MError
from k3m_kg.ingest.checked import checked
from k3m_kg.records import CatalogRecord, ProductRecord, RejectedRow, ValueRecord

RECORDS = 500
CELLS = 10_000
"""In one message at most, but for the last record: one product may have thousands of triples."""
WAITS = 0.1
"""Of the time for a message: who waits longer than that to send it has time to hash."""


class Sender:
    """Sends messages. Whichever of the two processes has less to do hashes the records."""

    def __init__(self, out: Any) -> None:
        self._out = out
        self._waits = False
        self._since = time.perf_counter()

    def records(self, records: Iterable[CatalogRecord]) -> None:
        """Send all of them, also those before an error."""
        batch: list[CatalogRecord] = []
        cells = 0
        try:
            for record in records:
                batch.append(record)
                if not isinstance(record, RejectedRow):
                    cells += len(record.properties)
                if len(batch) >= RECORDS or cells >= CELLS:
                    self._records(batch)
                    batch, cells = [], 0
        finally:
            self._records(batch)

    def _records(self, batch: list[CatalogRecord]) -> None:
        digests = None
        if self._waits:
            batch, digests = _hashed(batch)
        self.send("records", ([_item(record) for record in batch], digests))

    def send(self, kind: str, content: Any) -> None:
        """Send one message, and note whether that took longer than it should."""
        packed = _packed(kind, content)
        ready = time.perf_counter()
        for part in (len(packed).to_bytes(8, "little"), packed):
            left = memoryview(part)
            while left:
                left = left[self._out.write(left) :]
        sent = time.perf_counter()
        self._waits = sent - ready > WAITS * (ready - self._since)
        self._since = sent


def _hashed(batch: list[CatalogRecord]) -> tuple[list[CatalogRecord], list[str]]:
    """The records with their hashes; '' for rejected rows."""
    found = [(item, "") if isinstance(item, RejectedRow) else item for item in checked(batch)]
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
    return "rejected", record.line, record.reason, record.raw


def _packed(kind: str, content: Any) -> bytes:
    try:
        return marshal.dumps((kind, content))
    except ValueError:  # subclasses of str
        return marshal.dumps((kind, _plain(content)))


def _plain(content: Any) -> Any:
    if isinstance(content, str):
        return str(content)
    return type(content)(map(_plain, content)) if isinstance(content, (tuple, list)) else content


def _end_with_input() -> None:
    while os.read(0, 1024):  # not sys.stdin: its lock would be in the way when Python ends
        pass
    os._exit(1)


def main(request: Mapping[str, Any]) -> None:
    """Read the one source that is asked for.

    Args:
        request: `module` and `name` of the reader's class, `source`, and `mapping` or None.
    """
    threading.Thread(target=_end_with_input, daemon=True).start()
    gc.set_threshold(200_000, 10, 10)
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # nothing that a library prints gets between the messages
    sender = Sender(out)
    mapping = request["mapping"]
    try:
        reader = getattr(importlib.import_module(request["module"]), request["name"])()
        sender.records(reader.read(Path(request["source"]), Path(mapping) if mapping else None))
        sender.send("end", None)
    except K3MError as error:
        sender.send("error", (type(error).__name__, error.message, error.where, error.hint))
    except Exception:  # a bug: the other process tells of it
        sender.send("bug", traceback.format_exc())
