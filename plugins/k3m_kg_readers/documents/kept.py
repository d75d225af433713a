"""Records that are kept on the disk until the rest of their document has been read."""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any

from k3m_kg.api import ProductRecord, RejectedRow

_AT_ONCE = 500
_SIZE_BYTES = 8


class KeptRecords:
    """Records in the order in which they came; a context manager.

    They lie in a file without a name, which goes away with it.
    """

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115  # closed with this
        self._held: list[tuple[Any, ...]] = []

    def add(self, record: ProductRecord | RejectedRow) -> None:
        """Keep one more."""
        if isinstance(record, RejectedRow):
            parts: tuple[Any, ...] = (record.line, record.reason, record.raw, record.id)
        else:
            parts = (
                record.id, record.title, record.category, record.images, record.properties,
                record.line, record.links,
            )  # fmt: skip
        self._held.append(parts)
        if len(self._held) >= _AT_ONCE:
            self._write()

    def __iter__(self) -> Iterator[ProductRecord | RejectedRow]:
        """All of them, once."""
        self._write()
        self._file.seek(0)
        while size := self._file.read(_SIZE_BYTES):
            packed = self._file.read(int.from_bytes(size, "little"))
            for parts in marshal.loads(packed):  # noqa: S302  # of this very reading
                yield RejectedRow(*parts) if len(parts) == _OF_REJECTED else ProductRecord(*parts)

    def __enter__(self) -> KeptRecords:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def _write(self) -> None:
        packed = marshal.dumps(self._held)
        self._file.write(len(packed).to_bytes(_SIZE_BYTES, "little"))
        self._file.write(packed)
        self._held.clear()


_OF_REJECTED = 4
"""Parts that a rejected row has; a product has more."""
