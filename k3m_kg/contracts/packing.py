"""All tensors of a batch in one copy to a device.

Many small copies cost a device more than one large one, and a copy from memory that is not pinned
makes the CPU wait. So the tensors are laid side by side in one pinned buffer, and are views of its
copy there.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import fields, is_dataclass
from math import prod
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

_T = TypeVar("_T")
_ALIGNED = 64
"""Bytes at which a tensor begins: any number type may be read there, and kernels read fast."""


def packed_to(tree: _T, device: torch.device) -> _T:
    """The same lists, tuples, dicts and dataclasses with all their tensors on `device`.

    On the CPU nothing is copied that is there. A tensor that stands in several places is moved
    once. The copy does not wait: what is computed on the device's current stream comes after it.
    """
    if device.type == "cpu":
        return mapped(tree, lambda tensor: tensor.to(device))
    here: dict[int, Tensor] = {}

    def collect(tensor: Tensor) -> Tensor:
        if tensor.device.type == "cpu":
            here[id(tensor)] = tensor
        return tensor

    mapped(tree, collect)
    starts, size = [], 0
    for tensor in here.values():
        starts.append(size)
        size += -(-tensor.nbytes // _ALIGNED) * _ALIGNED
    pinned = device.type == "cuda"
    with torch.cuda.device(device) if pinned else nullcontext():  # a thread begins on the first one
        buffer = torch.empty(size, dtype=torch.uint8, pin_memory=pinned)
        for tensor, start in zip(here.values(), starts, strict=True):
            _view(buffer, start, tensor).copy_(tensor)
        there = buffer.to(device, non_blocking=True)
    moved = {
        key: _view(there, start, tensor)
        for (key, tensor), start in zip(here.items(), starts, strict=True)
    }
    return mapped(tree, lambda tensor: moved.get(id(tensor), tensor))


def mapped(tree: _T, change: Callable[[Tensor], Tensor]) -> _T:
    """A copy with each tensor changed; what is no container stays the same object."""
    found: Any = tree
    if isinstance(tree, Tensor):
        found = change(tree)
    elif isinstance(tree, dict):
        found = {key: mapped(item, change) for key, item in tree.items()}
    elif isinstance(tree, tuple):
        items = [mapped(item, change) for item in tree]
        found = type(tree)(*items) if hasattr(tree, "_fields") else tuple(items)
    elif isinstance(tree, list):
        found = [mapped(item, change) for item in tree]
    elif is_dataclass(tree) and not isinstance(tree, type):
        found = copy.copy(tree)
        for item in fields(tree):
            object.__setattr__(found, item.name, mapped(getattr(tree, item.name), change))
    return cast("_T", found)


def _view(buffer: Tensor, start: int, like: Tensor) -> Tensor:
    size = prod(like.shape) * like.element_size()
    return buffer[start : start + size].view(like.dtype).view(like.shape)
