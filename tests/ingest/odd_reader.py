"""A reader of another package, as far as an ingest can tell."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from k3m_kg.errors import CatalogError
from k3m_kg.records import CatalogRecord, ProductRecord


class OddError(CatalogError):
    """An error class that only its package has."""


class Odd:
    """Says which process reads, and fails as the name of its mapping file asks."""

    def sniff(self, path: Path, head: bytes) -> float:
        return 0.6 if path.suffix == ".csv" and head.startswith(b"odd") else 0.0

    def read(self, path: Path, mapping: Path | None) -> Iterator[CatalogRecord]:
        yield ProductRecord(str(os.getpid()), "read by this process")
        if mapping is not None and mapping.name == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if mapping is not None and mapping.name == "bug":
            raise ZeroDivisionError("a bug")
        if mapping is not None:
            raise OddError("odd", where="here", hint="even")
