"""Pretraining: from a run config to an artifact, interruptible at any step."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from k3m_kg.config import RunConfig
from k3m_kg.contracts import ProductBatch
from k3m_kg.engine.allocator import bound_growth
from k3m_kg.engine.device import pick_device
from k3m_kg.engine.environment import ProcessPlace
from k3m_kg.engine.hardware import peak_memory, peak_of
from k3m_kg.engine.precision import precision_of, training_precision
from k3m_kg.engine.processes import Processes, joined
from k3m_kg.engine.shares import pieces_of
from k3m_kg.errors import ArtifactError, ConfigError
from k3m_kg.files import whole_folder
from k3m_kg.lpm.link_ranks import validate_links
from k3m_kg.lpm.questions import property_ids
from k3m_kg.manifests import Count, as_record
from k3m_kg.model.compose import resolve
from k3m_kg.snapshot import Snapshot
from k3m_kg.snapshot.validation_parts import fitting_rows
from k3m_kg.training.artifact.folder import save_artifact
from k3m_kg.training.artifact.tensors import load_tensors, read_tensors, tensors_of, write_tensors
from k3m_kg.training.loop.budget import TimeBudget
from k3m_kg.training.loop.optimizer import learning_rates
from k3m_kg.training.loop.parallel import ParallelStep, Sharding, see_each_other
from k3m_kg.training.loop.pending import Pending, of_all_processes
from k3m_kg.training.loop.pieces import EpochPieces, steps_of
from k3m_kg.training.loop.prefetch import ahead
from k3m_kg.training.mixing import fit_mixture
from k3m_kg.training.preparing import Learner, Preparation
from k3m_kg.training.run.beginning import check_begun, is_over
from k3m_kg.training.run.checkpoint import Checkpoints
from k3m_kg.training.run.folder import CHECKPOINTS, clear, held, run_folder
from k3m_kg.training.run.resuming import begun_snapshot
from k3m_kg.training.watching.loggers import check_loggers, open_loggers
from k3m_kg.training.watching.logs import TrainingLog
from k3m_kg.training.watching.meter import Meter
from k3m_kg.training.watching.observing import Observer, Silent


@dataclass(slots=True)
class _State:
    """Where a run stands."""

    epoch: Count = 0
    step_in_epoch: Count = 0
    step: Count = 0
    best: float = -1.0
    best_epoch: Count = 0
    seconds: float = 0.0
    spent: float = 0.0
    planned: Count = 0
    validation: dict[str, Any] = field(default_factory=dict)


def pretrain(
    config: RunConfig,
    *,
    resume: bool = False,
    observer: Observer | None = None,
    began: float | None = None,
) -> Path:
    """Train as `config` says and write the artifact to `config.output`.

    Everything in between lies in `<output>.run/`: the checkpoint, the best weights so far, the
    TensorBoard log and `metrics.jsonl`; once the artifact is whole only these two logs stay. A run
    that was interrupted goes on with `resume=True` exactly where its last checkpoint stood: on one
    CPU machine the result is bit for bit that of an uninterrupted run.

    Args:
        began: when the command did, by `time.monotonic`: `minutes` count from there, and leave room
            for the last validation and for writing. None: now.

    Raises:
        UsageError: the output exists, or there is nothing to resume.
        ConfigError, SnapshotError, ArtifactError: as their names say.
    """
    config = resolve(config)
    place = ProcessPlace.of()
    device = pick_device(config.training.device, place)
    bound_growth()
    with joined(place, device) as processes, ExitStack() as first:
        run = run_folder(config.output)
        if processes.first:
            check_loggers(config.training.loggers)
            over = is_over(config.output, run, resume)
        if processes.agree([float(processes.first and over)])[0]:
            return config.output
        if processes.first:
            first.enter_context(held(run))
            check_begun(run, resume)
        _pretrain(config, run, observer or Silent(), resume, processes, device, began)
    return config.output


def _pretrain(
    config: RunConfig,
    run: Path,
    observer: Observer,
    resume: bool,
    processes: Processes,
    device: torch.device,
    began: float | None,
) -> None:
    """The first process prepares; the others go on from what it has written."""
    for turn in (processes.first, not processes.first):
        if turn:
            resume = resume or not processes.first
            watching = observer if processes.first else Silent()
            training = _Run(config, run, watching, processes, device, resume, began)
            training.prepare(resume)
        processes.wait()
    training.train()
    with training.parallel.gathered():
        if processes.first:
            training.finish()
            clear(run)


class _Run:
    """One run, from preparation to artifact."""

    def __init__(
        self,
        config: RunConfig,
        folder: Path,
        observer: Observer,
        processes: Processes,
        device: torch.device,
        resume: bool,
        began: float | None = None,
    ) -> None:
        self.settings = config.training
        self.folder = folder
        self.observer = observer
        self.processes = processes
        self.device = device
        self.state = _State()
        self.pending = Pending()
        self.clock = time.monotonic()
        self.budget = TimeBudget(config.training.minutes, began)
        self.checkpoints = Checkpoints(
            folder / CHECKPOINTS,
            config.training.keep_checkpoints,
            background=device.type == "cuda",
            writes=processes.first,
        )
        self.snapshot = Snapshot.open(begun_snapshot(config, folder) if resume else config.snapshot)
        # A folder of snapshots means its latest, which another cut would change: name the one.
        self.config = config.model_copy(update={"snapshot": self.snapshot.path.resolve()})
        self.rows = self.snapshot.rows("train")
        if not len(self.rows):
            raise ConfigError("the snapshot has no training products", where=str(config.snapshot))
        size = min(self.settings.batch_size, len(self.rows))
        self.cut = pieces_of(size, self.settings.accumulate, processes.size)
        if self.settings.threads:
            torch.set_num_threads(self.settings.threads)

    def prepare(self, resume: bool) -> None:
        """What learns and its data; fitted, or restored from the last checkpoint."""
        preparation = Preparation(
            self.config,
            self.snapshot,
            self.rows,
            self.folder,
            self.device,
            self.observer,
            self.budget,
        )
        if resume:
            self.learner, self.batcher = preparation.resumed(self._restore)
        else:
            self.learner, self.batcher = preparation.begun()
            with self.budget.closing("writing", 2):  # the last checkpoint, and the artifact
                self._save_checkpoint()
                self.checkpoints.wait()  # other processes begin with what is in it
        if self.processes.first:
            config = self.config.model_dump(mode="json")
            step = self.state.step
            loggers = open_loggers(self.settings.loggers, self.folder, config, step)
            self.log = TrainingLog(self.folder, step, loggers)
        precision = training_precision(self.settings.precision, self.device)
        self.meter = Meter(
            peak_of(self.device, precision), partial(peak_memory, self.device), self.processes.size
        )
        self.learner.model.precision = precision_of("auto", self.settings.precision, self.device)

    def _restore(self, learner: Learner) -> None:
        record = self.checkpoints.load(learner)
        self.state = as_record(record.get("state"), _State, str(self.checkpoints.folder))
        self.budget.spent = self.state.spent

    # -- the loop

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch."""
        return steps_of(len(self.rows), self.settings.batch_size)

    def train(self) -> None:
        """Run the epochs that are left, until the last or until patience ends."""
        state, settings = self.state, self.settings
        see_each_other(self.learner.trainer, self.processes, self.device)
        self.parallel = ParallelStep(
            self.learner.trainer,
            self.processes,
            self.device,
            training_precision(settings.precision, self.device),
            self.cut,
            settings.seed,
            self._sharding() if self.shares_out else None,
        )
        self.pieces = EpochPieces(self.config, self.rows, self.batcher, self.parallel)
        self.rates = learning_rates(
            self.learner.optimizer, settings, state.step, lambda: self.steps
        )
        while state.step < self.steps and not self._out_of_patience():
            self._epoch()
            state.epoch += 1
            state.step_in_epoch = 0
            with self.budget.closing("validation"):
                self._validate()
            self._plan()
            planned, best_epoch = self.processes.agree([state.planned, state.best_epoch])
            state.planned, state.best_epoch = int(planned), int(best_epoch)
            self._checkpoint()

    @property
    def shares_out(self) -> bool:
        """Whether each process has a part of the weights only."""
        return self.processes.several and self.settings.strategy == "fsdp"

    def _sharding(self) -> Sharding:
        # a second and more to import, for those who ask for it
        from k3m_kg.training.loop import sharding

        return sharding.FsdpSharding(self.learner, self.settings, self.processes)

    @property
    def steps(self) -> int:
        """Steps of the whole training, as far as it is known by now."""
        return self.state.planned or self.steps_per_epoch * self.settings.epochs

    def _plan(self) -> None:
        """So many steps as the budget has room for; whole epochs, if there is room for one."""
        state, every = self.state, self.steps_per_epoch
        total = every * self.settings.epochs
        room = self.budget.steps(total)
        if room is not None:
            fitting = state.step + room
            fitting -= fitting % every if fitting >= every else 0
            total = max(state.step, min(total, fitting), 1)
        state.planned = total

    def _out_of_patience(self) -> bool:
        patience = self.settings.patience
        return bool(patience) and self.state.epoch - self.state.best_epoch >= patience

    def _epoch(self) -> None:
        state, settings = self.state, self.settings
        size = min(settings.batch_size, len(self.rows))
        self.learner.trainer.train()
        epoch = self.pieces.of_epoch(state.epoch, state.step, state.step_in_epoch)
        self.clock = time.monotonic()
        self.meter.restart()
        for pieces, together in self.meter.waiting_for(ahead(epoch)):
            batches = [batch for _, batch in pieces]
            with self.meter.counting(sum(batch.size for batch in batches)):
                values = self._step(pieces, together)
            self.rates.step()
            state.step += 1
            state.step_in_epoch += 1
            self.pending.add(state.step, values)
            counts = [batch.token_counts() for batch in batches]
            self.meter.step(size, sum(c[0] for c in counts), sum(c[1] for c in counts))
            self.budget.step()
            if self.device.type == "cpu" or self.budget.measured or self._at_log_step:
                self._look()
            over = self._out_of_time()
            if self.budget.measured:
                left = self.budget.seconds(self.steps - state.step)
                self.observer.planned(self.steps, self.steps / self.steps_per_epoch, left)
            if over or state.step >= self.steps:
                state.planned = state.step
                break
            if state.step % settings.checkpoint_steps == 0:
                self._checkpoint()
                self.clock = time.monotonic()
                self.meter.restart()
        self._look()

    @property
    def _at_log_step(self) -> bool:
        return self.state.step % self.settings.log_steps == 0

    def _look(self) -> None:
        """Wait for the steps that nobody has looked at; say and write down what they found.

        Raises:
            ConfigError: a loss is not finite.
        """
        steps = of_all_processes(self.pending.take(), self.processes)
        if not steps:
            return
        now = time.monotonic()
        seconds, self.clock = now - self.clock, now
        self.state.seconds += seconds
        size = min(self.settings.batch_size, len(self.rows))
        rate = size * len(steps) / max(seconds, 1e-9)
        speed = self.meter.read() if self._at_log_step else {}
        for step, values in steps:
            if not math.isfinite(values.get("loss", 0.0)):
                raise ConfigError(
                    f"the loss is {values['loss']} at step {step - 1}: {values}",
                    where=str(self.folder),
                    hint="lower training.learning_rate, then --resume cannot help: start again",
                )
            if self.processes.first:
                self.log.step(step, values, speed if step == self.state.step else {})
            self.observer.step(step, self.steps, values, rate)
        if speed:
            self.observer.speed(speed)

    def _out_of_time(self) -> bool:
        """Whether there is time for no further step; the first process's clock decides."""
        if self.budget.limit is None:
            return False
        if self.budget.measured:
            self._plan()
        planned, over = self.processes.agree([self.state.planned, self.budget.over])
        self.state.planned = int(planned)
        return bool(over)

    def _step(self, pieces: list[tuple[int, ProductBatch]], together: bool) -> dict[str, Tensor]:
        """What this process found, still on the device; the sums over all are the step's."""
        self.learner.optimizer.zero_grad(set_to_none=True)
        loss, metrics = self.parallel(pieces, self.state.step, together=together)
        if loss is None:
            return metrics
        norm = self.parallel.clip(self.settings.clip)
        self.learner.optimizer.step()
        self.learner.average.update(self.state.step)
        return {"loss": loss, **metrics, "gradient_norm": norm / self.processes.size}

    def _validate(self) -> None:
        """The first process measures, the others wait."""
        if not (self.processes.first or self.shares_out):
            return
        with self.learner.average.applied(), self.parallel.gathered():
            if self.processes.first:
                self._measure()

    def _measure(self) -> None:
        """With the averaged weights in place; the best are kept."""
        state = self.state
        rows = fitting_rows(self.snapshot)
        random = np.random.default_rng(0)
        rows = np.sort(random.permutation(rows)[: self.config.validation.max_products])
        if len(rows) and self.learner.model.ranks:
            self.learner.trainer.eval()
            report = validate_links(
                self.learner.model,
                self.batcher,
                rows,
                self.config.validation,
                batch_size=4 * self.settings.batch_size,
            )
            score = report["metrics"]["macro_mrr"]
            if score > state.best or math.isnan(score):  # NaN: nothing could be asked
                state.best, state.best_epoch = score, state.epoch
                state.validation = report
                self._keep_best()
            self.log.validation(state.step, state.epoch, report)
            self.observer.epoch(state.epoch, report)
        else:  # nothing to choose by: the last weights are the best
            state.best_epoch = state.epoch
            self._keep_best()

    # -- what is kept

    def _keep_best(self) -> None:
        with whole_folder(self.folder / "best", ArtifactError) as staging:
            tensors = tensors_of(self.learner.module)
            write_tensors(staging / "model.safetensors", tensors)

    def _checkpoint(self) -> None:
        self._look()
        if self.processes.first:
            self.log.flush()
        if self.processes.first or self.shares_out:
            self._save_checkpoint()

    def _save_checkpoint(self) -> None:
        self.state.spent = self.budget.elapsed
        progress = {"state": asdict(self.state)}
        self.checkpoints.save(self.state.step, self.learner, progress)

    def _mix(self) -> None:
        """How much regressions count is chosen once, by the weights that stay."""
        model, asked = self.learner.model, self.config.validation.hide
        if model.ranks:
            hide = property_ids(self.batcher.catalog, asked, "validation.hide")
            fit_mixture(model, self.batcher, fitting_rows(self.snapshot), hide)

    def finish(self) -> None:
        """Write the artifact from the best weights."""
        self.checkpoints.wait()
        path = self.folder / "best" / "model.safetensors"
        load_tensors(self.learner.module, read_tensors(path), str(path))
        self._mix()
        state = self.state
        self.log.close()
        save_artifact(
            self.config.output,
            config=self.config,
            model=self.learner.model,
            tasks=self.learner.tasks,
            catalog=self.batcher.catalog,
            snapshot=self.snapshot,
            metrics={
                "epochs": state.epoch,
                "steps": state.step,
                "passes": round(state.step / self.steps_per_epoch, 2),
                "seconds": round(state.seconds, 3),
                "best_epoch": state.best_epoch,
                "validation": state.validation,
            },
        )
