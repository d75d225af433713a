"""An input of a linear model: a part of what a question shows, as numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from k3m_kg.evaluation.baselines.view import View
from k3m_kg.lpm.questions import Triples
from k3m_kg.lpm.softmax_regression import Part

TITLE, IMAGE = "title", "image"


class Input(ABC):
    """One part of what questions show; fitted on training products, then read for any."""

    @abstractmethod
    def fit(self, view: View, rows: np.ndarray) -> bool:
        """Learn from training products what its columns are; whether there are any."""

    @abstractmethod
    def matrix(self, view: View, questions: Triples) -> Part:
        """(Q, F) float32, what each question shows."""
