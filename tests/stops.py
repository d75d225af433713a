"""What makes the CPU wait for a device, counted on any CPU.

Within `counted()`, tensors on the second device are real (`tests.second_device`), and every
operation that would make the CPU wait for a GPU, or is a copy to it, is counted. Which operations
those are was checked with `torch.cuda.set_sync_debug_mode`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from tests.second_device import DEVICE, SecondDevice, _Elsewhere

_aten = torch.ops.aten
_WAITING = {
    _aten._local_scalar_dense,
    _aten.is_nonzero,
    _aten.equal,
    _aten.nonzero,
    _aten.nonzero_static,
    _aten.masked_select,
    _aten._unique,
    _aten._unique2,
    _aten.unique_dim,
    _aten.unique_consecutive,
    _aten.bincount,
    _aten.histc,
}
"""Whose result, or its shape, the CPU has to know."""
_BY_MASK = {_aten.index, _aten.index_put, _aten.index_put_, _aten._index_put_impl_}
_COPIES = {_aten._to_copy, _aten.copy_}


@dataclass
class Stops:
    """By the name of an operation, how often it was met.

    Attributes:
        waits: those that wait for the device.
        copies: those that bring something to it.
    """

    waits: Counter[str] = field(default_factory=Counter)
    copies: Counter[str] = field(default_factory=Counter)


class _Counting(TorchDispatchMode):
    def __init__(self, stops: Stops) -> None:
        super().__init__()
        self.stops = stops

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        packet, name = func.overloadpacket, str(func)
        given = [item for item in tree_flatten((args, kwargs))[0] if isinstance(item, Tensor)]
        there = [item.device == DEVICE for item in given]
        if packet in _COPIES:
            target = kwargs.get("device")
            to = target == DEVICE if target is not None else there[0]
            source = there[-1]
            if to and not source and given[-1].dim():
                self.stops.copies[name] += 1
            elif source and not to:
                self.stops.waits[name] += 1
        elif any(there) and (
            packet in _WAITING
            or (packet is _aten.repeat_interleave and kwargs.get("output_size") is None)
            or (packet in _BY_MASK and _by_mask(args[1]))
        ):
            self.stops.waits[name] += 1
        return func(*args, **kwargs)


def _by_mask(indices: Any) -> bool:
    return any(item is not None and item.dtype in (torch.bool, torch.uint8) for item in indices)


@contextmanager
def counted() -> Iterator[Stops]:
    """Counts what happens to tensors of the second device."""
    stops = Stops()
    listed = _Elsewhere.tolist

    def tolist(self: _Elsewhere) -> Any:
        stops.waits["tolist"] += 1
        return listed(self)

    _Elsewhere.tolist = tolist  # type: ignore[method-assign]
    try:
        with SecondDevice(), _Counting(stops):
            yield stops
    finally:
        _Elsewhere.tolist = listed  # type: ignore[method-assign]
