"""One step of several pieces, on one process or many: what makes it the step of one large batch."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from k3m_kg.contracts import ProductBatch
from k3m_kg.engine.precision import Precision, computing
from k3m_kg.engine.processes import Processes
from k3m_kg.engine.shares import seed_of
from k3m_kg.training.loop.step import Pretrainer

Metrics = dict[str, Tensor]
_NO_BUFFERS = ("forward_sync_buffers", "broadcast_buffers")
_TASKS, _DROPOUT = 0, 1
"""Generators that must not draw the same."""


class Sharding(Protocol):
    """How a trainer is shared out: `training/loop/sharding.py`, which is slow to import."""

    def exchange(self, now: bool) -> None:
        """Whether gradients are added up after the next backward pass."""

    def complete(self, last: bool) -> None:
        """After each forward pass."""

    def settle(self) -> None:
        """After the last backward pass."""

    def clip(self, most: float) -> Tensor:
        """Bound the norm of the gradient; what it was."""

    def gathered(self) -> AbstractContextManager[None]:
        """All weights whole in the first process."""


def see_each_other(trainer: Pretrainer, processes: Processes, device: torch.device) -> None:
    """Batch normalisation over all processes, where torch has one: before weights are shared."""
    if processes.several and device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(trainer)  # type: ignore[no-untyped-call]


class ParallelStep:
    """Losses and gradients of a step whose batch is cut into pieces.

    Each loss is a mean over all items of the whole batch, wherever they are, and the gradient is
    that of the whole batch: DistributedDataParallel averages it over the processes. A process whose
    piece has no picture, or nothing to ask, takes part with a gradient of zero. (Where no piece of
    a step has anything to learn from, the optimiser moves on by its momentum.)

    Batch normalisation sees, on GPUs, the pictures of all processes (`SyncBatchNorm`), unless one
    of them has none: then, and on CPUs, each sees its own, and what they keep is averaged.

    Args:
        trainer: model and tasks, on their device.
        processes: who takes part.
        device: of the trainer.
        precision: of the forward pass.
        pieces: how many there are in all.
        seed: of what is drawn at random.
        sharding: of a trainer that the processes share out among them.
    """

    def __init__(
        self,
        trainer: Pretrainer,
        processes: Processes,
        device: torch.device,
        precision: Precision,
        pieces: int,
        seed: int,
        sharding: Sharding | None = None,
    ) -> None:
        self.trainer = trainer
        self.processes = processes
        self.device = device
        self.precision = precision
        self.pieces = pieces
        self.seed = seed
        self._sharding = sharding
        self._whole: nn.Module = trainer
        self._statistics: list[Tensor] = []
        self._synced: list[nn.SyncBatchNorm] = []
        self._alone: dist.ProcessGroup | None = None
        if processes.several:
            self._join()

    def _join(self) -> None:
        if self.device.type == "cuda":
            self._alone, _ = dist.new_subgroups(group_size=1)  # type: ignore[no-untyped-call]
        norms = [
            part
            for part in self.trainer.modules()
            if isinstance(part, nn.modules.batchnorm._BatchNorm)
        ]
        self._synced = [norm for norm in norms if isinstance(norm, nn.SyncBatchNorm)]
        kept = [norm.running_mean for norm in norms] + [norm.running_var for norm in norms]
        self._statistics = list({id(t): t for t in kept if t is not None}.values())
        if self._sharding is not None:
            return
        # Tables of terms need not be sent in every step; torch 2.13 has another name for saying so.
        known = inspect.signature(DistributedDataParallel.__init__).parameters
        named = next(name for name in _NO_BUFFERS if name in known)
        options: dict[str, Any] = {named: False}
        self._whole = DistributedDataParallel(self.trainer, find_unused_parameters=True, **options)

    def made(self, batch: ProductBatch, step: int, number: int) -> ProductBatch:
        """A piece of a step as it is learned from, on the device; may run ahead, in a thread."""
        generator = torch.Generator().manual_seed(seed_of(self.seed, step, number, _TASKS))
        return self.trainer.corrupt(batch, generator).to(self.device)

    def __call__(
        self, batches: Sequence[tuple[int, ProductBatch]], step: int, *, together: bool = True
    ) -> tuple[Tensor | None, Metrics]:
        """Gradients of this process's pieces, added up over all processes.

        Args:
            batches: pieces with their numbers, as `made`.
            step: the step that is taken, from 0; seeds what is drawn.
            together: whether every process has of each modality some product, in each piece.

        Returns:
            This process's part of loss and metrics; the parts of all processes add up to them.
            None for a loss where nothing could be learned.
        """
        self._see_each_other(together)
        shares = self._shares([batch for _, batch in batches])
        total: Tensor | None = None
        metrics: Metrics = {}
        last = len(batches) - 1
        for place, (number, batch) in enumerate(batches):
            torch.manual_seed(seed_of(self.seed, step, number, _DROPOUT))
            waits = isinstance(self._whole, DistributedDataParallel) and place < last
            if self._sharding is not None:
                self._sharding.exchange(place == last)
            with self._whole.no_sync() if waits else nullcontext():  # type: ignore[operator]
                with computing(self.precision, self.device):
                    loss, found = self._whole(batch, None if shares is None else shares[place])
                if self._sharding is not None:
                    self._sharding.complete(place == last)
                if loss is not None:
                    # DistributedDataParallel takes the mean of what is to be a sum
                    torch.autograd.backward(loss * self.processes.size)
            for name, value in found.items():
                metrics[name] = metrics[name] + value if name in metrics else value
            if loss is not None:
                total = loss.detach() if total is None else total + loss.detach()
        if self._sharding is not None:
            self._sharding.settle()
        self._average_statistics()
        return total, metrics

    def clip(self, most: float) -> Tensor:
        """Bound the norm of the gradient; what it was."""
        if self._sharding is not None:
            return self._sharding.clip(most)
        return nn.utils.clip_grad_norm_(self.trainer.parameters(), most)

    def gathered(self) -> AbstractContextManager[None]:
        """All weights whole in the first process, where they are shared out."""
        return nullcontext() if self._sharding is None else self._sharding.gathered()

    def _shares(self, batches: Sequence[ProductBatch]) -> Tensor | None:
        """(pieces, tasks) what part of each task's items is in each piece; None of a whole."""
        if self.pieces == 1:
            return None
        counts = [batch.counts_T for batch in batches if batch.counts_T is not None]
        counts_PT = torch.stack(counts)
        return counts_PT / self.processes.add_up(counts_PT.sum(0)).clamp_min(1)

    def _see_each_other(self, together: bool) -> None:
        for norm in self._synced:
            norm.process_group = None if together else self._alone

    def _average_statistics(self) -> None:
        if not self._statistics:
            return
        flat = torch.cat([tensor.flatten() for tensor in self._statistics])
        flat = self.processes.add_up(flat) / self.processes.size
        parts = torch.split(flat, [t.numel() for t in self._statistics])
        for tensor, part in zip(self._statistics, parts, strict=True):
            tensor.copy_(part.view_as(tensor))
