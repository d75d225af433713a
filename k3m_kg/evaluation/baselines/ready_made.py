"""Features that an encoder had before any training here: those of frozen networks."""

from __future__ import annotations

import numpy as np

from k3m_kg.evaluation.baselines.scaled import Scaled
from k3m_kg.evaluation.baselines.view import View
from k3m_kg.lpm.questions import Triples


class ReadyMade(Scaled):
    """What a modality's `ModalityData.features` gives.

    Args:
        modality: its name.
    """

    def __init__(self, modality: str) -> None:
        self._modality = modality

    def raw(self, view: View, questions: Triples) -> tuple[np.ndarray, np.ndarray]:
        """As the modality gives them without the asked values' words, and who has it."""
        data = view.batcher.modalities[self._modality]
        cut = view.answers(questions) if view.cut_title else None
        found = data.features(questions.rows, cut)
        assert found is not None, "asked of a modality that has none"
        return found.astype(np.float32), data.has(questions.rows)
