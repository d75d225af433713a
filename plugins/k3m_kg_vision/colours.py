"""The colours of a region: which of a catalog's common colours its 4 x 4 cells are near to."""

from __future__ import annotations

import torch
from torch import Tensor

from k3m_kg_vision.clusters import cluster

GRID = 4
"""A region is described by 4 x 4 mean colours."""
_WHITE = 0.95  # brighter than this is background, of which catalogs are full


def fit_colours(cells_N3: Tensor, colours_K3: Tensor, scale: Tensor, seed: int) -> None:
    """K-means over single colours in [0, 1]; the white background is one colour of its own."""
    ground = cells_N3.amin(1) > _WHITE
    rest_N3 = cells_N3[~ground]
    few = len(rest_N3) < len(colours_K3)
    cluster(cells_N3 if few else rest_N3, colours_K3, scale, seed)
    if ground.any():
        colours_K3[0] = 1.0


def nearness(cells_BN3: Tensor, colours_K3: Tensor, scale: Tensor) -> Tensor:
    """(B, N, K): the share of each common colour in each cell."""
    distance = torch.cdist(cells_BN3, colours_K3[None])
    return (-distance.square() / scale).softmax(-1)


def centred(histogram: Tensor) -> Tensor:
    """The root of a histogram, about zero mean and unit size."""
    return 4 * histogram.sqrt() - 0.5
