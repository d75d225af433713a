"""Wrong answers, and what is learnt from them (N triples in G groups of S, K candidates)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class LinkLoss(Protocol):
    """A loss of scores: any callable."""

    def __call__(self, positive_N: Tensor, negative_NK: Tensor, mask_NK: Tensor) -> Tensor:
        """A scalar; the smaller the better.

        Args:
            positive_N: the scores of true triples.
            negative_NK: the scores of each one's negatives.
            mask_NK: bool; the others are no negatives and must not be read, be they NaN. A row, or
                all rows, may have none.
        """
        ...


@dataclass(frozen=True, slots=True)
class SamplerContext:
    """What a negative sampler is built for.

    Attributes:
        triples_T3: the training triples (head, relation, tail), int64.
        entities, relations: how many there are; ids count from 0.
        count: K, for samplers that draw as many as they are asked for.
    """

    triples_T3: np.ndarray
    entities: int
    relations: int
    count: int


@dataclass(slots=True)
class Negatives:
    """The negatives of G groups of S triples.

    Attributes:
        entities_GK: candidates that the S triples of a group share.
        mask_GSK: bool, True where a candidate may be a negative of that triple; None: everywhere.
    """

    entities_GK: Tensor
    mask_GSK: Tensor | None = None


class NegativeSampler(ABC):
    """Draws wrong heads or tails.

    All tensors are int64 and on the CPU, and all randomness comes from the generator: moving to the
    device, and masking what is the triple's own answer or known to be true, is not its business.
    """

    def group_size(self, shared: int, batch_size: int) -> int:
        """S: how many triples share their negatives; by default as many as the config says.

        Raises:
            ConfigError: the sampler cannot do that.
        """
        return shared

    def sides(
        self, triples_N3: Tensor, group: int, generator: torch.Generator
    ) -> tuple[Tensor, int]:
        """The triples in an order in which the first ones get their head corrupted.

        By default as they come, in random order, and half of them; of an odd number of groups the
        odd one is sometimes on this side, sometimes on the other.

        Returns:
            The triples and how many of them that is, a multiple of the group's size S.
        """
        groups = -(-len(triples_N3) // group)
        heads = groups // 2
        if groups % 2:
            heads += int(torch.randint(2, (), generator=generator))
        return triples_N3, min(heads * group, len(triples_N3))

    @abstractmethod
    def draw(self, triples_GS3: Tensor, column: int, generator: torch.Generator) -> Negatives:
        """Candidates for the column (0 head, 2 tail) of each triple."""
