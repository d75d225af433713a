"""What is read of two products to tell whether they are one: few numbers, that few pairs teach.

P pairs, F features.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from k3m_kg.evaluation.baselines.competitors import Competitors
from k3m_kg.matching.pairs import ProductPairs
from k3m_kg.matching.similarities import Similarities
from k3m_kg.progress import StageProgress
from k3m_kg.search.kept import KeptVectors
from k3m_kg.use.open_model import OpenModel

AT_ONCE = 1 << 15
"""Pairs of which the texts are in memory together."""


class ComparedProducts:
    """Compares products of one snapshot.

    Args:
        opened: the model.
        kept: the products' vectors.
        progress: told of what is learned of the catalog's words.
    """

    def __init__(self, opened: OpenModel, kept: KeptVectors, progress: StageProgress) -> None:
        self._opened, self._kept = opened, kept
        competitors = Competitors.of(opened, (), progress, usual=False)
        read = competitors.reading(opened.batcher, np.empty(0, np.int64), cut_title=False)
        self._similarities = Similarities(opened, competitors.shown, read)

    def __call__(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """(P, F) float32: how near the vectors are, and all of `Similarities`."""
        parts = [
            np.concatenate([self._near(some.left, some.right), self._similarities(some)], 1)
            for some in _blocks(left, right)
        ]
        return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)

    def likeness(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """(P, 1) float32 from 0 to 1, of texts, values and pictures: vectors tell less."""
        parts = [self._similarities.likeness(some) for some in _blocks(left, right)]
        return np.concatenate([*parts, np.empty(0, np.float32)])[:, None]

    def _near(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """(P, 2): cosine and mean distance."""
        one, other = self._kept.vectors_NH[left], self._kept.vectors_NH[right]
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        cosine = (one * other).sum(1) / np.maximum(lengths, 1e-9)
        return np.stack([cosine, np.abs(one - other).mean(1)], 1).astype(np.float32)


def _blocks(left: np.ndarray, right: np.ndarray) -> Iterator[ProductPairs]:
    for start in range(0, len(left), AT_ONCE):
        one, other = left[start : start + AT_ONCE], right[start : start + AT_ONCE]
        unknown = np.zeros(len(one), bool)
        yield ProductPairs(one, other, unknown, np.zeros(len(one), np.int64))
