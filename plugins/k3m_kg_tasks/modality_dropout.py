"""Hide whole modalities while training, so that a missing title or image is nothing new."""

from __future__ import annotations

import torch

from k3m_kg.api import (
    ConfigError,
    ModelOutputs,
    PretrainingTask,
    ProductBatch,
    TaskContext,
    TaskLoss,
    unknown_name,
)
from k3m_kg_tasks.settings import ModalityDropoutSettings


class ModalityDropout(PretrainingTask):
    """Has no loss of its own (noise-masking as in SNAG, Chen et al. 2024)."""

    def __init__(self, settings: ModalityDropoutSettings, context: TaskContext) -> None:
        super().__init__()
        for name in settings.others:
            if name not in context.num_targets:
                raise ConfigError(
                    unknown_name("modality", name, context.num_targets),
                    where="tasks.modality-dropout.others",
                )
        self.settings = settings

    def corrupt(self, batch: ProductBatch, generator: torch.Generator) -> None:
        """Hide titles and images; a product with only one keeps it, unless all go."""
        draw = torch.rand(batch.size, generator=generator)
        shown = {name: tokens.shown_B for name, tokens in batch.modalities.items()}
        for name, drawn in (
            ("title", draw < self.settings.title),
            ("image", draw >= 1 - self.settings.image),
        ):
            others = [found for other, found in shown.items() if other != name]
            if name in shown and others:
                batch.modalities[name].hide(torch.stack(others).any(0) & drawn)
        if self.settings.both:
            nothing = torch.rand(batch.size, generator=generator)
            for tokens in batch.modalities.values():
                tokens.hide(nothing < self.settings.both)
        for name, rate in self.settings.others.items():
            drawn = torch.rand(batch.size, generator=generator)
            batch.modalities[name].hide(drawn < rate)

    def loss(self, outputs: ModelOutputs, batch: ProductBatch) -> TaskLoss:
        """Nothing to learn by itself."""
        return TaskLoss(None)
