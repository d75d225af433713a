"""Reading a large source in a second process, while this one writes what was read before.

Reading and writing take about as long as each other, and Python does one thing at a time.
"""

from __future__ import annotations

import marshal
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from k3m_kg import errors
from k3m_kg.errors import CatalogError
from k3m_kg.hookspecs import CatalogReader
from k3m_kg.ingest.checked import Checked, checked
from k3m_kg.records import ProductRecord, RejectedRow, ValueRecord

WORTH_IT = 2 << 20
"""Bytes of a source from which a second process pays for its start (about 0.2 s)."""

_RECORDS: dict[str, Callable[..., Any]] = {
    "product": ProductRecord,
    "value": ValueRecord,
    "rejected": RejectedRow,
}


@contextmanager
def reading(
    reader: CatalogReader, path: Path, mapping: Path | None
) -> Iterator[Iterator[Checked | RejectedRow]]:
    """The checked records of a source, in order.

    Large sources are read ahead by a second process where there is a processor for it; it ends
    with this context at the latest. Readers of other packages are always read here: what they
    need may not exist in another process.

    Raises:
        CatalogError: what the reader raises, or the second process was killed.
        ConfigError: what the reader raises.
    """
    kind = type(reader)
    ours = kind.__module__.startswith("k3m_kg.")
    if not ours or path.stat().st_size < WORTH_IT or _processors() < 2:
        yield checked(reader.read(path, mapping))
        return
    worker = Path(__file__).with_name("reading_worker.py")
    arguments = [kind.__module__, kind.__qualname__, *map(str, filter(None, (path, mapping)))]
    # -P: the folder of the script is not where modules come from.
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", str(worker), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        try:
            yield _received(process, process.stdout, path)
        finally:
            process.kill()


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _received(
    process: subprocess.Popen[bytes], stream: IO[bytes], path: Path
) -> Iterator[Checked | RejectedRow]:
    while True:
        size = int.from_bytes(stream.read(8), "little")
        content = stream.read(size)
        if not size or len(content) < size:
            raise _ended(process.wait(), path)
        kind, message = marshal.loads(content)  # noqa: S302  # plain data of our own process
        if kind == "error":
            name, text, where, hint = message
            raise getattr(errors, name)(text, where=where, hint=hint)
        if kind == "bug":
            raise RuntimeError(f"in the process that reads {path}:\n{message}")
        if kind == "end":
            return
        items, digests = message
        records = (_RECORDS[of](*parts) for of, *parts in items)
        if digests is None:
            yield from checked(records)
        else:
            for record, digest in zip(records, digests, strict=True):
                yield (record, digest) if digest else record


def _ended(status: int, path: Path) -> CatalogError:
    how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
    return CatalogError(
        f"the process that read it was ended {how}; nothing of it was kept",
        where=str(path),
        hint="look whether memory ran out, and run again",
    )
