"""Parameter groups, the learning-rate schedule, and the moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import get_ema_multi_avg_fn

from k3m_kg.config import TrainingSettings
from k3m_kg.model.k3m import K3M


def parameter_groups(
    model: K3M, tasks: nn.ModuleDict, settings: TrainingSettings
) -> list[dict[str, object]]:
    """New and pretrained weights at their own rates; only matrices of layers decay."""
    pretrained = {
        id(parameter)
        for part in (*model.encoders.values(), *model.views().values())
        for parameter in part.pretrained_parameters()  # type: ignore[operator]
    }
    decaying = decays([model, tasks])
    groups: dict[tuple[float, float, bool], list[Tensor]] = {}
    seen: set[int] = set()
    for root in (model, tasks):
        for parameter in root.parameters():
            if not parameter.requires_grad or id(parameter) in seen:
                continue
            seen.add(id(parameter))
            is_old = id(parameter) in pretrained
            rate = settings.pretrained_learning_rate if is_old else settings.learning_rate
            decay = settings.weight_decay if id(parameter) in decaying else 0.0
            # one step of a fused optimiser takes tensors of one kind
            groups.setdefault((rate, decay, _shared_out(parameter)), []).append(parameter)
    return [
        {"params": parameters, "lr": rate, "initial_lr": rate, "weight_decay": decay}
        for (rate, decay, _), parameters in groups.items()
    ]


def adamw(model: K3M, tasks: nn.ModuleDict, settings: TrainingSettings) -> torch.optim.AdamW:
    """The optimiser of a training."""
    groups = parameter_groups(model, tasks, settings)
    return torch.optim.AdamW(groups, betas=settings.betas, fused=True)


def _shared_out(tensor: Tensor) -> bool:
    """Whether processes share it: importing the class to ask for takes a second."""
    return hasattr(tensor, "to_local")


def own_part(tensor: Tensor) -> Tensor:
    """What this process has of a tensor: all of it, unless processes share it."""
    shared: Any = tensor
    return cast("Tensor", shared.to_local()) if _shared_out(tensor) else tensor


def whole_of(tensor: Tensor) -> Tensor:
    """A tensor that processes share, gathered by all of them; any other as it is."""
    shared: Any = tensor
    return cast("Tensor", shared.full_tensor()) if _shared_out(tensor) else tensor


def decays(roots: Sequence[nn.Module]) -> set[int]:
    """Ids of the parameters that decay: matrices that multiply what passes through a layer.

    Not so embeddings and bare tables of positions (what is rarely touched would only shrink),
    attention vectors, norms and biases.
    """
    matrices, tables = set(), set()
    for root in roots:
        for module in root.modules():
            for name, parameter in module.named_parameters(recurse=False):
                if isinstance(module, nn.Embedding):
                    tables.add(id(parameter))
                elif parameter.ndim >= 2 and name.endswith("weight"):
                    matrices.add(id(parameter))
    return matrices - tables


def schedule_factor(step: int, total: int, settings: TrainingSettings) -> float:
    """Share of the peak learning rate at `step` (from 0) of `total`."""
    warmup = max(1, round(settings.warmup * total))
    if step < warmup and settings.warmup > 0:
        return (step + 1) / warmup
    left = (total - step) / max(1, total - warmup)
    if settings.schedule == "linear":
        return left
    if settings.schedule == "cosine":
        return 0.5 - 0.5 * math.cos(math.pi * left)
    return 1.0


def learning_rates(
    optimizer: torch.optim.Optimizer,
    settings: TrainingSettings,
    done: int,
    total: Callable[[], int],
) -> LambdaLR:
    """Sets the rates of a training of which so many steps are done.

    Args:
        total: steps in all, which may change while it goes on.
    """
    factor = lambda step: schedule_factor(step, total(), settings)  # noqa: E731
    return LambdaLR(optimizer, factor, last_epoch=done - 1)


class MovingAverage:
    """Exponential moving average of trainable weights, with a short memory at the start.

    Not torch's `AveragedModel`, which copies the whole module, frozen networks and tables of terms
    with it, and averages all buffers or none: `docs/decisions/0040-engine.md`.

    The statistics of batch normalisation belong to the weights that they were gathered with, so
    they are averaged too.

    Args:
        modules: whose weights are averaged.
        decay: 0 switches the average off.
    """

    def __init__(self, modules: list[nn.Module], decay: float) -> None:
        self.decay = decay
        self.weights: list[Tensor] = [p for m in modules for p in m.parameters() if p.requires_grad]
        norms = [
            part
            for module in modules
            for part in module.modules()
            if isinstance(part, nn.modules.batchnorm._NormBase)
        ]
        statistics = [norm.running_mean for norm in norms] + [norm.running_var for norm in norms]
        self.weights += [tensor for tensor in statistics if tensor is not None]
        # What model and task share stands here once: swapped twice it would be mixed up.
        self.weights = list({id(weight): weight for weight in self.weights}.values())
        self.average = [p.detach().clone() for p in self.weights] if decay else []

    def update(self, step: int) -> None:
        """Take the weights after optimiser step `step` (from 0) into the average."""
        if self.decay:
            decay = min(self.decay, (1 + step) / (10 + step))
            weights = [own_part(weight.detach()) for weight in self.weights]
            average = [own_part(tensor) for tensor in self.average]
            get_ema_multi_avg_fn(decay)(average, weights, step)  # type: ignore[no-untyped-call]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The averaged weights in place of the weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        if self.decay:
            with torch.no_grad():
                for pair in zip(self.weights, self.average, strict=True):
                    weight, average = (own_part(tensor.detach()) for tensor in pair)
                    kept = weight.clone()
                    weight.copy_(average)
                    average.copy_(kept)
