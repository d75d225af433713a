"""Features that an encoder had before any training here: those of a frozen network."""

from __future__ import annotations

import numpy as np

from k3m_kg.evaluation.baselines.scaled import Scaled
from k3m_kg.evaluation.baselines.view import View


class ReadyMade(Scaled):
    """What a modality's `ModalityData.features` gives.

    Args:
        modality: its name.
    """

    def __init__(self, modality: str) -> None:
        self._modality = modality

    def raw(self, view: View, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As the modality gives them, and who has it."""
        data = view.batcher.modalities[self._modality]
        found = data.features(rows)
        assert found is not None, "asked of a modality that has none"
        return found.astype(np.float32), data.has(rows)
