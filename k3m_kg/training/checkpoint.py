"""Checkpoints: everything that a run needs to go on bit for bit, without pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from k3m_kg.errors import ArtifactError
from k3m_kg.training.files import read_json, read_tensors, staged_folder, write_json
from k3m_kg.training.optimizer import MovingAverage

FORMAT = 1


def tensors_of(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    """The module's state, contiguous and on the CPU, each shared tensor under its first name."""
    kept: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in module.state_dict(keep_vars=True).items():
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        kept[f"{prefix}{name}"] = tensor.detach().cpu().contiguous()
    return kept


def load_tensors(module: nn.Module, tensors: dict[str, Tensor], prefix: str, where: str) -> None:
    """Load what `tensors_of` gave.

    Raises:
        ArtifactError: a tensor is missing, too many, or of another shape.
    """
    state = module.state_dict(keep_vars=True)
    first: dict[int, str] = {}
    for name, tensor in state.items():
        first.setdefault(id(tensor), name)
    expected = {f"{prefix}{name}" for name in first.values()}
    given = {name for name in tensors if name.startswith(prefix)}
    if expected != given:
        missing, extra = sorted(expected - given)[:3], sorted(given - expected)[:3]
        raise ArtifactError(
            f"the weights do not fit the model (missing {missing}, unknown {extra})", where=where
        )
    with torch.no_grad():
        for identity, name in first.items():
            target, source = state[name], tensors[f"{prefix}{name}"]
            if target.shape != source.shape:
                raise ArtifactError(
                    f"{name} has shape {tuple(source.shape)}, the model wants "
                    f"{tuple(target.shape)}",
                    where=where,
                )
            assert id(target) == identity
            target.copy_(source)


def save_checkpoint(
    folder: Path,
    *,
    modules: dict[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    average: MovingAverage,
    generator: torch.Generator,
    progress: dict[str, Any],
) -> None:
    """Replace the checkpoint in `folder`, all or nothing."""
    tensors: dict[str, Tensor] = {}
    for name, module in modules.items():
        tensors |= tensors_of(module, f"{name}.")
    for number, tensor in enumerate(average.average):
        tensors[f"average.{number}"] = tensor.cpu()
    state = optimizer.state_dict()
    for index, entry in state["state"].items():
        for key, value in entry.items():
            tensors[f"optimizer.{index}.{key}"] = torch.as_tensor(value).cpu().contiguous()
    tensors["random.tasks"] = generator.get_state()
    tensors["random.torch"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    with staged_folder(folder) as staging:
        save_file(tensors, staging / "state.safetensors")
        write_json(staging / "progress.json", {"format": FORMAT, **progress})


def load_checkpoint(
    folder: Path,
    *,
    modules: dict[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    average: MovingAverage,
    generator: torch.Generator,
) -> dict[str, Any]:
    """Restore everything, random state included, and return the progress record.

    Raises:
        ArtifactError: missing, damaged, or of another version or model.
    """
    progress = read_json(folder / "progress.json")
    if progress.get("format") != FORMAT:
        raise ArtifactError(f"checkpoint format {progress.get('format')}", where=str(folder))
    where = str(folder / "state.safetensors")
    tensors = read_tensors(folder / "state.safetensors")
    for name, module in modules.items():
        load_tensors(module, tensors, f"{name}.", where)
    for number, tensor in enumerate(average.average):
        tensor.copy_(tensors[f"average.{number}"])
    state = optimizer.state_dict()
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            entries.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": entries, "param_groups": state["param_groups"]})
    generator.set_state(tensors["random.tasks"])
    torch.set_rng_state(tensors["random.torch"])
    if torch.cuda.is_available() and "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"])
    return dict(progress)
