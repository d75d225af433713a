"""A sampler's negatives on the device of the model, without what is true."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from k3m_kg.contracts import Negatives, NegativeSampler


class EntityNegatives:
    """Asks any sampler, on the CPU, and masks what is no negative, on the device.

    Args:
        sampler: draws.
        entities, relations: how many there are.
        known_T3: triples that are true and never negatives; None: only a triple's own answer is.
        device: where the negatives are wanted.
    """

    def __init__(
        self,
        sampler: NegativeSampler,
        entities: int,
        relations: int,
        *,
        known_T3: np.ndarray | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.sampler = sampler
        self.device = torch.device(device)
        self._entities = entities
        self._relations = relations
        self._known: Tensor | None = None
        if known_T3 is not None:
            keys = self._keys(torch.from_numpy(known_T3)).numpy()
            self._known = torch.from_numpy(np.sort(keys)).to(self.device)

    def draw(
        self, triples_GS3: Tensor, column: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Candidates (G, K) for the column (0 head, 2 tail) of triples on the CPU, and their mask.

        The mask (G, S, K) is True where a candidate is a negative of that triple. Both are on the
        device.
        """
        drawn: Negatives = self.sampler.draw(triples_GS3, column, generator)
        entities_GK = drawn.entities_GK.to(self.device)
        triples_GS3 = triples_GS3.to(self.device)
        mask_GSK = entities_GK[:, None] != triples_GS3[..., column, None]
        if drawn.mask_GSK is not None:
            mask_GSK &= drawn.mask_GSK.to(self.device)
        if self._known is not None:
            mask_GSK &= ~self._are_known(self._known, triples_GS3, entities_GK, column)
        return entities_GK, mask_GSK

    def _keys(self, triples: Tensor) -> Tensor:
        triples = triples.long()
        pair = triples[..., 0] * self._relations + triples[..., 1]
        return pair * self._entities + triples[..., 2]

    def _are_known(
        self, known: Tensor, triples_GS3: Tensor, entities_GK: Tensor, column: int
    ) -> Tensor:
        keys_GS = self._keys(triples_GS3)
        stride = self._relations * self._entities if column == 0 else 1
        base_GS = keys_GS - triples_GS3[..., column] * stride
        keys_GSK = base_GS[..., None] + entities_GK[:, None] * stride
        place = torch.searchsorted(known, keys_GSK).clamp_max(len(known) - 1)
        return known[place] == keys_GSK
