"""The fusion strategies of K3M (Zhu et al. 2021, section 3.2.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from k3m_kg.api import Fusion, initialise


class Mean(Fusion):
    """The average of both sources."""

    def forward(
        self, individual_BNH: Tensor, interactive_BNH: Tensor, present_BN: Tensor
    ) -> Tensor:
        """(B, N, H)."""
        return (individual_BNH + interactive_BNH) / 2 * present_BN[..., None]


class InteractiveOnly(Fusion):
    """The interactive features alone."""

    def forward(
        self, individual_BNH: Tensor, interactive_BNH: Tensor, present_BN: Tensor
    ) -> Tensor:
        """(B, N, H)."""
        return interactive_BNH * present_BN[..., None]


class SoftSampling(Fusion):
    """Sigmoid gates, computed from both, scale each source; a linear layer merges them."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * hidden, 2 * hidden)
        self.merge = nn.Linear(2 * hidden, hidden)
        initialise(self)

    def forward(
        self, individual_BNH: Tensor, interactive_BNH: Tensor, present_BN: Tensor
    ) -> Tensor:
        """(B, N, H)."""
        both = torch.cat([individual_BNH, interactive_BNH], -1)
        merged: Tensor = self.merge(both * torch.sigmoid(self.gate(both)))
        return merged * present_BN[..., None]


class HardSampling(Fusion):
    """The same gates; a straight-through Gumbel-softmax over them picks a source per hidden unit.

    The softmax over two sources depends on the difference of their gates alone, and the difference
    of two Gumbel variables is logistic: one logistic sample per unit does the work of two Gumbel
    ones. Outside training the likelier source is taken.
    """

    def __init__(self, hidden: int, temperature: float, squash: bool) -> None:
        super().__init__()
        self.squash = squash
        self.gate = nn.Linear(2 * hidden, 2 * hidden)
        self.temperature = temperature
        initialise(self)

    def forward(
        self, individual_BNH: Tensor, interactive_BNH: Tensor, present_BN: Tensor
    ) -> Tensor:
        """(B, N, H)."""
        gates = self.gate(torch.cat([individual_BNH, interactive_BNH], -1))
        gates = torch.sigmoid(gates) if self.squash else gates
        individual_gate, interactive_gate = gates.chunk(2, -1)
        difference = individual_gate - interactive_gate
        if self.training:
            difference = difference.float()  # bfloat16 has too few numbers near 0 and 1
            uniform = torch.rand_like(difference).clamp(1e-6, 1 - 1e-6)
            difference = (difference + torch.logit(uniform)) / self.temperature
        soft = torch.sigmoid(difference)
        pick = ((difference > 0).to(soft.dtype) + soft - soft.detach()).to(gates.dtype)
        fused = interactive_BNH + pick * (individual_BNH - interactive_BNH)
        return fused * present_BN[..., None]
