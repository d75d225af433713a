"""Contrastive learning of title, picture and triples, graded by what products share.

The softmax of CLIP (Radford et al. 2021) in both directions, for each two views of a product. Other
products that share triples with it are right answers too, by so much as they share: the graded
relevance of generalised contrastive learning (GCL, Zhu et al., Marqo, 2024).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
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
    unknown_name,
)
from k3m_kg_tasks.settings import ContrastiveSettings

_KNOWLEDGE = "triples"
_STEEPEST = math.log(100)
"""Of the learned factor, as in CLIP."""


@dataclass(slots=True)
class _Pairs:
    """What is compared.

    Attributes:
        right_BB: how right each product is as an answer to each; 1 for itself.
        has_B: by view, which products have it.
        known: questions, over all pairs of views.
    """

    right_BB: Tensor
    has_B: dict[str, Tensor]
    known: int


class Contrastive(PretrainingTask):
    """Brings together what the views of a product say alone, before they interact."""

    def __init__(self, settings: ContrastiveSettings, context: TaskContext) -> None:
        super().__init__()
        for name in settings.modalities:
            if name not in context.num_targets:
                raise ConfigError(
                    unknown_name("modality", name, context.num_targets),
                    where="tasks.contrastive.modalities",
                )
        names = settings.modalities or tuple(context.num_targets)
        self.settings = settings
        self.views = (*names, _KNOWLEDGE) if settings.knowledge else names
        if len(self.views) < 2:
            raise ConfigError(
                "one view of a product has nothing to be compared with",
                where="tasks.contrastive",
                hint="name two modalities, or set knowledge: true",
            )
        self.project = nn.ModuleDict(
            {name: nn.Linear(context.hidden, context.hidden) for name in self.views}
        )
        initialise(self)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(settings.temperature)))

    def corrupt(self, batch: ProductBatch, generator: torch.Generator) -> None:
        """Nothing is hidden."""

    def settle(self, batch: ProductBatch) -> None:
        """Which views there are, and how right the products are for each other."""
        has_B = {name: batch.modalities[name].shown_B for name in self.views if name != _KNOWLEDGE}
        if self.settings.knowledge:
            visible_B = torch.zeros(batch.size, dtype=torch.bool)
            visible_B[batch.triple_product_E[batch.triple_visible_E]] = True
            has_B[_KNOWLEDGE] = visible_B
        known = sum(2 * int((has_B[a] & has_B[b]).sum()) for a, b in combinations(self.views, 2))
        batch.notes["contrastive"] = _Pairs(self._right(batch), has_B, known)

    def _right(self, batch: ProductBatch) -> Tensor:
        """(B, B) 1 on the diagonal, else by the share of triples in common."""
        size = batch.size
        if not self.settings.grade or not len(batch.triple_product_E):
            return torch.eye(size)
        triple_E = np.stack([batch.triple_property_E.numpy(), batch.triple_value_E.numpy()], 1)
        _, column_E = np.unique(triple_E, axis=0, return_inverse=True)
        column_E = column_E.reshape(-1)
        has_BU = np.zeros((size, int(column_E.max()) + 1), np.float32)
        true_E = np.ones(len(column_E), bool)
        if batch.triple_rejected_E is not None:
            true_E = ~batch.triple_rejected_E.numpy()
        has_BU[batch.triple_product_E.numpy()[true_E], column_E[true_E]] = 1
        both_BB = has_BU @ has_BU.T
        counts_B = np.diagonal(both_BB)
        either_BB = counts_B[:, None] + counts_B - both_BB
        right_BB = self.settings.grade * both_BB / np.maximum(either_BB, 1)
        np.fill_diagonal(right_BB, 1)
        return torch.from_numpy(right_BB.astype(np.float32))

    def count(self, batch: ProductBatch) -> int:
        """Products that have both views, over all pairs of views and both directions."""
        pairs: _Pairs = batch.notes["contrastive"]
        return pairs.known

    def loss(self, outputs: ModelOutputs, batch: ProductBatch) -> TaskLoss:
        """Cross-entropy to the graded right answers among the products of the batch, in nats."""
        pairs: _Pairs = batch.notes["contrastive"]
        if not pairs.known:
            return TaskLoss(None)
        vectors = {name: self._view(name, outputs, batch) for name in self.views}
        scale = self.log_scale.clamp_max(_STEEPEST).exp()
        total, right = vectors[self.views[0]].new_zeros(()), None
        for one, other in combinations(self.views, 2):
            logits_BB = scale * vectors[one] @ vectors[other].T
            for name, answer, part_BB in (
                (one, other, logits_BB),
                (other, one, logits_BB.T),
            ):
                asked_B, there_B = pairs.has_B[name] & pairs.has_B[answer], pairs.has_B[answer]
                found_B, hit_B = _answered(part_BB, pairs.right_BB, there_B)
                total = total + torch.where(asked_B, found_B, 0).sum()
                hits = (asked_B & hit_B).sum()
                right = hits if right is None else right + hits
        assert right is not None
        return TaskLoss(total / pairs.known, {"hits@1": right.detach() / pairs.known})

    def _view(self, name: str, outputs: ModelOutputs, batch: ProductBatch) -> Tensor:
        """(B, H) of length 1, in float32."""
        if name == _KNOWLEDGE:
            mean_BH = _mean_triple(outputs, batch)
        else:
            shown_BN1 = batch.modalities[name].shown_BN[..., None]
            own_BNH = outputs.individual[name]
            mean_BH = (own_BNH * shown_BN1).sum(1) / shown_BN1.sum(1).clamp_min(1)
        return F.normalize(self.project[name](mean_BH).float(), dim=-1, eps=1e-6)


def _mean_triple(outputs: ModelOutputs, batch: ProductBatch) -> Tensor:
    """(B, H) of `p + v`, over the visible triples of each product."""
    visible_E1 = batch.triple_visible_E[:, None]
    said_EH = outputs.property_vectors(batch.triple_property_E)
    said_EH = (said_EH + outputs.value_vectors(batch.triple_value_E)) * visible_E1
    nothing_BH = said_EH.new_zeros(batch.size, said_EH.shape[1])
    total_BH = nothing_BH.index_add(0, batch.triple_product_E, said_EH)
    counts_B1 = said_EH.new_zeros(batch.size, 1)
    counts_B1 = counts_B1.index_add(0, batch.triple_product_E, visible_E1.to(said_EH.dtype))
    return total_BH / counts_B1.clamp_min(1)


def _answered(logits_BB: Tensor, right_BB: Tensor, there_B: Tensor) -> tuple[Tensor, Tensor]:
    """(B,) cross-entropy of each question, and whether its own product comes out on top."""
    logits_BB = logits_BB.masked_fill(~there_B, torch.finfo(logits_BB.dtype).min)
    wanted_BB = right_BB * there_B
    wanted_BB = wanted_BB / wanted_BB.sum(1, keepdim=True).clamp_min(1e-9)
    found_BB = torch.where(wanted_BB > 0, logits_BB.log_softmax(1), 0)
    own_B = logits_BB.diagonal()
    return -(wanted_BB * found_BB).sum(1), own_B >= logits_BB.amax(1)
