"""Tensors of a module to and from safetensors files, each shared tensor once."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from k3m_kg.errors import ArtifactError


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """The module's state, contiguous and on the CPU, each shared tensor under its first name."""
    kept: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in module.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            kept[name] = tensor.detach().cpu().contiguous()
    return kept


def load_tensors(module: nn.Module, tensors: dict[str, Tensor], where: str) -> None:
    """Load what `tensors_of` gave.

    Raises:
        ArtifactError: a tensor is missing, too many, or of another shape.
    """
    first: dict[int, tuple[str, Tensor]] = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        first.setdefault(id(tensor), (name, tensor))
    expected = dict(first.values())
    if expected.keys() != tensors.keys():
        missing = sorted(expected.keys() - tensors.keys())[:3]
        extra = sorted(tensors.keys() - expected.keys())[:3]
        raise ArtifactError(
            f"the weights do not fit the model (missing {missing}, unknown {extra})", where=where
        )
    with torch.no_grad():
        for name, target in expected.items():
            source = tensors[name]
            if target.shape != source.shape:
                raise ArtifactError(
                    f"{name} has shape {tuple(source.shape)}, the model wants "
                    f"{tuple(target.shape)}",
                    where=where,
                )
            target.copy_(source)


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write a safetensors file.

    Raises:
        OSError: it cannot be written; the library has an error of its own for a full disk.
    """
    try:
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
    except (OSError, SafetensorError) as error:
        raise ArtifactError(
            f"the weights are damaged: {error}",
            where=str(path),
            hint="copy the artifact again, or train it again",
        ) from None
