"""Modules of which only the shapes are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_DRAWING = {Tensor.normal_, nn.init.normal_, nn.init.trunc_normal_}


@contextmanager
def weightless() -> Iterator[None]:
    """Within it modules are built without memory (on the meta device), and no normal is drawn.

    torch computes what it draws there in Python, for which it imports its compiler: seconds of
    every command that opens a model, for numbers that there are not.
    """
    with torch.device("meta"), _NothingDrawn():
        yield


class _NothingDrawn(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """The tensor as it is, where it would be drawn; else what `func` does."""
        given = kwargs or {}
        if func in _DRAWING:
            return args[0] if args else given["tensor"]
        return func(*args, **given)
