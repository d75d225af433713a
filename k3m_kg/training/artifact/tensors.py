"""Tensors of a module to and from safetensors files, each shared tensor once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from k3m_kg.contracts.weightless import weightless
from k3m_kg.errors import ArtifactError, K3MError
from k3m_kg.files import usual_mode


def state_of(module: nn.Module) -> dict[str, Tensor]:
    """The module's state as it is, each shared tensor under its first name."""
    kept: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in module.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            kept[name] = tensor
    return kept


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """The module's state, contiguous and on the CPU, each shared tensor under its first name."""
    return {name: t.detach().cpu().contiguous() for name, t in state_of(module).items()}


def load_tensors(module: nn.Module, tensors: dict[str, Tensor], where: str) -> None:
    """Load what `tensors_of` gave.

    Raises:
        ArtifactError: a tensor is missing, too many, or of another shape or type.
    """
    expected = _fitting(module, tensors, where)
    with torch.no_grad():
        for name, target in expected.items():
            target.copy_(tensors[name])


def check_fits(
    build: Callable[[], nn.Module],
    tensors: dict[str, Tensor],
    where: str,
    *,
    left_out: tuple[str, ...] = (),
) -> None:
    """Make sure that a module which is about to be built is one for these tensors.

    It is built without memory (on the meta device): a config that asks for a model of a terabyte is
    refused before anything is allocated. Code of a plugin that cannot run there is not held to it.

    Args:
        left_out: ends of names that are not among `tensors`.

    Raises:
        ArtifactError: as `load_tensors`.
    """
    try:
        with weightless():
            module = build()
    except K3MError:
        raise
    except Exception:
        return
    _fitting(module, tensors, where, left_out)


def _fitting(
    module: nn.Module, tensors: dict[str, Tensor], where: str, left_out: tuple[str, ...] = ()
) -> dict[str, Tensor]:
    """By name the module's own tensors, each shared one once, which `tensors` fit."""
    first: dict[int, tuple[str, Tensor]] = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        first.setdefault(id(tensor), (name, tensor))
    expected = {name: t for name, t in first.values() if not (left_out and name.endswith(left_out))}
    if expected.keys() != tensors.keys():
        missing = sorted(expected.keys() - tensors.keys())[:3]
        extra = sorted(tensors.keys() - expected.keys())[:3]
        raise ArtifactError(
            f"the weights do not fit the model (missing {missing}, unknown {extra})", where=where
        )
    for name, target in expected.items():
        source = tensors[name]
        if target.shape != source.shape:
            raise ArtifactError(
                f"{name} has shape {tuple(source.shape)}, the model wants {tuple(target.shape)}",
                where=where,
            )
        if target.dtype != source.dtype:
            raise ArtifactError(
                f"{name} holds {source.dtype}, the model wants {target.dtype}", where=where
            )
    return expected


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write a safetensors file.

    Raises:
        OSError: it cannot be written; the library has an error of its own for a full disk.
    """
    try:
        with usual_mode(path):
            save_file(tensors, path)
    except SafetensorError as error:
        raise OSError(str(error)) from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        ArtifactError: it is missing, truncated or something else.
    """
    try:
        return load_file(path)
    except FileNotFoundError:
        raise ArtifactError("no such file", where=str(path)) from None
    except (OSError, SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise ArtifactError(
            f"the weights are damaged: {error}",
            where=str(path),
            hint="copy the artifact again, or train it again",
        ) from None
