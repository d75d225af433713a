"""The contract of an evaluation: a downstream task that says what a trained model is worth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import Field, model_validator

from k3m_kg.config import Settings
from k3m_kg.contracts.outcomes import Outcomes
from k3m_kg.progress import StageProgress

_Opened = TypeVar("_Opened")


class Verdict(Settings):
    """A trained model beside the best of its simple competitors, on the same questions.

    Attributes:
        what: what was asked, such as `link prediction`: of each a model keeps its newest verdict.
        split: whose products.
        measure: the figure that is compared, such as `Hits@1`.
        model: that figure of the model.
        against: the best competitor as people would call it: `a linear model on words`.
        competitor: its figure.
        low, high: a 95 % interval of the difference, model less competitor.
        outcome: `level` where that interval holds 0.
        questions, products: on how many.
        usual: asked as training validates, with nothing left out or hidden besides: only such a
            verdict is kept.
    """

    what: str = Field(min_length=1)
    split: str
    measure: str
    model: float
    against: str
    competitor: float
    low: float
    high: float
    outcome: Literal["ahead", "level", "behind"]
    questions: int = Field(ge=0)
    products: int = Field(ge=0)
    usual: bool = False

    @model_validator(mode="after")
    def _outcome_of_the_interval(self) -> Verdict:
        if self.low > self.high:
            raise ValueError("low is above high")
        if (self.outcome == "ahead" and self.low <= 0) or (
            self.outcome == "behind" and self.high >= 0
        ):
            raise ValueError(f"{self.outcome}, though the interval holds 0")
        return self

    @property
    def difference(self) -> float:
        """Model less competitor."""
        return self.model - self.competitor

    def line(self) -> str:
        """One line for people."""
        than = {"ahead": "ahead of", "level": "level with", "behind": "behind"}[self.outcome]
        return (
            f"{self.what} on {self.split}: {than} {self.against}, {self.measure} "
            f"{self.model:.3f} against {self.competitor:.3f} (difference {self.difference:+.3f}, "
            f"95 % interval {self.low:+.3f} to {self.high:+.3f})"
        )


class Evaluation(ABC, Generic[_Opened]):
    """One downstream task with its settings.

    It runs on a `k3m_kg.use.open_model.OpenModel`. The type stays open here, because that is made
    of snapshot and batches, which stand above the contracts.

    Attributes:
        ranks: whether the model must be able to rank values; else product vectors are enough.
        splits: those that it can be run on.
        measure: which of `metrics` is the one to compare models by, higher is better; empty where
            there is none.
        each_alone: whether what an item comes to depends on its own product alone, whose row is its
            unit, and not on what others of the split show: then `robustness` asks whole and
            corrupted products once, and works out the shares between.
    """

    ranks: ClassVar[bool] = True
    measure: ClassVar[str] = ""
    each_alone: ClassVar[bool] = False
    splits: ClassVar[tuple[str, ...]] = ("train", "validation", "test")

    @abstractmethod
    def run(self, opened: _Opened, split: str, progress: StageProgress) -> dict[str, Any]:
        """Measure the model on a split's products, and leave it as it was.

        Returns:
            A report that JSON can hold, with at least `metrics`: names and numbers; and
            `per_property`: the same for each property, by name, or nothing. Where there are simple
            competitors: `baselines`, by name the same figures of each, and `verdict`, the fields of
            a `Verdict`, which `k3m_kg.api.compare` makes.

        Raises:
            K3MError: what cannot be measured.
        """

    def outcomes(self) -> Mapping[str, Outcomes]:
        """What single items of the last `run` came to, by the name of the metric that they make.

        `measure` should be among them: then models can be compared item by item. From these the
        framework adds `intervals` to the report, a 95 % interval for each.
        """
        return {}

    def lines(self, report: dict[str, Any]) -> Iterator[str]:
        """The report as text for people: the whole one, with `task`, `split` and `sees`."""
        yield f"{report['task']} on {report['split']}"
        yield from figure_lines(report["metrics"], intervals=report.get("intervals", {}))
        for name, figures in report["per_property"].items():
            yield name
            yield from figure_lines(figures, indent="  ")
        for name, figures in report.get("baselines", {}).items():
            yield f"baseline {name}"
            yield from figure_lines(figures, indent="  ")
        if "verdict" in report:
            yield f"verdict: {Verdict(**report['verdict']).line()}"


def figure_lines(
    figures: Mapping[str, Any], *, indent: str = "", intervals: Mapping[str, Any] | None = None
) -> Iterator[str]:
    """The numbers among some figures, one a line, with their intervals where there are some."""
    width = max(map(len, figures), default=0)
    for key, value in figures.items():
        if isinstance(value, float):
            line = f"{indent}{key:{width}} {value:.4f}"
            if intervals and key in intervals:
                line += " (95 % {:.4f} to {:.4f})".format(*intervals[key])
            yield line
        elif isinstance(value, int | str):
            yield f"{indent}{key:{width}} {value}"
