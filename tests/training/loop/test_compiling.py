"""Compiled layers give what they give as they are, and few are compiled."""

from __future__ import annotations

import torch
from torch._dynamo.testing import CompileCounterWithBackend

from k3m_kg.contracts import transformer
from k3m_kg.training.loop.compiling import compile_layers


def test_layers_are_compiled_once_for_all_that_are_alike_and_all_sizes() -> None:
    torch._dynamo.reset()
    torch.manual_seed(0)
    plain, compiled = (transformer(16, 3, 2) for _ in range(2))
    compiled.load_state_dict(plain.state_dict())
    counter = CompileCounterWithBackend("eager")
    assert compile_layers(compiled, backend=counter) == 3
    generator = torch.Generator().manual_seed(0)
    kinds = []
    for size, length in ((3, 4), (5, 7), (2, 9), (8, 3), (4, 6)):
        tokens = torch.randn(size, length, 16, generator=generator)
        present = torch.rand(size, length, generator=generator) < 0.7
        expected, found = plain(tokens, present), compiled(tokens, present)
        assert torch.allclose(expected[present], found[present], atol=1e-5)
        found[present].square().sum().backward()
        kinds.append(counter.frame_count)
    assert kinds[-1] == kinds[1] <= 2
    assert compiled.state_dict().keys() == plain.state_dict().keys()
