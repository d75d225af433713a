"""A table of vectors of which each step reads and changes a few rows (U of E, W wide)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

_SORT_BELOW = 32
"""Marking rows in a table this many times longer than the list of ids costs more than sorting."""
_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-8
_DECAY = _FIRST / _SECOND**0.5
_TERMS = 400
"""`_DECAY` to this power is nothing."""


class RowTable(nn.Module):
    """Vectors with the optimiser's memory of each.

    Only rows that a step touched are changed, so a step costs what it reads, not what the table
    holds. Both optimisers are torch's dense ones all the same. Adagrad leaves a row without
    gradient where it is; Adam moves it on by its momentum, and such moves are made up for in one
    when the row is next read. A step that reads as many ids as there are rows takes the table as
    it is, which spares the copies.

    Args:
        weight: (E, W) initial vectors.
        optimizer: `adam` or `adagrad`.
        learning_rate: its rate.
        unit: scale rows to length 1 after each step.
    """

    weight: Tensor
    first: Tensor
    second: Tensor
    _place: Tensor
    _last: Tensor
    _every: Tensor

    def __init__(
        self, weight: Tensor, optimizer: str, learning_rate: float, *, unit: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.unit = unit
        self.register_buffer("second", torch.zeros_like(weight))
        if optimizer == "adam":
            self.register_buffer("first", torch.zeros_like(weight))
        for name in ("_place", "_last"):
            counts = torch.zeros(len(weight), dtype=torch.long)
            self.register_buffer(name, counts, persistent=False)
        self.register_buffer("_every", torch.arange(len(weight)), persistent=False)
        self.steps = 0
        self._whole = False
        self._waiting = torch.empty(0, dtype=torch.float64)
        self._moments: tuple[Tensor, Tensor] | None = None

    def touch(self, ids_N: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The rows of some ids.

        Returns:
            The distinct ids (U,), their vectors (U, W) as a leaf that takes a gradient, and where
            each id is among them (N,).
        """
        if len(ids_N) >= len(self.weight):
            self.settle()
            self._whole = True
            return self._every, self.weight.detach().requires_grad_(), ids_N
        self._whole = False
        if len(self.weight) > _SORT_BELOW * len(ids_N):
            rows_U, inverse_N = torch.unique(ids_N, return_inverse=True)
        else:
            marked = torch.zeros(len(self.weight), dtype=torch.bool, device=ids_N.device)
            marked[ids_N] = True
            rows_U = marked.nonzero().squeeze(1)
            self._place[rows_U] = torch.arange(len(rows_U), device=ids_N.device)
            inverse_N = self._place[ids_N]
        vectors_UW = self.weight[rows_U]
        if self.optimizer == "adam":
            vectors_UW, *moments = self._caught_up(rows_U, vectors_UW)
            self._moments = (moments[0], moments[1])
        return rows_U, vectors_UW.requires_grad_(), inverse_N

    @torch.no_grad()
    def update(self, rows_U: Tensor, vectors_UW: Tensor) -> None:
        """Take one step by the gradient of the vectors that the last `touch` gave."""
        gradient_UW = vectors_UW.grad
        if gradient_UW is None:  # a scorer that reads no relation
            return
        if self._whole:
            first = self.first if self.optimizer == "adam" else None
            self._change(self.weight, gradient_UW, self.second, first)
            self._last.fill_(self.steps)
            if self.unit:
                self.weight.copy_(self._scaled(self.weight))
            return
        moved_UW = vectors_UW.detach()
        if self.optimizer == "adam":
            assert self._moments is not None
            first_UW, second_UW = self._moments
            self._change(moved_UW, gradient_UW, second_UW, first_UW)
            self.first[rows_U] = first_UW
            self._last[rows_U] = self.steps
        else:
            second_UW = self.second[rows_U]
            self._change(moved_UW, gradient_UW, second_UW, None)
        self.second[rows_U] = second_UW
        self.weight[rows_U] = self._scaled(moved_UW)

    @torch.no_grad()
    def settle(self) -> None:
        """Make every move that is still to be made up for: before the table is read as a whole."""
        if self.optimizer != "adam" or not bool((self._last < self.steps).any()):
            return
        rows_U = (self._last < self.steps).nonzero().squeeze(1)
        for part in torch.split(rows_U, 1 << 16):
            self.weight[part], self.first[part], self.second[part] = self._caught_up(
                part, self.weight[part]
            )
        self._last.fill_(self.steps)

    def resume(self, steps: int) -> None:
        """Go on after that many steps, with a table that was settled then."""
        self.steps = steps
        self._last.fill_(steps)

    def _change(
        self, vectors: Tensor, gradient: Tensor, second: Tensor, first: Tensor | None
    ) -> None:
        """One step of the optimiser, in place."""
        if first is None:
            second.addcmul_(gradient, gradient)
            change = second.sqrt().add_(1e-10)
            vectors.addcdiv_(gradient, change, value=-self.learning_rate)
        else:
            adam(
                [vectors],
                [gradient],
                [first],
                [second],
                [],
                [torch.tensor(float(self.steps), device=vectors.device)],
                fused=True,
                amsgrad=False,
                beta1=_FIRST,
                beta2=_SECOND,
                lr=self.learning_rate,
                weight_decay=0.0,
                eps=_TINY,
                maximize=False,
            )
        self.steps += 1

    @torch.no_grad()
    def _caught_up(self, rows_U: Tensor, vectors_UW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Vectors and moments as if each row had taken part in every step, without gradient."""
        first_UW, second_UW = self.first[rows_U], self.second[rows_U]
        last_U = self._last[rows_U]
        missed_U = self.steps - last_U
        if not bool(missed_U.any()):
            return vectors_UW, first_UW, second_UW
        ahead = self._still_ahead().to(rows_U.device)
        decayed_U = _DECAY ** missed_U.double()
        moves_U1 = (ahead[last_U] - decayed_U * ahead[self.steps]).to(first_UW.dtype)[:, None]
        drift_UW = first_UW / second_UW.sqrt().add_(_TINY)
        vectors_UW = vectors_UW - self.learning_rate * moves_U1 * drift_UW
        first_UW *= (_FIRST ** missed_U.double()).to(first_UW.dtype)[:, None]
        second_UW *= (_SECOND ** missed_U.double()).to(first_UW.dtype)[:, None]
        return self._scaled(vectors_UW), first_UW, second_UW

    def _still_ahead(self) -> Tensor:
        """For each step t the sum over j of `_DECAY`^j times Adam's bias correction at t + j.

        What a row at rest after step t will still move, in units of first / sqrt(second).
        """
        if len(self._waiting) <= self.steps:
            length = max(4096, 2 * self.steps)
            step = torch.arange(1, length + _TERMS + 1, dtype=torch.float64)
            correction = (1 - _SECOND**step).sqrt() / (1 - _FIRST**step)
            powers = _DECAY ** torch.arange(1, _TERMS + 1, dtype=torch.float64)
            self._waiting = correction.unfold(0, _TERMS, 1)[:length] @ powers
        return self._waiting

    def _scaled(self, vectors_UW: Tensor) -> Tensor:
        return nn.functional.normalize(vectors_UW, dim=-1) if self.unit else vectors_UW
