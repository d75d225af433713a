"""Modules without memory: their shapes, and nothing drawn, for which torch imports its compiler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from k3m_kg.contracts.weightless import weightless


class Asked(TorchDispatchMode):
    """The operations that reach torch's core."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def test_shapes_are_there_and_nothing_is_drawn() -> None:
    with weightless(), Asked() as asked:
        module = nn.ModuleDict(
            {"words": nn.Embedding(5, 3), "layer": nn.Linear(3, 2), "map": nn.Conv2d(1, 2, 3)}
        )
        for drawn in (nn.init.xavier_normal_, nn.init.kaiming_normal_, nn.init.trunc_normal_):
            drawn(module["layer"].weight)
        nn.init.normal_(module["layer"].weight, std=2.0)
        with torch.no_grad():
            assert module["layer"].weight.normal_(0, 1) is module["layer"].weight
    shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    assert shapes["words.weight"] == (5, 3)
    assert shapes["map.weight"] == (2, 1, 3, 3)
    assert all(tensor.is_meta for tensor in module.state_dict().values())
    assert "normal_" not in asked.names
    assert nn.Embedding(5, 3).weight.std() > 0
