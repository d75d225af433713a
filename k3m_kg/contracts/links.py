"""LPM, the contract that all share: representations of head, relation and tail, and a scorer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from k3m_kg.contracts.batch import ProductBatch
from k3m_kg.contracts.query_vectors import QueryVectors, as_float, full_precision
from k3m_kg.engine.precision import Precision


class LinkScorer(nn.Module, ABC):
    """Plausibility of triples from real vectors of one width H; higher is more plausible.

    Only `score` must be written. Where one vector says what all candidates are compared with, write
    `tail_query` and `head_query` too: then everything else costs a matrix product.

    Attributes:
        reads_modalities: whether the vector of a product is followed, for each modality in order,
            by the mean of what its tokens say (H numbers) and a 1 where it shows any: so that the
            relation can say which of them counts. A model without modalities has none to give.
    """

    reads_modalities: bool = False

    @property
    def entity_width(self) -> int | None:
        """How many leading numbers of an entity's vector are read; None: all, whatever comes."""
        return None

    @property
    def relation_width(self) -> int | None:
        """How many leading numbers of a relation's vector are read; None: all."""
        return None

    @abstractmethod
    def score(self, head_NH: Tensor, relation_NH: Tensor, tail_NH: Tensor) -> Tensor:
        """(N,) scores of N triples."""

    def tail_query(self, head_NH: Tensor, relation_NH: Tensor) -> QueryVectors | None:
        """What tails are compared with, where one vector can say it; also in groups (G, S, H)."""
        return None

    def head_query(self, relation_NH: Tensor, tail_NH: Tensor) -> QueryVectors | None:
        """What heads are compared with, where one vector can say it; also in groups (G, S, H)."""
        return None

    def score_tails(self, head_NH: Tensor, relation_NH: Tensor, tail_NCH: Tensor) -> Tensor:
        """(N, C) scores of C candidate tails for each of N (head, relation) pairs.

        `tail_NCH` may be (C, H): the same candidates for all. By default from the query vector, or
        by asking `score` once per candidate.
        """
        with full_precision(head_NH):
            query = self.tail_query(as_float(head_NH), as_float(relation_NH))
            if query is not None:
                return query.scores(tail_NCH)
        return _one_by_one(lambda tail: self.score(head_NH, relation_NH, tail), tail_NCH, head_NH)

    def score_heads(self, head_NCH: Tensor, relation_NH: Tensor, tail_NH: Tensor) -> Tensor:
        """(N, C) scores of C candidate heads for each of N (relation, tail) pairs.

        `head_NCH` may be (C, H). The mirror image of `score_tails`.
        """
        with full_precision(tail_NH):
            query = self.head_query(as_float(relation_NH), as_float(tail_NH))
            if query is not None:
                return query.scores(head_NCH)
        return _one_by_one(lambda head: self.score(head, relation_NH, tail_NH), head_NCH, tail_NH)

    def score_tail_groups(self, head_GSH: Tensor, relation_GSH: Tensor, tail_GCH: Tensor) -> Tensor:
        """(G, S, C) scores where the S pairs of a group share its C candidates.

        For training: distances may lose digits where vectors are close.
        """
        with full_precision(head_GSH):
            query = self.tail_query(as_float(head_GSH), as_float(relation_GSH))
            if query is not None:
                return query.scores(tail_GCH, fast=True)
        pairs = (head_GSH.flatten(0, 1), relation_GSH.flatten(0, 1))
        scores = self.score_tails(*pairs, _spread(tail_GCH, head_GSH))
        return scores.view(*head_GSH.shape[:2], -1)

    def score_head_groups(self, head_GCH: Tensor, relation_GSH: Tensor, tail_GSH: Tensor) -> Tensor:
        """(G, S, C) scores where the S pairs of a group share its C candidates; for training."""
        with full_precision(tail_GSH):
            query = self.head_query(as_float(relation_GSH), as_float(tail_GSH))
            if query is not None:
                return query.scores(head_GCH, fast=True)
        pairs = (relation_GSH.flatten(0, 1), tail_GSH.flatten(0, 1))
        scores = self.score_heads(_spread(head_GCH, tail_GSH), *pairs)
        return scores.view(*tail_GSH.shape[:2], -1)


def _one_by_one(
    score: Callable[[Tensor], Tensor], candidates_NCH: Tensor, other_NH: Tensor
) -> Tensor:
    if candidates_NCH.dim() == 2:
        candidates_NCH = candidates_NCH.expand(len(other_NH), *candidates_NCH.shape)
    scores = [score(candidate_NH) for candidate_NH in candidates_NCH.unbind(1)]
    return torch.stack(scores, 1) if scores else other_NH.new_zeros(len(other_NH), 0)


def _spread(candidates_GCH: Tensor, other_GSH: Tensor) -> Tensor:
    """(G * S, C, H): each group's candidates for each of its S."""
    return candidates_GCH[:, None].expand(-1, other_GSH.shape[1], -1, -1).flatten(0, 1)


@dataclass(frozen=True, slots=True)
class Heads:
    """What a predictor makes of N products, each as one question sees it.

    Attributes:
        vectors_NH: head vectors, as the link scorer reads them.
        seen_NK: what else of a product speaks for values, as numbers that only the predictor
            understands, -1 where there is nothing; None for a predictor that keeps no such things.
        features_ND: what its modalities have ready-made, as that predictor turned it; or None.
        modalities_NF: what a scorer that `reads_modalities` reads after the vectors; or None.
    """

    vectors_NH: Tensor
    seen_NK: Tensor | None = None
    features_ND: Tensor | None = None
    modalities_NF: Tensor | None = None

    def __len__(self) -> int:
        return len(self.vectors_NH)

    def __getitem__(self, chosen: slice | Tensor) -> Heads:
        """Some of them, by slice, by place or by mask."""
        seen_NK = None if self.seen_NK is None else self.seen_NK[chosen]
        features_ND = None if self.features_ND is None else self.features_ND[chosen]
        modalities_NF = None if self.modalities_NF is None else self.modalities_NF[chosen]
        return Heads(self.vectors_NH[chosen], seen_NK, features_ND, modalities_NF)

    @classmethod
    def join(cls, parts: Sequence[Heads]) -> Heads:
        """All of some parts, of one predictor, in order."""
        vectors_NH = torch.cat([part.vectors_NH for part in parts])
        features = [part.features_ND for part in parts if part.features_ND is not None]
        features_ND = torch.cat(features) if features else None
        modalities = [part.modalities_NF for part in parts if part.modalities_NF is not None]
        modalities_NF = torch.cat(modalities) if modalities else None
        seen = [part.seen_NK for part in parts if part.seen_NK is not None]
        if not seen:
            return cls(vectors_NH, None, features_ND, modalities_NF)
        width = max(some.shape[1] for some in seen)
        padded = [
            torch.nn.functional.pad(some, (0, width - some.shape[1]), value=-1) for some in seen
        ]
        return cls(vectors_NH, torch.cat(padded), features_ND, modalities_NF)


@dataclass(frozen=True, slots=True)
class Candidates:
    """A property and C values that may answer questions about it.

    Attributes:
        name: the property's id.
        relation_H: its vector.
        values_C: value ids, ascending where they are all that the property takes in training.
        tails_CH: their vectors.
    """

    name: int
    relation_H: Tensor
    values_C: Tensor
    tails_CH: Tensor

    def __len__(self) -> int:
        return len(self.tails_CH)

    def __getitem__(self, chosen: slice) -> Candidates:
        """Some of the values."""
        return Candidates(self.name, self.relation_H, self.values_C[chosen], self.tails_CH[chosen])


class LinkPredictor(nn.Module, ABC):
    """Anything that can rank the values of a product's property: K3M or an embedding model.

    Attributes:
        scorer: compares vectors.
        precision: in which products and terms are encoded; scores are computed in float32.
    """

    scorer: LinkScorer
    precision: Precision = "fp32"

    @abstractmethod
    def heads(self, batch: ProductBatch) -> Tensor:
        """(B, H) product vectors made from what is visible in the batch."""

    @abstractmethod
    def relations(self, batch: ProductBatch, properties_N: Tensor) -> Tensor:
        """(N, H) vectors of property ids of the batch's catalog."""

    @abstractmethod
    def tails(self, batch: ProductBatch, values_N: Tensor) -> Tensor:
        """(N, H) vectors of value ids of the batch's catalog."""

    def asked(self, batch: ProductBatch) -> Heads:
        """What questions about the products of a batch are answered from: (B, H), and more."""
        return Heads(self.heads(batch))

    def score(self, heads: Heads, candidates: Candidates) -> Tensor:
        """(N, C) scores of C values for N questions about one property.

        By default the link scorer's. A predictor may add what one vector against another cannot
        say, from what each question sees; what is hidden must count as absent.
        """
        relation_NH = candidates.relation_H.expand(len(heads), -1)
        return self.scorer.score_tails(heads.vectors_NH, relation_NH, candidates.tails_CH)
