"""Masked object modelling: predict the object-class distribution of hidden regions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from k3m_kg.api import (
    ConfigError,
    ModelOutputs,
    PretrainingTask,
    ProductBatch,
    TaskContext,
    TaskLoss,
    initialise,
)
from k3m_kg_tasks.settings import MomSettings


class MaskedObjectModelling(PretrainingTask):
    """15 % of the regions, with those that overlap them; KL divergence to the encoder's targets."""

    def __init__(self, settings: MomSettings, context: TaskContext) -> None:
        super().__init__()
        if not context.num_targets.get(settings.modality):
            raise ConfigError(
                f"the tokens of the modality {settings.modality!r} have no classes to predict",
                where="tasks.mom",
                hint="give the image encoder a codebook, or leave mom out",
            )
        self.settings = settings
        self.head = nn.Linear(context.hidden, context.num_targets[settings.modality])
        initialise(self)

    def corrupt(self, batch: ProductBatch, generator: torch.Generator) -> None:
        """Choose regions; the model zeroes the features of most of them."""
        tokens = batch.modalities[self.settings.modality]
        present = tokens.shown_BN
        draw = torch.rand((2, *present.shape), generator=generator)
        product = torch.rand((len(present), 1), generator=generator)
        chosen = present & (draw[0] < self.settings.rate) & (product < self.settings.products)
        shown = chosen & (draw[1] < self.settings.keep)
        hidden = chosen & ~shown
        if present.shape[1] and tokens.boxes_BN5 is not None:
            overlap = _iou(tokens.boxes_BN5) > self.settings.overlap
            hidden = hidden | (present & (overlap & hidden[:, None, :]).any(-1))
        tokens.masked_BN = hidden if tokens.masked_BN is None else tokens.masked_BN | hidden
        batch.notes["mom"] = chosen

    def settle(self, batch: ProductBatch) -> None:
        """The chosen regions that are still there, as places in all that are laid flat."""
        chosen_BR = batch.notes["mom"] & batch.modalities[self.settings.modality].shown_BN
        batch.notes["mom"] = chosen_BR.flatten().nonzero()[:, 0]

    def count(self, batch: ProductBatch) -> int:
        """The chosen regions that are still there."""
        return len(batch.notes["mom"])

    def loss(self, outputs: ModelOutputs, batch: ProductBatch) -> TaskLoss:
        """KL(target || predicted), mean over the chosen regions, in nats."""
        name, place_N = self.settings.modality, batch.notes["mom"]
        targets_BRC = batch.modalities[name].targets_BNC
        if targets_BRC is None or not len(place_N):
            return TaskLoss(None)
        vectors_NH = outputs.tokens[name].flatten(0, 1).index_select(0, place_N)
        predicted = self.head(vectors_NH).log_softmax(-1)
        target = targets_BRC.flatten(0, 1)[place_N]
        right = (predicted.argmax(-1) == target.argmax(-1)).float().mean()
        return TaskLoss(F.kl_div(predicted, target, reduction="batchmean"), {"accuracy": right})


def _iou(boxes_BR5: Tensor) -> Tensor:
    """(B, R, R) intersection over union of every pair of boxes."""
    low = torch.maximum(boxes_BR5[:, :, None, :2], boxes_BR5[:, None, :, :2])
    high = torch.minimum(boxes_BR5[:, :, None, 2:4], boxes_BR5[:, None, :, 2:4])
    shared = (high - low).clamp_min(0).prod(-1)
    size = (boxes_BR5[..., 2:4] - boxes_BR5[..., :2]).clamp_min(0).prod(-1)
    union = size[:, :, None] + size[:, None, :] - shared
    return shared / union.clamp_min(1e-9)
