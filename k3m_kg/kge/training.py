"""`k3m-kg kge train`: from a config to an artifact, resumable to the bit on a CPU."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from k3m_kg.config import validate_settings
from k3m_kg.contracts import LinkLoss, NegativeSampler, SamplerContext
from k3m_kg.engine.device import pick_device
from k3m_kg.engine.environment import ProcessPlace
from k3m_kg.engine.processes import Processes, joined
from k3m_kg.errors import ArtifactError, ConfigError, UsageError
from k3m_kg.files import whole_folder
from k3m_kg.kge.artifact import save_artifact
from k3m_kg.kge.data import TripleData, load_data, read_features
from k3m_kg.kge.layout import MANIFEST
from k3m_kg.kge.model import KgeModel, build_model
from k3m_kg.kge.report import evaluate_triples
from k3m_kg.kge.settings import KgeConfig, KgeTraining
from k3m_kg.kge.steps import Stepper
from k3m_kg.lpm.entity_negatives import EntityNegatives
from k3m_kg.lpm.triple_ranks import rank_triples
from k3m_kg.manifests import Count, as_record, damage_named, read_record, write_json
from k3m_kg.plugin.hookspecs import LinkLossPlugin, NegativeSamplerPlugin
from k3m_kg.plugin.registry import registry
from k3m_kg.training.artifact.tensors import load_tensors, read_tensors, tensors_of, write_tensors
from k3m_kg.training.run.folder import clear, held, run_folder

_FORMAT = 1
_STEPS_UNWATCHED = 32
"""On a device that runs beside the processor: so many steps before its loss is looked at."""


class KgeObserver(Protocol):
    """Told how a run goes."""

    def step(self, done: int, total: int, loss: float, rate: float) -> None:
        """So many positives are learnt from, of so many; `rate` is positives per second."""
        ...

    def validation(self, epoch: int, metrics: dict[str, float]) -> None:
        """An epoch was validated."""
        ...


class Quiet:
    """An observer that says nothing."""

    def step(self, done: int, total: int, loss: float, rate: float) -> None:
        """Nothing."""

    def validation(self, epoch: int, metrics: dict[str, float]) -> None:
        """Nothing."""


@dataclass(slots=True)
class TrainingState:
    """How far a run has come; all of it is in the checkpoint.

    Attributes:
        epoch: epochs done.
        best: the best validation MRR.
        best_epoch: when that was.
        waited: validations since.
        seconds: time spent training, without validation.
        history: per validation its epoch, loss and metrics.
    """

    epoch: Count = 0
    best: float = -1.0
    best_epoch: Count = 0
    waited: Count = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class _Record:
    """What progress.json of a checkpoint holds."""

    format: int
    config: dict[str, Any]
    data: str
    steps: list[Count]
    progress: TrainingState


def train(config: KgeConfig, *, resume: bool = False, observer: KgeObserver | None = None) -> Path:
    """Train, keep the weights of the best validation, measure them on test, write the artifact.

    Raises:
        UsageError: the output exists, or there is nothing to resume.
        ConfigError, CatalogError, SnapshotError, ArtifactError: as their names say.
    """
    place = ProcessPlace.of()
    device = pick_device(config.training.device, place)
    folder = run_folder(config.output)
    with joined(place, device) as processes, ExitStack() as first:
        if processes.first:
            _check_free(config.output)
            first.enter_context(held(folder))
            _check_begun(folder, resume)
        processes.wait()
        watching = observer if observer and processes.first else Quiet()
        if config.training.threads:
            torch.set_num_threads(config.training.threads)
        run = _Run(config, folder / "checkpoint", watching, processes, device)
        if resume:
            run.restore()
        run.go()
        if processes.first:
            run.finish(config.output)
            clear(folder)
    return config.output


def _check_free(output: Path) -> None:
    if (output / MANIFEST).exists() or (
        output.exists() and (not output.is_dir() or any(output.iterdir()))
    ):
        raise UsageError("exists already", where=str(output), hint="choose another output")


def _check_begun(folder: Path, resume: bool) -> None:
    started = (folder / "checkpoint" / "progress.json").exists()
    if resume and not started:
        raise UsageError("there is no checkpoint to resume", where=str(folder))
    if started and not resume:
        raise UsageError(
            "a run was begun here", where=str(folder), hint="add --resume, or remove that folder"
        )


class _Run:
    def __init__(
        self,
        config: KgeConfig,
        checkpoint: Path,
        observer: KgeObserver,
        processes: Processes,
        device: torch.device,
    ) -> None:
        self.config, self.checkpoint, self.observer = config, checkpoint, observer
        self.processes, self.device = processes, device
        self._wait_every = 1 if self.device.type == "cpu" else _STEPS_UNWATCHED
        loss = build_loss(config)  # what is misspelt shows before the data are read
        registry().settings("negative-sampler", config.negatives.sampler, "negatives.sampler")
        self.data = load_data(config)
        features = None
        if config.features is not None:
            features = read_features(config.features.path, self.data.entities)
        torch.manual_seed(config.training.seed)
        sizes = len(self.data.entities), len(self.data.relations)
        self.model = build_model(config, *sizes, features).to(self.device)
        self.generator = torch.Generator().manual_seed(config.training.seed)
        self.stepper = build_stepper(config, self.model, self.data, loss, processes)
        self.progress = TrainingState()
        self.best: dict[str, Tensor] = {}

    def go(self) -> None:
        """All epochs that are left, or until validation stops getting better."""
        settings = self.config.training
        while self.progress.epoch < settings.epochs:
            loss = self._epoch()
            last = self.progress.epoch == settings.epochs
            if self.progress.epoch % settings.validate_every == 0 or last:
                if self.processes.first:
                    self._validate(loss)
                self.progress.waited = int(self.processes.agree([self.progress.waited])[0])
            if self.processes.first:
                self.save()
            if settings.patience and self.progress.waited >= settings.patience:
                return

    def _epoch(self) -> float:
        settings, shared = self.config.training, self.stepper.shared
        triples = torch.from_numpy(self.data.train)
        order = torch.randperm(len(triples), generator=self.generator)
        step_size = settings.batch_size // shared * shared
        self.model.train()
        self.stepper.rate(_rate(settings, self.progress.epoch))
        losses: list[Tensor] = []
        started = time.monotonic()
        usable = len(order) // shared * shared if len(order) >= shared else len(order)
        done = self.progress.epoch * usable
        for start in range(0, usable, step_size):
            batch = triples[order[start : min(start + step_size, usable)]]
            losses.append(self.stepper.step(batch, self.generator))
            last = start + step_size >= usable
            if len(losses) % self._wait_every and not last:
                continue
            loss = float(losses[-1])  # here a GPU is waited for
            if not np.isfinite(loss):
                raise ArtifactError(
                    "the loss is no number any more",
                    hint="train again with a lower learning rate",
                )
            passed = max(time.monotonic() - started, 1e-9)
            rate = (start + len(batch)) / passed
            self.observer.step(done + start + len(batch), usable * settings.epochs, loss, rate)
        self.model.settle()
        self.progress.epoch += 1
        self.progress.seconds += time.monotonic() - started
        return float(torch.stack(losses).mean())

    def _validate(self, loss: float) -> None:
        limit = self.config.training.validation_triples
        asked = self.data.validation
        if len(asked) > limit:
            asked = asked[np.random.default_rng(0).permutation(len(asked))[:limit]]
        self.model.eval()
        metrics = rank_triples(self.model.vectors(), asked, self.data.truth).of("both").metrics()
        progress = self.progress
        progress.history.append({"epoch": progress.epoch, "loss": loss, **metrics})
        self.observer.validation(progress.epoch, metrics)
        if metrics["mrr"] > progress.best or not self.best:
            progress.best, progress.best_epoch, progress.waited = metrics["mrr"], progress.epoch, 0
            self.best = {name: t.clone() for name, t in weights_of(self.model).items()}
        else:
            progress.waited += 1

    def save(self) -> None:
        """Replace the checkpoint, all or nothing."""
        tensors = {f"model.{name}": tensor for name, tensor in tensors_of(self.model).items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        tensors["random.run"] = self.generator.get_state()
        tensors["random.torch"] = torch.get_rng_state()
        if self.stepper.dense is not None:
            for index, entry in self.stepper.dense.state_dict()["state"].items():
                for key, value in entry.items():
                    tensors[f"dense.{index}.{key}"] = torch.as_tensor(value).cpu().contiguous()
        tables = [self.model.relations, self.model.entities]
        with whole_folder(self.checkpoint, ArtifactError) as staging:
            write_tensors(staging / "state.safetensors", tensors)
            record = {
                "format": _FORMAT,
                "config": self.config.model_dump(mode="json"),
                "data": self.data.id,
                "steps": [table.steps for table in tables if table is not None],
                "progress": {
                    name: getattr(self.progress, name)
                    for name in TrainingState.__dataclass_fields__
                },
            }
            write_json(staging / "progress.json", record)

    def restore(self) -> None:
        """Go back to the checkpoint.

        Raises:
            ArtifactError: damaged, or of another version.
            UsageError: of another config, or the data are others now.
        """
        where = str(self.checkpoint)
        record = read_record(self.checkpoint / "progress.json", _Record)
        if record.format != _FORMAT:
            raise ArtifactError("of another format than this k3m-kg writes", where=where)
        if record.data != self.data.id:
            raise UsageError("the triples are others than when this run began", where=where)
        try:
            begun = validate_settings(KgeConfig, record.config, where).model_dump(mode="json")
        except ConfigError as error:
            raise ArtifactError(f"is damaged: {error.message}", where=where) from None
        _same_but_epochs(begun, self.config.model_dump(mode="json"), where)
        tensors = read_tensors(self.checkpoint / "state.safetensors")
        load_tensors(self.model, _under("model.", tensors), where)
        self.best = _under("best.", tensors)
        tables = [self.model.relations, self.model.entities]
        with damage_named(where, "the state of the training is damaged"):
            self.generator.set_state(tensors["random.run"])
            torch.set_rng_state(tensors["random.torch"])
            if self.stepper.dense is not None:
                _restore_optimizer(self.stepper.dense, _under("dense.", tensors))
            there = [table for table in tables if table is not None]
            for table, steps in zip(there, record.steps, strict=True):
                table.resume(steps)
        self.progress = record.progress

    def finish(self, output: Path) -> Path:
        """The best weights, measured on test, as an artifact."""
        restore_weights(self.model, self.best, str(self.checkpoint))
        self.model.eval()
        report = evaluate_triples(self.model.vectors(), self.data, "test")
        progress = self.progress
        metrics = {
            "epochs": progress.epoch,
            "best_epoch": progress.best_epoch,
            "seconds": round(progress.seconds, 1),
            "validation": progress.history,
            "test": report,
        }
        save_artifact(output, config=self.config, model=self.model, data=self.data, metrics=metrics)
        return output


def build_stepper(
    config: KgeConfig,
    model: KgeModel,
    data: TripleData,
    loss: LinkLoss | None = None,
    processes: Processes | None = None,
) -> Stepper:
    """What takes the config's steps, on the device of the model.

    Raises:
        ConfigError: impossible settings of loss or sampler.
        UsageError: an unknown loss or sampler.
    """
    sizes = len(data.entities), len(data.relations)
    settings = config.negatives
    record = registry().get(NegativeSamplerPlugin, settings.sampler.name)
    own = registry().settings("negative-sampler", settings.sampler, "negatives.sampler")
    sampler: NegativeSampler = record.factory(
        own, SamplerContext(data.train, *sizes, settings.count)
    )
    negatives = EntityNegatives(
        sampler,
        *sizes,
        known_T3=data.train if settings.known else None,
        device=model.relations.weight.device,
    )
    shared = sampler.group_size(settings.shared, config.training.batch_size)
    loss = loss or build_loss(config)
    return Stepper(model, negatives, loss, config.training, shared, processes)


def build_loss(config: KgeConfig) -> LinkLoss:
    """The config's loss.

    Raises:
        ConfigError: impossible settings.
        UsageError: an unknown loss.
    """
    record = registry().get(LinkLossPlugin, config.loss.name)
    return record.factory(registry().settings("link-loss", config.loss, "loss"))


def _rate(settings: KgeTraining, epoch: int) -> float:
    """Of an epoch, from 0."""
    left = 1 - epoch / settings.epochs
    if settings.schedule == "linear":
        return settings.learning_rate * left
    if settings.schedule == "cosine":
        return settings.learning_rate * (0.5 - 0.5 * math.cos(math.pi * left))
    return settings.learning_rate


def weights_of(model: KgeModel) -> dict[str, Tensor]:
    """What an artifact keeps: no memory of the optimiser."""
    return {
        name: tensor
        for name, tensor in tensors_of(model).items()
        if not name.endswith((".first", ".second"))
    }


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = tensor
    parameters: list[Tensor] = [p for group in optimizer.param_groups for p in group["params"]]
    for place, entry in state.items():
        if any(t.ndim and t.shape != parameters[place].shape for t in entry.values()):
            raise ValueError(f"the memory of parameter {place} has another shape")
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def restore_weights(model: KgeModel, weights: dict[str, Tensor], where: str) -> None:
    """Load what `weights_of` gave, leaving the optimiser's memory as it is."""
    memory = {
        name: tensor
        for name, tensor in tensors_of(model).items()
        if name.endswith((".first", ".second"))
    }
    load_tensors(model, memory | weights, where)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _same_but_epochs(begun: dict[str, Any], now: dict[str, Any], where: str) -> None:
    free = {"epochs", "patience", "threads", "device"}
    schedule = as_record(begun.get("training"), dict[str, Any], where).get("schedule")
    if schedule != "constant":  # the rates follow from how many epochs there are
        free.remove("epochs")
    for record in (begun, now):
        training = as_record(record.get("training"), dict[str, Any], where)
        record["training"] = {k: v for k, v in training.items() if k not in free}
    changed = sorted(key for key in now if begun.get(key) != now[key])
    if changed:
        raise UsageError(
            f"the run was begun with another {', '.join(changed)}",
            where=where,
            hint="resume with the config it was begun with",
        )
