"""Which pairs are looked at: a product with the nearest to it, and with those that share its words.

All pairs of a million products are too many; these are some twenty each. P pairs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from k3m_kg.progress import Advance
from k3m_kg.search.kept import KeptVectors

_VECTORS_AT_ONCE = 2048
_WORDS_AT_ONCE = 512
_COMMONEST = 500
"""A word that more products have brings no two of them together."""


class Blocking:
    """Finds them in one catalog.

    Args:
        kept: the products' vectors and words.
    """

    def __init__(self, kept: KeptVectors) -> None:
        self._kept = kept
        self._count = len(kept.vectors_NH)
        self._words_NW = kept.words.matrix(_COMMONEST)
        self._words_WN = self._words_NW.T.tocsr()

    def every(self, each: int = 10, progress: Advance | None = None) -> np.ndarray:
        """(P, 2) int64 rows, the smaller one first, ascending and each pair once.

        Args:
            each: of a product so many by vectors, and as many by words.
            progress: counts products, each twice.
        """
        return self.of(np.arange(self._count), each, progress)

    def of(self, rows: np.ndarray, each: int = 10, progress: Advance | None = None) -> np.ndarray:
        """As `every`, of some products with all others."""
        parts = [*self._by_vectors(rows, each, progress), *self._by_words(rows, each, progress)]
        keys = np.unique(np.concatenate([*parts, np.empty(0, np.int64)]))
        return np.stack([keys // max(1, self._count), keys % max(1, self._count)], 1)

    def _by_vectors(
        self, rows: np.ndarray, each: int, progress: Advance | None
    ) -> Iterator[np.ndarray]:
        for start in range(0, len(rows), _VECTORS_AT_ONCE):
            own = rows[start : start + _VECTORS_AT_ONCE]
            found_QK, _ = self._kept.nearest.find(self._kept.vectors_NH[own], each + 1)
            yield _keys(np.repeat(own, found_QK.shape[1]), found_QK.ravel(), self._count)
            if progress is not None:
                progress(len(own))

    def _by_words(
        self, rows: np.ndarray, each: int, progress: Advance | None
    ) -> Iterator[np.ndarray]:
        for start in range(0, len(rows), _WORDS_AT_ONCE):
            own = rows[start : start + _WORDS_AT_ONCE]
            shared = (self._words_NW[own] @ self._words_WN).tocsr()
            left, right = [], []
            for place, row in enumerate(own.tolist()):
                some = slice(shared.indptr[place], shared.indptr[place + 1])
                others, scores = shared.indices[some], shared.data[some]
                if len(others) > each + 1:
                    others = others[np.argpartition(-scores, each)[: each + 1]]
                left.append(np.full(len(others), row))
                right.append(others)
            yield _keys(np.concatenate(left), np.concatenate(right), self._count)
            if progress is not None:
                progress(len(own))


def _keys(left: np.ndarray, right: np.ndarray, count: int) -> np.ndarray:
    """One number for each pair of two, whichever is named first."""
    left, right = left.astype(np.int64), right.astype(np.int64)
    there = (right >= 0) & (left != right)
    low, high = np.minimum(left, right)[there], np.maximum(left, right)[there]
    found: np.ndarray = np.unique(low * count + high)
    return found
