"""Features of what words cannot say: those of frozen networks, or pictures without any network."""

from __future__ import annotations

import numpy as np

from k3m_kg.evaluation.baselines.inputs import Input
from k3m_kg.evaluation.baselines.view import View
from k3m_kg.lpm.questions import Triples

MOST_DIRECTIONS = 512
"""Features that a linear model weighs. The penalty does not see a rotation, so that fewer
directions lose what the others hold: little, as it draws weights of what hardly varies to zero."""
_MOST_MEASURED = 10_000
"""Products, drawn at random, whose features say where the directions are."""


class Features(Input):
    """Dense inputs side by side; of many features the directions in which products differ most.

    Args:
        inputs: of each modality that has any.
    """

    _turn: np.ndarray | None = None
    """(F, MOST_DIRECTIONS), None where there are no more features than that."""

    def __init__(self, inputs: list[Input]) -> None:
        self._inputs = inputs

    def fit(self, view: View, rows: np.ndarray) -> bool:
        """Those that training products have, and their directions."""
        self._inputs = [item for item in self._inputs if item.fit(view, rows)]
        if not self._inputs:
            return False
        if len(rows) > _MOST_MEASURED:
            rows = np.sort(np.random.default_rng(0).permutation(rows)[:_MOST_MEASURED])
        found = self._side_by_side(view, Triples.each(rows))
        if found.shape[1] > MOST_DIRECTIONS:
            _, turn = np.linalg.eigh(found.T @ found)
            self._turn = np.ascontiguousarray(turn[:, -MOST_DIRECTIONS:], np.float32)
        return True

    def matrix(self, view: View, questions: Triples) -> np.ndarray:
        """(Q, F), F at most `MOST_DIRECTIONS`."""
        found = self._side_by_side(view, questions)
        return found if self._turn is None else found @ self._turn

    def _side_by_side(self, view: View, questions: Triples) -> np.ndarray:
        return np.concatenate([item.matrix(view, questions) for item in self._inputs], 1)
