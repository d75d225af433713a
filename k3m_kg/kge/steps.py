"""One training step: positives in groups, shared negatives, a loss, and the rows it changes.

N positives, in G groups of S that share K candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from k3m_kg.contracts import LinkLoss
from k3m_kg.kge.model import KgeModel, scores_of_queries
from k3m_kg.kge.settings import KgeTraining
from k3m_kg.lpm.entity_negatives import EntityNegatives


@dataclass(slots=True)
class _Drawn:
    """Negatives of some of a step's triples.

    Attributes:
        column: 0 where heads are corrupted, 2 where tails are.
        groups, size: G and S of them.
        entities_GK, mask_GSK: as drawn.
    """

    column: int
    groups: int
    size: int
    entities_GK: Tensor
    mask_GSK: Tensor


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
        loss: LinkLoss,
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

    def rate(self, learning_rate: float) -> None:
        """Learn at this rate from now on, with tables that are settled."""
        for table in (self.model.entities, self.model.relations):
            if table is not None:
                table.learning_rate = learning_rate
        for group in self.dense.param_groups if self.dense is not None else ():
            group["lr"] = learning_rate

    def step(self, triples_N3: Tensor, generator: torch.Generator) -> Tensor:
        """Learn from N triples in random order, N a multiple of S or below it.

        The triples and the generator are of the CPU, whatever the model's device.

        Returns:
            The loss, a number on the device that nobody waited for.
        """
        size = min(self.shared, len(triples_N3))
        triples_N3, heads = self.negatives.sampler.sides(triples_N3, size, generator)
        draws = []
        for column, part in ((0, triples_N3[:heads]), (2, triples_N3[heads:])):
            if len(part):
                groups = part.view(-1, size, 3)
                drawn = self.negatives.draw(groups, column, generator)
                draws.append(_Drawn(column, len(groups), size, *drawn))
        triples_N3 = triples_N3.to(self.negatives.device)
        ids = torch.cat(
            [triples_N3[:, 0], triples_N3[:, 2]] + [draw.entities_GK.flatten() for draw in draws]
        )
        relation_ids = triples_N3[:, 1]
        if self.model.inverse:
            relation_ids = relation_ids.clone()
            relation_ids[:heads] += self.model.relation_count
        rows, local, place = self.model.relations.touch(relation_ids)
        relation_NW = torch.nn.functional.embedding(place, local)
        own, others = self._entities(ids, 2 * len(triples_N3))
        loss = self._loss(own, others, relation_NW, heads, draws)
        if self.dense is not None:
            self.dense.zero_grad()
        torch.autograd.backward(loss)
        if self.dense is not None:
            self.dense.step()
        self.model.relations.update(rows, local)
        self._update_entities()
        return loss.detach()

    def _entities(self, ids: Tensor, own: int) -> tuple[Tensor, Tensor]:
        """The vectors of ids, the first `own` apart, each row read once."""
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
        embed = torch.nn.functional.embedding
        # Two lookups, not slices of one: the gradient of a slice fills all of the rest with zeros.
        return embed(place[:own], vectors), embed(place[own:], vectors)

    def _update_entities(self) -> None:
        if self._touched is not None and self.model.entities is not None:
            self.model.entities.update(*self._touched)

    def _loss(
        self, own: Tensor, others: Tensor, relation_NW: Tensor, heads: int, draws: list[_Drawn]
    ) -> Tensor:
        model = self.model
        head_NW, tail_NW = own.chunk(2)
        turned = model.inverse and heads > 0
        first = tail_NW[:heads] if turned else head_NW[:heads]
        second = head_NW[:heads] if turned else tail_NW[:heads]
        positive_N = model.scorer.score(
            torch.cat([first, head_NW[heads:]]),
            relation_NW,
            torch.cat([second, tail_NW[heads:]]),
        )
        negative_NK = self._negatives(head_NW, relation_NW, tail_NW, others, draws)
        mask_NK = torch.cat([draw.mask_GSK.flatten(0, 1) for draw in draws])
        loss = self.loss(positive_N, negative_NK, mask_NK)
        if self.settings.l3:
            cubes = [part.abs().pow(3).sum(-1).mean() for part in (head_NW, relation_NW, tail_NW)]
            loss = loss + self.settings.l3 * (cubes[0] + cubes[1] + cubes[2]) / 3
        return loss

    def _negatives(
        self,
        head_NW: Tensor,
        relation_NW: Tensor,
        tail_NW: Tensor,
        others: Tensor,
        draws: list[_Drawn],
    ) -> Tensor:
        """(N, K) scores of the candidates drawn."""
        asked, row = [], 0
        for draw in draws:
            shape = (draw.groups, draw.size, -1)
            rows = slice(row, row + draw.groups * draw.size)
            given_NW = tail_NW if draw.column == 0 else head_NW
            as_tails = draw.column == 2 or self.model.inverse
            asked.append((given_NW[rows].view(shape), relation_NW[rows].view(shape), as_tails))
            row = rows.stop
        counts = [draw.groups for draw in draws]
        others_GKW = others.view(sum(counts), -1, others.shape[-1])
        found_GSK = scores_of_queries(self.model, asked, others_GKW)
        if found_GSK is not None:
            return found_GSK.flatten(0, 1)
        scorer = self.model.scorer
        scores = [
            scorer.score_tail_groups(given, relation, part)
            if as_tails
            else scorer.score_head_groups(part, relation, given)
            for (given, relation, as_tails), part in zip(
                asked, torch.split(others_GKW, counts), strict=True
            )
        ]
        return torch.cat([part.flatten(0, 1) for part in scores])
