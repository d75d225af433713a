"""One training step: positives in groups, shared negatives, a loss, and the rows it changes.

N positives, in G groups of S that share K candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from k3m_kg.contracts import LinkLoss
from k3m_kg.engine.environment import ProcessPlace
from k3m_kg.engine.processes import Processes
from k3m_kg.engine.shares import piece_of
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

    def part(self, processes: Processes) -> tuple[_Drawn, slice]:
        """What this process computes of it, and which groups these are."""
        own = piece_of(self.groups, processes.rank, processes.size)
        groups = own.stop - own.start
        return _Drawn(
            self.column, groups, self.size, self.entities_GK[own], self.mask_GSK[own]
        ), own


@dataclass(slots=True)
class _Share:
    """What this process computes of a step, n of its N triples.

    Attributes:
        draws: their negatives.
        heads: of how many the head is asked.
        rows_n: which triples they are; None: all.
        candidates: which of the flat candidates; None: all.
    """

    draws: list[_Drawn]
    heads: int
    rows_n: Tensor | None = None
    candidates: Tensor | None = None


class Stepper:
    """Takes steps; each process those of the whole batch.

    All processes draw the same negatives and hold the same tables; each computes the scores of some
    groups of positives. The scores of all are put together before the loss, so that it may be any
    function of them, and the gradients of the rows are added up.

    Args:
        model: what learns.
        negatives: draws wrong answers.
        loss: of positives and negatives.
        settings: the loop's.
        shared: S, so many positives share their negatives.
        processes: that take part, each with a generator in the same state.
    """

    def __init__(
        self,
        model: KgeModel,
        negatives: EntityNegatives,
        loss: LinkLoss,
        settings: KgeTraining,
        shared: int,
        processes: Processes | None = None,
    ) -> None:
        self.processes = processes or Processes(ProcessPlace())
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
        share = self._share(draws, heads)
        rows, local, place = self.model.relations.touch(relation_ids)
        relation_nW = torch.nn.functional.embedding(_chosen(place, share.rows_n), local)
        own, others = self._entities(ids, len(triples_N3), share)
        mask_NK = torch.cat([draw.mask_GSK.flatten(0, 1) for draw in draws])
        loss = self._loss(own, others, relation_nW, share, mask_NK)
        if self.dense is not None:
            self.dense.zero_grad()
        torch.autograd.backward(loss)
        self._add_up(local)
        if self.dense is not None:
            self.dense.step()
        self.model.relations.update(rows, local)
        self._update_entities()
        return loss.detach()

    def _share(self, draws: list[_Drawn], heads: int) -> _Share:
        """The groups of this process."""
        if not self.processes.several:
            return _Share(draws, heads)
        parts, rows, candidates, row, candidate = [], [], [], 0, 0
        for draw in draws:
            part, own = draw.part(self.processes)
            count = draw.entities_GK.shape[1]
            parts.append(part)
            rows.append(torch.arange(own.start * draw.size, own.stop * draw.size) + row)
            candidates.append(torch.arange(own.start * count, own.stop * count) + candidate)
            row += draw.groups * draw.size
            candidate += draw.entities_GK.numel()
        device = self.negatives.device
        own_heads = sum(part.groups * part.size for part in parts if part.column == 0)
        return _Share(
            [part for part in parts if part.groups],
            own_heads,
            torch.cat(rows).to(device),
            torch.cat(candidates).to(device),
        )

    def _add_up(self, relations: Tensor) -> None:
        """The gradients of the step over all processes."""
        if not self.processes.several:
            return
        changed = [relations]
        if self._touched is not None:
            changed.append(self._touched[1])
        if self.dense is not None:
            changed += self.model.dense_parameters()
        for tensor in changed:
            if tensor.grad is None:
                tensor.grad = torch.zeros_like(tensor)
            self.processes.add_up(tensor.grad)

    def _entities(self, ids: Tensor, triples: int, share: _Share) -> tuple[Tensor, Tensor]:
        """The vectors of the share's heads and tails, and of its candidates, each row read once.

        The ids are of all heads, all tails and all candidates.
        """
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
        heads, tails = (_chosen(part, share.rows_n) for part in place[: 2 * triples].chunk(2))
        others = _chosen(place[2 * triples :], share.candidates)
        return embed(torch.cat([heads, tails]), vectors), embed(others, vectors)

    def _update_entities(self) -> None:
        if self._touched is not None and self.model.entities is not None:
            self.model.entities.update(*self._touched)

    def _loss(
        self, own: Tensor, others: Tensor, relation_nW: Tensor, share: _Share, mask_NK: Tensor
    ) -> Tensor:
        head_nW, tail_nW = own.chunk(2)
        if len(relation_nW):
            positive_n, negative_nK = self._scores(head_nW, relation_nW, tail_nW, others, share)
        else:  # fewer groups than processes
            nothing = (own.sum() + relation_nW.sum()) * 0
            positive_n = relation_nW.new_zeros(0) + nothing
            negative_nK = relation_nW.new_zeros(0, mask_NK.shape[1]) + nothing
        if share.rows_n is not None:
            positive_n, negative_nK = self._of_all(positive_n, negative_nK, share.rows_n, mask_NK)
        loss = self.loss(positive_n, negative_nK, mask_NK)
        if self.settings.l3:
            cubes = [part.abs().pow(3).sum(-1) for part in (head_nW, relation_nW, tail_nW)]
            penalty = self.settings.l3 * torch.cat(cubes).sum() / 3 / len(mask_NK)
            if self.processes.several:  # the gradient is of this part, the figure of all
                penalty = (
                    penalty + self.processes.add_up(penalty.detach().clone()) - penalty.detach()
                )
            loss = loss + penalty
        return loss

    def _of_all(
        self, positive_n: Tensor, negative_nK: Tensor, rows_n: Tensor, mask_NK: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The scores of the whole batch, of which a gradient reaches those of this process."""
        scores_n1K = torch.cat([positive_n[:, None], negative_nK], dim=1)
        mine = scores_n1K.new_zeros(len(mask_NK), scores_n1K.shape[1])
        mine = mine.index_copy(0, rows_n, scores_n1K)
        every = self.processes.add_up(mine.detach().clone())
        every = every + mine - mine.detach()
        return every[:, 0], every[:, 1:]

    def _scores(
        self, head_NW: Tensor, relation_NW: Tensor, tail_NW: Tensor, others: Tensor, share: _Share
    ) -> tuple[Tensor, Tensor]:
        """(N,) of the triples, (N, K) of their candidates."""
        model, heads = self.model, share.heads
        turned = model.inverse and heads > 0
        first = tail_NW[:heads] if turned else head_NW[:heads]
        second = head_NW[:heads] if turned else tail_NW[:heads]
        positive_N = model.scorer.score(
            torch.cat([first, head_NW[heads:]]),
            relation_NW,
            torch.cat([second, tail_NW[heads:]]),
        )
        return positive_N, self._negatives(head_NW, relation_NW, tail_NW, others, share.draws)

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


def _chosen(whole: Tensor, places: Tensor | None) -> Tensor:
    return whole if places is None else whole[places]
