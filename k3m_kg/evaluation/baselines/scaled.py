"""Dense features of products, scaled for a linear model, zero where there are none."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from scipy import sparse

from k3m_kg.evaluation.baselines.inputs import Input
from k3m_kg.evaluation.baselines.view import View
from k3m_kg.lpm.questions import Triples

_LENGTH = 3.0
"""The root mean square length of a product's features, beside TF-IDF's 1 and the attributes'."""


class Scaled(Input):
    """Features that do not depend on the question, centred and of unit variance, then shrunk."""

    @abstractmethod
    def raw(self, view: View, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N, F) float32 of distinct products, and which of them have any (bool)."""

    def fit(self, view: View, rows: np.ndarray) -> bool:
        """Mean and deviation of every feature."""
        found, has = self.raw(view, rows)
        if not has.any():
            return False
        self._mean = found[has].mean(0)
        deviation = found[has].std(0)
        self._scale = np.where(deviation > 1e-6, 1 / np.maximum(deviation, 1e-6), 0)
        self._scale *= _LENGTH / max(1.0, np.sqrt((deviation > 1e-6).sum()))
        return True

    def matrix(self, view: View, questions: Triples) -> sparse.csr_matrix:
        """(Q, F + 1); the last says that there is something."""
        rows, inverse = np.unique(questions.rows, return_inverse=True)
        found, has = self.raw(view, rows)
        scaled = (found - self._mean) * self._scale * has[:, None]
        both = np.concatenate([scaled, has[:, None]], 1).astype(np.float32)
        return sparse.csr_matrix(both[inverse])
