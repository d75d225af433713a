"""Compiled layers give what they give as they are, and few are compiled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from functorch.compile import make_boxed_func
from torch._dynamo.backends.common import aot_autograd
from torch._dynamo.testing import CompileCounterWithBackend
from torch._dynamo.utils import counters

from k3m_kg.contracts import transformer
from k3m_kg.training.loop.compiling import compile_layers
from k3m_kg.training.watching.meter import _COUNTED, Meter


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


def test_compiled_code_is_what_a_training_runs_forward_and_backward() -> None:
    """In every step, also after the one whose operations are counted."""
    torch._dynamo.reset()
    counters.clear()
    ran: Counter[str] = Counter()

    def running(kind: str) -> Callable[..., Any]:
        def compiler(graph: torch.fx.GraphModule, _: object) -> Callable[..., Any]:
            def run(*inputs: Any) -> Any:
                ran[kind] += 1
                return graph.forward(*inputs)

            return make_boxed_func(run)

        return compiler

    backend = aot_autograd(fw_compiler=running("forward"), bw_compiler=running("backward"))
    layer = transformer(16, 1, 2)
    assert compile_layers(layer, backend=backend) == 1
    meter = Meter(peak=1.0, memory=lambda: 0.0)
    tokens = torch.ones(2, 3, 16)
    for step in range(5):
        ran.clear()
        with meter.counting(2):
            layer(tokens).square().sum().backward()
        meter.step(2, 6, 6)
        counted = ran == {}
        assert counted == (step == _COUNTED - 1), "what runs is not what was compiled"
        assert counted or ran == {"forward": 1, "backward": 1}
    assert meter.read()["mfu"] > 0
    assert not counters["graph_break"]
    assert counters["stats"]["unique_graphs"] == 1
