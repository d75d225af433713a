"""One query vector against many candidates: dot products and distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_TINY = 1e-12


@dataclass(slots=True)
class Query:
    """What candidates t are compared with.

    Attributes:
        vectors: (N, H), or (G, S, H) in groups.
        norm: p of the score -||query - t||_p; None for the score <query, t> + bias.
        power: score by the p-th power of the norm.
        bias: (N,) or (G, S), or nothing.
    """

    vectors: Tensor
    norm: float | None = None
    power: bool = False
    bias: Tensor | None = None


def compare(query: Query, candidates: Tensor, *, fast: bool = False) -> Tensor:
    """Scores (N, C) of candidates (C, H) or (N, C, H); (G, S, C) of (C, H) or (G, C, H).

    `fast` takes Euclidean distances from a matrix product, which loses digits where vectors are
    close.
    """
    if query.norm is None:
        scores = _dot(query.vectors, candidates)
        return scores if query.bias is None else scores + query.bias[..., None]
    if fast and query.norm == 2:
        if candidates.dim() == query.vectors.dim() == 3 and query.vectors.shape[1] == 1:
            differences: Any = _Distance
            distance: Tensor = differences.apply(query.vectors, candidates)[:, None]
            return -distance.square() if query.power else -distance
        square = _squares(query.vectors, candidates).clamp_min(_TINY)
        return -square if query.power else -square.sqrt()
    distance = _distance(query.vectors, candidates, query.norm)
    return -(distance**query.norm) if query.power else -distance


def order(query: Query, candidates_CH: Tensor) -> Tensor:
    """(N, C) numbers that rank the candidates as `compare` does, row by row."""
    if query.norm is None:
        return query.vectors @ candidates_CH.T
    if query.norm == 2:
        half_C = candidates_CH.square().sum(-1) / -2
        return torch.addmm(half_C, query.vectors, candidates_CH.T)
    return -_distance(query.vectors, candidates_CH, query.norm)


def _dot(query: Tensor, candidates: Tensor) -> Tensor:
    if candidates.dim() == 2:
        return query @ candidates.T
    if query.dim() == 3:
        if candidates.dim() == 3 and query.shape[1] == 1:  # its gradient comes without a copy
            return (candidates @ query.transpose(-1, -2)).transpose(-1, -2)
        return query @ candidates.transpose(-1, -2)
    return torch.einsum("nh,nch->nc", query, candidates)


def _squares(query: Tensor, candidates: Tensor) -> Tensor:
    size = candidates.square().sum(-1)
    if query.dim() == 3 and candidates.dim() == 3:
        size = size[:, None]
    return query.square().sum(-1, keepdim=True) + size - 2 * _dot(query, candidates)


def _distance(query: Tensor, candidates: Tensor, p: float) -> Tensor:
    # Without the matrix-product shortcut, which loses half the digits where vectors are close.
    mode = "donot_use_mm_for_euclid_dist"
    if query.dim() == 2 and candidates.dim() == 3:
        return torch.cdist(query[:, None], candidates, p=p, compute_mode=mode).squeeze(1)
    return torch.cdist(query, candidates, p=p, compute_mode=mode)


class _Distance(torch.autograd.Function):
    """Euclidean distances (G, K) of one query (G, 1, H) to each group's candidates (G, K, H).

    The differences become the gradient in place: candidates are most of what a step reads.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, candidates: Tensor) -> Tensor:
        ctx.difference = candidates - query
        distance: Tensor = torch.linalg.vector_norm(ctx.difference, dim=-1)
        ctx.save_for_backward(distance)
        return distance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        (distance,) = ctx.saved_tensors
        difference, ctx.difference = ctx.difference, None
        difference.mul_((gradient / distance.clamp_min(_TINY))[..., None])
        return -difference.sum(1, keepdim=True), difference
