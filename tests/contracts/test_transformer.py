"""Stacks of layers: in which precision they run."""

from __future__ import annotations

import torch

from k3m_kg.contracts import transformer


def test_a_stack_runs_in_the_computing_precision_throughout() -> None:
    stack = transformer(16, 2, 2)
    kinds = []
    for layer in stack.layers:
        layer.register_forward_hook(lambda _, given, out: kinds.extend((given[0].dtype, out.dtype)))
    tokens_BTH = torch.randn(2, 3, 16, generator=torch.Generator().manual_seed(0))
    whole_BTH = stack(tokens_BTH)
    assert set(kinds) == {torch.float32}
    kinds.clear()
    with torch.autocast("cpu", torch.bfloat16):
        half_BTH = stack(tokens_BTH)
    assert set(kinds) == {torch.bfloat16}
    assert torch.allclose(half_BTH.float(), whole_BTH, atol=0.05)
    half_BTH.float().sum().backward()
    assert all(weight.grad.dtype == torch.float32 for weight in stack.parameters())
