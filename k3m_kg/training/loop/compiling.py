"""`torch.compile`, layer by layer: what is repeated is compiled once, whatever a batch's sizes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from k3m_kg.contracts import RepeatedLayer

_KINDS = 64
"""So many kinds of layer (widths, with and without mask, training or not) may be compiled."""


def compile_layers(module: nn.Module, backend: str | Callable[..., Any] = "inductor") -> int:
    """Compile every `RepeatedLayer` in a module, in place: names of weights stay.

    Nothing happens before a layer is first used; that takes seconds to a minute, and a C++ compiler
    on a CPU. Batches of other sizes use what is compiled.

    Returns:
        How many layers there are.
    """
    torch._dynamo.config.recompile_limit = max(_KINDS, torch._dynamo.config.recompile_limit)
    layers = [part for part in module.modules() if isinstance(part, RepeatedLayer)]
    for layer in layers:
        layer.compile(dynamic=True, backend=backend)
    return len(layers)


def uncompiled() -> AbstractContextManager[object]:
    """Within it layers run as they are, compiled or not: for steps whose operations are counted.

    What counts operations sees none of compiled code; and a layer that torch meets under it without
    this it never runs compiled again, nor any other layer.
    """
    if "torch._dynamo" not in sys.modules:  # a second to import; nothing is compiled without it
        return nullcontext()
    eager: AbstractContextManager[object] = torch.compiler.set_stance("force_eager")
    return eager
