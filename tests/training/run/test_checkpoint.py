"""The last checkpoints of a run, and what is written while it goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import torch
from torch import nn

from k3m_kg.config import RunConfig, load_config
from k3m_kg.engine.environment import ProcessPlace
from k3m_kg.engine.processes import Processes
from k3m_kg.errors import ArtifactError
from k3m_kg.training.loop.optimizer import MovingAverage
from k3m_kg.training.preparing import Learner
from k3m_kg.training.pretrain import _Run
from k3m_kg.training.run.checkpoint import Checkpoints
from k3m_kg.training.run.folder import run_folder
from k3m_kg.training.watching.observing import Silent
from tests.processes import HANG


def learner(value: float) -> Learner:
    """Weights, moments and average that are all this number."""
    model = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    torch.autograd.backward(model(torch.ones(1, 3)).sum())
    optimizer.step()
    average = MovingAverage([model], 0.5)
    made = Learner(model, nn.ModuleDict(), nn.Module(), optimizer, average)  # type: ignore[arg-type]
    fill(made, value)
    return made


def fill(made: Learner, value: float) -> None:
    with torch.no_grad():
        for tensor in numbers(made):
            tensor.fill_(value)


def numbers(made: Learner) -> list[torch.Tensor]:
    moments = [entry["exp_avg"] for entry in made.optimizer.state.values()]
    return [*made.model.parameters(), *made.average.average, *moments]


def value_of(made: Learner) -> float:
    (found,) = {number for tensor in numbers(made) for number in tensor.flatten().tolist()}
    return found


@pytest.mark.parametrize("background", [False, True])
def test_the_last_ones_stay_and_the_newest_is_loaded(tmp_path: Path, background: bool) -> None:
    checkpoints = Checkpoints(tmp_path / "c", 2, background=background)
    made = learner(0.0)
    for step in (3, 6, 9, 9):
        fill(made, float(step))
        checkpoints.save(step, made, {"state": step})
        fill(made, -1.0)  # what is written is of before
    checkpoints.wait()
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["000000006", "000000009"]
    other = learner(7.0)
    assert checkpoints.load(other)["state"] == 9
    assert value_of(other) == 9.0


def test_a_damaged_one_is_refused_and_the_one_before_it_offered(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "c", 3)
    for step in (1, 2):
        checkpoints.save(step, learner(float(step)), {})
    newest = checkpoints.newest()
    assert newest is not None
    (newest / "state.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(ArtifactError) as error:
        checkpoints.load(learner(0.0))
    assert f"remove {newest}" in str(error.value.hint)
    shutil.rmtree(newest)
    made = learner(0.0)
    checkpoints.load(made)
    assert value_of(made) == 1.0


def test_what_was_half_removed_is_no_checkpoint_and_goes(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "c", 5)
    checkpoints.save(4, learner(4.0), {})
    (tmp_path / "c" / "000000009").mkdir()
    assert checkpoints.newest() == tmp_path / "c" / "000000004"
    checkpoints.save(5, learner(5.0), {})
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["000000004", "000000005"]


def test_what_cannot_be_written_in_the_background_is_said(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("a file")
    checkpoints = Checkpoints(tmp_path / "c", 1, background=True)
    checkpoints.save(1, learner(1.0), {})
    with pytest.raises(ArtifactError):
        checkpoints.wait()


def test_other_processes_find_what_the_first_one_begins_with(
    config_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU checkpoints are written while the training goes on; not so the first."""
    waited_for = Event()

    class Slow(Checkpoints):
        def __init__(self, folder: Path, keep: int, **more: bool) -> None:
            super().__init__(folder, keep, **more | {"background": True})

        def _write(self, step: int, tensors: dict[str, torch.Tensor], progress: Any) -> None:
            waited_for.wait(HANG)
            super()._write(step, tensors, progress)

        def wait(self) -> None:
            if self._writing is not None:
                waited_for.set()
            super().wait()

    class Prepared:
        def __init__(self, *_: object) -> None:
            pass

        def begun(self) -> tuple[Learner, None]:
            return learner(0.0), None

    monkeypatch.setattr("k3m_kg.training.pretrain.Checkpoints", Slow)
    monkeypatch.setattr("k3m_kg.training.pretrain.Preparation", Prepared)
    config = load_config(RunConfig, config_file())
    folder = run_folder(config.output)
    alone = Processes(ProcessPlace())
    training = _Run(config, folder, Silent(), alone, torch.device("cpu"), resume=False)
    try:
        training.prepare(resume=False)
        assert training.checkpoints.newest() is not None
    finally:
        waited_for.set()
