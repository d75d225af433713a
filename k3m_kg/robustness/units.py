"""What one process does: train a model once, or fit a simple one, and ask it in every cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from k3m_kg.config import RunConfig, Settings, validate_settings
from k3m_kg.contracts import Evaluation, Outcomes
from k3m_kg.corruption import CORRUPTIONS, CorruptedSnapshot, Corruption, corrupt
from k3m_kg.errors import UsageError
from k3m_kg.evaluation.running import build_evaluation, run_evaluation
from k3m_kg.manifests import read_json
from k3m_kg.plugin.hookspecs import EvaluationPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.robustness.cells import GridCell, write_cell
from k3m_kg.robustness.settings import CLEAN, GridPaths, GridSettings
from k3m_kg.robustness.simple import answers, simple_model
from k3m_kg.snapshot import Snapshot
from k3m_kg.training.artifact.layout import MANIFEST
from k3m_kg.training.pretrain import pretrain
from k3m_kg.training.run.checkpoint import Checkpoints
from k3m_kg.training.run.folder import CHECKPOINTS, run_folder
from k3m_kg.training.watching.observing import Silent
from k3m_kg.use.open_model import OpenModel, open_model

SPLIT = "test"


@dataclass(frozen=True, slots=True)
class GridUnit:
    """A model and, of one that is trained, its seed."""

    model: str
    seed: int = 0

    def __str__(self) -> str:
        return f"{self.model} {self.seed}"


@dataclass(frozen=True, slots=True)
class Told:
    """How far a unit is.

    Attributes:
        unit: it.
        stage: `train`, what is prepared for it, or a task.
        done, total: of it.
        info: a remark.
        cell: a cell was asked, and is whole.
        tick: one is being asked.
    """

    unit: GridUnit
    stage: str
    done: int
    total: int
    info: str = ""
    cell: bool = False
    tick: bool = False


@dataclass(frozen=True, slots=True)
class GridJob:
    """All that a process has to know.

    Attributes:
        snapshot: its folder.
        folder: of the grid.
        settings: of the grid.
        configs: of every preset, as a config file holds them.
        threads: of each process.
        device: as of `evaluate`.
    """

    snapshot: Path
    folder: Path
    settings: GridSettings
    configs: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    threads: int = 0
    device: str = "auto"

    @property
    def paths(self) -> GridPaths:
        """Of the grid's folder."""
        return GridPaths(self.folder)

    def config(self, unit: GridUnit) -> RunConfig:
        """What a preset is trained by.

        Raises:
            ConfigError: it cannot be.
        """
        given = dict(self.configs[unit.model])
        training = dict(given.get("training", {})) | {"seed": unit.seed}
        if self.threads:
            training["threads"] = self.threads
        output = self.paths.artifact(unit.model, unit.seed)
        given |= {
            "snapshot": str(self.snapshot),
            "output": str(output),
            "training": training,
        }
        return validate_settings(RunConfig, given, f"the model {unit.model}")

    def is_trained(self, unit: GridUnit) -> bool:
        """Whether its training is done."""
        return (self.paths.artifact(unit.model, unit.seed) / MANIFEST).is_file()

    def each_alone(self, model: str, task: str) -> bool:
        """Whether shares between none and all follow from these two."""
        return model in self.settings.simple or evaluation_of(task).each_alone

    def tasks_of(self, unit: GridUnit) -> list[str]:
        """The tasks that a unit has an answer to."""
        simple = unit.model in self.settings.simple
        tasks = self.settings.tasks
        return [task for task in tasks if not simple or answers(task.partition(":")[0])]

    def waiting(self, unit: GridUnit) -> list[tuple[str, str, float]]:
        """Task, corruption and share of the cells that are to be asked and are not there."""
        found = []
        for task in self.tasks_of(unit):
            each_alone = self.each_alone(unit.model, task)
            for name, ratio in asked_cells(self.settings, each_alone=each_alone):
                if not self.paths.cell(task, unit.model, unit.seed, name, ratio).exists():
                    found.append((task, name, ratio))
        return found


def units_of(settings: GridSettings) -> list[GridUnit]:
    """Everything that is to be done: a first training of each, then a second, the simple last."""
    trained = [GridUnit(name, seed) for seed in range(settings.seeds) for name in settings.presets]
    return trained + [GridUnit(name) for name in settings.simple]


def asked_cells(settings: GridSettings, *, each_alone: bool) -> list[tuple[str, float]]:
    """The cells that are asked: where items stand alone, whole and wholly corrupted products."""
    if not each_alone:
        return settings.cells
    return [(CLEAN, 0.0), *((name, 1.0) for name in settings.corruptions)]


def task_settings(task: str) -> tuple[str, Settings]:
    """The evaluation that a task names, and its settings, without simple competitors of its own.

    Raises:
        UsageError: no such evaluation, or it takes no property.
        ConfigError: it wants one.
    """
    name, _, target = task.partition(":")
    record = registry().get(EvaluationPlugin, name)
    known = record.config.model_fields
    given: dict[str, Any] = {}
    if target:
        if not {"target", "properties"} & known.keys():
            raise UsageError(f"{name} takes no property", where=f"--tasks {task}")
        given |= {"target": target} if "target" in known else {"properties": [target]}
    for key in ("baselines", "leakage", "quantities", "leaking"):
        if key in known:
            given[key] = False
    return name, validate_settings(record.config, given, f"--tasks {task}")


def evaluation_of(task: str) -> Evaluation[OpenModel]:
    """The evaluation that a task names.

    Raises:
        UsageError: as `task_settings`, or it has no figure to compare models by.
        ConfigError: as `task_settings`.
    """
    made = build_evaluation(*task_settings(task), SPLIT)
    if not made.measure:
        raise UsageError("has no figure to compare models by", where=f"--tasks {task}")
    return made


def view_of(
    snapshot: Snapshot, settings: GridSettings, name: str, ratio: float
) -> CorruptedSnapshot:
    """The catalog as a cell shows it."""
    harm = [] if name == CLEAN else [Corruption(CORRUPTIONS[name], ratio)]
    return corrupt(
        snapshot, harm, split=SPLIT, seed=settings.corrupt_seed, products=settings.products
    )


def do_unit(job: GridJob, unit: GridUnit, tell: Callable[[Told], None]) -> None:
    """Train, if that is to be done, and ask what was not asked.

    Raises:
        K3MError: what cannot be.
    """
    waiting = job.waiting(unit)
    simple = unit.model in job.settings.simple
    if not waiting and (simple or job.is_trained(unit)):
        return
    if job.threads:
        torch.set_num_threads(job.threads)
    if not simple:
        _train(job, unit, tell)
    first = GridUnit(job.settings.champion) if simple else unit
    opened = open_model(
        job.paths.artifact(first.model, first.seed), job.snapshot, device=job.device, ranks=False
    )
    for task in dict.fromkeys(task for task, _, _ in waiting):
        _ask(job, unit, task, [cell[1:] for cell in waiting if cell[0] == task], opened, tell)


def _ask(
    job: GridJob,
    unit: GridUnit,
    task: str,
    cells: list[tuple[str, float]],
    opened: OpenModel,
    tell: Callable[[Told], None],
) -> None:
    evaluation = evaluation_of(task)
    name, settings = task_settings(task)
    if evaluation.ranks and not opened.trained.ranks:
        raise UsageError(f"{unit.model} was trained without lpm", where=f"--tasks {task}")
    simple = (
        simple_model(unit.model, name, settings, opened, SPLIT)
        if unit.model in job.settings.simple
        else None
    )

    def goes_on(*_: Any) -> None:
        tell(Told(unit, task, 0, 1, tick=True))

    facts = {} if simple is not None else _facts(opened)
    for corruption, ratio in cells:
        view = opened.on(view_of(opened.snapshot, job.settings, corruption, ratio))
        outcomes: Outcomes | None
        if simple is not None:
            outcomes = simple.asked(view)
            metrics = {evaluation.measure: outcomes.figure()}
        else:
            report = run_evaluation(name, evaluation, view, SPLIT, goes_on)
            metrics = {
                key: float(value)
                for key, value in report["metrics"].items()
                if isinstance(value, int | float)
            }
            outcomes = evaluation.outcomes().get(evaluation.measure)
        told = facts | {"corruption": view.snapshot.corruption}
        figure = metrics[evaluation.measure]
        cell = GridCell(evaluation.measure, figure, outcomes, metrics, told)
        write_cell(job.paths.cell(task, unit.model, unit.seed, corruption, ratio), cell)
        tell(Told(unit, task, 1, 1, f"{corruption}:{ratio:g}", cell=True))


def _facts(opened: OpenModel) -> dict[str, Any]:
    """What a training took."""
    metrics = read_json(opened.trained.path / "metrics.json")
    count = sum(weight.numel() for weight in opened.predictor.parameters())
    return {"parameters": count, "steps": metrics["steps"], "seconds": metrics["seconds"]}


def _train(job: GridJob, unit: GridUnit, tell: Callable[[Told], None]) -> None:
    if job.is_trained(unit):
        return
    config = job.config(unit)
    begun = run_folder(config.output) / CHECKPOINTS
    resume = begun.is_dir() and Checkpoints(begun, 1).newest() is not None
    pretrain(config, resume=resume, observer=_Observer(unit, tell))


class _Observer(Silent):
    """A training as a stage."""

    def __init__(self, unit: GridUnit, tell: Callable[[Told], None]) -> None:
        self._unit, self._tell = unit, tell

    def stage(self, name: str, done: int, total: int) -> None:
        """Preparation went on."""
        self._tell(Told(self._unit, name, done, total))

    def step(self, step: int, total: int, losses: dict[str, float], rate: float) -> None:
        """A training step ended."""
        self._tell(Told(self._unit, "train", step, total, f"{rate:.0f} products/s"))
