"""Checkpoints: everything that a run needs to go on bit for bit, without pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from k3m_kg.errors import ArtifactError
from k3m_kg.files import whole_folder
from k3m_kg.manifests import damage_named, read_json, write_json
from k3m_kg.training.optimizer import MovingAverage
from k3m_kg.training.tensors import load_tensors, read_tensors, tensors_of, write_tensors

FORMAT = 4
"""4: what is drawn at random follows from seed and step, and is kept no more."""


def save_checkpoint(
    folder: Path,
    *,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: MovingAverage,
    progress: dict[str, Any],
) -> None:
    """Replace the checkpoint in `folder`, all or nothing."""
    tensors = {f"module.{name}": tensor for name, tensor in tensors_of(module).items()}
    for number, tensor in enumerate(average.average):
        tensors[f"average.{number}"] = tensor.cpu().contiguous()
    state = optimizer.state_dict()
    for index, entry in state["state"].items():
        for key, value in entry.items():
            tensors[f"optimizer.{index}.{key}"] = torch.as_tensor(value).cpu().contiguous()
    with whole_folder(folder, ArtifactError) as staging:
        write_tensors(staging / "state.safetensors", tensors)
        write_json(staging / "progress.json", {"format": FORMAT, **progress})


def load_checkpoint(
    folder: Path,
    *,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: MovingAverage,
) -> dict[str, Any]:
    """Restore everything and return the progress record.

    Raises:
        ArtifactError: missing, damaged, or of another version or model.
    """
    progress = read_json(folder / "progress.json")
    if progress.get("format") != FORMAT:
        raise ArtifactError("of another format than this k3m-kg writes", where=str(folder))
    where = str(folder / "state.safetensors")
    tensors = read_tensors(folder / "state.safetensors")
    mine = {n.removeprefix("module."): t for n, t in tensors.items() if n.startswith("module.")}
    load_tensors(module, mine, where)
    with damage_named(where, "the state of the training is damaged"):
        for number, tensor in enumerate(average.average):
            if tensors[f"average.{number}"].shape != tensor.shape:
                raise ArtifactError(f"average.{number} has another shape", where=where)
            tensor.copy_(tensors[f"average.{number}"])
        _restore_optimizer(optimizer, tensors)
    return progress


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state = optimizer.state_dict()
    entries: dict[Any, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            entries.setdefault(int(index), {})[key] = tensor
    parameters: list[Tensor] = [p for group in optimizer.param_groups for p in group["params"]]
    for index, entry in entries.items():
        for key, tensor in entry.items():
            if tensor.shape == parameters[index].shape:
                # The fused optimiser walks through memory: state must lie as its parameter does.
                entry[key] = torch.empty_like(parameters[index]).copy_(tensor)
            elif tensor.ndim:
                raise ValueError(f"{key} of parameter {index} has another shape")
    optimizer.load_state_dict({"state": entries, "param_groups": state["param_groups"]})
