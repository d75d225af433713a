"""One training step of K3M: describe, corrupt, encode, and the weighted sum of the losses."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from k3m_kg.contracts import PretrainingTask, ProductBatch, full_precision
from k3m_kg.model.k3m import K3M


class Pretrainer(nn.Module):
    """K3M with its tasks: one batch in, the weighted sum of the losses out."""

    def __init__(self, model: K3M, tasks: nn.ModuleDict, weights: dict[str, float]) -> None:
        super().__init__()
        self.model = model
        self.tasks = tasks
        self.weights = weights

    def forward(
        self, batch: ProductBatch, generator: torch.Generator
    ) -> tuple[Tensor | None, dict[str, Tensor]]:
        """The total loss (None if no task found anything to learn) and detached metrics."""
        with full_precision(batch.rows_B):  # coordinates need their digits
            for name, modality in self.model.views().items():
                tokens = batch.modalities[name]
                if len(tokens.product_I):
                    tokens.arrays = modality.augment(tokens.arrays, generator)
            self.model.describe(batch)
        tasks = cast("dict[str, PretrainingTask]", dict(self.tasks.items()))
        for task in tasks.values():
            task.corrupt(batch, generator)
        outputs = self.model(batch)
        total: Tensor | None = None
        metrics: dict[str, Tensor] = {}
        for name, task in tasks.items():
            result = task.loss(outputs, batch)
            if result.loss is not None:
                metrics[name] = result.loss.detach()
                weighted = self.weights[name] * result.loss
                total = weighted if total is None else total + weighted
            for key, value in result.metrics.items():
                metrics[f"{name}/{key}"] = torch.as_tensor(value).detach()
        return total, metrics
