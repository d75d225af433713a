"""The contract of an evaluation: a downstream task that says what a trained model is worth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Generic, TypeVar

from k3m_kg.progress import StageProgress

_Opened = TypeVar("_Opened")


class Evaluation(ABC, Generic[_Opened]):
    """One downstream task with its settings.

    It runs on a `k3m_kg.use.open_model.OpenModel`. The type stays open here, because that is made
    of snapshot and batches, which stand above the contracts.

    Attributes:
        ranks: whether the model must be able to rank values; else product vectors are enough.
        splits: those that it can be run on.
    """

    ranks: ClassVar[bool] = True
    splits: ClassVar[tuple[str, ...]] = ("train", "validation", "test")

    @abstractmethod
    def run(self, opened: _Opened, split: str, progress: StageProgress) -> dict[str, Any]:
        """Measure the model on a split's products, and leave it as it was.

        Returns:
            A report that JSON can hold, with at least `metrics`: names and numbers; and
            `per_property`: the same for each property, by name, or nothing.

        Raises:
            K3MError: what cannot be measured.
        """

    def lines(self, report: dict[str, Any]) -> Iterator[str]:
        """The report as text for people: the whole one, with `task`, `split` and `sees`."""
        yield f"{report['task']} on {report['split']}"
        yield from _figures(report["metrics"])
        for name, figures in report["per_property"].items():
            yield name
            yield from _figures(figures, indent="  ")


def _figures(figures: dict[str, Any], indent: str = "") -> Iterator[str]:
    """The numbers among some figures, one a line."""
    width = max(map(len, figures), default=0)
    for key, value in figures.items():
        if isinstance(value, float):
            yield f"{indent}{key:{width}} {value:.4f}"
        elif isinstance(value, int | str):
            yield f"{indent}{key:{width}} {value}"
