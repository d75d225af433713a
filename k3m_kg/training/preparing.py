"""What a training is made of before its first step: fitted on the data, or as a run left it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from k3m_kg.batches.batcher import Batcher, build_catalog, known_terms
from k3m_kg.config import RunConfig
from k3m_kg.contracts import Catalog, ModalityData
from k3m_kg.errors import ArtifactError
from k3m_kg.files import whole_folder, write_errors
from k3m_kg.lpm.questions import property_ids
from k3m_kg.model.compose import Encoders, build_encoders, build_model, build_tasks
from k3m_kg.model.k3m import K3M
from k3m_kg.snapshot import Snapshot
from k3m_kg.snapshot.validation_parts import fitting_rows
from k3m_kg.training.artifact.folder import bundle, load_assets, save_assets
from k3m_kg.training.evidence import fit_evidence
from k3m_kg.training.loop.budget import TimeBudget
from k3m_kg.training.loop.compiling import compile_layers
from k3m_kg.training.loop.optimizer import MovingAverage, adamw
from k3m_kg.training.loop.step import Pretrainer
from k3m_kg.training.run.resuming import check_config, keep_config
from k3m_kg.training.watching.observing import Observer

_REGRESSIONS = 0.4
"""Of a budget's rest: steps are worth at least as much."""

_Opened = dict[str, ModalityData]


@dataclass(slots=True)
class Learner:
    """What learns.

    Attributes:
        model, tasks: with the weights; `trainer` is both.
        optimizer: of their weights.
        average: of their weights.
    """

    model: K3M
    tasks: nn.ModuleDict
    trainer: Pretrainer
    optimizer: torch.optim.Optimizer
    average: MovingAverage

    @property
    def module(self) -> nn.ModuleDict:
        """Model and tasks as they are stored."""
        return bundle(self.model, self.tasks)


class Preparation:
    """Prepares a training.

    Args:
        config: resolved.
        snapshot: of the config.
        rows: the training products.
        folder: the run's.
        device: where it learns; what is frozen may be encoded there.
        observer: told how it goes.
        budget: of which the regressions take a part at most.
    """

    def __init__(
        self,
        config: RunConfig,
        snapshot: Snapshot,
        rows: np.ndarray,
        folder: Path,
        device: torch.device,
        observer: Observer,
        budget: TimeBudget,
    ) -> None:
        self.budget = budget
        self.config, self.snapshot, self.rows = config, snapshot, rows
        self.folder, self.device, self.observer = folder, device, observer

    def begun(self) -> tuple[Learner, Batcher]:
        """What learns, fitted and initialised, and batches on the device; the run's folder has all
        that another process needs to go on but the weights.

        Raises:
            ArtifactError: the folder cannot be written.
        """
        encoders = self._encoders(restoring=False)
        opened = self._open(encoders)
        self._fit(encoders, opened)
        learner, catalog = self._assemble(encoders, opened)
        with write_errors(self.folder, ArtifactError):
            self.folder.mkdir(parents=True, exist_ok=True)
        keep_config(self.config, self.folder)
        with whole_folder(self.folder / "assets", ArtifactError) as staging:
            save_assets(encoders, staging)
            if learner.model.evidence is not None:
                learner.model.evidence.save(staging)
        return learner, self._batcher(opened, catalog).to(self.device)

    def resumed(self, restore: Callable[[Learner], None]) -> tuple[Learner, Batcher]:
        """The same from the run's folder.

        Args:
            restore: gives the learner its weights. What prepares the data must be what it was
                before it prepares anything.

        Raises:
            ConfigError: the run began with another config.
            ArtifactError: what it kept is damaged.
        """
        encoders = self._encoders(restoring=True)
        check_config(self.config, self.folder)
        load_assets(encoders, self.folder / "assets")
        learner, catalog = self._assemble(encoders, None)
        restore(learner)
        return learner, self._batcher(self._open(encoders), catalog).to(self.device)

    def _encoders(self, *, restoring: bool) -> Encoders:
        torch.manual_seed(self.config.training.seed)
        encoders = build_encoders(self.config, restoring=restoring)
        encoders.text.to(self.device)
        for modality in encoders.modalities.values():
            modality.to(self.device)
        return encoders

    def _fit(self, encoders: Encoders, opened: _Opened) -> None:
        titles = self.snapshot.titles.take(self.rows).to_pylist()
        terms = known_terms(self.snapshot, self.rows)
        self.observer.stage("tokenizer", 0, 1)
        encoders.text.fit((title for title in titles if title), terms)
        self.observer.stage("tokenizer", 1, 1)
        for name, modality in encoders.modalities.items():
            self.observer.stage(f"fit {name}", 0, 1)
            modality.fit(opened[name], self.rows)
            self.observer.stage(f"fit {name}", 1, 1)

    def _open(self, encoders: Encoders) -> _Opened:
        return {
            name: modality.open(self.snapshot, partial(self.observer.stage, name))
            for name, modality in encoders.modalities.items()
        }

    def _assemble(self, encoders: Encoders, opened: _Opened | None) -> tuple[Learner, Catalog]:
        """Model, tasks and optimiser; the terms that they know.

        What is counted is counted in what is `opened`, or read from the run's assets.
        """
        config = self.config
        terms = partial(self.observer.stage, "terms")
        catalog = build_catalog(self.snapshot, encoders.text, config.model, terms)
        model = build_model(config, encoders)
        if opened is not None:
            source = self._batcher(opened, catalog).to(self.device)
            left_out = fit_evidence(
                model.to(self.device),
                source,
                opened,
                self.rows,
                checked=fitting_rows(self.snapshot),
                hide=property_ids(catalog, config.validation.hide, "validation.hide"),
                progress=partial(self.observer.stage, "regressions"),
                until=self.budget.until(_REGRESSIONS),
            )
            if left_out:
                self.observer.noted(
                    f"no regression for {left_out:,} properties, those asked least: they may "
                    f"take {_REGRESSIONS:.0%} of the budget's time; --minutes gives it more"
                )
        elif model.evidence is not None:
            model.evidence.load(self.folder / "assets")
        tasks = build_tasks(config, model, catalog)
        weights = {task.name: task.weight for task in config.tasks}
        trainer = Pretrainer(model, tasks, weights).to(self.device)
        settings = config.training
        if settings.compile:
            compile_layers(trainer)
        optimizer = adamw(model, tasks, settings)
        average = MovingAverage([model, tasks], settings.ema)
        return Learner(model, tasks, trainer, optimizer, average), catalog

    def _batcher(self, opened: _Opened, catalog: Catalog) -> Batcher:
        return Batcher(self.snapshot, opened, self.config.model, catalog, with_rejected=True)
