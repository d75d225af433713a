"""PyKEEN interactions as `LinkScorer`s over real vectors.

`score` is PyKEEN's own interaction. Against many candidates, an interaction that is a dot product
or a translation is asked for one query vector and compared with all of them at once; the others
are broadcast in slices, so that no (N, C, H) is built where no gradient wants it.

All scores are computed in float32 or better: bfloat16 distances tie too often to rank by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from k3m_kg.contracts import LinkScorer, QueryVectors, as_float, full_precision
from k3m_kg.scorers.layout import Layout, as_pykeen

BROADCAST_AT_ONCE = 1 << 22
"""Largest N x C x H of one slice, in numbers."""


class InteractionScorer(LinkScorer):
    """Any PyKEEN interaction.

    Args:
        interaction: PyKEEN's.
        sizes: what the letters of its shapes stand for.
        relation_constraint: applied to the relation's parts, as PyKEEN's model constrains them.
        entity_constraint: the same for entities.
    """

    def __init__(
        self,
        interaction: nn.Module,
        sizes: Mapping[str, int],
        relation_constraint: Callable[[list[Tensor]], list[Tensor]] | None = None,
        entity_constraint: Callable[[list[Tensor]], list[Tensor]] | None = None,
    ) -> None:
        super().__init__()
        shape: Any = interaction
        self.interaction = interaction
        self._entity = Layout(shape.entity_shape, sizes, shape.is_complex)
        self._relation = Layout(shape.relation_shape, sizes, shape.is_complex)
        self._heads = list(shape.head_indices)
        self._tails = list(shape.tail_indices)
        self._constrain_relation = relation_constraint or _as_they_are
        self._constrain_entity = entity_constraint or _as_they_are

    @property
    def entity_width(self) -> int:
        """How many leading numbers of an entity's vector are read."""
        return self._entity.width

    @property
    def relation_width(self) -> int:
        """How many leading numbers of a relation's vector are read."""
        return self._relation.width

    def score(self, head_NH: Tensor, relation_NH: Tensor, tail_NH: Tensor) -> Tensor:
        """(N,) scores of N triples; any leading dimensions that broadcast."""
        with full_precision(head_NH):
            scores_N: Tensor = self.interaction(
                as_pykeen(self._side(head_NH, self._heads)),
                as_pykeen(self._constrain_relation(self._relation.read(as_float(relation_NH)))),
                as_pykeen(self._side(tail_NH, self._tails)),
            )
        return scores_N

    def score_tails(self, head_NH: Tensor, relation_NH: Tensor, tail_NCH: Tensor) -> Tensor:
        """(N, C) scores of C candidates, (N, C, H) or (C, H) for all."""
        return self._against_tails(head_NH, relation_NH, tail_NCH, fast=False)

    def score_heads(self, head_NCH: Tensor, relation_NH: Tensor, tail_NH: Tensor) -> Tensor:
        """(N, C) scores of C candidate heads; the mirror image of `score_tails`."""
        return self._against_heads(head_NCH, relation_NH, tail_NH, fast=False)

    def score_tail_groups(self, head_GSH: Tensor, relation_GSH: Tensor, tail_GCH: Tensor) -> Tensor:
        """(G, S, C) scores of each group's candidates, without a copy of them for each of S."""
        return self._against_tails(head_GSH, relation_GSH, tail_GCH, fast=True)

    def score_head_groups(self, head_GCH: Tensor, relation_GSH: Tensor, tail_GSH: Tensor) -> Tensor:
        """(G, S, C) scores of each group's candidates, without a copy of them for each of S."""
        return self._against_heads(head_GCH, relation_GSH, tail_GSH, fast=True)

    def _against_tails(
        self, head: Tensor, relation: Tensor, tails: Tensor, *, fast: bool
    ) -> Tensor:
        with full_precision(head):
            query = self.tail_query(as_float(head), as_float(relation))
            if query is not None:
                return query.scores(tails, fast=fast)
            return self._broadcast(
                lambda part: self.score(head[..., None, :], relation[..., None, :], part),
                head,
                tails,
            )

    def _against_heads(
        self, heads: Tensor, relation: Tensor, tail: Tensor, *, fast: bool
    ) -> Tensor:
        with full_precision(tail):
            query = self.head_query(as_float(relation), as_float(tail))
            if query is not None:
                return query.scores(heads, fast=fast)
            return self._broadcast(
                lambda part: self.score(part, relation[..., None, :], tail[..., None, :]),
                tail,
                heads,
            )

    def _side(self, vectors: Tensor, parts: list[int]) -> list[Tensor]:
        every = self._constrain_entity(self._entity.read(as_float(vectors)))
        return [every[part] for part in parts]

    def _broadcast(
        self, score: Callable[[Tensor], Tensor], other: Tensor, candidates: Tensor
    ) -> Tensor:
        """Scores (..., C) of candidates, in slices where no gradient is wanted."""
        if other.dim() == 3 and candidates.dim() == 3:
            candidates = candidates[:, None]
        if torch.is_grad_enabled():
            return score(candidates)
        row = max(1, other.numel() // other.shape[-1]) * max(1, candidates.shape[-1])
        width = max(1, BROADCAST_AT_ONCE // row)
        parts = [score(part) for part in torch.split(candidates, width, dim=-2)]
        return torch.cat(parts, dim=-1)


class AffineScorer(InteractionScorer):
    """An interaction whose score is affine in the tail: its gradient there is the query.

    Args:
        interaction, sizes, constraints: as for `InteractionScorer`.
        heads: the score is affine in the head too.
    """

    def __init__(self, *arguments: Any, heads: bool, **constraints: Any) -> None:
        super().__init__(*arguments, **constraints)
        self._affine_heads = heads

    def tail_query(self, head_NH: Tensor, relation_NH: Tensor) -> QueryVectors | None:
        """The gradient by the tail, and the score of a tail of zeros."""
        return _affine(lambda tail: self.score(head_NH, relation_NH, tail), head_NH)

    def head_query(self, relation_NH: Tensor, tail_NH: Tensor) -> QueryVectors | None:
        """The gradient by the head, and the score of a head of zeros."""
        if not self._affine_heads:
            return None
        return _affine(lambda head: self.score(head, relation_NH, tail_NH), tail_NH)


class TransEScorer(InteractionScorer):
    """-||h + r - t||_p (Bordes et al. 2013), or its p-th power."""

    def tail_query(self, head_NH: Tensor, relation_NH: Tensor) -> QueryVectors:
        """h + r."""
        return self._query(head_NH + relation_NH)

    def head_query(self, relation_NH: Tensor, tail_NH: Tensor) -> QueryVectors:
        """t - r."""
        return self._query(tail_NH - relation_NH)

    def _query(self, vectors: Tensor) -> QueryVectors:
        settings: Any = self.interaction
        return QueryVectors(vectors, norm=float(settings.p), power=settings.power_norm)


class DistMultScorer(InteractionScorer):
    """<h, r, t> (Yang et al. 2015)."""

    def tail_query(self, head_NH: Tensor, relation_NH: Tensor) -> QueryVectors:
        """h * r."""
        return QueryVectors(head_NH * relation_NH)

    def head_query(self, relation_NH: Tensor, tail_NH: Tensor) -> QueryVectors:
        """t * r."""
        return QueryVectors(tail_NH * relation_NH)


class ComplExScorer(InteractionScorer):
    """Re <h, r, conj(t)> (Trouillon et al. 2016)."""

    def tail_query(self, head_NH: Tensor, relation_NH: Tensor) -> QueryVectors:
        """h * r."""
        return QueryVectors(_turn(head_NH, relation_NH, back=False))

    def head_query(self, relation_NH: Tensor, tail_NH: Tensor) -> QueryVectors:
        """t * conj(r)."""
        return QueryVectors(_turn(tail_NH, relation_NH, back=True))


class RotatEScorer(InteractionScorer):
    """-||h * r - t||_2 with |r_i| = 1 (Sun et al. 2019).

    Of a relation's vector only the phases count: each complex number is scaled to modulus 1.
    """

    def tail_query(self, head_NH: Tensor, relation_NH: Tensor) -> QueryVectors:
        """h * r."""
        return QueryVectors(_turn(head_NH, self._phases(relation_NH), back=False), norm=2.0)

    def head_query(self, relation_NH: Tensor, tail_NH: Tensor) -> QueryVectors:
        """t * conj(r), as |r| = 1."""
        return QueryVectors(_turn(tail_NH, self._phases(relation_NH), back=True), norm=2.0)

    def _phases(self, relation_NH: Tensor) -> Tensor:
        (phases,) = self._constrain_relation(self._relation.read(relation_NH))
        return torch.view_as_real(phases).flatten(-2)


def _as_they_are(parts: list[Tensor]) -> list[Tensor]:
    return parts


def _affine(score: Callable[[Tensor], Tensor], like: Tensor) -> QueryVectors | None:
    if torch.is_inference_mode_enabled():
        return None  # nothing can be differentiated there
    wanted = torch.is_grad_enabled()
    with torch.enable_grad():
        zeros = torch.zeros_like(like, requires_grad=True)
        bias = score(zeros)
        (vectors,) = torch.autograd.grad(bias.sum(), zeros, create_graph=wanted)
    return QueryVectors(vectors, bias=bias if wanted else bias.detach())


def _turn(entity_NH: Tensor, relation_NH: Tensor, *, back: bool) -> Tensor:
    """Complex product of entity and relation, or of entity and conj(relation), as reals."""
    a, b = entity_NH[..., 0::2], entity_NH[..., 1::2]
    c, d = relation_NH[..., 0::2], relation_NH[..., 1::2]
    if back:
        d = -d
    return torch.stack((a * c - b * d, a * d + b * c), dim=-1).flatten(-2)
