"""Where the time of a training goes: a table of its parts, and a trace of a few steps."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.profiler import ProfilerActivity, record_function
from torch.profiler import profile as profiler

from k3m_kg.batches.batcher import Batcher
from k3m_kg.config import RunConfig
from k3m_kg.contracts import ProductBatch
from k3m_kg.engine.device import pick_device
from k3m_kg.engine.environment import ProcessPlace
from k3m_kg.engine.precision import training_precision
from k3m_kg.engine.processes import Processes
from k3m_kg.engine.shares import piece_of, pieces_of
from k3m_kg.errors import ConfigError
from k3m_kg.files import whole_file
from k3m_kg.model.compose import resolve
from k3m_kg.snapshot import Snapshot
from k3m_kg.training.loop.budget import TimeBudget
from k3m_kg.training.loop.parallel import ParallelStep
from k3m_kg.training.preparing import Learner, Preparation
from k3m_kg.training.watching.observing import Observer

DATA, CORRUPT, COPY = "data", "corrupt", "copy"
BACKWARD, OPTIMISER = "backward", "optimiser"
AHEAD = (DATA, CORRUPT, COPY)
"""What a thread does for the next step."""
REST = "rest of the forward pass"
_UNTYPICAL = 3
_TRACED = 3


@dataclass(frozen=True, slots=True)
class StepPart:
    """Of a step.

    Attributes:
        name: what is done.
        seconds: for it in the mean; of what lies within it only what is no part by itself.
    """

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Profile:
    """What was found.

    Attributes:
        device, precision: of the training.
        products: in a step.
        steps: that were measured.
        parts: the longest first.
    """

    device: str
    precision: str
    products: int
    steps: int
    parts: list[StepPart]

    @property
    def step_seconds(self) -> float:
        """Of a step, each part of which is waited for: a little longer than in training."""
        return sum(part.seconds for part in self.parts if part.name not in AHEAD)

    @property
    def ahead_seconds(self) -> float:
        """For making a batch in a thread, while a step is computed; waited for where longer."""
        return sum(part.seconds for part in self.parts if part.name in AHEAD)


class Stopwatch:
    """Time by part; the innermost counts. Tracing, the parts are named in the trace instead.

    Args:
        settle: waits until the device has done what it was told.
        clock: seconds.
    """

    def __init__(
        self, settle: Callable[[], None], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._settle, self._clock = settle, clock
        self._open: list[str] = []
        self._since = 0.0
        self.seconds: dict[str, float] = defaultdict(float)
        self.tracing = False

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What happens here is this part's, unless it is a part by itself."""
        if self.tracing:
            with record_function(name):
                yield
            return
        self._turn()
        self._open.append(name)
        try:
            yield
        finally:
            self._turn()
            self._open.pop()

    def within(self, prefix: str) -> bool:
        """Whether a part is under way whose name begins so."""
        return any(name.startswith(prefix) for name in self._open)

    def _turn(self) -> None:
        self._settle()
        now = self._clock()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


def profile_training(
    config: RunConfig, trace: Path, *, steps: int = 20, observer: Observer
) -> Profile:
    """Measure steps of a training that is not kept, and write a Chrome trace of some.

    Raises:
        ConfigError, SnapshotError, UsageError, K3MError: as of a training.
    """
    config = resolve(config)
    settings = config.training
    device = pick_device(settings.device)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    snapshot = Snapshot.open(config.snapshot)
    rows = snapshot.rows("train")
    if not len(rows):
        raise ConfigError("the snapshot has no training products", where=str(config.snapshot))
    precision = training_precision(settings.precision, device)
    size = min(settings.batch_size, len(rows))
    pieces = pieces_of(size, settings.accumulate, 1)
    with tempfile.TemporaryDirectory() as folder:
        unhurried = TimeBudget(None)
        preparation = Preparation(config, snapshot, rows, Path(folder), device, observer, unhurried)
        learner, batcher = preparation.begun()
    alone = Processes(ProcessPlace())
    whole = ParallelStep(learner.trainer, alone, device, precision, pieces, settings.seed)

    def settle() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    watch = Stopwatch(settle)
    every = _Steps(config, rows, batcher, learner, whole, watch)
    learner.trainer.train()
    with watching(learner, watch):
        for number in range(_UNTYPICAL + steps):
            if number == _UNTYPICAL:
                watch.seconds.clear()
            every.take(number)
        watch.tracing = True
        kinds = [ProfilerActivity.CPU]
        if device.type == "cuda":
            kinds.append(ProfilerActivity.CUDA)
        with profiler(activities=kinds) as traced:
            for number in range(_TRACED):
                every.take(number)
            settle()
    with whole_file(trace) as staging:
        traced.export_chrome_trace(str(staging))
    parts = [StepPart(name, seconds / steps) for name, seconds in watch.seconds.items()]
    parts.sort(key=lambda part: -part.seconds)
    return Profile(str(device), precision, size, steps, parts)


class _Steps:
    """Takes steps, each in its parts."""

    def __init__(
        self,
        config: RunConfig,
        rows: np.ndarray,
        batcher: Batcher,
        learner: Learner,
        whole: ParallelStep,
        watch: Stopwatch,
    ) -> None:
        self.settings = config.training
        self.rows, self.batcher, self.learner = rows, batcher, learner
        self.whole, self.watch = whole, watch
        self.random = np.random.default_rng(self.settings.seed)

    def take(self, number: int) -> None:
        """One step."""
        size = min(self.settings.batch_size, len(self.rows))
        chosen = self.random.choice(self.rows, size, replace=False)
        with self.watch.part(DATA):
            parts = [piece_of(size, piece, self.whole.pieces) for piece in range(self.whole.pieces)]
            plain = [self.batcher.batch(chosen[part]) for part in parts]
        with self.watch.part(COPY):
            batches = [
                (piece, self.whole.made(batch, number, piece)) for piece, batch in enumerate(plain)
            ]
        self.learner.optimizer.zero_grad(set_to_none=True)
        loss = self._gradients(batches, number)
        if loss is None:
            return
        with self.watch.part(OPTIMISER):
            nn.utils.clip_grad_norm_(self.learner.trainer.parameters(), self.settings.clip)
            self.learner.optimizer.step()
            self.learner.average.update(number)

    def _gradients(self, batches: list[tuple[int, ProductBatch]], number: int) -> Any:
        """What is no forward pass is the backward pass."""
        with self.watch.part(BACKWARD):
            loss, _ = self.whole(batches, number)
        return loss


@contextmanager
def watching(learner: Learner, watch: Stopwatch) -> Iterator[None]:
    """While entered, the parts of the forward pass are timed."""
    model = learner.model
    with ExitStack() as stack:

        def time_method(owner: nn.Module, method: str, name: str, unless: str = "") -> None:
            inner = getattr(owner, method)

            def timed(*arguments: Any, **options: Any) -> Any:
                if unless and watch.within(unless):
                    return inner(*arguments, **options)
                with watch.part(name):
                    return inner(*arguments, **options)

            setattr(owner, method, timed)
            stack.callback(delattr, owner, method)

        for name, modality in model.views().items():
            time_method(modality, "forward", f"encode {name}")
        time_method(model.text_encoder, "forward", "encode terms", unless="encode ")
        time_method(model.interactor, "forward", "interactor")
        for fusion in model.fusions.values():
            time_method(fusion, "forward", "fusion")
        for method in ("messages", "forward"):
            time_method(model.structure, method, "structure")
        for name, task in learner.trainer.named_tasks().items():
            time_method(task, "loss", f"task {name}")
        time_method(learner.trainer, "corrupt", CORRUPT)
        time_method(learner.trainer, "forward", REST)
        yield
