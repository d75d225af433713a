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
        title, image = batch.modalities.get("title"), batch.modalities.get("image")
        if title is not None and image is not None:
            both = title.shown_B & image.shown_B
            title.hide(both & (draw < self.settings.title))
            image.hide(both & (draw >= 1 - self.settings.image))
        if self.settings.both:
            nothing = torch.rand(batch.size, generator=generator).to(batch.device)
            for tokens in batch.modalities.values():
                tokens.hide(nothing < self.settings.both)
        for name, rate in self.settings.others.items():
            drawn = torch.rand(batch.size, generator=generator).to(batch.device)
            if name in batch.modalities:
                batch.modalities[name].hide(drawn < rate)

    def loss(self, outputs: ModelOutputs, batch: ProductBatch) -> TaskLoss:
        """Nothing to learn by itself."""
        return TaskLoss(None)
