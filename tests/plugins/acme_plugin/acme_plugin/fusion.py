"""A fusion: the source whose unit is larger weighs more."""

import torch

from k3m_kg.api import Fusion


class Stronger(Fusion):
    def __init__(self, sharpness):
        super().__init__()
        self.sharpness = sharpness

    def forward(self, individual_BNH, interactive_BNH, present_BN):
        both = torch.stack([individual_BNH, interactive_BNH])
        weight = (self.sharpness * both.abs()).softmax(0)
        return (weight * both).sum(0) * present_BN[..., None]
