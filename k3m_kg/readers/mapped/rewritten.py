"""Sources written anew as delimited text or JSON Lines, for the reader that applies mappings to it.

So a workbook, a JSON document and XML obey every setting of a mapping as a table or a line does.
The copy is on the disk for as long as it is read; lines are those of the source.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import TracebackType
from typing import IO

from k3m_kg.errors import CatalogError, K3MError
from k3m_kg.plugin.catalog_reader import CatalogReader
from k3m_kg.records import CatalogRecord, Note, RejectedRow


class Rewritten:
    """The copy of one source; a context manager.

    Attributes:
        rejected: parts that are not in the copy, and why.
    """

    def __init__(self, source: Path, suffix: str) -> None:
        """Begin an empty copy.

        Args:
            source: what errors name.
            suffix: `.csv` or `.jsonl`.

        Raises:
            CatalogError: there is no room for it.
        """
        self._source = source
        self._begins = array("q")
        self._lines = array("q")
        self._written = 0
        self.rejected: list[RejectedRow] = []
        try:
            self._file: IO[bytes] = NamedTemporaryFile(suffix=suffix, prefix="k3m-kg-")  # noqa: SIM115
        except OSError as error:
            raise self._no_room(error) from None

    def add(self, text: str, line: int) -> None:
        """One more part, which ends with a line break; `line` is where it begins in the source.

        Raises:
            CatalogError: there is no room for it.
        """
        self._begins.append(self._written + 1)
        self._lines.append(line)
        self._written += text.count("\n")
        try:
            self._file.write(text.encode("utf-8", "surrogatepass"))
        except OSError as error:
            raise self._no_room(error) from None

    def __len__(self) -> int:
        """Parts in the copy."""
        return len(self._begins)

    def read(self, reader: CatalogReader, mapping: Path | None) -> Iterator[CatalogRecord]:
        """What a reader finds in the copy, with the lines of the source.

        Raises:
            K3MError: what the reader raises, about the source.
        """
        copy = Path(self._file.name)
        rejected = iter(self.rejected)
        waiting = next(rejected, None)
        try:
            self._file.flush()
            for record in reader.read(copy, mapping):
                if isinstance(record, Note):
                    yield record
                    continue
                found = replace(record, line=self._line(record.line))
                while waiting is not None and waiting.line < found.line:
                    yield waiting
                    waiting = next(rejected, None)
                yield found
        except K3MError as error:
            error.message = error.message.replace(str(copy), str(self._source))
            error.where = error.where and error.where.replace(str(copy), str(self._source))
            raise
        while waiting is not None:
            yield waiting
            waiting = next(rejected, None)

    def _line(self, line: int) -> int:
        place = bisect_right(self._begins, line) - 1
        return self._lines[place] if place >= 0 else line

    def _no_room(self, error: OSError) -> CatalogError:
        return CatalogError(
            f"cannot be laid out on the disk: {error.strerror or error}",
            where=str(self._source),
            hint="make room in the folder for temporary files, or set TMPDIR to another one",
        )

    def __enter__(self) -> Rewritten:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
