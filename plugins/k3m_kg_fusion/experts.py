"""A mixture of experts as fusion, after MoMoK (Zhang et al., ICLR 2025).

MoMoK's experts read a modality in several ways and are weighed by the relation that is asked. A
fusion knows of no question, so that here the token itself weighs them; by relation they are weighed
in the gate of `lpm`. MoMoK's loss on the experts' mutual information is left out.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from k3m_kg.api import Fusion, initialise


class Experts(Fusion):
    """The average of both sources, and what the experts add: nothing, at first."""

    def __init__(self, hidden: int, experts: int, width: int) -> None:
        super().__init__()
        self.experts, self.width = experts, width
        self.gate = nn.Linear(2 * hidden, experts)
        self.inner = nn.Linear(2 * hidden, experts * width)
        initialise(self)
        self.outer_XWH = nn.Parameter(torch.zeros(experts, width, hidden))

    def forward(
        self, individual_BNH: Tensor, interactive_BNH: Tensor, present_BN: Tensor
    ) -> Tensor:
        """(B, N, H)."""
        both = torch.cat([individual_BNH, interactive_BNH], -1)
        share_BNX = self.gate(both).softmax(-1)
        inner_BNXW = F.gelu(self.inner(both)).view(*both.shape[:-1], self.experts, self.width)
        weighed = (inner_BNXW * share_BNX[..., None]).flatten(-2)
        added_BNH: Tensor = weighed @ self.outer_XWH.flatten(0, 1).to(weighed.dtype)
        return ((individual_BNH + interactive_BNH) / 2 + added_BNH) * present_BN[..., None]
