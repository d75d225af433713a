"""`g = sigmoid(W [a ; b] + bias)`, `g b + (1 - g) a`, as in a highway network (Srivastava 2015)."""

import math

import torch
from torch import nn

from k3m_kg.api import Fusion


class Gated(Fusion):
    def __init__(self, hidden, begin):
        super().__init__()
        self.gate = nn.Linear(2 * hidden, hidden)
        nn.init.normal_(self.gate.weight, std=0.02)  # nearly the same for every token
        nn.init.constant_(self.gate.bias, math.log(begin / (1 - begin)))

    def forward(self, individual_BNH, interactive_BNH, present_BN):
        gate_BNH = self.gate(torch.cat([individual_BNH, interactive_BNH], -1)).sigmoid()
        mixed_BNH = torch.lerp(individual_BNH, interactive_BNH, gate_BNH)
        return torch.where(present_BN[..., None], mixed_BNH, 0.0)
