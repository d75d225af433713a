"""Hide whole modalities while training, so that a missing title or image is nothing new."""

from __future__ import annotations

import torch

from k3m_kg.api import ModelOutputs, PretrainingTask, ProductBatch, TaskLoss
from k3m_kg_tasks.settings import ModalityDropoutSettings


class ModalityDropout(PretrainingTask):
    """Has no loss of its own (noise-masking as in SNAG, Chen et al. 2024)."""

    def __init__(self, settings: ModalityDropoutSettings) -> None:
        super().__init__()
        self.settings = settings

    def corrupt(self, batch: ProductBatch, generator: torch.Generator) -> None:
        """Hide titles and images; a product with only one keeps it, unless both go."""
        draw = torch.rand(batch.size, generator=generator).to(batch.device)
        both = batch.title_present_BT.any(1) & batch.image_present_B
        no_title = both & (draw < self.settings.title)
        no_image = both & (draw >= 1 - self.settings.image)
        if self.settings.both:
            neither = torch.rand(batch.size, generator=generator).to(batch.device)
            neither = neither < self.settings.both
            no_title, no_image = no_title | neither, no_image | neither
        batch.title_present_BT = batch.title_present_BT & ~no_title[:, None]
        batch.image_present_B = batch.image_present_B & ~no_image

    def loss(self, outputs: ModelOutputs, batch: ProductBatch) -> TaskLoss:
        """Nothing to learn by itself."""
        return TaskLoss(None)
