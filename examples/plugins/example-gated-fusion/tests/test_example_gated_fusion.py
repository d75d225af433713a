"""The fusion keeps its contract, and opens as far as it was told."""

import pytest
import torch
from example_gated_fusion import GatedSettings, build

from k3m_kg.api import ModelContext
from k3m_kg.testing import FusionCase


class TestContract(FusionCase):
    def build(self, context):
        return build(GatedSettings(), context)


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_it_begins_as_open_as_it_was_set(share):
    fusion = build(GatedSettings(open=share), ModelContext(hidden=64))
    alone, together = torch.zeros(1, 3, 64), torch.ones(1, 3, 64)
    out = fusion(alone, together, torch.ones(1, 3, dtype=torch.bool))
    assert float(out.mean()) == pytest.approx(share, abs=0.05)
