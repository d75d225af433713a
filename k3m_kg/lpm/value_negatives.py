"""Corrupted values for link prediction, drawn from what a property really takes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from k3m_kg.contracts import Catalog


class PropertyNegatives:
    """Uniform negatives among the values that each property takes in training.

    Args:
        catalog: its `candidates` are what is drawn from.
    """

    def __init__(self, catalog: Catalog) -> None:
        sizes = np.array([len(values) for values in catalog.candidates], dtype=np.int64)
        flat = np.concatenate([*catalog.candidates, np.empty(0, dtype=np.int64)])
        property_of = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
        self._stride = len(catalog.values) + 1
        self._sizes = torch.from_numpy(sizes)
        self._starts = torch.from_numpy(np.cumsum(sizes) - sizes)
        self._values = torch.from_numpy(flat.astype(np.int64))
        self._keys = torch.from_numpy(property_of * self._stride + flat)  # ascending

    def sample(
        self,
        properties_N: Tensor,
        true_values_N: Tensor,
        k: int,
        generator: torch.Generator,
        known_NF: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Draw `k` negatives, with replacement, for each of N triples.

        Args:
            properties_N: property ids, on any device.
            true_values_N: the value ids to corrupt; never drawn.
            k: K.
            generator: on the CPU; all randomness comes from it.
            known_NF: up to F further value ids that are true of the same product and property,
                padded with -1; never drawn either.

        Returns:
            values_NK: drawn value ids; where nothing can be drawn, the true value.
            mask_NK: bool, True at real negatives.
        """
        properties_N = properties_N.cpu()
        truth_N = true_values_N.cpu()
        excluded_NX = truth_N[:, None]
        if known_NF is not None:
            excluded_NX = torch.cat([excluded_NX, known_NF.cpu()], dim=1)
        rank_NX = self._ranks(properties_N, excluded_NX)
        nowhere = torch.iinfo(torch.int64).max
        left_N = self._sizes[properties_N] - (rank_NX < nowhere).sum(1)
        uniform_NK = torch.rand(len(truth_N), k, generator=generator, dtype=torch.float64)
        drawn_NK = (uniform_NK * left_N[:, None]).long()
        for rank_N in rank_NX.unbind(1):  # ascending: step over what must not be drawn
            drawn_NK += drawn_NK >= rank_N[:, None]
        mask_NK = (left_N > 0)[:, None].expand(-1, k)
        place_NK = torch.where(mask_NK, self._starts[properties_N][:, None] + drawn_NK, 0)
        values_NK = truth_N[:, None].expand(-1, k)
        if len(self._values):
            values_NK = torch.where(mask_NK, self._values[place_NK], values_NK)
        return values_NK.to(true_values_N.device), mask_NK.to(true_values_N.device)

    def _ranks(self, properties_N: Tensor, values_NX: Tensor) -> Tensor:
        """Each value's rank among its property's candidates: ascending, once each, else huge."""
        nowhere = torch.iinfo(torch.int64).max
        if not len(self._keys):
            return torch.full_like(values_NX, nowhere)
        keys_NX = properties_N[:, None] * self._stride + values_NX
        place_NX = torch.searchsorted(self._keys, keys_NX).clamp_max(len(self._keys) - 1)
        found_NX = (self._keys[place_NX] == keys_NX) & (values_NX >= 0)
        rank_NX = place_NX - self._starts[properties_N][:, None]
        rank_NX = torch.where(found_NX, rank_NX, nowhere).sort(dim=1).values
        repeated_NX = torch.zeros_like(found_NX)
        repeated_NX[:, 1:] = rank_NX[:, 1:] == rank_NX[:, :-1]
        return torch.where(repeated_NX, nowhere, rank_NX).sort(dim=1).values
