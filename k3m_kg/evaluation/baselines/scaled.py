"""Dense features of products, scaled for a linear model, zero where there are none."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from k3m_kg.evaluation.baselines.inputs import Input
from k3m_kg.evaluation.baselines.view import View
from k3m_kg.lpm.questions import Triples

_LENGTH = 4.0
"""The root mean square length of a product's features, beside the words' 2 and an attribute's 1."""
_LEAST_SPREAD = 1e-3
"""Of the largest deviation: what varies less says nothing."""


class Scaled(Input):
    """Features centred and of unit variance, then shrunk."""

    @abstractmethod
    def raw(self, view: View, questions: Triples) -> tuple[np.ndarray, np.ndarray]:
        """(Q, F) float32 of what questions show, and which of them show any (bool)."""

    def fit(self, view: View, rows: np.ndarray) -> bool:
        """Mean and deviation of every feature."""
        found, has = self.raw(view, Triples.each(rows))
        if not has.any():
            return False
        self._mean = found[has].mean(0)
        deviation = found[has].std(0)
        varies = deviation > _LEAST_SPREAD * deviation.max(initial=0)
        scale = _LENGTH / max(1.0, np.sqrt(varies.sum()))
        self._scale = np.where(varies, scale / np.maximum(deviation, 1e-12), 0)
        return True

    def matrix(self, view: View, questions: Triples) -> np.ndarray:
        """(Q, F + 1); the last says that there is something."""
        found, has = self.raw(view, questions)
        scaled = (found - self._mean) * self._scale * has[:, None]
        return np.concatenate([scaled, has[:, None]], 1).astype(np.float32)
