"""A second device without one: tensors that live elsewhere, so that mixing is an error on any CPU.

Within `SecondDevice()`, tensors on `DEVICE` are real: they hold numbers, computed on the CPU, so
`unique`, `nonzero` and branches on values work and results can be compared to the bit with those of
the CPU. But an operation that takes tensors of both devices fails as it would with a GPU, and so do
`.numpy()` and a CPU generator that should fill a tensor of the other device. (FakeTensorMode finds
mixed devices too, but has no numbers: a step that looks at any cannot run.)

    with SecondDevice():
        model.to(DEVICE)
        step(model, batch.to(DEVICE))

As with CUDA, three things are allowed to mix: copies, numbers (tensors without dimensions), and
indexing a tensor of the second device with ids of the CPU. Indexing a CPU tensor with ids of the
second device is not.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("meta")
"""Goes by this name, as it is the one device that any build of torch takes for a device."""

_aten = torch.ops.aten
_COPIES = {_aten.copy_.default, _aten._to_copy.default}
_INDEXED = {
    _aten.index.Tensor,
    _aten.index_put.default,
    _aten.index_put_.default,
    _aten._index_put_impl_.default,
}


class DeviceMixError(RuntimeError):
    """Tensors of two devices in one operation."""


class _Elsewhere(Tensor):
    """A tensor of the second device."""

    inner: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, inner: Tensor) -> _Elsewhere:
        return Tensor._make_wrapper_subclass(  # type: ignore[attr-defined,no-any-return]
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=DEVICE,
        )

    def __init__(self, inner: Tensor) -> None:
        self.inner = inner

    def __repr__(self) -> str:  # type: ignore[override]
        return f"elsewhere({self.inner})"

    @property  # type: ignore[override]
    def data(self) -> Tensor:
        return self.detach()

    @data.setter
    def data(self, other: Tensor) -> None:  # torch would replace the shell and keep the numbers
        assert isinstance(other, _Elsewhere), "give a tensor of the second device"
        self.inner = other.inner

    def tolist(self) -> Any:  # torch refuses it to subclasses
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Dispatch(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _FromNumbers(TorchFunctionMode):
    """`torch.tensor` makes meta tensors and asks nobody: let it make one here and move it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        device = kwargs.get("device")
        new = func is Tensor.new_tensor and device is None and isinstance(args[0], _Elsewhere)
        if func in (torch.tensor, torch.as_tensor, Tensor.new_tensor) and (
            new or (device is not None and torch.device(device) == DEVICE)
        ):
            made: Tensor = func(*args, **(kwargs | {"device": "cpu"}))
            return made.to(DEVICE)
        return func(*args, **kwargs)


class SecondDevice(ExitStack[None]):
    """While entered, `DEVICE` holds tensors."""

    def __enter__(self) -> SecondDevice:
        super().__enter__()
        self.enter_context(_Dispatch())
        self.enter_context(_FromNumbers())
        return self


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    given = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
    assert all(t.device != DEVICE or isinstance(t, _Elsewhere) for t in given), (
        f"{func}: no numbers"
    )
    elsewhere = any(isinstance(tensor, _Elsewhere) for tensor in given)
    target = kwargs.get("device")
    if func not in _COPIES:
        _check(func, args, given)
    there = elsewhere if target is None else torch.device(target) == DEVICE
    generator = kwargs.get("generator")
    if there and generator is not None:
        raise DeviceMixError(f"{func}: a generator of the CPU for a tensor of the second device")
    if target is not None:
        kwargs = kwargs | {"device": torch.device("cpu")}
    inner_args, inner_kwargs = tree_map(_inner, (args, kwargs))
    found = func(*inner_args, **inner_kwargs)
    if func is _aten._to_copy.default and found is inner_args[0]:  # never an alias of the other
        found = found.clone()
    if not there:
        return found
    wrapped = _wrapped(found) if isinstance(found, Tensor) else tree_map(_wrapped, found)
    if not _aliases(func):
        return wrapped
    return return_and_correct_aliasing(func, args, kwargs, wrapped)


@cache
def _aliases(func: Any) -> bool:
    """Whether it gives what it was given, or a view of it."""
    return any(one.alias_info is not None for one in func._schema.returns)


def _check(func: Any, args: Any, given: list[Tensor]) -> None:
    if func in _INDEXED and isinstance(args[0], _Elsewhere):
        given = [args[0], *args[2:3]] if len(args) > 2 else [args[0]]
    here = [tensor for tensor in given if not isinstance(tensor, _Elsewhere) and tensor.dim()]
    numbers_there = [tensor for tensor in given if isinstance(tensor, _Elsewhere)]
    if here and numbers_there:
        raise DeviceMixError(
            f"{func}: expected all tensors to be on the same device, but found at least two: "
            f"{[(tuple(tensor.shape), str(tensor.device)) for tensor in given]}"
        )


def _inner(leaf: Any) -> Any:
    return leaf.inner if isinstance(leaf, _Elsewhere) else leaf


def _wrapped(leaf: Any) -> Any:
    if not isinstance(leaf, Tensor) or isinstance(leaf, _Elsewhere):
        return leaf
    return _Elsewhere(leaf.resolve_conj().resolve_neg())  # the shell could not say it is lazy
