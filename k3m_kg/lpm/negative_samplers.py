"""The built-in negative samplers of a whole graph (N triples in G groups of S, K draws)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from k3m_kg.contracts import Negatives, NegativeSampler, SamplerContext
from k3m_kg.errors import ConfigError
from k3m_kg.lpm.answer_index import seen_by_relation


class UniformSampler(NegativeSampler):
    """Any entity, for head and tail equally often."""

    def __init__(self, context: SamplerContext) -> None:
        self._entities = context.entities
        self._count = context.count

    def draw(self, triples_GS3: Tensor, column: int, generator: torch.Generator) -> Negatives:
        """Entities, for a triple alone any but its own."""
        groups, size, _ = triples_GS3.shape
        if size > 1:
            shape = (groups, self._count)
            return Negatives(torch.randint(self._entities, shape, generator=generator))
        # Step over the true one instead of leaving it to the mask.
        others = max(1, self._entities - 1)
        entities_GK = torch.randint(others, (groups, self._count), generator=generator)
        entities_GK += entities_GK >= triples_GS3[..., column]
        return Negatives(entities_GK.clamp_max(self._entities - 1))


class BernoulliSampler(UniformSampler):
    """Corrupts the side where a wrong answer is less likely to be true (Wang et al. 2014)."""

    def __init__(self, context: SamplerContext) -> None:
        super().__init__(context)
        self.head_share_R = _head_share(context.triples_T3, context.relations)

    def sides(
        self, triples_N3: Tensor, group: int, generator: torch.Generator
    ) -> tuple[Tensor, int]:
        """Relation by relation, as often as its share says."""
        share_N = self.head_share_R[triples_N3[:, 1]]
        heads = round(float(share_N.sum()) / group) * group
        chance_N = torch.rand(len(triples_N3), generator=generator)
        order = (share_N - chance_N).argsort(descending=True, stable=True)
        return triples_N3[order], min(heads, len(triples_N3))


class TypeSampler(NegativeSampler):
    """What the relation has on that side in training."""

    def __init__(self, context: SamplerContext) -> None:
        self._count = context.count
        self._seen = {}
        for column, side in ((0, "head"), (2, "tail")):
            lists = seen_by_relation(context.triples_T3, context.relations, side)
            sizes = torch.tensor([len(part) for part in lists])
            flat = torch.from_numpy(np.concatenate([*lists, np.empty(0, np.int64)]))
            self._seen[column] = (sizes, sizes.cumsum(0) - sizes, flat)

    def group_size(self, shared: int, batch_size: int) -> int:
        """1: types differ from triple to triple."""
        if shared != 1:
            raise ConfigError(
                "the sampler type needs `shared: 1`: types differ between triples",
                where="negatives",
            )
        return 1

    def draw(self, triples_GS3: Tensor, column: int, generator: torch.Generator) -> Negatives:
        """Entities of the relation's side."""
        sizes_R, starts_R, flat = self._seen[column]
        relation_G = triples_GS3[:, 0, 1]
        shape = (len(triples_GS3), self._count)
        chance_GK = torch.rand(shape, generator=generator, dtype=torch.float64)
        rank_GK = (chance_GK * sizes_R[relation_G, None]).long()
        return Negatives(flat[starts_R[relation_G, None] + rank_GK])


class BatchSampler(NegativeSampler):
    """The answers of the group's other triples."""

    def __init__(self, context: SamplerContext) -> None:
        """Nothing is kept."""

    def group_size(self, shared: int, batch_size: int) -> int:
        """Two or more."""
        if shared < 2:
            raise ConfigError("the sampler batch needs `shared` of 2 or more", where="negatives")
        return shared

    def draw(self, triples_GS3: Tensor, column: int, generator: torch.Generator) -> Negatives:
        """The column itself."""
        return Negatives(triples_GS3[..., column])


class AllSampler(NegativeSampler):
    """Every entity, for each half of the batch as one group."""

    def __init__(self, context: SamplerContext) -> None:
        self._entities = context.entities

    def group_size(self, shared: int, batch_size: int) -> int:
        """Half of the batch: heads of one, tails of the other."""
        return max(1, batch_size // 2)

    def draw(self, triples_GS3: Tensor, column: int, generator: torch.Generator) -> Negatives:
        """All of them."""
        return Negatives(torch.arange(self._entities).expand(len(triples_GS3), -1))


def _head_share(triples_T3: np.ndarray, relations: int) -> Tensor:
    """(R,) the chance to corrupt the head: tails per head / (tails per head + heads per tail)."""
    count_R = np.bincount(triples_T3[:, 1], minlength=relations)
    pairs = [
        np.unique(triples_T3[:, columns], axis=0)[:, place]
        for columns, place in (([0, 1], 1), ([1, 2], 0))
    ]
    heads_R, tails_R = (np.maximum(1, np.bincount(p, minlength=relations)) for p in pairs)
    tails_per_head, heads_per_tail = count_R / heads_R, count_R / tails_R
    both = np.maximum(tails_per_head + heads_per_tail, 1e-9)
    share = np.where(count_R > 0, tails_per_head / both, 0.5)
    return torch.from_numpy(share).float()
