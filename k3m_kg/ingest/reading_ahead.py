"""Reading a large source in a second process, while this one writes what was read before.

Reading and writing take about as long as each other, and Python does one thing at a time.
"""

from __future__ import annotations

import json
import marshal
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from k3m_kg import errors
from k3m_kg.errors import CatalogError
from k3m_kg.ingest.checked import Checked, checked
from k3m_kg.plugin.hookspecs import CatalogReader
from k3m_kg.records import ProductRecord, RejectedRow, ValueRecord

WORTH_IT = 2 << 20
"""Bytes of a source from which a second process pays for its start (about 0.2 s)."""

_ROOM = 1 << 20
_RECORDS: dict[str, Callable[..., Any]] = {
    "product": ProductRecord,
    "value": ValueRecord,
    "rejected": RejectedRow,
}


@contextmanager
def reading(
    reader: CatalogReader, path: Path, mapping: Path | None, size: int
) -> Iterator[Iterator[Checked | RejectedRow]]:
    """The checked records of a source of `size` bytes, in order.

    Large sources are read ahead by a second process where there is a processor for it; it ends
    with this context at the latest. Readers of other packages are always read here: what they
    need may not exist in another process.

    Raises:
        CatalogError: what the reader raises, or the second process was killed.
        ConfigError: what the reader raises.
    """
    if size < WORTH_IT or not _can_start(reader):
        yield checked(reader.read(path, mapping))
        return
    request = {
        "path": list(map(str, sys.path)),
        "module": type(reader).__module__,
        "name": type(reader).__qualname__,
        "source": str(path),
        "mapping": str(mapping) if mapping else None,
    }
    with subprocess.Popen(  # noqa: S603
        [sys.executable, *_flags(), "-P", "-c", _START],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for this process, which then ends that one
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        _widen(process.stdout)
        try:
            with suppress(BrokenPipeError):  # what became of it is told when its answer is read
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
            yield _received(process, process.stdout, path)
        finally:
            process.kill()


_START = """
import json, sys
request = json.loads(sys.stdin.buffer.readline())
sys.path[:] = request["path"]
from k3m_kg.ingest.reading_worker import main
main(request)
"""


def _can_start(reader: CatalogReader) -> bool:
    affinity = getattr(os, "sched_getaffinity", None)
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    is_python = bool(sys.executable) and not getattr(sys, "frozen", False)
    return processors > 1 and is_python and type(reader).__module__.startswith("k3m_kg.")


def _widen(pipe: IO[bytes]) -> None:
    """Room for some messages, so that neither process waits for the other's next one."""
    try:
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _ROOM)
    except (ImportError, AttributeError, OSError):
        pass  # not on Linux, or the user's pipes have no room left: slower, and no worse


def _flags() -> list[str]:
    """The flags of this interpreter that say where modules come from."""
    flags = sys.flags
    given = {"-I": flags.isolated, "-E": flags.ignore_environment, "-s": flags.no_user_site}
    return [flag for flag, value in given.items() if value]


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
    killed = status == -signal.SIGKILL
    how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
    return CatalogError(
        f"the process that read it was ended {how}; nothing of it was kept",
        where=str(path),
        hint="look whether memory ran out, and run again" if killed else None,
    )
