"""What training has counted, looked up: which features, columns and cells questions touch.

How many those are depends on numbers, so in training it is found on the CPU, where the batch is
made; what is found holds no weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from k3m_kg.lpm.evidence.features import NOTHING, triple_numbers


@dataclass(slots=True)
class Cells:
    """R (question, seen feature) pairs and Y (pair, candidate value) cells, flat.

    Attributes:
        kind_R: the feature's kind.
        name_R: the property that is asked.
        info_R, size_R: as in `Evidence`: what the feature says at all, and log(1 + n_f).
        row_Y: the pair of each cell.
        question_Y: its question.
        column_Y: its candidate's column.
        lift_Y: the lift.
        weight_Y: the place of its weight, 0 for none.
    """

    kind_R: Tensor
    name_R: Tensor
    info_R: Tensor
    size_R: Tensor
    row_Y: Tensor
    question_Y: Tensor
    column_Y: Tensor
    lift_Y: Tensor
    weight_Y: Tensor


@dataclass(slots=True)
class Tables:
    """`Counts` as tensors.

    Attributes:
        column_V, feature_F, kind_F, cell_X: as in `Counts`.
        place_X: the column of each cell.
        weighed_X: the place of its weight, 0 for none.
        count_X: float32, its count.
        share_V: float32, the share of each column's value among its property's.
        row_V: the row of each column's own vector, 0 for none.
    """

    column_V: Tensor
    feature_F: Tensor
    kind_F: Tensor
    cell_X: Tensor
    place_X: Tensor
    weighed_X: Tensor
    count_X: Tensor
    share_V: Tensor
    row_V: Tensor

    def places(self, numbers: Tensor) -> Tensor:
        """Of each number its place among the features, -1 where it is none."""
        return _found(self.feature_F, numbers)

    def columns(self, properties_N: Tensor, values_N: Tensor) -> Tensor:
        """(N,) the column of each value of a property, -1 where training has none."""
        return _found(self.column_V, triple_numbers(properties_N, values_N))

    def first(self, properties_N: Tensor) -> tuple[Tensor, Tensor]:
        """The first column of each property, and the one after its last."""
        one = torch.ones_like(properties_N)
        zero = torch.zeros_like(properties_N)
        return (
            torch.searchsorted(self.column_V, triple_numbers(properties_N, zero)),
            torch.searchsorted(self.column_V, triple_numbers(properties_N + one, zero)),
        )

    @torch.no_grad()
    def cells(self, seen_QK: Tensor, property_Q: Tensor, own_QX: Tensor | None = None) -> Cells:
        """What is not zero of what questions see.

        Args:
            seen_QK: places of features, -1 where there are fewer.
            property_Q: what each asks.
            own_QX: columns that the asked product itself has been counted for, padded -1.
        """
        low_Q, high_Q = self.first(property_Q)
        question_R, slot_R = (seen_QK >= 0).nonzero(as_tuple=True)
        feature_R = seen_QK[question_R, slot_R]
        base_R = feature_R * len(self.column_V)
        start_R = torch.searchsorted(self.cell_X, base_R + low_Q[question_R])
        length_R = torch.searchsorted(self.cell_X, base_R + high_Q[question_R]) - start_R
        rows = len(feature_R)
        row_Y = torch.repeat_interleave(torch.arange(rows, device=seen_QK.device), length_R)
        begin_R = length_R.cumsum(0) - length_R
        within_Y = torch.arange(len(row_Y), device=seen_QK.device) - begin_R[row_Y]
        cell_Y = start_R[row_Y] + within_Y
        column_Y, question_Y = self.place_X[cell_Y], question_R[row_Y]
        count_Y = self.count_X[cell_Y]
        if own_QX is not None:
            count_Y = count_Y - (own_QX[question_Y] == column_Y[:, None]).any(1).float()
        share_Y = self.share_V[column_Y].clamp_min(1e-9)
        lift_Y = torch.log1p(count_Y / share_Y)
        total_R = count_Y.new_zeros(rows).index_add_(0, row_Y, count_Y)
        part_Y = (count_Y + share_Y) / (total_R[row_Y] + 1)
        size_R = total_R.log1p()
        info_R = count_Y.new_zeros(rows).index_add_(0, row_Y, part_Y * lift_Y) - size_R
        return Cells(
            kind_R=self.kind_F[feature_R],
            name_R=property_Q[question_R],
            info_R=info_R,
            size_R=size_R,
            row_Y=row_Y,
            question_Y=question_Y,
            column_Y=column_Y,
            lift_Y=lift_Y,
            weight_Y=self.weighed_X[cell_Y],
        )


def _found(among: Tensor, numbers: Tensor) -> Tensor:
    if not len(among):
        return torch.full_like(numbers, NOTHING)
    place = torch.searchsorted(among, numbers).clamp_max(len(among) - 1)
    return torch.where(among[place] == numbers, place, NOTHING)
