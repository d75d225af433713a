"""What evidence counts and adds up over the training products, once, before training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from k3m_kg.batches.batcher import Batcher
from k3m_kg.contracts import ModalityData, ReadyFeatures
from k3m_kg.model.k3m import K3M


def fit_evidence(
    model: K3M, batcher: Batcher, opened: Mapping[str, ModalityData], rows: np.ndarray
) -> None:
    """Fit the model's evidence; nothing where it has none.

    Args:
        model: on the device that training uses.
        batcher: of the training snapshot.
        opened: its modalities.
        rows: the training products.
    """
    if model.evidence is None:
        return
    device = next(model.parameters()).device

    def ready_made(part: np.ndarray) -> dict[str, ReadyFeatures]:
        batch = batcher.batch(part).to(device)
        # a value's words are in the titles of its products, but in no title when it is asked
        batch.cut_values(torch.ones_like(batch.triple_visible_E))
        return model.ready_made(batch)

    model.evidence.fit(batcher.catalog, batcher, opened, rows, ready_made)
