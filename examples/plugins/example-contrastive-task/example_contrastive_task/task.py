"""Titles and pictures of a batch, each with each (InfoNCE; CLIP, Radford et al. 2021)."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from example_contrastive_task import NAME
from k3m_kg.api import ConfigError, PretrainingTask, TaskLoss, initialise

SIDES = ("title", "image")


class Contrastive(PretrainingTask):
    def __init__(self, settings, context):
        super().__init__()
        if lacking := [name for name in SIDES if name not in context.num_targets]:
            raise ConfigError(f"it compares title and image, and there is no {lacking[0]}")
        self.project = nn.ModuleDict(
            {side: nn.Linear(context.hidden, settings.width) for side in SIDES}
        )
        self.scale = nn.Parameter(torch.tensor(-math.log(settings.temperature)))
        initialise(self)

    def corrupt(self, batch, generator):
        """Nothing is hidden."""

    def settle(self, batch):  # on the CPU: what depends on numbers
        title, image = (batch.modalities[side] for side in SIDES)
        both_B = title.shown_BN.any(1) & image.shown_BN.any(1)
        ids_BT = title.shown_BN.new_zeros(title.tokens_BN.shape, dtype=torch.long)
        if len(title.product_I):  # in a batch without any title its tokens have no width
            ids_BT[title.product_I] = title.arrays["ids"].long()
        ids_QT = ids_BT.masked_fill(~title.shown_BN, -1)[both_B]
        same_QQ = (ids_QT[:, None] == ids_QT[None]).all(-1)
        same_QQ.fill_diagonal_(False)
        shown = {side: batch.modalities[side].shown_BN[both_B] for side in SIDES}
        batch.notes[NAME] = both_B.nonzero()[:, 0], same_QQ, shown

    def count(self, batch):
        return len(batch.notes[NAME][0])

    def loss(self, outputs, batch):
        rows_Q, same_QQ, shown = batch.notes[NAME]
        if len(rows_Q) < 2:
            return TaskLoss(None)
        vectors = []
        for side in SIDES:
            tokens_QNH, shown_QN1 = outputs.individual[side][rows_Q], shown[side][..., None]
            mean_QH = (tokens_QNH * shown_QN1).sum(1) / shown_QN1.sum(1)
            vectors.append(F.normalize(self.project[side](mean_QH).float(), dim=-1))
        scores_QQ = vectors[0] @ vectors[1].T * self.scale.exp().clamp(max=100)
        scores_QQ = scores_QQ.masked_fill(same_QQ, -1e4)
        right_Q = torch.arange(len(rows_Q), device=scores_QQ.device)
        loss = F.cross_entropy(scores_QQ, right_Q) + F.cross_entropy(scores_QQ.T, right_Q)
        found = (scores_QQ.detach().argmax(1) == right_Q).float().mean()
        return TaskLoss(loss / 2, {"accuracy": found})
