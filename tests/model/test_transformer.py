"""Packed transformer layers give what torch's own, padded ones give."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from k3m_kg.contracts import Transformer, transformer

PRESENT = torch.tensor([[1, 1, 1, 1], [1, 0, 1, 0], [0, 1, 1, 1], [1, 0, 0, 0]]).bool()


def tokens(rows: int = 4) -> Tensor:
    return torch.randn(rows, 4, 16, generator=torch.Generator().manual_seed(0))


def torchs(like: Transformer, pre_norm: bool) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(
        16, 2, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=pre_norm
    )
    norm = nn.LayerNorm(16) if pre_norm else None
    stack = nn.TransformerEncoder(layer, 2, norm=norm, enable_nested_tensor=False)
    stack.load_state_dict(like.state_dict())
    return stack


@pytest.mark.parametrize("packs", [True, False])
@pytest.mark.parametrize("pre_norm", [True, False])
def test_vectors_and_gradients_are_those_of_torchs_padded_layers(
    pre_norm: bool, packs: bool
) -> None:
    torch.manual_seed(0)
    ours = transformer(16, 2, 2, pre_norm=pre_norm)
    ours.packs = packs
    theirs = torchs(ours, pre_norm)
    found = ours(tokens(), PRESENT)
    expected = theirs(tokens(), src_key_padding_mask=~PRESENT)
    assert torch.allclose(found[PRESENT], expected[PRESENT], atol=1e-6)
    for stack, out in ((ours, found), (theirs, expected)):
        (out * PRESENT[..., None]).square().sum().backward()
        assert all(weight.grad is not None for weight in stack.parameters())
    for (name, weight), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(weight.grad, other.grad, atol=1e-4), name


def test_a_row_without_any_token_leaves_no_trace_in_any_gradient() -> None:
    ours = transformer(16, 2, 2)
    present = torch.cat([PRESENT, torch.zeros(1, 4, dtype=torch.bool)])
    gradients = []
    for rows in (5, 4):
        ours.zero_grad()
        found = ours(tokens(5)[:rows], present[:rows])
        assert not found[4:].any()
        found.square().sum().backward()
        gradients.append([weight.grad.clone() for weight in ours.parameters()])
    for with_it, without in zip(*gradients, strict=True):
        assert torch.allclose(with_it, without, atol=1e-5)


def test_a_token_that_is_not_looked_at_still_looks_itself() -> None:
    ours = transformer(16, 2, 2).eval()
    seen = PRESENT.clone()
    seen[0, 1] = False
    changed = tokens()
    changed[0, 1] *= -1
    before, after = (ours(every, PRESENT, seen) for every in (tokens(), changed))
    others = PRESENT.clone()
    others[0, 1] = False
    assert torch.allclose(before[others], after[others], atol=1e-6)
    assert not torch.allclose(before[0, 1], after[0, 1], atol=1e-2)


def test_no_layers_leave_tokens_as_they_are() -> None:
    assert torch.equal(transformer(16, 0, 2)(tokens()), tokens())
