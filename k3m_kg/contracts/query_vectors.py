"""One query vector against many candidates: dot products and distances.

A scorer that can say in one vector what candidates are compared with is scored and ranked by matrix
products; nothing else about it has to be known.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_TINY = 1e-12


@dataclass(slots=True)
class QueryVectors:
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

    def scores(self, candidates: Tensor, *, fast: bool = False) -> Tensor:
        """Scores (N, C) of candidates (C, H) or (N, C, H); (G, S, C) of (C, H) or (G, C, H).

        `fast` takes Euclidean distances from a matrix product, which loses digits where vectors are
        close: for training, never for ranking.
        """
        with full_precision(candidates):
            return _scores(self, as_float(candidates), fast)

    def shortcut(self, candidates_CH: Tensor) -> Tensor:
        """(N, C) numbers that rank the candidates of a row as `scores` does.

        Up to `shortcut_error`: numbers nearer to each other than twice that may be the wrong way
        round.
        """
        candidates_CH = as_float(candidates_CH)
        with full_precision(candidates_CH):
            if self.norm is None:
                return self.vectors @ candidates_CH.T
            if self._is_short():
                half_C = candidates_CH.square().sum(-1) / -2
                return torch.addmm(half_C, self.vectors, candidates_CH.T)
            return -_distance(self.vectors, candidates_CH, self.norm)

    def shortcut_error(self, candidates_CH: Tensor) -> Tensor | None:
        """(N,) by how much a row's `shortcut` is off at most; None where it is as good as `scores`.

        A bound of the rounding errors of <q, t> - |t|^2 / 2 and of the distance itself, each
        at most (H + a few) units of the last place of what it sums: two candidates that the
        shortcut keeps further apart than the sum of their bounds are in the order of `scores`.
        """
        if not self._is_short():
            return None
        unit = torch.finfo(self.vectors.dtype).eps / 2
        largest = as_float(candidates_CH).norm(dim=-1).amax() if len(candidates_CH) else 0.0
        reach_N: Tensor = self.vectors.norm(dim=-1) + largest
        return reach_N.square() * ((self.vectors.shape[-1] + 8) * unit)

    def _is_short(self) -> bool:
        """Whether a matrix product stands for the distance, in full precision."""
        exact = self.vectors.dtype == torch.float64 or (
            torch.get_float32_matmul_precision() == "highest"
        )
        return self.norm == 2 and exact


def as_float(vectors: Tensor) -> Tensor:
    """float64 as it is, all else as float32: bfloat16 distances tie too often to rank by."""
    return vectors if vectors.dtype == torch.float64 else vectors.float()


def full_precision(vectors: Tensor) -> AbstractContextManager[Any]:
    """A context without autocast, where the device has any."""
    kind = vectors.device.type
    if not torch.amp.is_autocast_available(kind):
        return nullcontext()
    return torch.autocast(kind, enabled=False)


def _scores(query: QueryVectors, candidates: Tensor, fast: bool) -> Tensor:
    vectors = query.vectors
    if query.norm is None:
        scores = _dot(vectors, candidates)
        return scores if query.bias is None else scores + query.bias[..., None]
    if fast and query.norm == 2:
        if candidates.dim() == vectors.dim() == 3 and vectors.shape[1] == 1:
            differences: Any = _Distance
            distance: Tensor = differences.apply(vectors, candidates)[:, None]
            return -distance.square() if query.power else -distance
        square = _squares(vectors, candidates).clamp_min(_TINY)
        return -square if query.power else -square.sqrt()
    distance = _distance(vectors, candidates, query.norm)
    return -(distance**query.norm) if query.power else -distance


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
