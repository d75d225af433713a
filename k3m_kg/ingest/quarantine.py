"""Beside the flow of an ingest: rejected rows go to a file, each with line and reason."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TextIO, TypeVar

from k3m_kg.errors import CatalogError
from k3m_kg.files import target_of
from k3m_kg.graph.writing.session import AGAIN
from k3m_kg.records import Note, RejectedRow

_Kept = TypeVar("_Kept")
_NUMBER = re.compile(r"\d+")
_KINDS_KNOWN = 1000
_REASON = 200
_PART = 1 << 20
"""Bytes of a line that are read at once: a file that was named may be anything."""


class Quarantine:
    """Files of rejected rows for one run of `k3m-kg ingest`; a context manager.

    One JSON object a line: `source`, `line`, `reason`, `product` where it is known, `raw`. A file
    is made with its first row and replaces that of an earlier run; it stays whatever becomes of the
    ingest.
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

    def holds(self, source: Path) -> bool:
        """Whether rows of `source` are there from an earlier run."""
        begins = f'{{"source": {_json(str(source))},'.encode()
        path = self.path_for(source)
        try:
            if not path.is_file():  # of a device there is no end
                return False
            with path.open("rb") as file:
                begun = True
                while part := file.readline(_PART):
                    if begun and part.startswith(begins):
                        return True
                    begun = part.endswith(b"\n")
        except OSError:
            pass
        return False

    def add(self, source: Path, row: RejectedRow) -> None:
        """Write one row.

        Raises:
            CatalogError: the file cannot be written.
        """
        path = self.path_for(source)
        line: dict[str, str | int] = {"source": str(source), "line": row.line, "reason": row.reason}
        if row.id is not None:
            line["product"] = row.id
        line["raw"] = row.raw
        text = _json(line)
        try:
            self._open(path).write(text + "\n")
        except OSError as error:
            raise _unwritten(path, error) from None

    def _open(self, path: Path) -> TextIO:
        if path != self._current or self._file is None:
            self.close()
            again = path in self._begun
            if not again and path.is_file() and path.stat().st_nlink > 1:
                target_of(path).unlink()  # what it is called elsewhere is another file's name
            # Line by line to the disk: the rows must be there if the process is killed.
            self._file = path.open("a" if again else "w", encoding="utf-8", buffering=1)
            self._current = path
            self._begun.add(path)
        return self._file

    def close(self) -> None:
        """Close the open file.

        Raises:
            CatalogError: what is left of it cannot be written.
        """
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                assert self._current is not None
                raise _unwritten(self._current, error) from None

    def __enter__(self) -> Quarantine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _unwritten(path: Path, error: OSError) -> CatalogError:
    return CatalogError(
        f"the quarantine file cannot be written: {error.strerror or error}",
        where=str(path),
        hint="name another one with --quarantine",
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace").decode()


class SetAside:
    """Takes the rejected rows and the notes of one source out of what flows by.

    Attributes:
        rows: how many were rejected.
        products: those that they are about, where that is known.
        first_reason: of the first, with its line.
        notes: what the reader said of the source as a whole.
    """

    def __init__(
        self, quarantine: Quarantine, source: Path, *, dry_run: bool = False, mapped: bool = True
    ) -> None:
        """Begin with none.

        Args:
            dry_run: nothing is written, and what was there stays.
            mapped: the source's format goes by a mapping.
        """
        self._mapped = mapped
        self._quarantine = quarantine
        self._dry_run = dry_run
        self._source = source
        self._kinds: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self.rows = 0
        self.products: set[str] = set()
        self.first_reason = ""
        self.notes: list[str] = []

    @property
    def path(self) -> Path:
        """The file where they are."""
        return self._quarantine.path_for(self._source)

    @property
    def told(self) -> str:
        """Where all of them are, as a clause."""
        would = "would be" if self._dry_run else "are"
        return f"all of them {would} in {self.path}"

    @property
    def is_there(self) -> bool:
        """Whether rows that were rejected before are in that file."""
        return self._quarantine.holds(self._source)

    @property
    def commonest(self) -> str:
        """The commonest reasons, each with the number of its rows and the first of them."""
        most = self._kinds.most_common(3)
        return "; ".join(f"{self._examples[kind]} ({count:,} rows)" for kind, count in most)

    def all_notes(self) -> list[str]:
        """What is to be said of the source, now that it has been read."""
        notes = list(self.notes)
        if self.rows and self._dry_run:
            notes.append(f"rejected: {self.commonest}")
        again = sum(count for kind, count in self._kinds.items() if AGAIN in kind)
        if not again:
            return notes
        what = (
            "where such rows go on with a product, or are variants of it, say `rows: continue` in "
            "a mapping"
            if self._mapped
            else "the first row of each counts; give each product an id of its own"
        )
        return [
            *notes,
            f"{again:,} rows give an id again with other content, and were rejected: {what}",
        ]

    def out_of(self, items: Iterable[_Kept | RejectedRow | Note]) -> Iterator[_Kept]:
        """What is neither rejected nor a note."""
        for item in items:
            if isinstance(item, RejectedRow):
                self.add(item)
            elif isinstance(item, Note):
                self.notes.append(item.text)
            else:
                yield item

    def add(self, row: RejectedRow) -> None:
        """Set one row aside.

        Raises:
            CatalogError: the quarantine file cannot be written.
        """
        if not self._dry_run:
            self._quarantine.add(self._source, row)
        self.rows += 1
        if row.id is not None:
            self.products.add(row.id)
        self.first_reason = self.first_reason or f"line {row.line}: {row.reason}"
        # Reasons that differ in numbers, such as those of lines and columns, are one kind.
        kind = _NUMBER.sub("0", row.reason[:_REASON])
        if kind in self._kinds or len(self._kinds) < _KINDS_KNOWN:
            self._kinds[kind] += 1
            self._examples.setdefault(kind, f"line {row.line}: {row.reason[:_REASON]}")
