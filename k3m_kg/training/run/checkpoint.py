"""Checkpoints: everything that a run needs to go on bit for bit, without pickle."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from k3m_kg.errors import ArtifactError
from k3m_kg.files import whole_folder
from k3m_kg.manifests import damage_named, read_json, write_json
from k3m_kg.training.artifact.tensors import load_tensors, read_tensors, state_of, write_tensors
from k3m_kg.training.loop.optimizer import whole_of
from k3m_kg.training.preparing import Learner

FORMAT = 4
"""4: what is drawn at random follows from seed and step, and is kept no more."""
_STATE, _PROGRESS = "state.safetensors", "progress.json"


class Checkpoints:
    """The last checkpoints of a run, each a folder that is whole or not there.

    A newer one is whole before an older one goes, so that whatever is killed when, the newest that
    is there can be resumed.

    Args:
        folder: theirs; each is named by its step.
        keep: how many stay.
        writes: whether this process does; others only give their part of what is shared out.
        background: copy the state at once and write it while the training goes on: of use where
            the copy is quick, as from a GPU. At most one is being written.
    """

    def __init__(
        self, folder: Path, keep: int, *, background: bool = False, writes: bool = True
    ) -> None:
        self.folder = folder
        self.keep = keep
        self.writes = writes
        self._pool = ThreadPoolExecutor(1) if background else None
        self._writing: Future[None] | None = None

    def newest(self) -> Path | None:
        """The folder of the last one; None where there is none."""
        return next(reversed(self._whole()), None)

    def save(self, step: int, learner: Learner, progress: dict[str, Any]) -> None:
        """Keep the state after so many steps, whole: called by all processes that share it.

        Raises:
            ArtifactError: it cannot be written, or the one before could not.
        """
        self.wait()
        if not self.writes:
            for _ in _parts(learner):
                pass
        elif self._pool is None:
            self._write(step, _tensors(learner, _here), progress)
        else:
            tensors = _tensors(learner, _copied)
            device = next(learner.module.parameters()).device
            if device.type == "cuda":
                torch.cuda.synchronize(device)  # the copies
            self._writing = self._pool.submit(self._write, step, tensors, progress)

    def wait(self) -> None:
        """Until the last one is on the disk.

        Raises:
            ArtifactError: it cannot be written.
        """
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def load(self, learner: Learner) -> dict[str, Any]:
        """Restore the last one, and return its progress record.

        Raises:
            ArtifactError: missing, damaged, or of another version or model.
        """
        folder = self.newest()
        if folder is None:
            raise ArtifactError("there is no checkpoint", where=str(self.folder))
        try:
            return _load(folder, learner)
        except ArtifactError as error:
            if len(self._whole()) < 2:
                raise
            raise ArtifactError(
                error.message,
                where=error.where,
                hint=f"remove {folder} to go on from the checkpoint before it",
            ) from None

    def _whole(self) -> list[Path]:
        """Their folders, the newest last."""
        if not self.folder.is_dir():
            return []
        names = (path for path in self.folder.iterdir() if path.name.isdecimal())
        return sorted((path for path in names if (path / _PROGRESS).exists()), key=_step)

    def _write(self, step: int, tensors: dict[str, Tensor], progress: dict[str, Any]) -> None:
        with whole_folder(self.folder / f"{step:09d}", ArtifactError) as staging:
            write_tensors(staging / _STATE, tensors)
            write_json(staging / _PROGRESS, {"format": FORMAT, **progress})
        kept = self._whole()[-self.keep :]
        for path in self.folder.iterdir():
            if path.name.isdecimal() and path not in kept:
                _remove(path)


def _remove(folder: Path) -> None:
    (folder / _PROGRESS).unlink(missing_ok=True)  # what is half removed is no checkpoint
    shutil.rmtree(folder, ignore_errors=True)


def _step(folder: Path) -> int:
    return int(folder.name)


def _here(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous()


def _copied(tensor: Tensor) -> Tensor:
    """A copy that does not change with the tensor; of a GPU's to pinned memory, not waited for."""
    tensor = tensor.detach().contiguous()
    if tensor.device.type == "cpu":
        return tensor.clone()
    return tensor.to("cpu", non_blocking=True)


def _tensors(learner: Learner, take: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    return {name: take(tensor) for name, tensor in _parts(learner)}


def _parts(learner: Learner) -> Iterator[tuple[str, Tensor]]:
    """All that is kept, by name; what processes share is gathered one after another."""
    for name, tensor in state_of(learner.module).items():
        yield f"module.{name}", whole_of(tensor.detach())
    for number, tensor in enumerate(learner.average.average):
        yield f"average.{number}", whole_of(tensor)
    for index, entry in learner.optimizer.state_dict()["state"].items():
        for key, value in entry.items():
            yield f"optimizer.{index}.{key}", whole_of(torch.as_tensor(value))


def _load(folder: Path, learner: Learner) -> dict[str, Any]:
    progress = read_json(folder / _PROGRESS)
    if progress.get("format") != FORMAT:
        raise ArtifactError("of another format than this k3m-kg writes", where=str(folder))
    where = str(folder / _STATE)
    tensors = read_tensors(folder / _STATE)
    mine = {n.removeprefix("module."): t for n, t in tensors.items() if n.startswith("module.")}
    load_tensors(learner.module, mine, where)
    with damage_named(where, "the state of the training is damaged"):
        for number, tensor in enumerate(learner.average.average):
            if tensors[f"average.{number}"].shape != tensor.shape:
                raise ArtifactError(f"average.{number} has another shape", where=where)
            tensor.copy_(tensors[f"average.{number}"])
        _restore_optimizer(learner.optimizer, tensors)
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
