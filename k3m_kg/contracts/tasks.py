"""The contract of a pretraining task: corrupt the batch, then score what the model made of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from k3m_kg.config import Component
from k3m_kg.contracts.batch import Catalog, ModelOutputs, ProductBatch
from k3m_kg.contracts.links import LinkScorer


@dataclass(frozen=True, slots=True)
class TaskContext:
    """What a task may build on.

    Attributes:
        hidden: H.
        vocab_size: V.
        mask_id: id of the mask token.
        special_ids: token ids that are no words.
        embedding_VH: gives the text encoder's token embeddings, for tied output weights.
        num_targets: by modality: C, how many classes its tokens have; 0 where they have none.
        of_words: the modalities whose `arrays["ids"]` are token ids of the text encoder.
        of_triples: those whose tokens come from triples.
        catalog: terms, and the values that each property takes in training.
        link_scorer: a setting of the task that names a link scorer -> `LinkScorer`, from the
            installed plugins.
    """

    hidden: int
    vocab_size: int
    mask_id: int
    special_ids: tuple[int, ...]
    embedding_VH: Callable[[], Tensor]
    num_targets: Mapping[str, int]
    of_words: frozenset[str]
    of_triples: frozenset[str]
    catalog: Catalog
    link_scorer: Callable[[Component], LinkScorer]


@dataclass(slots=True)
class TaskLoss:
    """A scalar loss (None where the batch gave the task nothing to learn from) and its metrics."""

    loss: Tensor | None
    metrics: dict[str, float | Tensor] = field(default_factory=dict)


class PretrainingTask(nn.Module, ABC):
    """One pretraining objective. It knows nothing of the other tasks."""

    def link_scorer(self) -> LinkScorer | None:
        """What a task that learns to rank values scores them with: the model then ranks with it.

        None for all others. Of several tasks that rank, the first of the config counts.
        """
        return None

    @abstractmethod
    def corrupt(self, batch: ProductBatch, generator: torch.Generator) -> None:
        """Change the batch before the forward pass; keep targets in `batch.notes`.

        Called on the CPU, where the batch is made, in another thread than the training's: the batch
        and `generator`, from which all randomness comes, are there whatever device the task's
        weights are on. What is read here must therefore be no parameter and no buffer.
        """

    def settle(self, batch: ProductBatch) -> None:
        """Called on the CPU too, when all tasks have corrupted the batch; by default nothing.

        The place for what is ragged, such as which of the masked tokens are still there: on a
        device `loss` should ask for no number, nor for anything whose shape depends on one.
        """

    def encoded(self, tokens: dict[str, Tensor], batch: ProductBatch) -> dict[str, Tensor]:
        """By modality, (B, N, H): what each token says alone, as it is to go on; by default as is.

        In training only, on the device, between the encoders and the interactor: the place for
        noise in vectors. What is random is drawn in `corrupt`.
        """
        return tokens

    def count(self, batch: ProductBatch) -> int:
        """Over how many items the loss is a mean; on the CPU, after `settle`.

        Batches whose losses make one step (gradient accumulation, several processes) are weighted
        by it, so that the step is that of one large batch. By default the products.
        """
        return batch.size

    @abstractmethod
    def loss(self, outputs: ModelOutputs, batch: ProductBatch) -> TaskLoss:
        """The loss after the forward pass."""
