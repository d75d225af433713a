"""Means over what is present."""

from __future__ import annotations

import torch
from torch import Tensor


def masked_mean(vectors_BNH: Tensor, present_BN: Tensor) -> Tensor:
    """(B, H): the mean over present items; zero where there is none."""
    weight = present_BN.to(vectors_BNH.dtype)
    total = torch.einsum("bnh,bn->bh", vectors_BNH, weight)
    return total / weight.sum(1, keepdim=True).clamp_min(1)
