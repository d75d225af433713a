"""Losses of steps that are still on the device: looked at some steps later, all at once."""

from __future__ import annotations

import torch
from torch import Tensor

from k3m_kg.engine.processes import Processes

Looked = list[tuple[int, dict[str, float]]]
"""Steps, and what they found, by name."""


class Pending:
    """Numbers of steps, by name, that nobody has waited for."""

    def __init__(self) -> None:
        self._steps: list[tuple[int, dict[str, Tensor]]] = []

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, step: int, values: dict[str, Tensor]) -> None:
        """Keep what a step found."""
        self._steps.append((step, values))

    def take(self) -> Looked:
        """All steps so far, in order; the device is waited for once."""
        steps, self._steps = self._steps, []
        by_device: dict[torch.device, list[Tensor]] = {}
        for _, values in steps:
            for value in values.values():
                by_device.setdefault(value.device, []).append(value.detach().float().view(()))
        numbers = {
            device: iter(torch.stack(values).tolist()) for device, values in by_device.items()
        }
        return [
            (step, {name: next(numbers[value.device]) for name, value in values.items()})
            for step, values in steps
        ]


def of_all_processes(steps: Looked, processes: Processes) -> Looked:
    """The sums over all processes of what each of them found in the same steps."""
    if not processes.several:
        return steps
    own = {f"{step} {name}": value for step, found in steps for name, value in found.items()}
    every: dict[int, dict[str, float]] = {step: {} for step, _ in steps}
    for key, value in processes.sums(own).items():
        step, name = key.split(" ", 1)
        every[int(step)][name] = value
    return list(every.items())
