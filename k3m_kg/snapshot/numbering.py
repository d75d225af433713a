"""Texts to numbers, several columns at once: Python's work is that per distinct text only."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_AT_ONCE = 1 << 18


class Column:
    """An int32 column that grows; twice its size is never in memory."""

    def __init__(self) -> None:
        self._numbers = array("i")

    def add(self, numbers: np.ndarray) -> None:
        """Append int32 numbers."""
        self._numbers.frombytes(np.ascontiguousarray(numbers, np.int32).view(np.uint8).data)

    def finish(self) -> np.ndarray:
        """All of them, int32; nothing can be added from then on."""
        return np.frombuffer(self._numbers, np.int32)


class Terms:
    """The distinct texts of some columns."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Numbers by first use, (len(texts),) int32."""
        encoded = pa.array(texts, pa.string()).dictionary_encode()
        ids = self._ids
        local = [ids.setdefault(text, len(ids)) for text in encoded.dictionary.to_pylist()]
        numbers: np.ndarray = np.array(local, np.int32)[encoded.indices.to_numpy()]
        return numbers

    def texts(self) -> pa.Array:
        """The distinct texts by first use, Arrow strings."""
        return pa.array(list(self._ids), pa.string())

    def sort(self, *columns: np.ndarray) -> pa.Array:
        """Number columns of `encode` anew, in place, by the ascending order of the texts in them.

        Returns:
            Those texts, ascending, Arrow strings.
        """
        used = np.zeros(len(self), bool)
        for column in columns:
            used[column] = True
        kept = np.flatnonzero(used)
        texts = self.texts().take(kept)
        order = pc.sort_indices(texts)
        rank = np.zeros(len(self), np.int32)
        rank[kept[order.to_numpy()]] = np.arange(len(texts), dtype=np.int32)
        for column in columns:
            for start in range(0, len(column), _AT_ONCE):
                piece = column[start : start + _AT_ONCE]
                piece[:] = rank[piece]
        return texts.take(order)
