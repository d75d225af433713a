"""Corrupted heads and tails for triples of a whole graph (N triples in G groups of S, K draws)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from k3m_kg.lpm.triple_index import seen_by_relation

Sampler = Literal["uniform", "bernoulli", "type", "batch", "all"]


@dataclass(slots=True)
class Draw:
    """The negatives of G groups of S triples.

    Attributes:
        entities_GK: candidates that the S triples of a group share.
        mask_GSK: bool, True where a candidate is a negative of that triple; None where all are.
    """

    entities_GK: Tensor
    mask_GSK: Tensor | None


class EntityNegatives:
    """Draws wrong heads or tails.

    Args:
        triples_T3: the training triples, int64.
        entities, relations: how many there are.
        sampler: `uniform` draws any entity, and corrupts head and tail equally often. `bernoulli`
            (Wang et al. 2014) corrupts the side where a wrong answer is less likely to be true.
            `type` draws what the relation has on that side in training. `batch` takes the answers
            of the other triples of the group. `all` takes every entity.
        count: K, where the sampler draws.
        known: also mask what is true in training; otherwise only the triple itself is.
    """

    def __init__(
        self,
        triples_T3: np.ndarray,
        entities: int,
        relations: int,
        *,
        sampler: Sampler = "uniform",
        count: int = 32,
        known: bool = False,
    ) -> None:
        self.sampler: Sampler = sampler
        self.count = count
        self._entities = entities
        self._relations = relations
        self._head_share_R = torch.full((relations,), 0.5)
        if sampler == "bernoulli":
            self._head_share_R = _bernoulli(triples_T3, relations)
        self._seen = {}
        if sampler == "type":
            for column, side in ((0, "head"), (2, "tail")):
                lists = seen_by_relation(triples_T3, relations, side)
                sizes = torch.tensor([len(part) for part in lists])
                flat = torch.from_numpy(np.concatenate([*lists, np.empty(0, np.int64)]))
                self._seen[column] = (sizes, sizes.cumsum(0) - sizes, flat)
        self._known: Tensor | None = None
        if known:
            self._known = torch.from_numpy(
                np.sort(self._keys(torch.from_numpy(triples_T3)).numpy())
            )

    @property
    def group_limit(self) -> int | None:
        """The largest S, where the sampler has one: types differ from triple to triple."""
        return 1 if self.sampler == "type" else None

    def sides(
        self, triples_N3: Tensor, group: int, generator: torch.Generator
    ) -> tuple[Tensor, int]:
        """The triples in an order in which the first ones get their head corrupted.

        Returns:
            The triples and how many of them that is, a multiple of the group's size S. Triples
            come in random order already.
        """
        share_N = self._head_share_R[triples_N3[:, 1]]
        heads = round(float(share_N.sum()) / group) * group
        if self.sampler == "bernoulli":
            chance_N = torch.rand(len(triples_N3), generator=generator)
            triples_N3 = triples_N3[(share_N - chance_N).argsort(descending=True, stable=True)]
        return triples_N3, min(heads, len(triples_N3))

    def draw(self, triples_GS3: Tensor, column: int, generator: torch.Generator) -> Draw:
        """Candidates for the column (0 head, 2 tail) of each triple."""
        groups, size, _ = triples_GS3.shape
        own_GS = triples_GS3[..., column]
        if self.sampler == "batch":
            entities_GK = own_GS
        elif self.sampler == "all":
            entities_GK = torch.arange(self._entities).expand(groups, -1)
        elif self.sampler == "type":
            sizes_R, starts_R, flat = self._seen[column]
            relation_G = triples_GS3[:, 0, 1]
            chance_GK = torch.rand(groups, self.count, generator=generator, dtype=torch.float64)
            rank_GK = (chance_GK * sizes_R[relation_G, None]).long()
            entities_GK = flat[starts_R[relation_G, None] + rank_GK]
        elif size == 1:  # step over the true one instead of masking it
            entities_GK = torch.randint(
                max(1, self._entities - 1), (groups, self.count), generator=generator
            )
            entities_GK += entities_GK >= own_GS
            if self._known is None and self._entities > 1:
                return Draw(entities_GK, None)
        else:
            entities_GK = torch.randint(self._entities, (groups, self.count), generator=generator)
        mask_GSK = entities_GK[:, None] != own_GS[..., None]
        if self._known is not None:
            mask_GSK &= ~self._are_known(triples_GS3, entities_GK, column)
        return Draw(entities_GK.clamp_max(self._entities - 1), mask_GSK)

    def _keys(self, triples: Tensor) -> Tensor:
        triples = triples.long()
        pair = triples[..., 0] * self._relations + triples[..., 1]
        return pair * self._entities + triples[..., 2]

    def _are_known(self, triples_GS3: Tensor, entities_GK: Tensor, column: int) -> Tensor:
        assert self._known is not None
        keys_GS = self._keys(triples_GS3)
        stride = self._relations * self._entities if column == 0 else 1
        base_GS = keys_GS - triples_GS3[..., column] * stride
        keys_GSK = base_GS[..., None] + entities_GK[:, None] * stride
        place = torch.searchsorted(self._known, keys_GSK).clamp_max(len(self._known) - 1)
        return self._known[place] == keys_GSK


def _bernoulli(triples_T3: np.ndarray, relations: int) -> Tensor:
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
