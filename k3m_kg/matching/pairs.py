"""Pairs of products, by their rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from k3m_kg.lpm.title_leakage import word_spans


@dataclass(frozen=True, slots=True)
class ProductPairs:
    """N pairs of products of one split.

    Attributes:
        left, right: (N,) rows.
        same: (N,) bool.
        families: (N,) a number for all products that right pairs hold together, of the left one.
    """

    left: np.ndarray
    right: np.ndarray
    same: np.ndarray
    families: np.ndarray

    def __len__(self) -> int:
        return len(self.left)

    def __getitem__(self, chosen: np.ndarray) -> ProductPairs:
        return ProductPairs(
            self.left[chosen], self.right[chosen], self.same[chosen], self.families[chosen]
        )


def families_of(count: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(rows,) equal for products that pairs hold together."""
    ones = np.ones(len(left), np.int8)
    graph = sparse.coo_matrix((ones, (left, right)), (count, count))
    found: np.ndarray = connected_components(graph, directed=False)[1].astype(np.int64)
    return found


def words_of(text: str) -> list[str]:
    """The words of a text in small letters."""
    return [text[start:end].lower() for start, end in word_spans(text)]
