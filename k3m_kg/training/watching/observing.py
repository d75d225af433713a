"""Whoever watches a training: the command line's progress bar, a test, nobody."""

from __future__ import annotations

from typing import Any, Protocol


class Observer(Protocol):
    """Watches a run; the command line draws its progress bar with one."""

    def stage(self, name: str, done: int, total: int) -> None:
        """Preparation went on."""

    def noted(self, text: str) -> None:
        """What was left out, in words."""

    def planned(self, steps: int, epochs: float, seconds: float) -> None:
        """The first steps have shown how long the rest takes: so many steps in all."""

    def step(self, step: int, total: int, losses: dict[str, float], rate: float) -> None:
        """A training step ended; `rate` in products per second."""

    def speed(self, found: dict[str, float]) -> None:
        """How fast it goes, now and then; by the names of `watching.meter.MEANINGS`."""

    def epoch(self, epoch: int, validation: dict[str, Any]) -> None:
        """An epoch was validated."""


class Silent:
    """An observer that does nothing."""

    def stage(self, name: str, done: int, total: int) -> None:
        """Nothing."""

    def noted(self, text: str) -> None:
        """Nothing."""

    def planned(self, steps: int, epochs: float, seconds: float) -> None:
        """Nothing."""

    def step(self, step: int, total: int, losses: dict[str, float], rate: float) -> None:
        """Nothing."""

    def speed(self, found: dict[str, float]) -> None:
        """Nothing."""

    def epoch(self, epoch: int, validation: dict[str, Any]) -> None:
        """Nothing."""
