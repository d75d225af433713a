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

    def named_tasks(self) -> dict[str, PretrainingTask]:
        """The tasks by name, in order."""
        return cast("dict[str, PretrainingTask]", dict(self.tasks.items()))

    def corrupt(self, batch: ProductBatch, generator: torch.Generator) -> None:
        """Augment the batch and let every task corrupt it; nothing is learned yet."""
        with full_precision(batch.rows_B):  # coordinates need their digits
            for name, modality in self.model.views().items():
                tokens = batch.modalities[name]
                if len(tokens.product_I):
                    tokens.arrays = modality.augment(tokens.arrays, generator)
            self.model.describe(batch)
        for task in self.named_tasks().values():
            task.corrupt(batch, generator)
        batch.hide_stated()

    def counts(self, batch: ProductBatch) -> Tensor:
        """(tasks,) float32: over how many items each task's loss of a corrupted batch is a mean."""
        counts = [task.count(batch) for task in self.named_tasks().values()]
        found = torch.zeros(len(counts), device=batch.device)
        for place, count in enumerate(counts):
            found[place] = count
        return found

    def forward(
        self,
        batch: ProductBatch,
        generator: torch.Generator | None = None,
        shares: Tensor | None = None,
    ) -> tuple[Tensor | None, dict[str, Tensor]]:
        """The total loss and detached metrics.

        Args:
            batch: is corrupted with the generator; without one it has been.
            generator: of all randomness but dropout's.
            shares: (tasks,) of a batch that is a piece of a larger one: what part of each task's
                items is in it. Losses and metrics are multiplied by it, so that the pieces' sums
                are those of the whole, and a loss that knows of no item is a zero with a gradient.

        Returns:
            The loss, None if no task found anything to learn; metrics by `task` and `task/metric`.
        """
        if generator is not None:
            self.corrupt(batch, generator)
        outputs = self.model(batch)
        total: Tensor | None = None if shares is None else outputs.cstar_BH.sum() * 0
        metrics: dict[str, Tensor] = {}
        for place, (name, task) in enumerate(self.named_tasks().items()):
            result = task.loss(outputs, batch)
            share = 1.0 if shares is None else shares[place]
            if result.loss is not None:
                loss = result.loss * share
                metrics[name] = loss.detach()
                weighted = self.weights[name] * loss
                total = weighted if total is None else total + weighted
            for key, value in result.metrics.items():
                metrics[f"{name}/{key}"] = torch.as_tensor(value).detach() * share
        return total, metrics
