"""Two kinds of vectors brought into one space by a linear map of each, from pairs that belong
together (the two-tower loss of CLIP, Radford et al. 2021, without the towers).

N pairs; F numbers of the left ones, G of the right ones.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from k3m_kg.api import TuneSettings, tune
from k3m_kg_evaluations.ranked import of_scores

_WIDTH = 64
_STILL = 1e-6
_TUNING = TuneSettings(
    epochs=40, patience=6, batch_size=128, head_learning_rate=2e-3, weight_decay=0.05
)


class Maps(nn.Module):
    """Linear maps of both sides; the cosine says how well two fit.

    Args:
        left_NF, right_NG: vectors of train products, which are centred and scaled by these.
    """

    def __init__(self, left_NF: Tensor, right_NG: Tensor) -> None:
        super().__init__()
        for name, vectors in (("left", left_NF), ("right", right_NG)):
            spread = vectors.std(0, correction=0)
            self.register_buffer(f"{name}_mean", vectors.mean(0))
            scale = torch.where(spread > _STILL, 1 / spread.clamp_min(_STILL), 0.0)
            self.register_buffer(f"{name}_scale", scale)
        self.left = nn.Linear(left_NF.shape[1], _WIDTH, bias=False)
        self.right = nn.Linear(right_NG.shape[1], _WIDTH, bias=False)
        self.dropout = nn.Dropout(0.2)
        self.heat = nn.Parameter(torch.tensor(10.0).log())

    def forward(self, left_NF: Tensor, right_NG: Tensor) -> tuple[Tensor, Tensor]:
        """Both sides in the common space, of length 1."""
        left = (left_NF - self.get_buffer("left_mean")) * self.get_buffer("left_scale")
        right = (right_NG - self.get_buffer("right_mean")) * self.get_buffer("right_scale")
        return (
            nn.functional.normalize(self.left(self.dropout(left)), dim=1),
            nn.functional.normalize(self.right(self.dropout(right)), dim=1),
        )

    def loss(self, left_NF: Tensor, right_NG: Tensor, same_NN: Tensor) -> Tensor:
        """Each finds its partner among the others; those that are as right do not count."""
        left, right = self(left_NF, right_NG)
        every = torch.arange(len(left), device=left.device)
        logits_NN = (left @ right.T) * self.heat.exp().clamp_max(100)
        apart_NN = same_NN & (every[:, None] != every)
        logits_NN = logits_NN.masked_fill(apart_NN, -1e4)
        cross_entropy = nn.functional.cross_entropy
        return (cross_entropy(logits_NN, every) + cross_entropy(logits_NN.T, every)) / 2


def same_of(groups: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """(N, N) bool: which of N pairs share their left or their right side."""
    left_N, right_N = groups
    found: np.ndarray = (left_N[:, None] == left_N) | (right_N[:, None] == right_N)
    return found


def mean_rank(left_NW: np.ndarray, right_NW: np.ndarray, same_NN: np.ndarray) -> float:
    """The MRR of both directions, for choosing."""
    scores_NN = left_NW @ right_NW.T
    both = (of_scores(scores_NN, same_NN)["mrr"], of_scores(scores_NN.T, same_NN)["mrr"])
    return float(np.mean(np.concatenate(both)))


Side = tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]
"""Left vectors, right vectors, and for both sides numbers that say which are the same."""


def fit_maps(train: Side, validation: Side, seed: int = 0) -> Maps:
    """Maps fitted to train pairs; the epoch is chosen on validation."""
    torch.manual_seed(seed)
    left_NF, right_NG = (torch.from_numpy(np.asarray(v, np.float32)) for v in train[:2])
    maps = Maps(left_NF, right_NG)

    def loss(chosen: np.ndarray) -> Tensor:
        places = torch.from_numpy(chosen)
        same_NN = same_of((train[2][0][chosen], train[2][1][chosen]))
        return maps.loss(left_NF[places], right_NG[places], torch.from_numpy(same_NN))

    def check() -> float | None:
        if len(validation[0]) < 2:
            return None
        left, right = mapped(maps, validation[0], validation[1])
        return mean_rank(left, right, same_of(validation[2]))

    tune(None, maps, len(left_NF), loss, check, _TUNING)
    return maps


@torch.no_grad()
def mapped(maps: Maps, left_NF: np.ndarray, right_NG: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both sides in the common space, (N, W) each."""
    device = next(maps.parameters()).device
    left, right = (
        torch.from_numpy(np.asarray(v, np.float32)).to(device) for v in (left_NF, right_NG)
    )
    left, right = maps.eval()(left, right)
    return left.cpu().numpy(), right.cpu().numpy()
