"""LPM, the contract that all share: representations of head, relation and tail, and a scorer."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from k3m_kg.contracts.batch import ProductBatch


class LinkScorer(nn.Module, ABC):
    """Plausibility of triples from real vectors of one width H; higher is more plausible."""

    @abstractmethod
    def score(self, head_NH: Tensor, relation_NH: Tensor, tail_NH: Tensor) -> Tensor:
        """(N,) scores of N triples."""

    @abstractmethod
    def score_tails(self, head_NH: Tensor, relation_NH: Tensor, tail_NCH: Tensor) -> Tensor:
        """(N, C) scores of C candidate tails for each of N (head, relation) pairs.

        `tail_NCH` may be (C, H): the same candidates for all.
        """

    def score_heads(self, head_NCH: Tensor, relation_NH: Tensor, tail_NH: Tensor) -> Tensor:
        """(N, C) scores of C candidate heads for each of N (relation, tail) pairs.

        `head_NCH` may be (C, H). This default asks `score` once per candidate.
        """
        if head_NCH.dim() == 2:
            head_NCH = head_NCH.expand(len(tail_NH), *head_NCH.shape)
        scores = [self.score(head_NH, relation_NH, tail_NH) for head_NH in head_NCH.unbind(1)]
        return torch.stack(scores, 1) if scores else tail_NH.new_zeros(len(tail_NH), 0)


class LinkPredictor(nn.Module, ABC):
    """Anything that can rank the values of a product's property: K3M or an embedding model."""

    scorer: LinkScorer

    @abstractmethod
    def heads(self, batch: ProductBatch) -> Tensor:
        """(B, H) product vectors made from what is visible in the batch."""

    @abstractmethod
    def relations(self, batch: ProductBatch, properties_N: Tensor) -> Tensor:
        """(N, H) vectors of property ids of the batch's catalog."""

    @abstractmethod
    def tails(self, batch: ProductBatch, values_N: Tensor) -> Tensor:
        """(N, H) vectors of value ids of the batch's catalog."""
