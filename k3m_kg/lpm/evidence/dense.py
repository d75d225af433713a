"""Dense evidence: what a modality's ready-made features say of each value, linear in them.

As the counts say which words and triples training has with a value, the sums here say which
features: a discriminant in closed form, before any training, and a weight of each pair beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from k3m_kg.contracts import Choices, ReadyFeatures

FeaturesOf = Callable[[np.ndarray], Mapping[str, ReadyFeatures]]
"""What each modality gives ready-made for the products in some rows."""
RowsOf = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""For some rows: place among them, and row of `Sums`, of each value that a product has."""

_MOST_WIDE = 4096
"""Features of a modality beyond which their covariance would not fit: they are left out."""
_MOST_NUMBERS = 1 << 24
"""Of all sums of one modality; more values leave fewer directions to each."""
_SAMPLE = 20_000
"""Products whose features say which directions there are."""
_FEWEST = 16
_TOGETHER = 512
_DROPPED = 0.5
"""Share of the directions that the weights do not see in training."""
_SLOWNESS = 0.3
"""Of the weights: what they learn of the asked product itself would hold all else back."""
_LEAST_SPREAD = 1e-3


@dataclass(frozen=True, slots=True)
class Sums:
    """What training had of one modality: F features, R directions, U values (the first is none).

    Attributes:
        mean_F: of the features.
        turn_FR: from features about their mean to directions of unit variance.
        sum_UR: over the products that have a value, of where they lie in these directions.
        square_U: the same of their squared distance from the origin.
        often_U: how many products that is.
    """

    mean_F: np.ndarray
    turn_FR: np.ndarray
    sum_UR: np.ndarray
    square_U: np.ndarray
    often_U: np.ndarray

    def fits(self, values: int) -> bool:
        """Whether a file that was read holds what this is."""
        arrays = [getattr(self, item.name) for item in fields(self)]
        return bool(
            all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays)
            and self.mean_F.ndim == 1
            and self.turn_FR.ndim == 2
            and 1 <= self.turn_FR.shape[1] <= self.turn_FR.shape[0] == len(self.mean_F)
            and self.sum_UR.shape == (values, self.turn_FR.shape[1])
            and self.square_U.shape == self.often_U.shape == (values,)
            and (self.square_U >= 0).all()
            and (self.often_U >= 0).all()
        )


@dataclass(slots=True)
class AskedPairs:
    """Training questions and their candidates, as `Choices` lays them out.

    Attributes:
        choices: of the questions.
        name_Q: the property that each asks.
        question_P, candidate_P: of each pair, as `Choices.of_pairs` says.
        row_GC: the rows of the tiles' candidates in the sums.
        row_P: that of each pair's candidate.
    """

    choices: Choices
    name_Q: Tensor
    question_P: Tensor
    candidate_P: Tensor
    row_GC: Tensor
    row_P: Tensor

    def products(self, vectors_QR: Tensor, values_UR: Tensor) -> Tensor:
        """(P,) dot products of what questions and their candidates have."""
        scores_GSC = self.choices.tiled(vectors_QR) @ F.embedding(self.row_GC, values_UR).mT
        return self.choices.flat(scores_GSC, self.question_P, self.candidate_P)


def add_up(
    ready_made: FeaturesOf, rows_of: RowsOf, rows: np.ndarray, values: int, most: int
) -> dict[str, Sums]:
    """Sums of every modality that has features, over the training products in `rows`.

    Args:
        ready_made: asked about rows, some at a time.
        rows_of: which values those products have.
        rows: the training products, ascending.
        values: U.
        most: R at most.
    """
    some = np.sort(np.random.default_rng(0).permutation(rows)[:_SAMPLE])
    kept: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(some), _TOGETHER):
        for name, found in ready_made(some[start : start + _TOGETHER]).items():
            kept.setdefault(name, []).append(found.values_BF[found.has_B].float().cpu().numpy())
    turns = {}
    for name, parts in kept.items():
        found_turn = _directions(np.concatenate(parts), min(most, _MOST_NUMBERS // max(1, values)))
        if found_turn is not None:
            turns[name] = found_turn
    sums = {
        name: torch.zeros(values, turn.shape[1] + 2, dtype=torch.float64)
        for name, (_, turn) in turns.items()
    }
    for start in range(0, len(rows) if turns else 0, _TOGETHER):
        part = rows[start : start + _TOGETHER]
        owner, row = rows_of(part)
        for name, found in ready_made(part).items():
            if name not in turns:
                continue
            mean, turn = turns[name]
            there = found.has_B.cpu().numpy()[owner]
            values_BF = found.values_BF.float().cpu().numpy()
            place = ((values_BF - mean) @ turn)[owner[there]].astype(np.float64)
            square = np.square(place).sum(1, keepdims=True)
            added = torch.from_numpy(np.concatenate([place, square, np.ones_like(square)], 1))
            sums[name].index_add_(0, torch.from_numpy(row[there]), added)
    return {name: _as_sums(*turns[name], total) for name, total in sums.items()}


def _as_sums(mean: np.ndarray, turn: np.ndarray, total: Tensor) -> Sums:
    single: np.ndarray = total.numpy().astype(np.float32)
    return Sums(mean, turn, single[:, :-2].copy(), single[:, -2].copy(), single[:, -1].copy())


def _directions(values_NF: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Mean and `turn_FR` of the directions with the largest variance of standardised features."""
    count, width = values_NF.shape
    if count < _FEWEST or not 1 <= width <= _MOST_WIDE or most < 1:
        return None
    mean = values_NF.mean(0)
    spread = values_NF.std(0)
    scale = np.where(spread > _LEAST_SPREAD * spread.max(initial=0), 1 / (spread + 1e-12), 0)
    if not scale.any():
        return None
    standard = (values_NF - mean) * scale
    energy, turn = np.linalg.eigh(standard.T @ standard / count)
    rank = min(most, width, count // 4)
    energy, turn = energy[::-1][:rank], turn[:, ::-1][:, :rank]
    there = energy > 1e-6 * energy[0]
    turn = scale[:, None] * turn[:, there] / np.sqrt(energy[there])
    return mean.astype(np.float32), turn.astype(np.float32)


class DenseEvidence(nn.Module):
    """The term of one modality for value v of property p, of a product at z in R directions:

        softplus(g_p) / w_p (d . m_v - |m_v|^2 / 2) + 0.3 W_v . z,   d = z - (mean of p's products)
        m_v = sum over the products with v of their d / (n_v + k_p)

    w_p is the variance within the values of p, k_p = w_p / (variance of their means): the fewer
    products a value has, the nearer is it to all others. In training the asked product is taken out
    of its own values' sums; W begins at 0. A product without the modality has none of this.

    Args:
        sums: of training.
        property_U: the property of each value; of the first, which is none, whatever.
        properties: P.
    """

    def __init__(self, sums: Sums, property_U: np.ndarray, properties: int) -> None:
        super().__init__()
        self.sums = sums
        often_U, names = sums.often_U.astype(np.float64), property_U
        rank = sums.sum_UR.shape[1]
        total_P = np.bincount(names, often_U, minlength=properties)
        middle_PR = np.zeros((properties, rank))
        np.add.at(middle_PR, names, sums.sum_UR)
        middle_PR /= np.maximum(1, total_P)[:, None]
        centred_UR = sums.sum_UR - often_U[:, None] * middle_PR[names]
        norm_U = np.square(centred_UR).sum(1)
        between_P = np.bincount(names, norm_U / np.maximum(1, often_U), minlength=properties)
        every_P = np.bincount(names, sums.square_U, minlength=properties)
        every_P -= total_P * np.square(middle_PR).sum(1)
        values_P = np.bincount(names, often_U > 0, minlength=properties)
        within_P = (every_P - between_P) / np.maximum(1, total_P - values_P) / rank
        within_P = np.clip(within_P, 0.05, 2.0)
        signal_P = (between_P / rank - values_P * within_P) / np.maximum(1, total_P)
        pull_P = np.clip(within_P / np.maximum(signal_P, 1e-9), 1.0, 1e4)
        kept = {
            "mean_F": sums.mean_F,
            "turn_FR": sums.turn_FR,
            "middle_PR": middle_PR,
            "centred_UR": centred_UR,
            "norm_U": norm_U,
            "often_U": often_U,
            "within_P": within_P,
            "pull_P": pull_P,
        }
        for key, array in kept.items():
            found = torch.from_numpy(np.ascontiguousarray(array, np.float32))
            self.register_buffer(key, found, persistent=False)
        self.gate_P = nn.Parameter(torch.full((properties,), math.log(math.expm1(0.5))))
        self.weight_UR = nn.Parameter(torch.zeros(len(often_U), rank))

    mean_F: Tensor
    turn_FR: Tensor
    middle_PR: Tensor
    centred_UR: Tensor
    norm_U: Tensor
    often_U: Tensor
    within_P: Tensor
    pull_P: Tensor

    @property
    def width(self) -> int:
        """Numbers that `turned` gives: R, and whether the product has the modality."""
        return self.turn_FR.shape[1] + 1

    def turned(self, found: ReadyFeatures | None, size: int) -> Tensor:
        """(B, R + 1): where products lie, and 1 for those that have it; zeros for the others."""
        if found is None or found.values_BF.shape[1] != len(self.mean_F):
            return self.mean_F.new_zeros(size, self.width)
        place_BR = (found.values_BF.float() - self.mean_F) @ self.turn_FR
        one_B1 = torch.ones_like(place_BR[:, :1])
        return torch.cat([place_BR, one_B1], 1) * found.has_B[:, None]

    def forward(self, turned_ND: Tensor, name: int, row_C: Tensor) -> Tensor:
        """(N, C) the term for N questions about one property and the values in rows `row_C`.

        Args:
            turned_ND: what `turned` gave for each one's product.
            name: the property.
            row_C: the values' rows in the sums, 0 where training has too few of them.
        """
        place_NR, has_N1 = turned_ND[:, :-1], turned_ND[:, -1:]
        from_NR = place_NR - self.middle_PR[name]
        dot_NC = from_NR @ self.centred_UR[row_C].T
        size_C = self.often_U[row_C] + self.pull_P[name]
        near_NC = (dot_NC - self.norm_U[row_C] / (2 * size_C)) / (size_C * self.within_P[name])
        seen_NR = F.dropout(place_NR, _DROPPED, self.training)
        learned_NC = _SLOWNESS * (seen_NR @ self.weight_UR[row_C].T)
        near_NC = F.softplus(self.gate_P[name]) * near_NC
        result: Tensor = (near_NC + learned_NC) * (row_C > 0).to(near_NC.dtype) * has_N1
        return result

    def of_pairs(self, turned_QD: Tensor, asked: AskedPairs, own_P: Tensor) -> Tensor:
        """(P,) the same for training questions and all their candidates.

        `own_P` is 1 for values that the asked product has itself been added up for, else 0.
        """
        place_QR, has_Q = turned_QD[:, :-1], turned_QD[:, -1]
        name_Q, question_P, row_P = asked.name_Q, asked.question_P, asked.row_P
        from_QR = place_QR - self.middle_PR[name_Q]
        dot_P = asked.products(from_QR, self.centred_UR)
        square_P = from_QR.square().sum(1)[question_P] * own_P
        norm_P = self.norm_U[row_P] - 2 * dot_P * own_P + square_P
        size_P = (self.often_U[row_P] - own_P).clamp_min(0) + self.pull_P[name_Q][question_P]
        near_P = (dot_P - square_P - norm_P / (2 * size_P)) / size_P
        gate_Q = F.softplus(self.gate_P[name_Q]) / self.within_P[name_Q]
        seen_QR = _SLOWNESS * F.dropout(place_QR, _DROPPED, self.training)
        found_P = near_P * gate_Q[question_P] + asked.products(seen_QR, self.weight_UR)
        return found_P * (row_P > 0) * has_Q[question_P]
