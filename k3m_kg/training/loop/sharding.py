"""FSDP2: each process keeps a part of weights, gradients, average and optimiser; torch gathers.

The trainer is one unit. Units of its parts would be gathered when a part is called, and a process
whose products have no picture calls no image encoder: the others would wait for it for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from k3m_kg.config import TrainingSettings
from k3m_kg.engine.processes import Processes
from k3m_kg.training.loop.optimizer import MovingAverage, adamw, whole_of
from k3m_kg.training.preparing import Learner


class FsdpSharding:
    """What learns, shared out among processes in place, as it stands.

    Args:
        learner: the same in all processes.
        settings: of its optimiser.
        processes: several.
    """

    def __init__(self, learner: Learner, settings: TrainingSettings, processes: Processes) -> None:
        self.learner = learner
        self.processes = processes
        trainer = learner.trainer
        device = next(trainer.parameters()).device
        before = dict(trainer.named_parameters())
        # Torch cuts neither a number nor what lies in memory otherwise (channels last), and what is
        # frozen would be gathered in every step for nothing.
        ignored = {
            p
            for p in before.values()
            if not p.requires_grad or p.ndim == 0 or not p.is_contiguous()
        }
        mesh = init_device_mesh(device.type, (processes.size,))
        fully_shard(trainer, mesh=mesh, reshard_after_forward=False, ignored_params=ignored)
        after = dict(trainer.named_parameters())
        self._watched: dict[int, nn.Parameter] = {}
        self._reaches = torch.zeros(len(self._learning()))
        self._shared = [p for p in after.values() if isinstance(p, DTensor)]
        self._whole = [p for p in after.values() if p.requires_grad and p in ignored]
        self._carry_over({before[name]: after[name] for name in before}, settings)

    def _carry_over(self, now: dict[Tensor, Tensor], settings: TrainingSettings) -> None:
        """Optimiser and average go on with the parts."""
        learner = self.learner
        memory = learner.optimizer.state
        learner.optimizer = adamw(learner.model, learner.tasks, settings)
        for old, new in now.items():
            if old in memory:
                learner.optimizer.state[new] = {
                    name: _cut(value, new) for name, value in memory[old].items()
                }
        averaged = MovingAverage([learner.model, learner.tasks], settings.ema)
        averaged.average = [
            _cut(old, new)
            for old, new in zip(learner.average.average, averaged.average, strict=True)
        ]
        learner.average = averaged

    def exchange(self, now: bool) -> None:
        """Whether gradients are added up after the next backward pass, or kept for a later one."""
        trainer = self.learner.trainer
        assert isinstance(trainer, FSDPModule)
        trainer.set_requires_gradient_sync(now)

    def complete(self, last: bool) -> None:
        """After a forward pass: what is exchanged after the last one is the same in all processes.

        That is a gradient of each weight, whether a product of this process reached it or not.
        """
        for place, parameter in enumerate(self._learning()):
            if id(parameter) not in self._watched:
                self._watched[id(parameter)] = parameter
                reached = partial(self._reached, place)
                parameter.register_post_accumulate_grad_hook(reached)  # type: ignore[no-untyped-call]
            if last and parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)

    def _learning(self) -> list[nn.Parameter]:
        return [p for p in self.learner.trainer.parameters() if p.requires_grad]

    def _reached(self, place: int, _: Tensor) -> None:
        self._reaches[place] = 1.0

    def settle(self) -> None:
        """After the last backward pass: means of gradients, and none where nobody reached a weight.

        The optimiser passes over such weights, as it does on one process.
        """
        gradients = [p.grad for p in self._whole if p.grad is not None]
        if gradients:
            flat = self.processes.add_up(torch.cat([g.flatten() for g in gradients]))
            parts = torch.split(flat / self.processes.size, [g.numel() for g in gradients])
            for gradient, part in zip(gradients, parts, strict=True):
                gradient.copy_(part.view_as(gradient))
        reached = self.processes.add_up(
            self._reaches
        ).tolist()  # on processors: no GPU is waited for
        for parameter, some in zip(self._learning(), reached, strict=True):
            if not some:
                parameter.grad = None
        self._reaches.zero_()

    def clip(self, most: float) -> Tensor:
        """As `torch.nn.utils.clip_grad_norm_`, of gradients of which some are shared out."""
        parts = [p.grad.to_local() for p in self._shared if isinstance(p.grad, DTensor)]
        whole = [p.grad for p in self._whole if p.grad is not None]
        square = nn.utils.get_total_norm(parts) ** 2
        norm = (self.processes.add_up(square) + nn.utils.get_total_norm(whole) ** 2).sqrt()
        torch._foreach_mul_([*parts, *whole], (most / (norm + 1e-6)).clamp_max(1.0))
        return norm

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """All weights whole in the first process, and only there: the others may not compute."""
        places: list[tuple[nn.Module, str, nn.Parameter]] = [
            (module, name, parameter)
            for module in self.learner.trainer.modules()
            for name, parameter in module._parameters.items()
            if parameter is not None and isinstance(parameter, DTensor)
        ]
        found: dict[int, nn.Parameter] = {}
        for parameter in {id(parameter): parameter for _, _, parameter in places}.values():
            whole = whole_of(parameter.detach())  # together with all others
            if self.processes.first:
                found[id(parameter)] = nn.Parameter(whole)
        if self.processes.first:
            for module, name, parameter in places:
                module._parameters[name] = found[id(parameter)]
        try:
            yield
        finally:
            for module, name, parameter in places:
                module._parameters[name] = parameter


def _cut(value: Tensor, like: Tensor) -> Tensor:
    """This process's part of what belongs to a parameter; all have the same whole."""
    if not isinstance(like, DTensor) or value.shape != like.shape:
        return value
    return distribute_tensor(value.detach(), like.device_mesh, like.placements, src_data_rank=None)
