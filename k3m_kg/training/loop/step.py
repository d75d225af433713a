"""One training step of K3M: corrupt on the CPU; then encode, and the weighted sum of the losses."""

from __future__ import annotations

from functools import partial
from typing import cast

import numpy as np
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

    def corrupt(self, batch: ProductBatch, generator: torch.Generator) -> ProductBatch:
        """All of a step that is random or ragged, on the CPU: `forward` then asks for no number.

        May run in another thread, ahead of the step. All randomness but that of dropout comes from
        `generator`. The batch is changed in place, and goes to the device as it is then.
        """
        for name, modality in self.model.views().items():
            tokens = batch.modalities[name]
            if len(tokens.product_I):
                tokens.arrays = modality.augment(tokens.arrays, generator)
        tasks = self.named_tasks().values()
        for task in tasks:
            task.corrupt(batch, generator)
        batch.hide_stated()
        for task in tasks:
            task.settle(batch)
        self.model.settle(batch, generator)
        counts = np.array([task.count(batch) for task in tasks], np.float32)
        batch.counts_T = torch.from_numpy(counts)
        batch.tokens_left = batch.token_counts()
        return batch

    def _changed(self, batch: ProductBatch, tokens: dict[str, Tensor]) -> dict[str, Tensor]:
        for task in self.named_tasks().values():
            tokens = task.encoded(tokens, batch)
        return tokens

    def forward(
        self, batch: ProductBatch, shares: Tensor | None = None
    ) -> tuple[Tensor | None, dict[str, Tensor]]:
        """The total loss and detached metrics.

        What there is to learn is known on the CPU: whether there is a loss depends on no number of
        the device.

        Args:
            batch: has been corrupted.
            shares: (tasks,) of a batch that is a piece of a larger one: what part of each task's
                items is in it. Losses and metrics are multiplied by it, so that the pieces' sums
                are those of the whole, and a loss that knows of no item is a zero with a gradient.

        Returns:
            The loss, None if no task found anything to learn; metrics by `task` and `task/metric`.
        """
        with full_precision(batch.rows_B):  # coordinates need their digits
            self.model.unpack(batch)
        outputs = self.model(batch, partial(self._changed, batch))
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
