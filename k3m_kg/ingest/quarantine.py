"""Beside the flow of an ingest: rejected rows go to a file, each with line and reason."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TextIO, TypeVar

from k3m_kg.errors import CatalogError
from k3m_kg.records import RejectedRow

_Kept = TypeVar("_Kept")


class Quarantine:
    """Files of rejected rows for one run of `k3m-kg ingest`; a context manager.

    One JSON object a line: `source`, `line`, `reason`, `raw`. A file is made with its first
    row and replaces that of an earlier run; it stays whatever becomes of the ingest.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Use `path` for every source, or by default `<source name>.quarantine.jsonl` for each."""
        self._path = path
        self._begun: set[Path] = set()
        self._file: TextIO | None = None
        self._current: Path | None = None

    def path_for(self, source: Path) -> Path:
        """Where the rejected rows of `source` go."""
        return self._path or Path(f"{source.name}.quarantine.jsonl")

    def add(self, source: Path, row: RejectedRow) -> None:
        """Write one row.

        Raises:
            CatalogError: the file cannot be written.
        """
        path = self.path_for(source)
        line = {"source": str(source), "line": row.line, "reason": row.reason, "raw": row.raw}
        text = json.dumps(line, ensure_ascii=False).encode(errors="backslashreplace").decode()
        try:
            self._open(path).write(text + "\n")
        except OSError as error:
            raise CatalogError(
                f"the quarantine file cannot be written: {error.strerror or error}",
                where=str(path),
                hint="name another one with --quarantine",
            ) from None

    def _open(self, path: Path) -> TextIO:
        if path != self._current or self._file is None:
            self.close()
            again = path in self._begun
            # Line by line to the disk: the rows must be there if the process is killed.
            self._file = path.open("a" if again else "w", encoding="utf-8", buffering=1)
            self._current = path
            self._begun.add(path)
        return self._file

    def close(self) -> None:
        """Close the open file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Quarantine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class SetAside:
    """Takes the rejected rows of one source out of what flows by.

    Attributes:
        rows: how many there were.
        first_reason: of the first, with its line.
    """

    def __init__(self, quarantine: Quarantine, source: Path) -> None:
        self._quarantine = quarantine
        self._source = source
        self.rows = 0
        self.first_reason = ""

    @property
    def path(self) -> Path:
        """The file where they are."""
        return self._quarantine.path_for(self._source)

    def out_of(self, items: Iterable[_Kept | RejectedRow]) -> Iterator[_Kept]:
        """What is not rejected."""
        for item in items:
            if isinstance(item, RejectedRow):
                self.add(item)
            else:
                yield item

    def add(self, row: RejectedRow) -> None:
        """Set one row aside.

        Raises:
            CatalogError: the quarantine file cannot be written.
        """
        self._quarantine.add(self._source, row)
        self.rows += 1
        self.first_reason = self.first_reason or f"line {row.line}: {row.reason}"
