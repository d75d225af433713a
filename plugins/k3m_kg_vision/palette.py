"""Which colours a picture has, and which its middle: shares of a fixed palette, nothing fitted.

A network that was trained to name things tells colours apart badly. Its mean region gives 54 % of
the fashion catalog's colours, a palette's histogram alone 62 %, both together 64 % (`docs/log.md`).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_LEVELS = 32
"""Of each channel: colours are told apart by five bits."""
_SIDE = 56
"""Pixels of a side that are looked at: finer is no better, coarser a point worse."""
_STEP = 24.0
"""Distance of neighbours in the palette, in the units of CIELAB."""
_SOFT = 0.3
_MIDDLE = 0.25
"""Of a side: how far from the middle a pixel counts exp(-1)."""


@lru_cache(maxsize=1)
def shares() -> Tensor:
    """(32768, K): how much of each colour of the palette a colour of five bits a channel is.

    The palette is a lattice in CIELAB (CIE 1976, D65), whose distances are near to those that
    people see; of it the points that some colour is near to.
    """
    with torch.device("cpu"):  # also where a module is built without memory
        return _shares()


def _shares() -> Tensor:
    level = (torch.arange(_LEVELS, dtype=torch.float64) + 0.5) / _LEVELS
    colours_N3 = torch.cartesian_prod(level, level, level)
    lab_N3 = _lab(colours_N3)
    axes = [torch.arange(0.0, 101, _STEP), *[torch.arange(-120.0, 121, _STEP)] * 2]
    lattice_K3 = torch.cartesian_prod(*axes).double()
    square_NK = torch.cdist(lab_N3, lattice_K3).square()
    nearest_K = torch.unique(square_NK.argmin(1))
    square_NK = square_NK[:, nearest_K]
    return (-square_NK / (_SOFT * _STEP**2)).softmax(1).float()


def width() -> int:
    """Numbers that `histograms` gives for each region."""
    return 2 * shares().shape[1]


def histograms(pixels_I3SS: Tensor, grid: int) -> np.ndarray:
    """(I, R, 2 K) float16, for the grid's R cells: their part of the picture's and the middle's.

    Added up over all cells, each half is 1 in all.

    Args:
        pixels_I3SS: uint8.
        grid: cells of a side.
    """
    small = F.adaptive_avg_pool2d(pixels_I3SS.float(), _SIDE).long() * _LEVELS // 256
    code_IN = ((small[:, 0] * _LEVELS + small[:, 1]) * _LEVELS + small[:, 2]).flatten(1)
    order_N, starts_R, weight_N = _cells(grid)
    code_N = code_IN[:, order_N].flatten()
    count = len(code_IN)
    offsets = (torch.arange(count)[:, None] * len(order_N) + starts_R).flatten()
    parts = []
    for weights in (torch.full_like(weight_N, 1 / len(weight_N)), weight_N):
        found = F.embedding_bag(
            code_N,
            shares(),
            offsets,
            mode="sum",
            per_sample_weights=weights.repeat(count),
        )
        parts.append(found.view(count, len(starts_R), -1))
    result: np.ndarray = torch.cat(parts, 2).half().numpy()
    return result


def read(histograms_IRK: Tensor, shown_IR: Tensor) -> Tensor:
    """(I, 2 K): roots of the shares, over the regions that are shown."""
    return (histograms_IRK.float() * shown_IR[..., None]).sum(1).sqrt()


@lru_cache(maxsize=8)
def _cells(grid: int) -> tuple[Tensor, Tensor, Tensor]:
    """The pixels cell by cell, where each cell begins, and how near to the middle each pixel is."""
    place = torch.arange(_SIDE)
    cell = place * grid // _SIDE
    order_N = (cell[:, None] * grid + cell).flatten().argsort(stable=True)
    counts = torch.bincount((cell[:, None] * grid + cell).flatten(), minlength=grid**2)
    off = (place + 0.5) / _SIDE - 0.5
    square = off[:, None].square() + off.square()
    weight_N = (-square / _MIDDLE**2).exp().flatten()
    return order_N, counts.cumsum(0) - counts, (weight_N / weight_N.sum())[order_N]


def _lab(rgb_N3: Tensor) -> Tensor:
    linear_N3 = torch.where(rgb_N3 <= 0.04045, rgb_N3 / 12.92, ((rgb_N3 + 0.055) / 1.055) ** 2.4)
    matrix = torch.tensor(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ],
        dtype=torch.float64,
    )
    xyz_N3 = linear_N3 @ matrix.T / torch.tensor([0.95047, 1.0, 1.08883], dtype=torch.float64)
    small = (6 / 29) ** 3
    root_N3 = torch.where(
        xyz_N3 > small, xyz_N3.clamp_min(1e-12) ** (1 / 3), xyz_N3 / (3 * (6 / 29) ** 2) + 4 / 29
    )
    x, y, z = root_N3.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)
