"""The contract of a pretraining task: corrupt the batch, then score what the model made of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from k3m_kg.contracts.batch import Catalog, ModelOutputs, ProductBatch
from k3m_kg.contracts.links import LinkScorer


@dataclass(frozen=True, slots=True)
class TaskContext:
    """What a task may build on.

    Attributes:
        hidden: H.
        vocab_size: V.
        mask_id: id of the mask token.
        embedding_VH: gives the text encoder's token embeddings, for tied output weights.
        num_targets: C, object classes of the image encoder; 0 where it has none.
        catalog: terms, and the values that each property takes in training.
        link_scorer: name and settings -> `LinkScorer`, from the installed plugins.
    """

    hidden: int
    vocab_size: int
    mask_id: int
    embedding_VH: Callable[[], Tensor]
    num_targets: int
    catalog: Catalog
    link_scorer: Callable[[str, dict[str, Any]], LinkScorer]


@dataclass(slots=True)
class TaskLoss:
    """A scalar loss (None where the batch gave the task nothing to learn from) and its metrics."""

    loss: Tensor | None
    metrics: dict[str, float | Tensor] = field(default_factory=dict)


class PretrainingTask(nn.Module, ABC):
    """One pretraining objective. It knows nothing of the other tasks."""

    @abstractmethod
    def corrupt(self, batch: ProductBatch, generator: torch.Generator) -> None:
        """Change the batch before the forward pass; keep targets in `batch.notes`.

        All randomness comes from `generator`, which lives on the CPU.
        """

    @abstractmethod
    def loss(self, outputs: ModelOutputs, batch: ProductBatch) -> TaskLoss:
        """The loss after the forward pass."""
