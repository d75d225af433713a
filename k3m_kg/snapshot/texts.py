"""A column of texts that is not read into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import pyarrow as pa

from k3m_kg.snapshot.layout import ROWS_PER_BATCH


class Texts(Sequence[str]):
    """A column of texts that stays on disk and is read item by item."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self.column = column
        self._chunks = column.chunks

    def __len__(self) -> int:
        return len(self.column)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = int(index)
        if place < 0:
            place += len(self)
        if not 0 <= place < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        return self.at(place)

    def at(self, place: int) -> str:
        """The text at a place in 0..len-1, unchecked: for the inner loop of `product`."""
        text: str = self._chunks[place // ROWS_PER_BATCH][place % ROWS_PER_BATCH].as_py()
        return text

    def __iter__(self) -> Iterator[str]:
        for chunk in self._chunks:
            yield from chunk.to_pylist()
