"""One training step: positives in groups, shared negatives, a loss, and the rows it changes.

N positives, in G groups of S that share K candidates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from k3m_kg.kge.model import KgeModel, scores_against
from k3m_kg.kge.settings import KgeTraining
from k3m_kg.lpm.entity_negatives import EntityNegatives
from k3m_kg.lpm.losses import binary_cross_entropy, info_nce, margin_ranking, nssa

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def build_loss(name: str, settings: Any) -> Loss:
    """The loss of positives (N,), negatives (N, K) and their mask."""
    if name == "margin":
        return lambda p, n, mask: margin_ranking(p, n, mask, settings.margin)
    if name == "nssa":
        return lambda p, n, mask: nssa(p, n, mask, settings.margin, settings.temperature)
    if name == "infonce":
        return lambda p, n, mask: info_nce(p, n, mask, settings.margin, settings.temperature)
    if name == "bce":
        return binary_cross_entropy
    return lambda p, n, mask: info_nce(p, n, mask, 0.0, 1.0)


class Stepper:
    """Takes steps.

    Args:
        model: what learns.
        negatives: draws wrong answers.
        loss: of positives and negatives.
        settings: the loop's.
        shared: S, so many positives share their negatives.
    """

    def __init__(
        self,
        model: KgeModel,
        negatives: EntityNegatives,
        loss: Loss,
        settings: KgeTraining,
        shared: int,
    ) -> None:
        self.model = model
        self.negatives = negatives
        self.loss = loss
        self.settings = settings
        self.shared = shared
        dense = model.dense_parameters()
        self._touched: tuple[Tensor, Tensor] | None = None
        self.dense: torch.optim.Optimizer | None = None
        if dense:
            kind = torch.optim.Adam if settings.optimizer == "adam" else torch.optim.Adagrad
            self.dense = kind(dense, lr=settings.learning_rate)

    def step(self, triples_N3: Tensor, generator: torch.Generator) -> float:
        """Learn from N triples in random order, N a multiple of S or below it; the loss."""
        size = min(self.shared, len(triples_N3))
        triples_N3, heads = self.negatives.sides(triples_N3, size, generator)
        draws = []
        for column, part in ((0, triples_N3[:heads]), (2, triples_N3[heads:])):
            if len(part):
                groups = part.view(-1, size, 3)
                draws.append((column, groups, self.negatives.draw(groups, column, generator)))
        ids = torch.cat(
            [triples_N3[:, 0], triples_N3[:, 2]]
            + [draw.entities_GK.flatten() for *_, draw in draws]
        )
        relation_ids = triples_N3[:, 1]
        if self.model.inverse:
            relation_ids = relation_ids.clone()
            relation_ids[:heads] += self.model.relation_count
        rows, local, place = self.model.relations.touch(relation_ids)
        relation_NW = torch.nn.functional.embedding(place, local)
        loss = self._loss(self._entities(ids), relation_NW, len(triples_N3), heads, draws)
        if self.dense is not None:
            self.dense.zero_grad()
        torch.autograd.backward(loss)
        if self.dense is not None:
            self.dense.step()
        self.model.relations.update(rows, local)
        self._update_entities()
        return float(loss.detach())

    def _entities(self, ids: Tensor) -> Tensor:
        """The vectors of ids, each row read once."""
        table = self.model.entities
        self._touched = None
        if table is None:
            rows, place = torch.unique(ids, return_inverse=True)
            found = self.model.mapped(rows)
            assert found is not None
            vectors = found
        else:
            rows, local, place = table.touch(ids)
            self._touched = (rows, local)
            mapped = self.model.mapped(rows)
            vectors = local if mapped is None else local + mapped
        return torch.nn.functional.embedding(place, vectors)

    def _update_entities(self) -> None:
        if self._touched is not None and self.model.entities is not None:
            self.model.entities.update(*self._touched)

    def _loss(
        self, entity: Tensor, relation_NW: Tensor, count: int, heads: int, draws: list[Any]
    ) -> Tensor:
        model = self.model
        head_NW, tail_NW = entity[:count], entity[count : 2 * count]
        turned = model.inverse and heads > 0
        first = tail_NW[:heads] if turned else head_NW[:heads]
        second = head_NW[:heads] if turned else tail_NW[:heads]
        positive_N = model.scorer.score(
            torch.cat([first, head_NW[heads:]]),
            relation_NW,
            torch.cat([second, tail_NW[heads:]]),
        )
        start, row = 2 * count, 0
        scores, masks = [], []
        for column, groups, draw in draws:
            groups_count, size, _ = groups.shape
            rows = slice(row, row + groups_count * size)
            given_NW = tail_NW if column == 0 else head_NW
            stop = start + draw.entities_GK.numel()
            found_GSK = scores_against(
                model,
                given_NW[rows].view(groups_count, size, -1),
                relation_NW[rows].view(groups_count, size, -1),
                entity[start:stop].view(groups_count, -1, entity.shape[-1]),
                as_tails=column == 2 or model.inverse,
            )
            scores.append(found_GSK.flatten(0, 1))
            mask = draw.mask_GSK
            masks.append(
                torch.ones_like(scores[-1], dtype=torch.bool)
                if mask is None
                else mask.flatten(0, 1)
            )
            start, row = stop, rows.stop
        loss = self.loss(positive_N, torch.cat(scores), torch.cat(masks))
        if self.settings.l3:
            cubes = [part.abs().pow(3).sum(-1).mean() for part in (head_NW, relation_NW, tail_NW)]
            loss = loss + self.settings.l3 * (cubes[0] + cubes[1] + cubes[2]) / 3
        return loss
