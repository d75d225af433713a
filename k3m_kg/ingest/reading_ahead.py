"""Second step of an ingest, read: the records of a source, read by this process or by a worker.

A worker reads a large source while this process writes what was read before: both take about as
long as each other, and Python does one thing at a time. And a worker reads every source whose
parser is native code, whatever its size: what crashes there, or takes too much memory, is one error
here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from k3m_kg.errors import CatalogError
from k3m_kg.ingest.checked import Checker, Read, checked
from k3m_kg.ingest.whole_ids import with_whole_ids
from k3m_kg.plugin.hookspecs import ReaderPlugin
from k3m_kg.readers.choosing import ChosenReader
from k3m_kg.records import Note, ProductRecord, RejectedRow, ValueRecord
from k3m_kg.workers.limits import Limits
from k3m_kg.workers.process import Task, WorkerAnswers, can_start, working

WORTH_IT = 2 << 20
"""Bytes of a source from which a second process pays for its start (about 0.2 s)."""

_RECORDS: dict[str, Callable[..., Any]] = {
    "product": ProductRecord,
    "value": ValueRecord,
    "rejected": RejectedRow,
    "note": Note,
}


@contextmanager
def reading(
    chosen: ChosenReader,
    path: Path,
    mapping: Path | None,
    size: int,
    limits: Limits | None = None,
) -> Iterator[Iterator[Read]]:
    """The checked records of a source of `size` bytes, in order.

    A worker reads it if the reader's record says how another process makes it, and its parser is
    native, or it is large and there is a processor for it.

    Args:
        limits: of the worker.

    Raises:
        CatalogError: what the reader raises, or the worker met a limit, crashed or was killed.
        ConfigError: what the reader raises.
    """
    if not _is_read_apart(chosen.record, size):
        yield checked(with_whole_ids(chosen.reader.read(path, mapping)))
        return
    with read_apart(chosen, path, mapping, limits) as records:
        yield records


@contextmanager
def read_apart(
    chosen: ChosenReader, path: Path, mapping: Path | None, limits: Limits | None = None
) -> Iterator[Iterator[Read]]:
    """The checked records of a source, read by a worker that ends with this context at the latest.

    Raises:
        CatalogError: what the reader raises, or the worker met a limit, crashed or was killed.
        ConfigError: what the reader raises.
        PluginError: the worker cannot make the reader.
    """
    task = Task(
        "k3m_kg.ingest.reading_worker",
        "read_source",
        {
            "reader": chosen.name,
            "maker": chosen.record.worker,
            "settings": chosen.settings.model_dump(mode="json"),
            "source": str(path),
            "mapping": str(mapping) if mapping else None,
        },
        what="the process that read it",
        where=str(path),
        error=CatalogError,
        after="; nothing of it was kept",
    )
    with working(task, limits or Limits()) as answers:
        yield _received(answers)


def _is_read_apart(record: ReaderPlugin, size: int) -> bool:
    if record.worker is None or not can_start():
        return False
    return record.native or (size >= WORTH_IT and _processors() > 1)


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _received(answers: WorkerAnswers) -> Iterator[Read]:
    checker = Checker()
    for what, content in answers:
        if what == "found":
            checker.add(*content)
            continue
        items, digests = content
        records = (_RECORDS[of](*parts) for of, *parts in items)
        if digests is None:
            yield from checker.of(records)
        else:
            for record, digest in zip(records, digests, strict=True):
                yield (record, digest) if digest else record
    yield from checker.notes()
