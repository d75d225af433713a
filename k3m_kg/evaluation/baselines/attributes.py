"""Attributes: one column for each (property, value) that a question still sees."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from k3m_kg.evaluation.baselines.inputs import Input
from k3m_kg.evaluation.baselines.view import View
from k3m_kg.lpm.questions import Triples

_MOST_PAIRS = 30_000
_LEAST = 2
"""A pair that one product has says nothing of another."""


class Attributes(Input):
    """The visible triples, one-hot."""

    def fit(self, view: View, rows: np.ndarray) -> bool:
        """The commonest pairs that at least two training products have."""
        _, name, value = view.seen(Triples.each(rows))
        keys, counts = np.unique(self._keys(view, name, value), return_counts=True)
        keys, counts = keys[counts >= _LEAST], counts[counts >= _LEAST]
        chosen = np.argsort(-counts, kind="stable")[:_MOST_PAIRS]
        self._columns = np.sort(keys[chosen])
        return bool(len(self._columns))

    def matrix(self, view: View, questions: Triples) -> sparse.csr_matrix:
        """(Q, pairs), 0 or 1."""
        question, name, value = view.seen(questions)
        keys = self._keys(view, name, value)
        place = np.minimum(np.searchsorted(self._columns, keys), len(self._columns) - 1)
        known = self._columns[place] == keys
        ones = np.ones(int(known.sum()), np.float32)
        shape = (len(questions), len(self._columns))
        return sparse.csr_matrix((ones, (question[known], place[known])), shape)

    @staticmethod
    def _keys(view: View, name: np.ndarray, value: np.ndarray) -> np.ndarray:
        keys: np.ndarray = name * len(view.catalog.values) + value
        return keys
