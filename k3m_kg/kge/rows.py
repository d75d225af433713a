"""A table of vectors of which each step reads and changes a few rows (U of E, W wide)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_SORT_BELOW = 32
"""Marking rows in a table this many times longer than the list of ids costs more than sorting."""


class RowTable(nn.Module):
    """Vectors with the optimiser's memory of each.

    Only rows that a step touched are changed, so a step costs what it reads, not what the table
    holds. Adagrad is then exactly the dense one; Adam is the lazy one: an untouched row neither
    moves on nor forgets.

    Args:
        weight: (E, W) initial vectors.
        optimizer: `adam` or `adagrad`.
        learning_rate: its rate.
    """

    weight: Tensor
    first: Tensor
    second: Tensor
    _place: Tensor

    def __init__(self, weight: Tensor, optimizer: str, learning_rate: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.register_buffer("second", torch.zeros_like(weight))
        if optimizer == "adam":
            self.register_buffer("first", torch.zeros_like(weight))
        self.register_buffer("_place", torch.zeros(len(weight), dtype=torch.long), persistent=False)
        self.steps = 0

    def touch(self, ids_N: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The rows of some ids.

        Returns:
            The distinct ids (U,), their vectors (U, W) as a leaf that takes a gradient, and where
            each id is among them (N,).
        """
        if len(self.weight) > _SORT_BELOW * len(ids_N):
            rows_U, inverse_N = torch.unique(ids_N, return_inverse=True)
        else:
            marked = torch.zeros(len(self.weight), dtype=torch.bool, device=ids_N.device)
            marked[ids_N] = True
            rows_U = marked.nonzero().squeeze(1)
            self._place[rows_U] = torch.arange(len(rows_U), device=ids_N.device)
            inverse_N = self._place[ids_N]
        return rows_U, self.weight[rows_U].requires_grad_(), inverse_N

    @torch.no_grad()
    def update(self, rows_U: Tensor, vectors_UW: Tensor, *, unit: bool = False) -> None:
        """Take one step by the gradient of the vectors that `touch` gave."""
        gradient_UW = vectors_UW.grad
        assert gradient_UW is not None
        self.steps += 1
        if self.optimizer == "adam":
            change_UW = self._adam(rows_U, gradient_UW)
        else:
            second_UW = self.second[rows_U].addcmul_(gradient_UW, gradient_UW)
            self.second[rows_U] = second_UW
            change_UW = gradient_UW / second_UW.sqrt_().add_(1e-10)
        moved_UW = vectors_UW.detach().sub_(change_UW, alpha=self.learning_rate)
        if unit:
            moved_UW = nn.functional.normalize(moved_UW, dim=-1)
        self.weight[rows_U] = moved_UW

    def _adam(self, rows_U: Tensor, gradient_UW: Tensor) -> Tensor:
        first_UW = self.first[rows_U].lerp_(gradient_UW, 0.1)
        second_UW = self.second[rows_U].mul_(0.999)
        second_UW.addcmul_(gradient_UW, gradient_UW, value=0.001)
        self.first[rows_U], self.second[rows_U] = first_UW, second_UW
        second_UW.div_(1 - 0.999**self.steps).sqrt_().add_(1e-8)
        return first_UW.div_(second_UW).div_(1 - 0.9**self.steps)
