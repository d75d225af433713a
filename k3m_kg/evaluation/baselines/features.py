"""Features of what words cannot say: those of frozen networks, or pictures without any network."""

from __future__ import annotations

import numpy as np

from k3m_kg.evaluation.baselines.inputs import Input
from k3m_kg.evaluation.baselines.view import View
from k3m_kg.lpm.questions import Triples


class Features(Input):
    """Dense inputs side by side.

    Args:
        inputs: of each modality that has any.
    """

    def __init__(self, inputs: list[Input]) -> None:
        self._inputs = inputs

    def fit(self, view: View, rows: np.ndarray) -> bool:
        """Those that training products have."""
        self._inputs = [item for item in self._inputs if item.fit(view, rows)]
        return bool(self._inputs)

    def matrix(self, view: View, questions: Triples) -> np.ndarray:
        """(Q, F)."""
        return np.concatenate([item.matrix(view, questions) for item in self._inputs], 1)
