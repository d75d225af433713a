"""K-means centres in buffers: colours and object classes that a picture's regions are near to."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from k3m_kg.api import ConfigError

_CLUSTERED = 20_000
"""Items that k-means sees."""


def cluster(items_NF: Tensor, centres_KF: Tensor, scale: Tensor, seed: int) -> Tensor:
    """Fit `centres_KF` to the items in place, and the mean squared distance to them.

    Returns:
        Squared distances (S, K) of the items that k-means saw.

    Raises:
        ConfigError: the items are too few for so many centres.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    chosen = np.random.default_rng(seed).permutation(len(items_NF))[:_CLUSTERED]
    distinct = len(torch.unique(items_NF[torch.from_numpy(chosen)], dim=0))
    if distinct < len(centres_KF):
        raise ConfigError(
            f"the pictures show {distinct} distinct patches or colours, too few for "
            f"{len(centres_KF)} clusters",
            where="image_encoder",
            hint="lower codebook and colours, or train on more pictures",
        )
    sample = items_NF[torch.from_numpy(chosen)].cpu()
    means = KMeans(len(centres_KF), n_init=1, max_iter=30, random_state=seed)
    with threadpool_limits(1):  # threads add up in any order: other bits each time
        means.fit(sample.numpy())
    centres_KF.copy_(torch.from_numpy(np.asarray(means.cluster_centers_, dtype=np.float32)))
    square_SK = torch.cdist(sample, centres_KF.cpu()).square()
    scale.copy_(square_SK.min(1).values.mean().clamp_min(1e-6))
    return square_SK
